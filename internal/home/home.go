// Package home owns what people of a Home do: inviting and joining, switching to one another, PINs, and what the owner sees and ends. It refuses to know how anybody
// signs in, and how a switch is shown.
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
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// People keeps who belongs to a Home.
type People interface {
	FindHome(ctx context.Context, accountID string) (household.Home, error)
	AddManaged(ctx context.Context, homeID string, m household.Managed, act audit.Act) error
	ChangeManaged(ctx context.Context, homeID string, m household.Managed, act audit.Act) error
	RemoveMember(ctx context.Context, homeID, memberID string, act, theirs audit.Act) error
	LeaveHome(ctx context.Context, accountID string, act, owners audit.Act) error
	EndHome(ctx context.Context, ownerID string, act audit.Act, others ...audit.Act) error
}

// Sharings keeps which servers are open to a Home.
type Sharings interface {
	OpenToHome(ctx context.Context, accountID, serverID string, to household.Shared, act audit.Act) error
	FindSharing(ctx context.Context, accountID, serverID string) (household.Shared, error)
}

// Invitations keeps who was invited.
type Invitations interface {
	InviteMember(ctx context.Context, homeID string, g household.Guest, act audit.Act) error
	ListHomeInvitations(ctx context.Context, j household.Joiner, now time.Time) ([]household.Invitation, error)
	FindHomeInvitation(ctx context.Context, id string, j household.Joiner, now time.Time) (household.Invitation, error)
	JoinHome(ctx context.Context, memberID string, j household.Joiner, act, owners audit.Act) error
	DeclineHome(ctx context.Context, memberID string, j household.Joiner, act audit.Act) error
}

// Switches keeps who is switched to whom, and what it takes.
type Switches interface {
	BeginSwitch(ctx context.Context, at household.Try) (household.Candidate, error)
	Switch(ctx context.Context, s household.Switch, act audit.Act) error
	ComeBack(ctx context.Context, r household.Return, act audit.Act) error
	SetPIN(ctx context.Context, homeID, memberID string, pin secret.Token, act audit.Act) error
	UnlockMember(ctx context.Context, homeID, memberID string, act audit.Act) error
	ListSwitched(ctx context.Context, homeID string) ([]household.SignedIn, error)
	EndSwitched(ctx context.Context, homeID, deviceID string, act audit.Act) error
}

// Store keeps Homes, and finds accounts.
type Store interface {
	People
	Sharings
	Invitations
	Switches
	FindAccount(ctx context.Context, h account.Handle) (account.Account, error)
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	Record(ctx context.Context, act audit.Act) error
}

// Service is what people of a Home do.
type Service struct {
	Store Store
	Now   func() time.Time
}

// Path is the page about the Home. It is no secret.
const Path = "/home"

// What may be wrong.
var (
	// ErrName says that a managed member needs a name.
	ErrName = errors.New("home: a member needs a name that is not too long")
	// ErrMayNot says that this is the owner's, or the member's own, to do.
	ErrMayNot = errors.New("home: somebody else's to do")
	// ErrSource says that nobody switches with a credential of this kind.
	ErrSource = errors.New("home: nobody switches with this kind of credential")
)

// Members returns the Home of whoever shows a credential. As what the owner has invited somebody, which may be an address, is told in the owner's own browser
// alone. household.ErrNone.
func (s *Service) Members(ctx context.Context, f credential.Found) (household.Home, error) {
	h, err := s.Store.FindHome(ctx, f.AccountID)
	if f.Kind == credential.Browser && f.AccountID == h.ID {
		return h, err
	}
	for i := range h.Members {
		h.Members[i].Label = ""
	}
	return h, err
}

// own returns the Home that an account owns, and the member of that id. household.ErrNone, household.ErrNotFound, ErrMayNot.
func (s *Service) own(ctx context.Context, f credential.Found, memberID string) (household.Home, household.Member, error) {
	h, err := s.Store.FindHome(ctx, f.AccountID)
	if err == nil && h.ID != f.AccountID {
		err = ErrMayNot
	}
	if err != nil {
		return h, household.Member{}, err
	}
	m, is := h.Find(memberID)
	if !is {
		return h, m, household.ErrNotFound
	}
	return h, m, nil
}

