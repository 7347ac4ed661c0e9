package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// BeginAttempt reads what a typed password is to be checked against and counts the failure in advance, so that no increment is lost
// however many tries run at once; OpenSignIn and ForgiveAttempt give it back. *ratelimit.LimitedError and credential.Exhausted count
// nothing.
func (db *DB) BeginAttempt(ctx context.Context, at credential.Attempt) (c credential.Candidate, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		c = credential.Candidate{}
		if err := db.take(ctx, t, at.Network, at.At); err != nil {
			return err
		}
		if c.Clock, err = readClock(ctx, t); err != nil {
			return err
		}
		if c.Account, err = db.attempted(ctx, t, at); err != nil && !errors.Is(err, account.ErrNotFound) {
			return err
		}
		if at.Server != "" {
			on, err := findTerms(ctx, t, at.Server, c.Account.ID, at.At)
			if err != nil {
				return err
			}
			if !on.Role.MayType() {
				c.Account = account.Account{}
			}
		}
		if c.Known, c.Budget, err = db.budgetOf(ctx, t, at, c.Account.ID); err != nil {
			return err
		}
		return db.charge(ctx, t, c.Budget, at.At)
	})
	return c, err
}

func (db *DB) attempted(ctx context.Context, t *tx, at credential.Attempt) (account.Account, error) {
	if at.Account == "" {
		return db.findAccount(ctx, t, at.Handle)
	}
	var s sealedAccount
	err := get(ctx, t, `SELECT `+accountColumns+` FROM account a WHERE a.id = $1`, []any{at.Account}, s.dest()...)
	if err != nil {
		return account.Account{}, found(err, account.ErrNotFound)
	}
	return s.open(db.ring())
}

// budgetOf names the failure counter: the account's own, whatever name was typed; a known browser's own; or, for nobody's handle, the
// handle's, at a media server the handle's there, so that limits tell nothing either. What a browser shows is looked up for nobody's handle
// too, so that the work tells nothing.
func (db *DB) budgetOf(ctx context.Context, t *tx, at credential.Attempt, accountID string) (known bool, key string, err error) {
	var shown credential.Found
	if at.Known.WellFormed() {
		shown, err = db.findCredential(ctx, t, credential.Known, at.Known)
		if err != nil && !errors.Is(err, credential.ErrUnknown) {
			return false, "", err
		}
	}
	switch {
	case accountID == "":
		key := "handle\x00" + string(at.Handle.Kind) + "\x00" + at.Handle.Value
		if at.Server != "" {
			key = "server\x00" + at.Server + "\x00" + key
		}
		return false, db.ring().Obscure("failure", key), nil
	case shown.AccountID == accountID && credential.Judge(shown, at.At) == nil:
		return true, db.ring().Obscure("failure", "known\x00"+shown.Hash), nil
	}
	return false, accountBudget(db.ring(), accountID), nil
}

func accountBudget(r *secret.Ring, accountID string) string {
	return r.Obscure("failure", "account\x00"+accountID)
}

// charge counts one failure, unless the counter has to wait or is used up.
func (db *DB) charge(ctx context.Context, t *tx, key string, now time.Time) error {
	var count, until int64
	err := get(ctx, t, `INSERT INTO failure (key, count, until, seen_at) VALUES ($1, 1, 0, $2)
		ON CONFLICT (key) DO UPDATE SET count = failure.count + 1, seen_at = $2 WHERE failure.until <= $2 AND failure.count < $3
		RETURNING count`, []any{key, ms(now), int64(ratelimit.MostFailures)}, &count)
	if errors.Is(err, errNoRow) {
		if err := get(ctx, t, `SELECT count, until FROM failure WHERE key = $1`, []any{key}, &count, &until); err != nil {
			return err
		}
		if count >= ratelimit.MostFailures {
			return credential.Exhausted{}
		}
		return &ratelimit.LimitedError{Until: timeOf(until)}
	}
	if err != nil {
		return fmt.Errorf("counting a try: %w", err)
	}
	if wait := ratelimit.Wait(count); wait > 0 {
		_, err = t.exec(ctx, `UPDATE failure SET until = $1 WHERE key = $2`, ms(now.Add(wait)), key)
	}
	return err
}

// forgive gives a try that was no failure back: the counter starts anew. Network first, then account, as BeginAttempt counts them.
func (db *DB) forgive(ctx context.Context, t *tx, at credential.Attempt, c credential.Candidate) error {
	if err := db.giveBack(ctx, t, at.Network); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM failure WHERE key = $1`, c.Budget)
	return err
}

// ForgiveAttempt gives a try back whose password was right but which opens nothing; failures before it are forgotten.
func (db *DB) ForgiveAttempt(ctx context.Context, at credential.Attempt, c credential.Candidate, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.forgive(ctx, t, at, c); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// ReturnAttempt gives one try back without forgetting the failures before it, for a check that did not take place.
func (db *DB) ReturnAttempt(ctx context.Context, at credential.Attempt, c credential.Candidate) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.giveBack(ctx, t, at.Network); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE failure SET count = count - 1, until = 0 WHERE key = $1 AND count > 0`, c.Budget)
		return err
	})
}
