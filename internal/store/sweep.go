package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/device"
	"usher/internal/relyingparty"
	"usher/internal/server"
)

// sweepBatch bounds how many rows one sweep statement deletes, so that no writer waits for long.
const sweepBatch = 2000

// How long what is over is kept.
const (
	keepIdleDevice = 31 * 24 * time.Hour  // a day more than a sign-in may be idle; whatever ended it, it was not used since
	keepIdleApp    = 366 * 24 * time.Hour // and a media server
	keepDoneMail   = 30 * 24 * time.Hour
	keepFailures   = 30 * 24 * time.Hour
	keepDraft      = 30 * 24 * time.Hour
)

// Sweep deletes what has expired, some rows of each kind at a time, and reports whether there may be more. A used-up failure budget is kept:
// only a new password ends it. This node forgets what it has opened of clients: some of them may be gone.
func (db *DB) Sweep(ctx context.Context, now time.Time) (more bool, err error) {
	db.clients.forgetAll()
	for _, s := range []struct {
		what, text string
		at         time.Time
	}{
		{"credentials", `DELETE FROM credential WHERE hash IN (SELECT hash FROM credential WHERE expires_at <= $1 LIMIT $2)`, now},
		{"confirmations", `DELETE FROM confirmation WHERE id IN (SELECT id FROM confirmation WHERE expires_at <= $1 LIMIT $2)`, now},
		{"former addresses", `DELETE FROM handle WHERE hash IN (SELECT hash FROM handle WHERE held_until > 0 AND held_until <= $1 LIMIT $2) AND held_until > 0`, now},
		{"link requests", `DELETE FROM link_request WHERE id IN (SELECT id FROM link_request WHERE expires_at <= $1 LIMIT $2)`, now},
		{"link codes", `DELETE FROM link_code WHERE hash IN (SELECT hash FROM link_code WHERE until <= $1 LIMIT $2) AND until <= $1`, now},
		{"limits", `DELETE FROM rate WHERE key IN (SELECT key FROM rate WHERE tat <= $1 LIMIT $2) AND tat <= $1`, now},
		{"failures", `DELETE FROM failure WHERE key IN (SELECT key FROM failure WHERE seen_at <= $1 AND count < 100 LIMIT $2) AND seen_at <= $1`, now.Add(-keepFailures)},
		{"done mail", `DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE done_at > 0 AND done_at <= $1 LIMIT $2)`, now.Add(-keepDoneMail)},
		{"drafts of incidents", `DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE state = 'draft' AND created_at <= $1 LIMIT $2)`, now.Add(-keepDraft)},
		{"declined invitations", `DELETE FROM declined WHERE (account_id, owner_id) IN (SELECT account_id, owner_id FROM declined WHERE declined_at <= $1 LIMIT $2) AND declined_at <= $1`, now.Add(-server.DeclineLife)},
		{"logouts that nobody took", `DELETE FROM logout WHERE grant_hash IN (SELECT grant_hash FROM logout WHERE created_at <= $1 LIMIT $2)`, now.Add(-relyingparty.LogoutLife)},
		{"late mail", `UPDATE mail SET state = 'expired', body = '', done_at = $1 WHERE state || '' = 'waiting' AND id IN (SELECT id FROM mail WHERE state || '' = 'waiting' AND expires_at <= $1 LIMIT $2)`, now},
	} {
		var n int64
		failed := db.engine.write(ctx, func(t *tx) (err error) {
			n, err = t.exec(ctx, s.text, ms(s.at), int64(sweepBatch))
			return err
		})
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("sweeping %s: %w", s.what, failed))
		}
		more = more || n == sweepBatch
	}
	n, failed := db.sweepDevices(ctx, now)
	if failed != nil {
		err = errors.Join(err, fmt.Errorf("sweeping devices: %w", failed))
	}
	more = more || n == sweepBatch
	n, failed = db.sweepSignals(ctx, now)
	if failed != nil {
		err = errors.Join(err, fmt.Errorf("sweeping signals that nobody read: %w", failed))
	}
	more = more || n == sweepBatch
	left, failed := db.EndRemovedClient(ctx)
	if failed != nil {
		err = errors.Join(err, fmt.Errorf("ending what was made for a removed client: %w", failed))
	}
	return more || left, err
}

// sweepDevices deletes devices together with what was made from them.
func (db *DB) sweepDevices(ctx context.Context, now time.Time) (n int, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		var gone []string
		err := each(ctx, t, `DELETE FROM device WHERE id IN
			(SELECT id FROM device WHERE used_at <= $1 AND (kind NOT IN ($3,$5,$6) OR used_at <= $4) LIMIT $2) AND used_at <= $1 RETURNING id`,
			[]any{ms(now.Add(-keepIdleDevice)), int64(sweepBatch), string(device.App), ms(now.Add(-keepIdleApp)), string(device.Server), string(device.TV)}, func(row scanner) error {
				var id string
				err := row.Scan(&id)
				gone = append(gone, id)
				return err
			})
		if err != nil {
			return err
		}
		for _, id := range gone {
			if _, err := t.exec(ctx, `DELETE FROM credential WHERE device_id = $1`, id); err != nil {
				return err
			}
		}
		n = len(gone)
		return nil
	})
	return n, err
}
