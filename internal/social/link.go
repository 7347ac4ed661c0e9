package social

import (
	"context"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/identity"
	"usher/internal/notice"
	"usher/internal/secret"
)

// LinkStore keeps what is linked to accounts.
type LinkStore interface {
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	ListIdentities(ctx context.Context, accountID string) ([]identity.Identity, error)
	LinkIdentity(ctx context.Context, i identity.Identity, spends, signIn string, act audit.Act) error
	UnlinkIdentity(ctx context.Context, accountID, identityID string, act audit.Act) error
	RenewSignIn(ctx context.Context, r credential.Renewal, act audit.Act) error
	ConfirmSecured(ctx context.Context, p credential.Afresh, act audit.Act) error
}

// CodeStore keeps whether the second step is asked for after signing in by a service.
type CodeStore interface {
	RequireCode(ctx context.Context, accountID string, act audit.Act) error
	WaiveCode(ctx context.Context, accountID string, act audit.Act) error
}

// Linked is an identity as its owner sees it.
type Linked struct {
	identity.Identity
	Name    string // of the service
	Offered bool   // one can sign in by it now
}

// Linked lists what an account is linked to, oldest first.
func (s *Service) Linked(ctx context.Context, accountID string) ([]Linked, error) {
	all, err := s.Store.ListIdentities(ctx, accountID)
	if err != nil {
		return nil, err
	}
	shown := make([]Linked, 0, len(all))
	for _, i := range all {
		p, err := s.provider(i.Provider)
		one := Linked{Identity: i, Name: i.Provider, Offered: err == nil}
		if err == nil {
			one.Name = p.Name
		}
		shown = append(shown, one)
	}
	return shown, nil
}

// link links who has just signed in at a service to the account of the browser's own sign-in.
func (s *Service) link(ctx context.Context, p Provider, q question, told identity.Told, r Return) error {
	f, err := q.held(r) // attack O7: the proof belongs to the sign-in that asked
	if err != nil {
		return err
	}
	return s.linkTo(ctx, f, told, p, linking{client: r.Client})
}

// linking is what else there is to say about a link.
type linking struct {
	spends string // hash of the arrival that it uses up
	client device.Client
}

func (s *Service) linkTo(ctx context.Context, f credential.Found, told identity.Told, p Provider, how linking) error {
	who, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return err
	}
	if !who.EmailProved && how.spends == "" { // else an arrival has just proved it
		return ErrUnproved
	}
	now := s.Now()
	act := withLinked(audit.New(now, audit.IdentityLinked, who.ID, who.ID).From(how.client), who, p, how.client)
	return gone(s.Store.LinkIdentity(ctx, newIdentity(told, who.ID, now), how.spends, f.Hash, act))
}

// JoinAccount links who has arrived to the account that has the address, by a sign-in there with a full proof. It returns where they wanted to go. credential.ErrStale, ErrOther when
// it is another account, ErrGone, identity.ErrTaken, ErrLinked, ErrTooMany.
func (s *Service) JoinAccount(ctx context.Context, f credential.Found, token secret.Token, client device.Client) (next string, err error) {
	a, err := s.Look(ctx, token)
	switch {
	case err != nil:
		return "", err
	case a.Step != Join || a.Account.ID != f.AccountID:
		return "", ErrOther
	case !f.IsFresh(s.Now()):
		return "", credential.ErrStale
	}
	return a.Next, s.linkTo(ctx, f, a.Told, a.Provider, linking{spends: a.found.Hash, client: client})
}

// Unlink takes an identity from the account of who is signed in. credential.ErrStale, identity.ErrNotFound, ErrLastWay.
func (s *Service) Unlink(ctx context.Context, f credential.Found, identityID string, client device.Client) error {
	now := s.Now()
	if !f.IsFresh(now) {
		return credential.ErrStale
	}
	who, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return err
	}
	all, err := s.Linked(ctx, who.ID)
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.ID != identityID {
			continue
		}
		act := audit.New(now, audit.IdentityUnlinked, who.ID, who.ID).From(client).With(audit.Service, i.Name).
			Warn(who, client, func(to, name string, e notice.Event) notice.Notice {
				return notice.IdentityUnlinked(to, name, e, i.Name)
			})
		return s.Store.UnlinkIdentity(ctx, who.ID, identityID, act)
	}
	return identity.ErrNotFound
}

// RequireCode has the second step asked for also after signing in by a service. credential.ErrStale, ErrNoPassword.
func (s *Service) RequireCode(ctx context.Context, f credential.Found, client device.Client) error {
	act, err := s.aboutCode(audit.CodeAlwaysOn, f, client)
	if err != nil {
		return err
	}
	return s.Store.RequireCode(ctx, f.AccountID, act)
}

// WaiveCode takes the service's word for it again, unless the operator asks for more. credential.ErrStale, ErrNoPassword.
func (s *Service) WaiveCode(ctx context.Context, f credential.Found, client device.Client) error {
	act, err := s.aboutCode(audit.CodeAlwaysOff, f, client)
	if err != nil {
		return err
	}
	return s.Store.WaiveCode(ctx, f.AccountID, act)
}

// aboutCode is the record of either, by who has just proved enough for it.
func (s *Service) aboutCode(action audit.Action, f credential.Found, client device.Client) (audit.Act, error) {
	now := s.Now()
	return audit.New(now, action, f.AccountID, f.AccountID).From(client), f.CheckProof(now)
}
