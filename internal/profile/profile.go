// Package profile owns what a person changes about the own account: names, addresses, and whether it stays. It refuses to know pages, and
// passwords: who may change what matters is decided by how fresh the proof is.
package profile

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/secret"
)

// Store keeps accounts.
type Store interface {
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	PasswordSetAt(ctx context.Context, accountID string) (time.Time, error)
	SetName(ctx context.Context, accountID, name string, act audit.Act) error
	SetUserName(ctx context.Context, accountID, shown string, h account.Handle, act audit.Act) error
	SetState(ctx context.Context, accountID string, from, to account.State, deleteAt time.Time, act audit.Act) error
	FinishReview(ctx context.Context, accountID string) error
	EmailStore
	DataStore
}

// Resolver resolves what a link presents.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
	ResolvePerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error)
}

// Service changes accounts for their owners.
type Service struct {
	Store    Store
	Resolver Resolver
	Now      func() time.Time
}

// Visit resolves a browser's sign-in and returns the account it belongs to, without its password: one question to the database for every
// page. Beside an error of the resolver's judgement, such as credential.ErrDeleting, both are returned too.
func (s *Service) Visit(ctx context.Context, token secret.Token) (credential.Found, account.Account, error) {
	return s.Resolver.ResolvePerson(ctx, credential.Browser, token)
}

// FinishReview notes that the owner has looked around after a reset, and is not asked to again.
func (s *Service) FinishReview(ctx context.Context, f credential.Found) error {
	return s.Store.FinishReview(ctx, f.AccountID)
}

// PasswordSet returns when an account's password was last set.
func (s *Service) PasswordSet(ctx context.Context, a account.Account) (time.Time, error) {
	at, err := s.Store.PasswordSetAt(ctx, a.ID)
	if at.IsZero() {
		at = a.CreatedAt
	}
	return at, err
}

// Rename sets the display name and the user name; an empty user name stays as it was. account.ErrBadName, ErrBadUserName, ErrNameTaken.
func (s *Service) Rename(ctx context.Context, f credential.Found, displayName, userName string, client device.Client) error {
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return err
	}
	name, err := account.DisplayName(displayName)
	if err != nil {
		return err
	}
	if userName != "" && userName != a.UserName {
		if err := s.setUserName(ctx, a, userName, client); err != nil {
			return err
		}
	}
	if name == a.Name {
		return nil
	}
	return s.Store.SetName(ctx, a.ID, name, audit.New(s.Now(), audit.ProfileChanged, a.ID, a.ID).From(client).With(audit.Reason, "display name"))
}

func (s *Service) setUserName(ctx context.Context, a account.Account, typed string, client device.Client) error {
	shown, handle, err := account.UserNameHandle(typed)
	if err != nil {
		return err
	}
	act := audit.New(s.Now(), audit.ProfileChanged, a.ID, a.ID).From(client).With(audit.Reason, "user name")
	if a.UserName != "" { // the first one is no change
		act = act.Warn(a, client, func(to, name string, e notice.Event) notice.Notice {
			return notice.UserNameChanged(to, name, shown, e.NotMe, e.At)
		})
	}
	return s.Store.SetUserName(ctx, a.ID, shown, handle, act)
}

// Delete marks an account for deletion after account.GraceBeforeErasure and signs everything out; signing in again within the grace lets its
// owner keep it. credential.ErrStale, account.ErrLastAdmin.
func (s *Service) Delete(ctx context.Context, f credential.Found, client device.Client) (at time.Time, err error) {
	now := s.Now()
	if !f.IsFresh(now) {
		return at, credential.ErrStale
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return at, err
	}
	at = now.Add(account.GraceBeforeErasure)
	act := audit.New(now, audit.DeletionAsked, a.ID, a.ID).From(client).TellOwner(a, func(to string) notice.Notice {
		return notice.DeletionScheduled(to, a.Name, now, at, "/sign-in")
	})
	return at, s.Store.SetState(ctx, a.ID, account.Active, account.Deleting, at, act)
}

// Keep takes a deletion back within its grace.
func (s *Service) Keep(ctx context.Context, f credential.Found, client device.Client) error {
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return err
	}
	now := s.Now()
	act := audit.New(now, audit.DeletionRevoked, a.ID, a.ID).From(client).TellOwner(a, func(to string) notice.Notice {
		return notice.DeletionStopped(to, a.Name, now)
	})
	return s.Store.SetState(ctx, a.ID, account.Deleting, account.Active, time.Time{}, act)
}
