package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"usher/internal/id"
	"usher/internal/secret"
	"usher/internal/stream"
)

// streamFacts is what is sealed of a stream.
type streamFacts struct {
	Endpoint      string `json:"endpoint,omitempty"`
	Authorization string `json:"authorization,omitempty"`
	Description   string `json:"description,omitempty"`
	Reason        string `json:"reason,omitempty"`
}

func streamCell(id string) secret.Place {
	return secret.Place{Table: "stream", Row: id, Column: "facts"}
}

func (db *DB) sealStream(s stream.Stream) (string, error) {
	raw, err := json.Marshal(streamFacts{s.Facts.Endpoint, s.Facts.Authorization.Reveal(), s.Facts.Description, s.Facts.Reason})
	return db.common.Seal(string(raw), streamCell(s.ID)), err
}

const selectStream = `SELECT m.id, m.client_id, m.facts, m.events, m.status, m.told, m.missed, m.created_at, m.fails, i.floor FROM stream m JOIN instance i ON i.id = 1`

// streamRow is a stream as it stands in its row.
type streamRow struct {
	stream.Stream
	facts           string
	missed, created int64
}

func (r *streamRow) dest() []any {
	s := &r.Stream
	return []any{&s.ID, &s.ClientID, &r.facts, &s.Events, &s.Status, &s.Told, &r.missed, &r.created, &s.Fails, &s.Floor}
}

// open unseals the row.
func (r *streamRow) open(db *DB) (stream.Stream, error) {
	s := r.Stream
	s.Missed, s.CreatedAt = timeOf(r.missed), timeOf(r.created)
	var f streamFacts
	plain, err := db.common.Open(r.facts, streamCell(s.ID))
	if err == nil {
		err = json.Unmarshal([]byte(plain), &f)
	}
	if err != nil {
		return s, fmt.Errorf("opening stream %s: %w", s.ID, err)
	}
	s.Facts = stream.Facts{Endpoint: f.Endpoint, Authorization: secret.TokenOf(f.Authorization), Description: f.Description, Reason: f.Reason}
	return s, nil
}

// FindStream returns the stream of a client; stream.ErrNotFound.
func (db *DB) FindStream(ctx context.Context, clientID string) (stream.Stream, error) {
	var r streamRow
	if err := get(ctx, db.engine.point(), selectStream+` WHERE m.client_id = $1`, []any{clientID}, r.dest()...); err != nil {
		return stream.Stream{}, found(err, stream.ErrNotFound)
	}
	return r.open(db)
}

// CreateStream writes the stream of a client, which begins now: of what was before, its reader is not told. stream.ErrExists; stream.ErrNotFound when
// the client is gone.
func (db *DB) CreateStream(ctx context.Context, s stream.Stream) error {
	return db.engine.write(ctx, func(t *tx) error {
		facts, err := db.sealStream(s)
		if err != nil {
			return err
		}
		held, err := t.exec(ctx, `UPDATE client SET removed_at = removed_at WHERE id = $1 AND removed_at = 0`, s.ClientID)
		if err == nil && held == 0 {
			err = stream.ErrNotFound
		}
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, `INSERT INTO stream (id, client_id, facts, events, status, push, told, missed, due_at, fails, created_at)
			SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT), CAST($6 AS BOOLEAN), i.floor, 0, 0, 0, CAST($7 AS BIGINT)
			FROM instance i WHERE i.id = 1 ON CONFLICT (client_id) DO NOTHING`,
			s.ID, s.ClientID, facts, int64(s.Events), string(s.Status), s.Method() == stream.Push, ms(s.CreatedAt))
		if err == nil && n == 0 {
			err = stream.ErrExists
		}
		return err
	})
}

// ChangeStream writes what the reader of a stream decides about it; a disabled one keeps nothing that waits. It may be called at once. stream.ErrNotFound.
func (db *DB) ChangeStream(ctx context.Context, s stream.Stream) error {
	return db.engine.write(ctx, func(t *tx) error {
		facts, err := db.sealStream(s)
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, `UPDATE stream SET facts = $1, events = $2, status = $3, push = $4, due_at = 0, fails = 0 WHERE id = $5 AND client_id = $6`,
			facts, int64(s.Events), string(s.Status), s.Method() == stream.Push, s.ID, s.ClientID)
		if err == nil && n == 0 {
			err = stream.ErrNotFound
		}
		if err != nil || s.Status != stream.Disabled {
			return err
		}
		_, err = t.exec(ctx, `DELETE FROM signal WHERE stream_id = $1`, s.ID)
		return err
	})
}

// DeleteStream ends a stream of a client, with what waits on it; stream.ErrNotFound.
func (db *DB) DeleteStream(ctx context.Context, clientID, streamID string) error {
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `DELETE FROM stream WHERE id = $1 AND client_id = $2`, streamID, clientID)
		if err == nil && n == 0 {
			err = stream.ErrNotFound
		}
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `DELETE FROM signal WHERE stream_id = $1`, streamID)
		return err
	})
}

// endStream ends the stream of a client that is being removed. What waits on it is nobody's, and is swept.
func endStream(ctx context.Context, t *tx, clientID string) error {
	_, err := t.exec(ctx, `DELETE FROM stream WHERE client_id = $1`, clientID)
	return err
}

// VerifyStream has a stream tell the state that its reader gave, in the place of one that waits; stream.ErrNotFound.
func (db *DB) VerifyStream(ctx context.Context, clientID, streamID, state string, now time.Time) error {
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE stream SET due_at = due_at WHERE id = $1 AND client_id = $2`, streamID, clientID)
		if err == nil && n == 0 {
			err = stream.ErrNotFound
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM signal WHERE stream_id = $1 AND what = $2`, streamID, string(stream.Verified)); err != nil {
			return err
		}
		txn := id.New(now)
		_, err = t.exec(ctx, signalColumns+`VALUES ($1, $2, '', $3, $4, $5, $6)`, streamID, txn+"."+string(stream.Verified), string(stream.Verified), state, txn, ms(now))
		return err
	})
}

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
