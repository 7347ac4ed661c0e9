package profile

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// CodeStore keeps addresses that wait to be confirmed, and counts tries.
type CodeStore interface {
	BeginConfirmation(ctx context.Context, n account.NewConfirmation, act audit.Act) error
	RenewConfirmation(ctx context.Context, n account.NewConfirmation, act audit.Act) error
	PendingConfirmation(ctx context.Context, accountID string, p account.Purpose, now time.Time) (account.Confirmation, error)
	DropConfirmation(ctx context.Context, accountID string, p account.Purpose) error
	TryCode(ctx context.Context, id string, code secret.Token, now time.Time) error
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
}

// PendingEmail returns the address that waits to be confirmed; ErrGone when there is none.
func (s *Service) PendingEmail(ctx context.Context, f credential.Found, p account.Purpose) (account.Confirmation, error) {
	c, err := s.Store.PendingConfirmation(ctx, f.AccountID, p, s.Now())
	if errors.Is(err, credential.ErrUnknown) {
		err = ErrGone
	}
	return c, err
}

// DropEmail forgets the address that waits to be confirmed.
func (s *Service) DropEmail(ctx context.Context, f credential.Found, p account.Purpose) error {
	return s.Store.DropConfirmation(ctx, f.AccountID, p)
}

// ResendCode sends another code and another link to the address that waits; the former ones are dead. The address was asked for with fresh
// proof, so none is needed. ErrGone, *ratelimit.LimitedError.
func (s *Service) ResendCode(ctx context.Context, f credential.Found, p account.Purpose) error {
	c, err := s.PendingEmail(ctx, f, p)
	if err != nil {
		return err
	}
	_, handle, err := account.EmailHandle(c.Email)
	if err != nil {
		return err
	}
	c.ExpiresAt = s.Now().Add(credential.Rules[credential.Change].Life)
	n, mail, err := s.newConfirmation(ctx, f, c, handle)
	if err != nil {
		return err
	}
	err = s.Store.RenewConfirmation(ctx, n, audit.Act{At: s.Now(), Tell: []notice.Notice{mail}})
	if errors.Is(err, credential.ErrSpent) {
		err = ErrGone
	}
	return err
}

// TypeCode confirms a new address by its six digits. account.ErrWrongCode, ErrGone, account.ErrAddressTaken, *ratelimit.LimitedError.
func (s *Service) TypeCode(ctx context.Context, f credential.Found, p account.Purpose, code secret.Token, client device.Client) error {
	c, err := s.PendingEmail(ctx, f, p)
	if err != nil {
		return err
	}
	_, handle, err := account.EmailHandle(c.Email)
	if err != nil {
		return err
	}
	now := s.Now()
	// However many codes are sent to an address, by sign-ups and changes together, guesses at them are counted together.
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.CodesForAddress.For(handle.Value), ratelimit.CodesTyped.For(f.AccountID)}, now); err != nil {
		return err
	}
	if err := s.Store.TryCode(ctx, c.ID, code, now); err != nil {
		return err
	}
	return s.redeem(ctx, c, client)
}
