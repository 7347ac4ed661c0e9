// Package factor owns the second step of an account: setting it up, new recovery codes, turning it off, the browsers where it is not asked
// for, and its removal by an operator when everything is lost. It refuses to know pages, and how a sign-in asks for it.
package factor

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Store keeps second factors.
type Store interface {
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	RecoveryLeft(ctx context.Context, accountID string) (int64, error)
	TurnOnFactor(ctx context.Context, f credential.NewFactor, act audit.Act) error
	TurnOffFactor(ctx context.Context, f credential.Factor, act audit.Act) error
	ReplaceRecovery(ctx context.Context, recovery map[string]string, f credential.Factor, act audit.Act) error
	Record(ctx context.Context, act audit.Act) error
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	RememberedStore
	RemovalStore
}

// Hasher hashes recovery codes.
type Hasher interface {
	Hash(ctx context.Context, password []byte) (string, error)
}

// Resolver resolves what a browser or a link presents.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
}

// Passwords checks the password of somebody who is signed in, against the account's one budget.
type Passwords interface {
	CheckPassword(ctx context.Context, f credential.Found, password, known secret.Token, client device.Client) error
}

// Proof is what somebody types to get new recovery codes.
type Proof struct {
	Password secret.Token
	Code     secret.Token // from the authenticator
	Known    secret.Token // what the browser shows to have been here before
}

// Service looks after second factors for their owners.
type Service struct {
	Store     Store
	Hasher    Hasher
	Resolver  Resolver
	Factors   *mfa.Checker
	Passwords Passwords // nil where nobody makes new recovery codes: in commands and jobs
	Name      string    // of the service, as authenticator apps list it
	Now       func() time.Time
}

// Why something is refused.
var (
	// ErrGone says that what was begun is used up, too old, or was begun anew.
	ErrGone = errors.New("factor: what was begun does not count any more")
	// ErrOn says that there is a second factor already.
	ErrOn = errors.New("factor: there is a second factor already")
	// ErrOtherAddress says that the typed address is not the account's.
	ErrOtherAddress = errors.New("factor: the address does not belong to this link")
)

// Codes is a set of recovery codes in their order, as people keep them.
type Codes [mfa.RecoveryCodes]secret.Token

// State is how a second factor stands.
type State struct {
	Since      time.Time // zero when it is off
	Left       int64     // recovery codes
	Remembered []Browser // where it is not asked for
	Removal    time.Time // when an operator's removal is due; zero when none is going on
}

// Look returns how an account's second factor stands.
func (s *Service) Look(ctx context.Context, a account.Account) (st State, err error) {
	if st.Since = a.FactorSince; st.Since.IsZero() {
		return st, nil
	}
	if st.Left, err = s.Store.RecoveryLeft(ctx, a.ID); err != nil {
		return st, err
	}
	r, err := s.Store.FindRemoval(ctx, a.ID)
	if err != nil {
		return st, err
	}
	st.Removal = r.Due
	st.Remembered, err = s.remembered(ctx, a.ID)
	return st, err
}

// NewCodes replaces the recovery codes of somebody who types the password and a code from the authenticator: a recovery code does not do
// (mfa.ErrShape). The old set is void at once.
func (s *Service) NewCodes(ctx context.Context, f credential.Found, p Proof, client device.Client) (Codes, error) {
	if err := s.Passwords.CheckPassword(ctx, f, p.Password, p.Known, client); err != nil {
		return Codes{}, err
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return Codes{}, err
	}
	proved, err := s.Factors.Check(ctx, a, mfa.Try{Typed: p.Code, Known: p.Known, Accepts: mfa.AuthenticatorOnly, Client: client})
	if err != nil {
		return Codes{}, err
	}
	codes, hashes, err := s.newCodes(ctx)
	if err != nil {
		return Codes{}, err
	}
	act := audit.New(s.Now(), audit.CodesReplaced, a.ID, a.ID).From(client).Warn(a, client, notice.RecoveryCodesReplaced)
	return codes, s.Factors.Spent(ctx, s.Store.ReplaceRecovery(ctx, hashes, proved, act), a, client)
}

// TurnOff turns the second step off for somebody who is signed in and types a code or a recovery code, which is itself the fresh proof.
func (s *Service) TurnOff(ctx context.Context, f credential.Found, typed, known secret.Token, client device.Client) error {
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return err
	}
	proved, err := s.Factors.Check(ctx, a, mfa.Try{Typed: typed, Known: known, Client: client})
	if err != nil {
		return err
	}
	by := "by a code"
	if proved.IsRecovery() {
		by = "by a recovery code"
	}
	act := audit.New(s.Now(), audit.SecondFactorOff, a.ID, a.ID).From(client).With(audit.Reason, by).Warn(a, client, notice.SecondFactorOff)
	return s.Factors.Spent(ctx, s.Store.TurnOffFactor(ctx, proved, act), a, client)
}

// newCodes makes a set of recovery codes and hashes each.
func (s *Service) newCodes(ctx context.Context) (codes Codes, hashes map[string]string, err error) {
	hashes = map[string]string{}
	for i, code := range mfa.NewRecovery() {
		codes[i] = code.Text()
		if hashes[code.Selector], err = s.Hasher.Hash(ctx, []byte(code.Rest.Reveal())); err != nil {
			return Codes{}, nil, err
		}
	}
	return codes, hashes, nil
}

// Urges reports whether so few recovery codes are left that a new set is urged.
func (st State) Urges() bool { return !st.Since.IsZero() && st.Left <= mfa.UrgeAt }
