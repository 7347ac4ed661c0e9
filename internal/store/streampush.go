package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/stream"
)

// LeaseStreams hands out up to limit streams whose readers are to be called; they are due again when the lease ends, unless SettleStream says otherwise.
func (db *DB) LeaseStreams(ctx context.Context, now time.Time, lease time.Duration, limit int) (all []stream.Stream, err error) {
	bit, due := int64(stream.ForEverybody()), ` FROM stream m WHERE m.push AND m.due_at <= $2 AND `+pending
	var first string
	if err := get(ctx, db.engine.read(), `SELECT m.id`+due+` ORDER BY m.due_at LIMIT 1`, []any{bit, ms(now)}, &first); err != nil { // nearly always there is none
		return nil, found(err, nil)
	}
	var rows []streamRow
	err = db.engine.write(ctx, func(t *tx) error {
		rows = rows[:0]
		var ids []string
		err := each(ctx, t, `UPDATE stream SET due_at = $3 WHERE due_at <= $2 AND id IN (SELECT m.id`+due+` ORDER BY m.due_at LIMIT $4) RETURNING id`,
			[]any{bit, ms(now), ms(now.Add(lease)), int64(limit)}, func(row scanner) error {
				var id string
				err := row.Scan(&id)
				ids = append(ids, id)
				return err
			})
		if err != nil {
			return err
		}
		for _, some := range portions(ids) {
			list, args := oneOf(nil, some)
			err := each(ctx, t, selectStream+` WHERE m.id IN `+list, args, func(row scanner) error {
				var r streamRow
				err := row.Scan(r.dest()...)
				rows = append(rows, r)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for i := range rows {
		if err == nil {
			var s stream.Stream
			s, err = rows[i].open(db)
			all = append(all, s)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("leasing streams: %w", err)
	}
	return all, nil
}

// StreamTaken ends the lease of a stream whose reader took what it was sent.
func (db *DB) StreamTaken(ctx context.Context, id string) error {
	return db.settleStream(ctx, `UPDATE stream SET due_at = $1, fails = 0 WHERE id = $2`, id, time.Time{})
}

// StreamFailed leaves the reader of a stream, which did not take what it was sent, alone until then.
func (db *DB) StreamFailed(ctx context.Context, id string, again time.Time) error {
	return db.settleStream(ctx, `UPDATE stream SET due_at = $1, fails = fails + 1 WHERE id = $2`, id, again)
}

func (db *DB) settleStream(ctx context.Context, text, id string, again time.Time) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, text, ms(again), id)
		return err
	})
}
