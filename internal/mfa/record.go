package mfa

import (
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
)

// Telling adds to an act that is about to spend a factor what its owner is told when that is a recovery code: how many are left then.
func (c *Checker) Telling(ctx context.Context, act audit.Act, a account.Account, f credential.Factor, client device.Client) (audit.Act, error) {
	if !f.IsRecovery() {
		return act, nil
	}
	left, err := c.Store.RecoveryLeft(ctx, a.ID)
	return act.Warn(a, client, func(to, name string, e notice.Event) notice.Notice {
		return notice.RecoveryCodeUsed(to, name, e, max(0, left-1))
	}), err
}

// Spent looks at the error of a verb that was to spend a factor. Where the factor itself had been spent at the same moment, that counts and is
// recorded as a code that was used before: ErrReplayed, with the error.
func (c *Checker) Spent(ctx context.Context, err error, a account.Account, client device.Client) error {
	if !errors.Is(err, credential.ErrFactorSpent) {
		return err
	}
	return errors.Join(ErrReplayed, err, c.warn(ctx, a, client))
}

// refused records a wrong factor.
func (c *Checker) refused(ctx context.Context, a account.Account, client device.Client) error {
	return c.Store.Record(context.WithoutCancel(ctx), c.refusal(a, client))
}

// warn records a wrong factor that worries, and tells its owner: who types it has the password, or reads the mailbox.
func (c *Checker) warn(ctx context.Context, a account.Account, client device.Client) error {
	return c.Store.Record(context.WithoutCancel(ctx), c.refusal(a, client).Warn(a, client, notice.CodesRefused))
}

func (c *Checker) refusal(a account.Account, client device.Client) audit.Act {
	return audit.New(c.Now(), audit.FactorFailed, a.ID, a.ID).From(client)
}
