package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/credential"
)

// startInstance writes the first row of a new database, and refuses a clock that has gone back behind what the database has seen: a
// restored virtual machine would accept what has expired.
func (db *DB) startInstance(ctx context.Context, now time.Time) error {
	var newest int64
	var wrapped string
	_, fresh, err := db.ring().NewAccountKey("")
	if err != nil {
		return err
	}
	err = db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO instance (id, key, epoch, floor, incident, generation, newest, created_at)
			VALUES (1, $1, $2, 0, 0, $3, $4, $4) ON CONFLICT (id) DO NOTHING`, fresh, now.Unix(), db.ring().Generation(), ms(now))
		if err != nil {
			return err
		}
		return get(ctx, t, `SELECT newest, key FROM instance WHERE id = 1`, nil, &newest, &wrapped)
	})
	if err != nil {
		return fmt.Errorf("reading the instance: %w", err)
	}
	if db.common, err = db.ring().AccountKey("", wrapped); err != nil {
		return ErrOtherRing
	}
	db.decoy = newDecoy(db.common, wrapped)
	if ahead := timeOf(newest).Sub(now); ahead > clockSlack {
		return fmt.Errorf("this machine's clock says %s, but the database was last written at %s: set the clock right and start again",
			now.UTC().Format(time.RFC3339), timeOf(newest).Format(time.RFC3339))
	}
	return nil
}

// ErrOtherRing says that the database was made with another key ring.
var ErrOtherRing = errors.New("this key ring does not open this database: give the ring that belongs to it (key_ring)")

// clockSlack is how far nodes' clocks may be apart.
const clockSlack = 2 * time.Minute

// TickInstance records that the database was in use at now, and the key ring's generation. It returns the newest generation any node
// has seen, so that a node with an older ring notices.
func (db *DB) TickInstance(ctx context.Context, now time.Time) (generation int64, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		return get(ctx, t, `UPDATE instance SET
			newest = CASE WHEN newest > $1 THEN newest ELSE $1 END,
			generation = CASE WHEN generation > $2 THEN generation ELSE $2 END
			WHERE id = 1 RETURNING generation`, []any{ms(now), db.ring().Generation()}, &generation)
	})
	return generation, err
}

// NewestGeneration returns the newest generation of the key ring that any node has recorded.
func (db *DB) NewestGeneration(ctx context.Context) (generation int64, err error) {
	err = get(ctx, db.engine.read(), `SELECT generation FROM instance WHERE id = 1`, nil, &generation)
	return generation, err
}

// ReadClock returns the instance's logical clock.
func (db *DB) ReadClock(ctx context.Context) (credential.Clock, error) {
	return readClock(ctx, db.engine.read())
}

func readClock(ctx context.Context, q querier) (c credential.Clock, err error) {
	err = get(ctx, q, `SELECT epoch, floor, incident FROM instance WHERE id = 1`, nil, &c.Epoch, &c.Floor, &c.Incident)
	return c, err
}

// stepInstance moves the logical clock and returns its new value: at least one more, and at least the time, so that a restored database never
// reuses a value.
func stepInstance(ctx context.Context, t *tx, now time.Time) (epoch int64, err error) {
	err = get(ctx, t, `UPDATE instance SET epoch = CASE WHEN epoch + 1 > $1 THEN epoch + 1 ELSE $1 END WHERE id = 1 RETURNING epoch`,
		[]any{now.Unix()}, &epoch)
	return epoch, err
}

// lockInstance keeps every other change of the instance waiting until this transaction ends. Take it after an account's lock.
func lockInstance(ctx context.Context, t *tx) error {
	_, err := t.exec(ctx, `UPDATE instance SET epoch = epoch WHERE id = 1`)
	return err
}

// Lease takes or keeps a named lease for holder until the given time; false means that another node holds it.
func (db *DB) Lease(ctx context.Context, name, holder string, now time.Time, length time.Duration) (bool, error) {
	var n int64
	err := db.engine.write(ctx, func(t *tx) (err error) {
		n, err = t.exec(ctx, `INSERT INTO lease (name, holder, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE lease.until <= $4 OR lease.holder = excluded.holder`, name, holder, ms(now.Add(length)), ms(now))
		return err
	})
	return n == 1, err
}

// EndLease gives a named lease up that holder has; another's stays.
func (db *DB) EndLease(ctx context.Context, name, holder string) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM lease WHERE name = $1 AND holder = $2`, name, holder)
		return err
	})
}

// found turns "no row" into the noun's own error, and so a text that no row can have.
func found(err, none error) error {
	if errors.Is(err, errNoRow) || errors.Is(err, ErrText) {
		return none
	}
	return err
}
