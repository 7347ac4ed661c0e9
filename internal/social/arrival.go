package social

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/identity"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// ArrivalStore finds and makes the accounts of who has arrived.
type ArrivalStore interface {
	FindAccount(ctx context.Context, h account.Handle) (account.Account, error)
	Welcome(ctx context.Context, a account.Account, n identity.Newcomer, act audit.Act) error
	TakeOver(ctx context.Context, a account.Account, n identity.Newcomer, act audit.Act) error
	AskArrivalCode(ctx context.Context, arrival string, n account.NewConfirmation, act audit.Act) error
	LoadConfirmation(ctx context.Context, id string, now time.Time) (account.Confirmation, error)
	TryCode(ctx context.Context, id string, code secret.Token, now time.Time) error
	ProveArrival(ctx context.Context, arrival, confirmationID string, act audit.Act) error
}

// Step is what comes next for somebody who has arrived.
type Step int

// The steps.
const (
	AskAddress Step = iota // the service proves no address: the person says one, and proves it
	AskCode                // a code was mailed there
	NewAccount             // nobody has the address
	Join                   // an account has it: its owner proves that
	Reclaim                // an account has it whose address nobody has ever proved
)

// Arrival is somebody whom a service tells of, and who has no identity here yet.
type Arrival struct {
	Step     Step
	Provider Provider
	Told     identity.Told
	Address  string // proved by the service or here; before that, the one a code was mailed to, or the one that was told
	Next     string
	// Account is what has the address, of Join and Reclaim. Whether there is one is told only to who has proved the address.
	Account account.Account

	invitation secret.Token
	found      credential.Found
}

// arrival is the sealed detail of an Arrival credential.
type arrival struct {
	Told       identity.Told `json:"told"`
	Confirmed  string        `json:"confirmed,omitempty"` // the address whose code was typed
	Next       string        `json:"next,omitempty"`
	Invitation string        `json:"invitation,omitempty"`
}

func arrivalLink(d arrival, clock credential.Clock) (credential.Link, error) {
	detail, err := json.Marshal(d)
	if err != nil {
		return credential.Link{}, fmt.Errorf("writing an arrival: %w", err)
	}
	return credential.Link{Kind: credential.Arrival, Token: secret.NewToken(), Detail: string(detail), Stamp: credential.Stamp{Born: clock.Epoch}}, nil
}

// Look returns who has arrived, and what comes next; it changes nothing. ErrGone, ErrNotOffered.
func (s *Service) Look(ctx context.Context, token secret.Token) (Arrival, error) {
	a, d, err := s.arrived(ctx, token)
	if err != nil {
		return a, err
	}
	switch {
	case d.Confirmed != "":
		a.Address = d.Confirmed
	case d.Told.Proved:
		a.Address = d.Told.Email
	case a.found.Subject == "":
		return a, nil
	default:
		c, err := s.Store.LoadConfirmation(ctx, a.found.Subject, s.Now())
		if err != nil && !errors.Is(err, credential.ErrUnknown) {
			return a, err
		}
		if err == nil {
			a.Step, a.Address = AskCode, c.Email
		}
		return a, nil
	}
	_, h, err := account.EmailHandle(a.Address)
	if err != nil {
		return a, err
	}
	a.Account, err = s.Store.FindAccount(ctx, h)
	switch {
	case errors.Is(err, account.ErrNotFound):
		a.Step = NewAccount
	case err != nil:
		return a, err
	case a.Account.EmailProved || a.Account.Admin || a.Account.SecondFactor || a.Account.State != account.Active:
		a.Step = Join
	default:
		a.Step = Reclaim
	}
	return a, nil
}

// arrived reads an arrival. ErrGone, ErrNotOffered.
func (s *Service) arrived(ctx context.Context, token secret.Token) (a Arrival, d arrival, err error) {
	if a.found, err = s.Resolver.Resolve(ctx, credential.Arrival, token); err != nil {
		return a, d, gone(err)
	}
	if err := json.Unmarshal([]byte(a.found.Detail), &d); err != nil {
		return a, d, fmt.Errorf("reading an arrival: %w", err)
	}
	a.Told, a.Address, a.Next, a.invitation = d.Told, d.Told.Email, d.Next, secret.TokenOf(d.Invitation)
	a.Provider, err = s.provider(d.Told.Provider)
	return a, d, err
}

// Mail sends a code to an address that somebody who has arrived says is theirs. It does the same, and answers the same, whether or not the address has an account.
// account.ErrBadAddress, ErrGone, limits.
func (s *Service) Mail(ctx context.Context, token secret.Token, typed string, client device.Client) error {
	a, d, err := s.arrived(ctx, token)
	if err != nil {
		return err
	}
	if d.Confirmed != "" || d.Told.Proved {
		return ErrGone
	}
	email, h, err := account.EmailHandle(typed)
	if err != nil {
		return err
	}
	now := s.Now()
	if err := s.Store.Take(ctx, ratelimit.SignUps.From(client.Address), now); err != nil {
		return err
	}
	n := account.NewConfirmation{
		Confirmation: account.Confirmation{ID: id.New(now), Purpose: account.ForArrival, Email: email, CreatedAt: now, ExpiresAt: now.Add(credential.Rules[credential.Arrival].Life)},
		Code:         secret.NewDigits(6), Born: a.found.Clock.Epoch, Limits: []ratelimit.Take{ratelimit.SignUpMails.For(h.Value), ratelimit.SignUpMailsDaily.For(h.Value)},
	}
	act := audit.Act{At: now}.Telling(notice.ConfirmArrival(email, n.Code.Reveal(), a.Provider.Name))
	return gone(s.Store.AskArrivalCode(ctx, a.found.Hash, n, act))
}

