package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/audit"
	"usher/internal/notice"
)

// ListQueue returns the queue's rows, newest first. Of their content it tells only the masked address.
func (db *DB) ListQueue(ctx context.Context, f notice.Filter) ([]notice.Queued, error) {
	text, args := `SELECT id, account_id, kind, state, body, attempts, reason, created_at, next_at, done_at FROM mail WHERE 1 = 1`, []any{}
	narrow := func(condition, value string) {
		if value != "" {
			args = append(args, value)
			text += fmt.Sprintf(condition, len(args))
		}
	}
	narrow(" AND state = $%d", f.State)
	narrow(" AND account_id = $%d", f.AccountID)
	narrow(" AND id < $%d", f.Before)
	args = append(args, int64(f.Limit))
	text += fmt.Sprintf(" ORDER BY id DESC LIMIT $%d", len(args))
	var out []notice.Queued
	err := each(ctx, db.engine.read(), text, args, func(row scanner) error {
		var q notice.Queued
		var body string
		var created, next, done int64
		err := row.Scan(&q.ID, &q.AccountID, &q.Kind, &q.State, &body, &q.Attempts, &q.Reason, &created, &next, &done)
		if err != nil {
			return err
		}
		q.CreatedAt, q.NextAt, q.DoneAt = timeOf(created), timeOf(next), timeOf(done)
		if body != "" {
			if n, err := db.openMail(q.ID, body); err == nil { // one that cannot be opened is still listed: the deliverer will say so
				q.To = notice.Masked(n.To)
			}
		}
		out = append(out, q)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the mail queue: %w", err)
	}
	return out, nil
}

// CountQueue returns how many mails wait, and how many came to each end since then.
func (db *DB) CountQueue(ctx context.Context, since time.Time) (map[string]int64, error) {
	out := map[string]int64{}
	err := each(ctx, db.engine.read(), `SELECT state, COUNT(*) FROM mail WHERE done_at >= $1 GROUP BY state
		UNION ALL SELECT 'waiting', COUNT(*) FROM mail WHERE state = 'waiting'`, []any{ms(since)}, func(row scanner) error {
		var state string
		var n int64
		err := row.Scan(&state, &n)
		out[state] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("counting the mail queue: %w", err)
	}
	return out, nil
}

// ResendMail makes one waiting mail due at once and records the act on its account; notice.ErrNotFound when it does not wait.
func (db *DB) ResendMail(ctx context.Context, mailID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		done := act
		err := get(ctx, t, `UPDATE mail SET next_at = $1 WHERE id = $2 AND state = 'waiting' RETURNING account_id`, []any{ms(act.At), mailID}, &done.Done.AccountID)
		if err != nil {
			return found(err, notice.ErrNotFound)
		}
		return db.leave(ctx, t, done)
	})
}

// ResendMailOf makes every waiting mail of the act's account due at once; notice.ErrNotFound when none waits.
func (db *DB) ResendMailOf(ctx context.Context, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE mail SET next_at = $1 WHERE account_id = $2 AND state = 'waiting'`, ms(act.At), act.Done.AccountID)
		if err != nil {
			return found(err, notice.ErrNotFound)
		}
		if n == 0 {
			return notice.ErrNotFound
		}
		return db.leave(ctx, t, act)
	})
}
