package home

import (
	"context"
	"errors"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Switched is somebody who has become another member on a device.
type Switched struct {
	Token  secret.Token // of the member, a player's
	Away   secret.Token // for a browser alone: by which it comes back to its own sign-in
	Member household.Member
}

// sources are what switches: a sign-in of a person, on a device of its own that is in front of people. An app that is bound to a browser has none.
var sources = []credential.Kind{credential.Browser, credential.App, credential.Refresh, credential.DeviceToken, credential.Switched}

// Asked is a switch that somebody asks for.
type Asked struct {
	Member string       // id of the member to become
	PIN    secret.Token // often empty
	Name   string       // how the device calls itself; often empty
	// Product and Claim are what software says about itself; often empty.
	Product string
	Claim   device.Claim
	Client  device.Client
}

// Switch signs a member of the source's Home in on the source's device, by a token that is a player's and ends with the source's own sign-in. A browser's sign-in is parked.
// household.ErrNone, household.ErrNotFound; household.ErrPIN, household.ErrPINLocked, limits; credential.ErrLocked, credential.ErrDeleting and credential.ErrResetRequired of the
// member; ErrSource; credential.ErrSpent when the source ended meanwhile.
func (s *Service) Switch(ctx context.Context, source credential.Found, q Asked) (Switched, error) {
	return s.become(ctx, source, source, q)
}

// SwitchOn is Switch in a browser that is switched already: from is what it is switched to, and ends.
func (s *Service) SwitchOn(ctx context.Context, from credential.Found, q Asked) (Switched, error) {
	return s.become(ctx, from, credential.Found{Credential: credential.Credential{DeviceID: from.DeviceID, AccountID: from.AccountID}}, q)
}

// become is Switch; what is in the place of the new sign-in is parked if it is a browser's, and ended if it is nothing but a device.
func (s *Service) become(ctx context.Context, source, place credential.Found, q Asked) (Switched, error) {
	now := s.Now()
	if !slices.Contains(sources, source.Kind) {
		return Switched{}, ErrSource
	}
	root := source.DeviceID
	if source.Origin != "" {
		root = source.Origin
	}
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.HomeSwitches.For(root)}, now); err != nil {
		return Switched{}, err
	}
	c, err := s.prove(ctx, source, q, now)
	if err != nil {
		return Switched{}, err
	}
	out := Switched{Token: secret.NewToken(), Member: c.Member}
	in := credential.NewSignIn(c.Member.AccountID, device.ByHome, q.Client, now)
	in.Kind, in.Subject, in.Token, in.FreshAt = credential.Switched, credential.Player, out.Token, time.Time{}
	in.Stamp, in.Device.Origin = credential.StampNow(c.Clock, c.Account), root
	if source.Kind != credential.DeviceToken { // that is renewed again and again
		in.Until = source.ExpiresAt
	}
	if q.Name != "" || q.Product != "" {
		in.Device.Kind = device.App
		in.Device.Name, in.Device.Product = device.Claimed(q.Name, q.Product, q.Client.UserAgent)
		in.Device.Claim = q.Claim.Tame()
	}
	to := household.Switch{HomeID: c.Member.HomeID, Source: source.AccountID, Member: c.Member, SignIn: in}
	switch place.Kind {
	case credential.Browser:
		out.Away = secret.NewToken()
		to.Parks, to.Away = place.Hash, out.Away
	case "":
		to.Ends, to.EndsOf = place.DeviceID, place.AccountID
	}
	return out, s.Store.Switch(ctx, to, s.switched(audit.HomeSwitched, source, c.Member, q.Client).With(audit.Device, in.Device.Name))
}

// switched is the record of a switch: in the member's own, or, of a managed one, in the owner's.
func (s *Service) switched(action audit.Action, source credential.Found, m household.Member, client device.Client) audit.Act {
	about := m.AccountID
	if m.Managed {
		about = m.HomeID
	}
	return audit.New(s.Now(), action, source.AccountID, about).From(client).With(audit.Guest, called(m))
}

// prove checks the PIN of a member, where it has one, and whether it may be switched to at all.
func (s *Service) prove(ctx context.Context, source credential.Found, q Asked, now time.Time) (household.Candidate, error) {
	c, err := s.Store.BeginSwitch(ctx, household.Try{Source: source.AccountID, Member: q.Member, At: now})
	if err != nil {
		return c, err
	}
	if !c.Fits(q.PIN) && !c.PIN.Empty() {
		return c, s.wrong(ctx, source, c, q.Client)
	}
	return c, closed(c)
}

// closed says why nobody becomes a member now; nil when somebody may.
func closed(c household.Candidate) error {
	switch {
	case c.Account.State == account.Locked:
		return credential.ErrLocked
	case c.Clock.ResetRequired(c.Account):
		return credential.ErrResetRequired
	case c.Account.State != account.Active:
		return credential.ErrDeleting
	}
	return nil
}