// TypeCode checks the code that was mailed, and returns the arrival that takes the place of the one before: its address is proved. account.ErrWrongCode, ErrGone, limits.
func (s *Service) TypeCode(ctx context.Context, token, code secret.Token, client device.Client) (secret.Token, error) {
	a, d, err := s.arrived(ctx, token)
	if err != nil {
		return secret.Token{}, err
	}
	now := s.Now()
	c, err := s.Store.LoadConfirmation(ctx, a.found.Subject, now)
	if err != nil {
		return secret.Token{}, gone(err)
	}
	if err := s.countCode(ctx, c, client); err != nil {
		return secret.Token{}, err
	}
	if err := s.Store.TryCode(ctx, c.ID, code, now); err != nil {
		if errors.Is(err, account.ErrWrongCode) {
			err = errors.Join(err, s.Store.Record(context.WithoutCancel(ctx), audit.New(now, audit.CodeFailed, "", "").From(client)))
		}
		return secret.Token{}, err
	}
	d.Confirmed = c.Email
	link, err := arrivalLink(d, a.found.Clock)
	if err != nil {
		return secret.Token{}, err
	}
	return link.Token, gone(s.Store.ProveArrival(ctx, a.found.Hash, c.ID, audit.Act{At: now}.Linking(link)))
}

// countCode bounds guesses at codes for one address, as a sign-up does.
func (s *Service) countCode(ctx context.Context, c account.Confirmation, client device.Client) error {
	_, h, err := account.EmailHandle(c.Email)
	if err != nil {
		return err
	}
	return s.Store.Take(ctx, ratelimit.GuessesAtCode(client.Address, h.Value), s.Now())
}

// Entered is a browser that was signed in by making or taking over an account.
type Entered struct {
	Token secret.Token
	Known secret.Token
	Next  string
}

// Enter makes the account of somebody who has proved an address that nobody has, or gives them the one whose address nobody had proved, and signs the browser in.
// ErrGone, also when the account is another one by now; account.ErrAddressTaken, identity.ErrTaken, and what SignUps refuses.
func (s *Service) Enter(ctx context.Context, token secret.Token, client device.Client) (Entered, error) {
	a, err := s.Look(ctx, token)
	if err != nil {
		return Entered{}, err
	}
	email, h, err := account.EmailHandle(a.Address)
	if err != nil {
		return Entered{}, err
	}
	now, clock := s.Now(), a.found.Clock
	who := a.Account
	switch a.Step {
	case NewAccount:
		who = account.Account{
			Standing: account.Standing{ID: id.New(now), State: account.Active, Epoch: 1, Secured: clock.Epoch, NoPassword: true},
			Email:    email, EmailProved: true, Name: a.Told.Name, CreatedAt: now,
		}
	case Reclaim:
	default:
		return Entered{}, ErrGone
	}
	in := credential.NewSignIn(who.ID, a.Provider.Name, client, now)
	in.Stamp, in.Known, in.Subject = credential.StampNow(clock, who.Standing), secret.NewToken(), string(credential.ByOutside)
	n := identity.Newcomer{
		Identity: newIdentity(a.Told, who.ID, now), Address: h, SignIn: in, Secured: credential.Secure(clock, who.Standing), Arrival: a.found.Hash,
	}
	n.Identity.UsedAt = now
	out := Entered{Token: in.Token, Known: in.Known, Next: a.Next}
	if a.Step == Reclaim {
		act := withLinked(audit.New(now, audit.AccountTakenOver, who.ID, who.ID).From(client), account.Account{Standing: who.Standing, Email: email, Name: who.Name}, a.Provider, client)
		return out, gone(s.Store.TakeOver(ctx, who, n, act.With(audit.Device, in.Device.Name)))
	}
	if n.Invitation, err = s.SignUps.Allow(ctx, email, a.invitation); err != nil {
		return Entered{}, err
	}
	act := withLinked(audit.New(now, audit.AccountCreated, who.ID, who.ID).From(client), who, a.Provider, client)
	return out, gone(s.Store.Welcome(ctx, who, n, act.With(audit.Device, in.Device.Name)))
}

func newIdentity(told identity.Told, accountID string, now time.Time) identity.Identity {
	return identity.Identity{ID: id.New(now), AccountID: accountID, Told: told, LinkedAt: now}
}

// withLinked returns the act with the service's name, and with the mail that says by whom one can come in from now on.
func withLinked(act audit.Act, who account.Account, p Provider, client device.Client) audit.Act {
	act = act.With(audit.Service, p.Name)
	return act.Warn(who, client, func(to, name string, e notice.Event) notice.Notice { return notice.IdentityLinked(to, name, e, p.Name) })
}

// MayEnter reports, by the error of SignUps, why no account will be made for who has arrived; nil where one will, and where there is one.
func (s *Service) MayEnter(ctx context.Context, a Arrival) error {
	if a.Step != NewAccount {
		return nil
	}
	_, err := s.SignUps.Allow(ctx, a.Address, a.invitation)
	return err
}