// called is what a member is called in records.
func called(m household.Member) string {
	if m.Name != "" {
		return m.Name
	}
	return m.Label
}

// fresh returns credential.ErrStale where the proof is old, and credential.ErrMayNotAct for what only plays.
func (s *Service) fresh(f credential.Found) error {
	switch {
	case f.Kind != credential.Browser || f.Origin != "":
		return credential.ErrMayNotAct
	case !f.IsFresh(s.Now()):
		return credential.ErrStale
	}
	return nil
}

// present is fresh, or software that was given the password a moment ago: it has no other way to show that its owner is there.
func (s *Service) present(f credential.Found) error {
	if f.Kind != credential.App {
		return s.fresh(f)
	}
	if err := f.MayAct(); err != nil {
		return err
	}
	if s.Now().Sub(f.CreatedAt) >= credential.Fresh {
		return credential.ErrStale
	}
	return nil
}

// mayRun returns credential.ErrMayNotAct for what only plays.
func mayRun(f credential.Found) error {
	if f.Kind == credential.Browser && f.Origin == "" {
		return nil
	}
	return f.MayAct()
}

// readName returns the name of a managed member in its one spelling. ErrName.
func readName(typed string) (string, error) {
	name, err := account.DisplayName(typed)
	if err != nil || name == "" {
		return "", ErrName
	}
	return name, nil
}

// AddManaged adds a member without address and password, and returns it. household.ErrTooMany, household.ErrInOne, ErrName; credential.ErrStale.
func (s *Service) AddManaged(ctx context.Context, f credential.Found, name string, picture int, client device.Client) (household.Managed, error) {
	if err := s.present(f); err != nil {
		return household.Managed{}, err
	}
	name, err := readName(name)
	if err != nil {
		return household.Managed{}, err
	}
	now := s.Now()
	m := household.Managed{ID: id.New(now), AccountID: id.New(now), Name: name, Picture: pick(picture)}
	return m, s.Store.AddManaged(ctx, f.AccountID, m, s.act(audit.HomeMemberAdded, f, client).With(audit.Guest, name))
}

// pick is one of the pictures there are.
func pick(picture int) int {
	if picture < 0 || picture >= household.Pictures {
		return 0
	}
	return picture
}

// ChangeManaged gives a managed member another name and picture. household.ErrNotFound, ErrName, ErrMayNot; credential.ErrMayNotAct.
func (s *Service) ChangeManaged(ctx context.Context, f credential.Found, memberID, name string, picture int, client device.Client) error {
	if err := mayRun(f); err != nil {
		return err
	}
	name, err := readName(name)
	if err != nil {
		return err
	}
	if _, _, err := s.own(ctx, f, memberID); err != nil {
		return err
	}
	return s.Store.ChangeManaged(ctx, f.AccountID, household.Managed{ID: memberID, Name: name, Picture: pick(picture)}, s.act(audit.HomeMemberChanged, f, client).With(audit.Guest, name))
}

// Remove takes a member out of the owner's Home, withdraws an invitation, or erases a managed member. household.ErrNotFound, ErrMayNot; credential.ErrStale.
func (s *Service) Remove(ctx context.Context, f credential.Found, owner account.Account, memberID string, client device.Client) error {
	if err := s.present(f); err != nil {
		return err
	}
	_, m, err := s.own(ctx, f, memberID)
	if err != nil {
		return err
	}
	act := s.act(audit.HomeMemberRemoved, f, client).With(audit.Guest, called(m))
	theirs := audit.Act{}
	if !m.Waits() && !m.Managed {
		who, err := s.Store.LoadAccount(ctx, m.AccountID)
		if err != nil {
			return err
		}
		theirs = audit.New(act.At, audit.HomeTakenOut, f.AccountID, who.ID).TellOwner(who, func(to string) notice.Notice {
			return notice.HomeRemoved(to, who.Name, owner.UserName, act.At)
		})
	}
	return s.Store.RemoveMember(ctx, f.AccountID, memberID, act, theirs)
}

