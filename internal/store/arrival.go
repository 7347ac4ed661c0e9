package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
)

// Park keeps what another site's page posted in answer to a question that still waits, under the question's own state: once. ErrSpent when the question waits no
// more, or was answered before.
func (db *DB) Park(ctx context.Context, question string, answer credential.Link, now time.Time) error {
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE credential SET expires_at = expires_at WHERE hash = $1 AND kind = $2 AND expires_at > $3`, question, string(credential.Outside), ms(now))
		if err != nil {
			return err
		}
		hash := db.ring().HashToken(string(credential.Parked), answer.Token)[0]
		var before string
		err = get(ctx, t, `SELECT hash FROM credential WHERE hash = $1`, []any{hash}, &before)
		if n == 0 || err == nil {
			return ErrSpent
		}
		if !errors.Is(err, errNoRow) {
			return err
		}
		return db.mintLink(ctx, t, answer, now)
	})
}

// SpendOutside uses a question up, with the parked answer to it where there is one. ErrSpent.
func (db *DB) SpendOutside(ctx context.Context, question, parked string) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := spend(ctx, t, question); err != nil || parked == "" {
			return err
		}
		return spend(ctx, t, parked)
	})
}

// AskArrivalCode stores an address that somebody who has arrived is to prove by a code, in the place of one asked about before. ErrSpent when the arrival is over;
// *ratelimit.LimitedError.
func (db *DB) AskArrivalCode(ctx context.Context, arrival string, n account.NewConfirmation, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.take(ctx, t, n.Limits, act.At); err != nil {
			return err
		}
		var former string
		if err := get(ctx, t, `SELECT subject FROM credential WHERE hash = $1 AND kind = $2`, []any{arrival, string(credential.Arrival)}, &former); err != nil {
			return found(err, ErrSpent)
		}
		if _, err := t.exec(ctx, `DELETE FROM confirmation WHERE id = $1 AND purpose = $2`, former, string(account.ForArrival)); err != nil {
			return err
		}
		if err := db.insertConfirmation(ctx, t, n); err != nil {
			return err
		}
		rows, err := t.exec(ctx, `UPDATE credential SET subject = $1 WHERE hash = $2 AND subject = $3`, n.ID, arrival, former)
		if err == nil && rows == 0 {
			err = ErrSpent
		}
		if err != nil {
			return fmt.Errorf("asking for a code: %w", err)
		}
		return db.leave(ctx, t, act)
	})
}

// ProveArrival uses up an arrival whose code was right, with its confirmation; the act mints the one that takes its place. ErrSpent.
func (db *DB) ProveArrival(ctx context.Context, arrival, confirmationID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := spend(ctx, t, arrival); err != nil {
			return err
		}
		if _, err := redeem(ctx, t, confirmationID); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}
