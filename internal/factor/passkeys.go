package factor

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/passkey"
	"usher/internal/secret"
)

// PasskeyStore keeps passkeys.
type PasskeyStore interface {
	ListPasskeys(ctx context.Context, accountID string) ([]passkey.Passkey, error)
	AddPasskey(ctx context.Context, p passkey.Passkey, spends string, act audit.Act) error
	RenamePasskey(ctx context.Context, accountID, id, name string, act audit.Act) error
	RemovePasskey(ctx context.Context, accountID, id string, act audit.Act) error
	KeepPasskey(ctx context.Context, accountID, id string, act audit.Act) error
}

// Passkeys makes, lists and removes passkeys for their owners. Whoever adds one could come back with it after everything else has ended, so it asks for all the
// proof that the account has, given a moment ago (NIST SP 800-63B-4 §4.1.2.1); taking one away does too.
type Passkeys struct {
	Store   PasskeyStore
	Checker *passkey.Checker
	Now     func() time.Time
}

// List returns an account's passkeys, oldest first.
func (s *Passkeys) List(ctx context.Context, accountID string) ([]passkey.Passkey, error) {
	return s.Store.ListPasskeys(ctx, accountID)
}

// Begin returns what a browser asks for a new passkey. credential.ErrStale, passkey.ErrTooMany, *ratelimit.LimitedError.
func (s *Passkeys) Begin(ctx context.Context, f credential.Found, a account.Account, browser secret.Token, client device.Client) (passkey.Options, error) {
	if !f.IsFresh(s.Now()) {
		return passkey.Options{}, credential.ErrStale
	}
	return s.Checker.Ask(ctx, passkey.Question{For: passkey.ForNew, Account: a, Stamp: credential.StampNow(f.Clock, f.Account), Browser: browser, Client: client})
}

// NewPasskey is what a browser sends about a new passkey.
type NewPasskey struct {
	Name    string // empty: after its authenticator
	Answer  string
	Browser secret.Token
}

// Add adds a passkey and returns how it is called. credential.ErrStale, account.ErrBadName, passkey.ErrTaken, passkey.ErrTooMany, the errors of
// passkey.Checker.CheckNew; credential.ErrSpent.
func (s *Passkeys) Add(ctx context.Context, f credential.Found, a account.Account, n NewPasskey, client device.Client) (string, error) {
	now := s.Now()
	if !f.IsFresh(now) {
		return "", credential.ErrStale
	}
	if _, err := passkey.Name(n.Name, ""); err != nil { // before the question is used up
		return "", err
	}
	p, question, err := s.Checker.CheckNew(ctx, passkey.Answer{Text: n.Answer, For: passkey.ForNew, AccountID: a.ID, Browser: n.Browser, Client: client})
	if err != nil {
		return "", err
	}
	if p.Name, err = passkey.Name(n.Name, p.AAGUID); err != nil {
		return "", err
	}
	p.ID = id.New(now)
	act := audit.New(now, audit.PasskeyAdded, a.ID, a.ID).From(client).With(audit.Device, p.Name)
	act = act.Warn(a, client, func(to, called string, e notice.Event) notice.Notice {
		return notice.PasskeyAdded(to, called, e, p.Name)
	})
	return p.Name, s.Store.AddPasskey(ctx, p, question, act)
}

// Rename gives a passkey another name; an empty one is its authenticator's. account.ErrBadName, passkey.ErrNotFound.
func (s *Passkeys) Rename(ctx context.Context, f credential.Found, passkeyID, name string, client device.Client) error {
	p, err := s.own(ctx, f, passkeyID)
	if err != nil {
		return err
	}
	if name, err = passkey.Name(name, p.AAGUID); err != nil || name == p.Name {
		return err
	}
	act := audit.New(s.Now(), audit.PasskeyRenamed, f.AccountID, f.AccountID).From(client).With(audit.Device, name)
	return s.Store.RenamePasskey(ctx, f.AccountID, passkeyID, name, act)
}

// Keep answers the alarm of a passkey whose counter went back: it was its owner. credential.ErrStale, passkey.ErrNotFound.
func (s *Passkeys) Keep(ctx context.Context, f credential.Found, passkeyID string, client device.Client) error {
	now := s.Now()
	if !f.IsFresh(now) {
		return credential.ErrStale
	}
	p, err := s.own(ctx, f, passkeyID)
	if err != nil {
		return err
	}
	act := audit.New(now, audit.PasskeyKept, f.AccountID, f.AccountID).From(client).With(audit.Device, p.Name)
	return s.Store.KeepPasskey(ctx, f.AccountID, p.ID, act)
}

// Remove takes a passkey away: nobody signs in with it any more. What it has signed in stays. credential.ErrStale, passkey.ErrNotFound, passkey.ErrLast.
func (s *Passkeys) Remove(ctx context.Context, f credential.Found, a account.Account, passkeyID string, client device.Client) error {
	now := s.Now()
	if !f.IsFresh(now) {
		return credential.ErrStale
	}
	p, err := s.own(ctx, f, passkeyID)
	if err != nil {
		return err
	}
	act := audit.New(now, audit.PasskeyRemoved, a.ID, a.ID).From(client).With(audit.Device, p.Name)
	act = act.Warn(a, client, func(to, called string, e notice.Event) notice.Notice {
		return notice.PasskeyRemoved(to, called, e, p.Name)
	})
	return s.Store.RemovePasskey(ctx, a.ID, p.ID, act)
}

func (s *Passkeys) own(ctx context.Context, f credential.Found, passkeyID string) (passkey.Passkey, error) {
	all, err := s.Store.ListPasskeys(ctx, f.AccountID)
	for _, p := range all {
		if p.ID == passkeyID {
			return p, nil
		}
	}
	if err == nil {
		err = passkey.ErrNotFound
	}
	return passkey.Passkey{}, err
}