// Leave takes an account out of the Home it has joined. household.ErrNotFound, also for the owner; credential.ErrMayNotAct.
func (s *Service) Leave(ctx context.Context, f credential.Found, who account.Account, client device.Client) error {
	if f.IsPlayer() || f.Kind != credential.Browser {
		return credential.ErrMayNotAct
	}
	h, err := s.Store.FindHome(ctx, f.AccountID)
	if err != nil {
		return err
	}
	owner, err := s.Store.LoadAccount(ctx, h.ID)
	if err != nil {
		return err
	}
	act := s.act(audit.HomeLeft, f, client)
	m, _ := h.Of(f.AccountID)
	owners := audit.New(act.At, audit.HomeMemberLeft, f.AccountID, owner.ID).With(audit.Guest, called(m)).TellOwner(owner, func(to string) notice.Notice {
		return notice.HomeLeft(to, owner.Name, called(m), act.At)
	})
	return s.Store.LeaveHome(ctx, who.ID, act, owners)
}

// End ends the owner's Home, for everybody. household.ErrNone, ErrMayNot; credential.ErrStale.
func (s *Service) End(ctx context.Context, f credential.Found, owner account.Account, client device.Client) error {
	if err := s.fresh(f); err != nil {
		return err
	}
	h, err := s.Store.FindHome(ctx, f.AccountID)
	if err == nil && h.ID != f.AccountID {
		err = ErrMayNot
	}
	if err != nil {
		return err
	}
	act := s.act(audit.HomeEnded, f, client)
	var others []audit.Act
	for _, m := range h.Joined() {
		if m.Managed || m.IsOwner() {
			continue
		}
		who, err := s.Store.LoadAccount(ctx, m.AccountID)
		if errors.Is(err, account.ErrNotFound) { // erased meanwhile
			continue
		}
		if err != nil {
			return err
		}
		others = append(others, audit.New(act.At, audit.HomeEnded, f.AccountID, who.ID).TellOwner(who, func(to string) notice.Notice {
			return notice.HomeEnded(to, who.Name, owner.UserName, act.At)
		}))
	}
	return s.Store.EndHome(ctx, f.AccountID, act, others...)
}

// Sharing returns to whom of the Home a server of the account is open. server.ErrNotFound.
func (s *Service) Sharing(ctx context.Context, f credential.Found, serverID string) (household.Shared, error) {
	return s.Store.FindSharing(ctx, f.AccountID, serverID)
}

// Open says to whom of the Home a server of the account is open; its name is for the record. server.ErrNotFound, household.ErrNone, household.ErrNotFound.
func (s *Service) Open(ctx context.Context, f credential.Found, serverID, name string, to household.Shared, client device.Client) error {
	return s.Store.OpenToHome(ctx, f.AccountID, serverID, to, s.act(audit.HomeServerOpened, f, client).With(audit.Device, name))
}

// Devices returns what members of the owner's Home are switched to one another on. household.ErrNone, ErrMayNot.
func (s *Service) Devices(ctx context.Context, f credential.Found) ([]household.SignedIn, error) {
	h, err := s.Store.FindHome(ctx, f.AccountID)
	if err == nil && h.ID != f.AccountID {
		err = ErrMayNot
	}
	if err != nil {
		return nil, err
	}
	return s.Store.ListSwitched(ctx, h.ID)
}

// EndDevice ends what a member is switched on. device.ErrNotFound.
func (s *Service) EndDevice(ctx context.Context, f credential.Found, deviceID string, client device.Client) error {
	all, err := s.Devices(ctx, f)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(d household.SignedIn) bool { return d.ID == deviceID })
	if i < 0 {
		return device.ErrNotFound
	}
	return s.Store.EndSwitched(ctx, f.AccountID, deviceID, s.act(audit.HomeSwitchEnded, f, client).With(audit.Device, all[i].Name))
}

// act is the record of what an account does in its Home.
func (s *Service) act(action audit.Action, f credential.Found, client device.Client) audit.Act {
	return audit.New(s.Now(), action, f.AccountID, f.AccountID).From(client)
}
