package store

import (
	"context"
	"encoding/json"
	"fmt"
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
		_, err = t.exec(ctx, insertSignal+`VALUES ($1, $2, '', $3, $4, $5, $6)`, streamID, txn+"."+string(stream.Verified), string(stream.Verified), state, txn, ms(now))
		return err
	})
}
