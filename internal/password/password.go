// Package password owns how a password is replaced: by its owner who knows it, by the mailbox when it is lost, and when somebody else was in.
// It refuses to know pages and mail servers.
package password

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
	"usher/internal/passkey"
	"usher/internal/passwordpolicy"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Store keeps passwords and what replaces them.
type Store interface {
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	FindAccount(ctx context.Context, h account.Handle) (account.Account, error)
	ReadClock(ctx context.Context) (credential.Clock, error)
	// IncidentSince reports whether an incident that was declared after a time requires new passwords, of all or of a list.
	IncidentSince(ctx context.Context, after time.Time) (bool, error)
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	Record(ctx context.Context, act audit.Act) error
	LeaveDecoy(ctx context.Context, act audit.Act) error
	ListDevices(ctx context.Context, accountID string) ([]device.Device, error)
	VoidedPasswords(ctx context.Context, accountID string) ([]string, error)
	RequireReset(ctx context.Context, accountID, spends string, act audit.Act) error
	ChangeStore
}

// ChangeStore writes a new password.
type ChangeStore interface {
	ChangePassword(ctx context.Context, p credential.PasswordChange, oldHash string, token secret.Token, act audit.Act) error
	ChangePasswordEverywhere(ctx context.Context, p credential.PasswordChange, keep *credential.SignIn, act audit.Act) error
	ProveReset(ctx context.Context, hash string, f credential.Factor, act audit.Act) error
	ConfirmSecured(ctx context.Context, p credential.Afresh, act audit.Act) error
	ProveResetByPasskey(ctx context.Context, hash string, use credential.PasskeyUse, act audit.Act) error
	RedeemReset(ctx context.Context, hash string, p credential.PasswordChange, act audit.Act) error
	RedeemResetEverywhere(ctx context.Context, hash string, p credential.PasswordChange, act audit.Act) error
}

// Hasher hashes and checks passwords in a bounded number of slots.
type Hasher interface {
	Hash(ctx context.Context, password []byte) (string, error)
	Verify(ctx context.Context, phc string, password []byte) (bool, error)
}

// Resolver resolves what a link presents.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
}

// Service replaces passwords.
type Service struct {
	Store    Store
	Hasher   Hasher
	Resolver Resolver
	Factors  *mfa.Checker
	Passkeys *passkey.Checker // nil where nobody proves anything by one: in commands
	Policy   passwordpolicy.Policy
	Now      func() time.Time
}

// ErrGone says that a link is used up, too old, or was replaced by a newer one.
var ErrGone = errors.New("password: the link does not count any more")

// Scope is what a new password does to what is signed in.
type Scope int

// The scopes: the box "Sign out connected devices" is not ticked, or it is.
const (
	KeepDevices Scope = iota
	SignOutDevices
)

// Changed is the asking browser's sign-in after a change.
type Changed struct {
	Token secret.Token
	Known secret.Token
}

// Change replaces the password of somebody who is signed in and has just typed the old one (credential.ErrStale otherwise). The browser gets a
// new token in any case; the old one is dead.
func (s *Service) Change(ctx context.Context, f credential.Found, typed secret.Token, scope Scope, client device.Client) (Changed, error) {
	now := s.Now()
	if !f.IsFresh(now) {
		return Changed{}, credential.ErrStale
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return Changed{}, err
	}
	phc, err := s.choose(ctx, a, typed)
	if err != nil {
		return Changed{}, err
	}
	p := credential.PasswordChange{
		AccountID: a.ID, Replaces: a.PasswordVersion, Old: a.Password, Password: phc, Secured: credential.Secure(f.Clock, f.Account), Incident: f.Account.Incident,
	}
	in := credential.NewSignIn(a.ID, "password", client, now)
	act := audit.New(now, audit.PasswordChanged, a.ID, a.ID).From(client).WarnOf(a, in.Device, client, notice.PasswordChanged)
	in.Stamp, in.Known, in.Replaces = credential.StampNow(f.Clock, f.Account), secret.NewToken(), f.Hash
	if scope == KeepDevices {
		p.Known, p.Stamp = in.Known, in.Stamp
		return Changed{in.Token, in.Known}, s.Store.ChangePassword(ctx, p, f.Hash, in.Token, act)
	}
	return Changed{in.Token, in.Known}, s.Store.ChangePasswordEverywhere(ctx, p, &in, act.With(audit.Reason, "everything signed out"))
}

// choose checks a new password against the policy, the one it replaces, and those that an incident voided, and hashes it: some seven hashes at the
// most, so tries are limited.
func (s *Service) choose(ctx context.Context, a account.Account, typed secret.Token) (string, error) {
	password, err := s.Policy.Choose(typed.Reveal(), a.Words())
	if err != nil {
		return "", err
	}
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.NewPasswords.For(a.ID)}, s.Now()); err != nil {
		return "", err
	}
	if a.Password != "" {
		same, err := s.Hasher.Verify(ctx, a.Password, []byte(password))
		if err != nil {
			return "", err
		}
		if same {
			return "", &passwordpolicy.RefusedError{Verdict: s.Policy.Refuse(passwordpolicy.Same)}
		}
	}
	voided, err := s.Store.VoidedPasswords(ctx, a.ID)
	if err != nil {
		return "", err
	}
	for _, phc := range voided {
		again, err := s.Hasher.Verify(ctx, phc, []byte(password))
		if err != nil {
			return "", err
		}
		if again {
			return "", &passwordpolicy.RefusedError{Verdict: s.Policy.Refuse(passwordpolicy.Voided)}
		}
	}
	return s.Hasher.Hash(ctx, []byte(password))
}