// wrong records a wrong PIN, and tells whoever may unlock it when somebody seems to guess.
func (s *Service) wrong(ctx context.Context, source credential.Found, c household.Candidate, client device.Client) error {
	if c.Failures != household.FreeTries && c.Failures != household.MostTries {
		return household.ErrPIN
	}
	act := s.switched(audit.HomePINGuessed, source, c.Member, client)
	owner, err := s.Store.LoadAccount(ctx, act.Done.AccountID)
	if err != nil {
		return err
	}
	act = act.TellOwner(owner, func(to string) notice.Notice {
		return notice.PINGuessed(to, owner.Name, called(c.Member), Path, c.Failures, act.At)
	})
	return errors.Join(household.ErrPIN, s.Store.Record(context.WithoutCancel(ctx), act))
}

// Back is a browser that comes back to its own sign-in.
type Back struct {
	Away     credential.Found
	Switched credential.Found // what it was switched to; zero where that has ended
	PIN      secret.Token
	Client   device.Client
}

// ComeBack returns the token by which the browser is signed in as itself again, and not freshly. The same errors of PINs as Switch; credential.ErrSpent.
func (s *Service) ComeBack(ctx context.Context, b Back) (secret.Token, error) {
	r := household.Return{Away: b.Away, Token: secret.NewToken()}
	if b.Switched.Origin == b.Away.DeviceID && b.Switched.Origin != "" {
		r.Ends, r.EndsOf = b.Switched.DeviceID, b.Switched.AccountID
	}
	h, err := s.Store.FindHome(ctx, b.Away.AccountID)
	if err != nil && !errors.Is(err, household.ErrNone) {
		return secret.Token{}, err
	}
	if m, is := h.Of(b.Away.AccountID); is {
		if _, err := s.prove(ctx, b.Away, Asked{Member: m.ID, PIN: b.PIN, Client: b.Client}, s.Now()); err != nil {
			return secret.Token{}, err
		}
		r.Member = m.ID
	}
	return r.Token, s.Store.ComeBack(ctx, r, audit.New(s.Now(), audit.HomeBack, b.Away.AccountID, b.Away.AccountID).From(b.Client))
}

// NewPIN is a PIN about to be set or taken away.
type NewPIN struct {
	Member string
	PIN    string // empty: none is asked for any more
	// Current is the one that is replaced. Software has to show it where a member changes its own.
	Current secret.Token
	Client  device.Client
}

// SetPIN sets or takes away the PIN of a member: the owner of the Home for managed ones, everybody else for themselves. household.ErrBadPIN, household.ErrNotFound, ErrMayNot;
// credential.ErrStale, or, where the current one has to be shown, household.ErrPIN, household.ErrPINLocked, limits.
func (s *Service) SetPIN(ctx context.Context, f credential.Found, n NewPIN) error {
	if err := mayRun(f); err != nil {
		return err
	}
	pin := secret.Token{}
	if n.PIN != "" {
		var err error
		if pin, err = household.ReadPIN(n.PIN); err != nil {
			return err
		}
	}
	h, m, err := s.responsible(ctx, f, n.Member)
	if err != nil {
		return err
	}
	if err := s.mayChange(ctx, f, m, n); err != nil {
		return err
	}
	action := audit.HomePINSet
	if pin.Empty() {
		action = audit.HomePINCleared
	}
	return s.Store.SetPIN(ctx, h.ID, m.ID, pin, s.act(action, f, n.Client).With(audit.Guest, called(m)))
}

// mayChange asks for fresh proof; of software that changes its own account's PIN, for the one that is to be replaced.
func (s *Service) mayChange(ctx context.Context, f credential.Found, m household.Member, n NewPIN) error {
	if f.Kind == credential.Browser || m.AccountID != f.AccountID || !m.Protected {
		return s.present(f)
	}
	if n.Current.Empty() {
		return household.ErrPIN
	}
	_, err := s.prove(ctx, f, Asked{Member: m.ID, PIN: n.Current, Client: n.Client}, s.Now())
	return err
}

// responsible finds a member whose PIN is an account's to set: its own, and those of managed members of its Home.
func (s *Service) responsible(ctx context.Context, f credential.Found, memberID string) (household.Home, household.Member, error) {
	h, err := s.Store.FindHome(ctx, f.AccountID)
	if err != nil {
		return h, household.Member{}, err
	}
	m, is := h.Find(memberID)
	switch {
	case !is || m.Waits():
		return h, m, household.ErrNotFound
	case m.AccountID == f.AccountID && !m.Managed, m.Managed && h.ID == f.AccountID:
		return h, m, nil
	}
	return h, m, ErrMayNot
}

// Unlock forgets the wrong PINs of a member: the owner of the Home for everybody, with fresh proof. household.ErrNotFound, ErrMayNot; credential.ErrStale.
func (s *Service) Unlock(ctx context.Context, f credential.Found, memberID string, client device.Client) error {
	if err := s.fresh(f); err != nil {
		return err
	}
	h, m, err := s.own(ctx, f, memberID)
	if errors.Is(err, ErrMayNot) {
		h, m, err = s.responsible(ctx, f, memberID)
	}
	if err != nil {
		return err
	}
	return s.Store.UnlockMember(ctx, h.ID, m.ID, s.act(audit.HomeUnlocked, f, client).With(audit.Guest, called(m)))
}
