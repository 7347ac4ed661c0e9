package admin

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/notice"
)

// subject loads the account an act is about. Nobody acts on the own account here: locking it would shut the door from inside, and for the
// rest there are the account's own pages.
func (s *Service) subject(ctx context.Context, by Actor, accountID string) (account.Account, error) {
	if string(by) == accountID {
		return account.Account{}, ErrSelf
	}
	return s.Store.LoadAccount(ctx, accountID)
}

// Lock closes an account: everything is signed out and nobody signs in. A deletion that was asked for goes on. ErrSelf, ErrAlready,
// account.ErrLastAdmin, account.ErrNotFound, credential.ErrSpent.
func (s *Service) Lock(ctx context.Context, by Actor, accountID string) error {
	a, err := s.subject(ctx, by, accountID)
	if err != nil {
		return err
	}
	if a.State == account.Locked {
		return ErrAlready
	}
	act := audit.New(s.Now(), audit.AccountLocked, string(by), a.ID)
	act = act.TellOwner(a, func(to string) notice.Notice { return notice.Locked(to, a.Name, act.At) })
	return s.Store.SetState(ctx, a.ID, a.State, account.Locked, a.DeleteAt, act)
}

// Unlock opens a locked account again; one whose deletion was asked for goes back to its days of grace. ErrSelf, ErrAlready,
// account.ErrNotFound, credential.ErrSpent.
func (s *Service) Unlock(ctx context.Context, by Actor, accountID string) error {
	a, err := s.subject(ctx, by, accountID)
	if err != nil {
		return err
	}
	if a.State != account.Locked {
		return ErrAlready
	}
	to := account.Active
	if !a.DeleteAt.IsZero() {
		to = account.Deleting
	}
	act := audit.New(s.Now(), audit.AccountUnlocked, string(by), a.ID)
	act = act.TellOwner(a, func(to string) notice.Notice { return notice.Unlocked(to, a.Name, act.At) })
	return s.Store.SetState(ctx, a.ID, account.Locked, to, a.DeleteAt, act)
}

// MakeAdmin makes an account an administrator. ErrSelf, ErrAlready, account.ErrNotFound.
func (s *Service) MakeAdmin(ctx context.Context, by Actor, accountID string) error {
	a, err := s.subject(ctx, by, accountID)
	if err != nil {
		return err
	}
	if a.Admin {
		return ErrAlready
	}
	return s.Store.GrantAdmin(ctx, a.ID, audit.New(s.Now(), audit.AdminGranted, string(by), a.ID))
}

// SignOut ends everything that is signed in to an account. ErrSelf, account.ErrNotFound.
func (s *Service) SignOut(ctx context.Context, by Actor, accountID string) error {
	a, err := s.subject(ctx, by, accountID)
	if err != nil {
		return err
	}
	act := audit.New(s.Now(), audit.SignedOutAll, string(by), a.ID)
	act = act.TellOwner(a, func(to string) notice.Notice { return notice.SignedOutByOperator(to, a.Name, act.At) })
	return s.Store.EndEverything(ctx, a.ID, nil, act)
}

// Delete signs everything out of an account and erases it after account.GraceBeforeErasure; until then its owner can keep it. A locked
// account stays locked meanwhile, or a deletion would be a way around the lock. ErrSelf, ErrAlready, account.ErrLastAdmin,
// account.ErrNotFound, credential.ErrSpent.
func (s *Service) Delete(ctx context.Context, by Actor, accountID string) (on time.Time, err error) {
	a, err := s.subject(ctx, by, accountID)
	if err != nil {
		return on, err
	}
	if !a.DeleteAt.IsZero() {
		return a.DeleteAt, ErrAlready
	}
	now := s.Now()
	on = now.Add(account.GraceBeforeErasure)
	to := account.Deleting
	if a.State == account.Locked {
		to = account.Locked
	}
	act := audit.New(now, audit.DeletionAsked, string(by), a.ID)
	act = act.TellOwner(a, func(to string) notice.Notice { return notice.DeletionByOperator(to, a.Name, now, on, "/sign-in") })
	return on, s.Store.SetState(ctx, a.ID, a.State, to, on, act)
}

// MayRemoveFactor tells whether the actor may begin to remove the account's second factor; doors ask before they call the factor flow. Who
// administers the service and has lost everything asks somebody else. ErrSelf, account.ErrNotFound.
func (s *Service) MayRemoveFactor(ctx context.Context, by Actor, accountID string) error {
	_, err := s.subject(ctx, by, accountID)
	return err
}

// MayRequireReset tells whether the actor may make the account's owner choose a new password; doors ask before they call the password
// flow. ErrSelf, account.ErrNotFound.
func (s *Service) MayRequireReset(ctx context.Context, by Actor, accountID string) error {
	_, err := s.subject(ctx, by, accountID)
	return err
}
