package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/ratelimit"
)

// Take counts acts against their limits, all or none.
func (db *DB) Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error {
	return db.engine.write(ctx, func(t *tx) error { return db.take(ctx, t, takes, now) })
}

// take counts acts against their limits, all or none; *ratelimit.LimitedError names the latest time any of them opens again.
func (db *DB) take(ctx context.Context, t *tx, takes []ratelimit.Take, now time.Time) error {
	var closed time.Time
	for _, a := range db.counters(takes) {
		gap, room := a.Gap.Milliseconds(), a.Room.Milliseconds()
		var tat int64
		err := get(ctx, t, `INSERT INTO rate (key, tat) VALUES ($1, CAST($2 AS BIGINT) + CAST($3 AS BIGINT))
			ON CONFLICT (key) DO UPDATE SET tat = CASE WHEN rate.tat > $2 THEN rate.tat ELSE $2 END + $3 WHERE rate.tat <= $2 + $4
			RETURNING tat`, []any{a.Key, ms(now), gap, room}, &tat)
		if err == nil {
			continue
		}
		if !errors.Is(err, errNoRow) {
			return fmt.Errorf("counting an act: %w", err)
		}
		if err := get(ctx, t, `SELECT tat FROM rate WHERE key = $1`, []any{a.Key}, &tat); err != nil {
			return err
		}
		if opens := timeOf(tat - room); opens.After(closed) {
			closed = opens
		}
	}
	if !closed.IsZero() {
		return &ratelimit.LimitedError{Until: closed}
	}
	return nil
}

// counters obscures the keys and sorts by them: transactions that touch the same counters do so in the same order, so that none waits for
// the other in a circle.
func (db *DB) counters(takes []ratelimit.Take) []ratelimit.Take {
	out := slices.Clone(takes)
	for i := range out {
		out[i].Key = db.ring().Obscure("rate", out[i].Key)
	}
	slices.SortFunc(out, func(a, b ratelimit.Take) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// giveBack undoes take for an act that turned out not to count.
func (db *DB) giveBack(ctx context.Context, t *tx, takes []ratelimit.Take) error {
	for _, a := range db.counters(takes) {
		if _, err := t.exec(ctx, `UPDATE rate SET tat = tat - $1 WHERE key = $2`, a.Gap.Milliseconds(), a.Key); err != nil {
			return err
		}
	}
	return nil
}
