package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"usher/internal/stream"
)

// ReadSignals returns what waits at the top of a client's stream; stream.ErrNotFound. Nothing is taken off by reading, and a stream that is not enabled
// shows nothing.
func (db *DB) ReadSignals(ctx context.Context, clientID string, limit int) (w stream.Waiting, err error) {
	if w.Stream, err = db.FindStream(ctx, clientID); err != nil || w.Stream.Status != stream.Enabled {
		return w, err
	}
	err = each(ctx, db.engine.read(), `SELECT jti, account_id, what, subject, txn, at FROM signal WHERE stream_id = $1 ORDER BY jti LIMIT $2`,
		[]any{w.Stream.ID, int64(limit) + 1}, func(row scanner) error {
			var g stream.Signal
			var at int64
			err := row.Scan(&g.ID, &g.AccountID, &g.What, &g.Subject, &g.Cause, &at)
			g.At = timeOf(at)
			w.Signals = append(w.Signals, g)
			return err
		})
	if err != nil {
		return w, fmt.Errorf("reading signals: %w", err)
	}
	if w.More = len(w.Signals) > limit; w.More {
		w.Signals = w.Signals[:limit]
	}
	return w, nil
}

// listedSizes are how many values stand in a list of a statement; the last is repeated, so that there are few texts.
var listedSizes = []int{1, 20, 200}

// portions cuts values into lists of one of listedSizes each.
func portions(all []string) (lists [][]string) {
	most := listedSizes[len(listedSizes)-1]
	for len(all) > 0 {
		some := all[:min(most, len(all))]
		all = all[len(some):]
		for _, size := range listedSizes {
			if len(some) > size {
				continue
			}
			list := make([]string, size)
			for i := range list {
				list[i] = some[min(i, len(some)-1)]
			}
			lists = append(lists, list)
			break
		}
	}
	return lists
}

// AcknowledgeSignals takes off a client's stream what its reader has. What is not there is passed over; stream.ErrNotFound.
func (db *DB) AcknowledgeSignals(ctx context.Context, clientID string, a stream.Acknowledged) error {
	return db.engine.write(ctx, func(t *tx) error {
		var streamID string
		err := get(ctx, t, `UPDATE stream SET told = CASE WHEN told < $1 AND $1 <= (SELECT floor FROM instance WHERE id = 1) THEN $1 ELSE told END,
			missed = CASE WHEN missed <= $2 THEN 0 ELSE missed END WHERE client_id = $3 RETURNING id`, []any{a.Told, ms(a.Missed), clientID}, &streamID)
		if err != nil {
			return found(err, stream.ErrNotFound)
		}
		for _, some := range portions(a.Signals) {
			list, args := oneOf([]any{streamID}, some)
			if _, err := t.exec(ctx, `DELETE FROM signal WHERE stream_id = $1 AND jti IN `+list, args...); err != nil {
				return fmt.Errorf("taking signals off: %w", err)
			}
		}
		return nil
	})
}

// pending is true of a stream m on which something waits; $1 is the bit of stream.ForEverybody.
const pending = `(m.status = 'enabled' AND (EXISTS (SELECT 1 FROM signal g WHERE g.stream_id = m.id)
	OR (m.events & CAST($1 AS BIGINT)) <> 0 AND (m.missed > 0 OR m.told < (SELECT floor FROM instance WHERE id = 1))))`

// QuietStreams returns those of some streams that are there and have nothing to say.
func (db *DB) QuietStreams(ctx context.Context, ids []string) (quiet []string, err error) {
	for _, some := range portions(ids) {
		list, args := oneOf([]any{int64(stream.ForEverybody())}, some)
		err := each(ctx, db.engine.read(), `SELECT m.id FROM stream m WHERE m.id IN `+list+` AND NOT `+pending, args, func(row scanner) error {
			var id string
			err := row.Scan(&id)
			quiet = append(quiet, id)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("looking at streams: %w", err)
		}
	}
	return quiet, nil
}

// sweepSignals drops some signals that nobody has read for stream.Life, and notes on their streams that they did not get all.
func (db *DB) sweepSignals(ctx context.Context, now time.Time) (n int, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		n = 0
		streams := map[string]bool{}
		err := each(ctx, t, `DELETE FROM signal WHERE (stream_id, jti) IN (SELECT stream_id, jti FROM signal WHERE at <= $1 ORDER BY at LIMIT $2) RETURNING stream_id`,
			[]any{ms(now.Add(-stream.Life)), int64(sweepBatch)}, func(row scanner) error {
				var id string
				err := row.Scan(&id)
				streams[id] = true
				n++
				return err
			})
		for _, id := range slices.Sorted(maps.Keys(streams)) { // all nodes in one order
			if err == nil {
				_, err = t.exec(ctx, `UPDATE stream SET missed = $1 WHERE id = $2 AND missed < $1`, ms(now), id)
			}
		}
		return err
	})
	return n, err
}
