package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/secret"
)

type deviceFacts struct {
	Name    string       `json:"name"`
	Product string       `json:"product"`
	Purpose string       `json:"purpose,omitempty"`
	Server  string       `json:"server,omitempty"`
	Claim   device.Claim `json:"claim,omitzero"`
}

func deviceCell(id, column string) secret.Place {
	return secret.Place{Table: "device", Row: id, Column: column}
}

func sealDevice(key secret.AccountKey, d device.Device) (facts, seen string, err error) {
	f, err := json.Marshal(deviceFacts{d.Name, d.Product, d.Purpose, d.Server, d.Claim})
	if err != nil {
		return "", "", err
	}
	s, err := json.Marshal(d.Seen)
	return key.Seal(string(f), deviceCell(d.ID, "facts")), key.Seal(string(s), deviceCell(d.ID, "seen")), err
}

func openDevice(open func(accountID, sealed string, at secret.Place) (string, error), d *device.Device, facts, seen string) error {
	var f deviceFacts
	for _, v := range []struct {
		column, sealed string
		into           any
	}{{"facts", facts, &f}, {"seen", seen, &d.Seen}} {
		plain, err := open(d.AccountID, v.sealed, deviceCell(d.ID, v.column))
		if err == nil {
			err = json.Unmarshal([]byte(plain), v.into)
		}
		if err != nil {
			return fmt.Errorf("opening device %s: %w", d.ID, err)
		}
	}
	d.Name, d.Product, d.Purpose, d.Server, d.Claim = f.Name, f.Product, f.Purpose, f.Server, f.Claim
	return nil
}

// ListDevices returns what is signed in to an account, last used first. What an epoch has ended is not in it.
func (db *DB) ListDevices(ctx context.Context, accountID string) ([]device.Device, error) {
	var out []device.Device
	open := db.opener(ctx)
	type sealed struct{ facts, seen string }
	var rows []sealed
	err := each(ctx, db.engine.read(), `SELECT d.id, d.kind, d.method, d.origin, d.facts, d.seen, d.created_at, d.used_at
		FROM device d JOIN account a ON a.id = d.account_id JOIN instance i ON i.id = 1
		WHERE d.account_id = $1 AND d.account_epoch >= a.epoch AND d.born >= a.incident AND d.born >= i.incident AND d.born >= i.floor
		AND (d.origin = '' OR EXISTS (`+originStands+`)) ORDER BY d.used_at DESC, d.id DESC`, []any{accountID}, func(row scanner) error {
		d, s := device.Device{AccountID: accountID}, sealed{}
		var created, used int64
		err := row.Scan(&d.ID, &d.Kind, &d.Method, &d.Origin, &s.facts, &s.seen, &created, &used)
		d.CreatedAt, d.UsedAt = timeOf(created), timeOf(used)
		out, rows = append(out, d), append(rows, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the devices: %w", err)
	}
	for i := range out {
		if err := openDevice(open, &out[i], rows[i].facts, rows[i].seen); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// EndDevice signs one device of an account out, with everything made from it; device.ErrNotFound when the account has no such device.
func (db *DB) EndDevice(ctx context.Context, accountID, deviceID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := endDevice(ctx, t, accountID, deviceID, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// endDevice deletes a device and everything made from it. It holds the account, so that nothing is being made from it at the same time.
func endDevice(ctx context.Context, t *tx, accountID, deviceID string, now time.Time) error {
	if err := hold(ctx, t, accountID); err != nil {
		return err
	}
	if err := queueLogouts(ctx, t, `c.device_id = $1 AND c.account_id = $2`, deviceID, accountID); err != nil {
		return err
	}
	if err := signalEnded(ctx, t, now, `c.device_id = $1 AND c.account_id = $2`, deviceID, accountID); err != nil {
		return err
	}
	n, err := t.exec(ctx, `DELETE FROM device WHERE id = $1 AND account_id = $2`, deviceID, accountID)
	if err != nil {
		return err
	}
	if n == 0 {
		return device.ErrNotFound
	}
	if _, err := t.exec(ctx, `DELETE FROM credential WHERE device_id = $1`, deviceID); err != nil {
		return err
	}
	return endSwitched(ctx, t, `d.origin = $1`, now, deviceID)
}

// endApp is endDevice for whoever's device it is, but only when that is an app.
func endApp(ctx context.Context, t *tx, deviceID string) error {
	n, err := t.exec(ctx, `DELETE FROM device WHERE id = $1 AND kind IN ($2, $3)`, deviceID, string(device.App), string(device.TV))
	if err != nil || n == 0 {
		return err
	}
	_, err = t.exec(ctx, `DELETE FROM credential WHERE device_id = $1`, deviceID)
	return err
}

// clientsOf are the keyed hashes under which a device's own name for itself may stand, the newest key's first; none when it has no such name.
func (db *DB) clientsOf(d device.Device) []string {
	if d.Claim.Identifier == "" || d.Origin != "" { // the member may be signed in there itself
		return nil
	}
	return db.ring().HashToken("client", secret.TokenOf(d.AccountID+"\x00"+d.Claim.Identifier))
}

// replaceTwins signs out what the account has under the same name for itself: apps by apps, servers by servers. It holds the account, so that
// two at once do not both stay.
func (db *DB) replaceTwins(ctx context.Context, t *tx, d device.Device, now time.Time) error {
	clients := db.clientsOf(d)
	if len(clients) == 0 {
		return nil
	}
	if _, err := db.lock(ctx, t, d.AccountID); err != nil {
		return err
	}
	list, args := oneOf([]any{d.AccountID, string(device.Server), d.Kind == device.Server}, clients)
	var twins []string
	err := each(ctx, t, `SELECT id FROM device WHERE account_id = $1 AND (kind = $2) = $3 AND client IN `+list, args, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		twins = append(twins, id)
		return err
	})
	for _, id := range twins {
		if err == nil {
			err = endDevice(ctx, t, d.AccountID, id, now)
		}
	}
	return err
}

// trimDevices signs out what is over device.Most among browsers, or among apps and players, and leaves trimmed if any went, or some that are alike
// have gone before: neither crowds out the other, and app passwords, servers and what was switched to the account have numbers of their own. What an epoch of the account has ended goes along
// and does not count.
func (db *DB) trimDevices(ctx context.Context, t *tx, signedIn device.Device, alike int, trimmed audit.Act) error {
	var over []string
	counted := 0
	// The CAST keeps SQLite from planning anew each time: a bare parameter there is part of the plan.
	err := each(ctx, t, `SELECT d.id, d.account_epoch < a.epoch FROM device d JOIN account a ON a.id = d.account_id
		WHERE d.account_id = $1 AND (d.kind IN ($2,$3)) = $4 AND d.method NOT IN ($5,$8) AND d.kind <> $7 AND d.origin = '' ORDER BY d.used_at DESC, d.id DESC LIMIT CAST($6 AS BIGINT)`,
		[]any{signedIn.AccountID, string(device.App), string(device.TV), signedIn.Kind.IsSoftware(), device.ByAppPassword, int64(2 * device.Most), string(device.Server), device.ByServerPassword}, func(row scanner) error {
			var id string
			var ended bool
			if err := row.Scan(&id, &ended); err != nil {
				return err
			}
			if !ended {
				counted++
			}
			if ended || counted > device.Most {
				over = append(over, id)
			}
			return nil
		})
	if err != nil {
		return err
	}
	for _, id := range over {
		err := endDevice(ctx, t, signedIn.AccountID, id, trimmed.At)
		if err != nil && !errors.Is(err, device.ErrNotFound) { // somebody signed it out at this moment
			return err
		}
	}
	if alike == 0 && counted <= device.Most {
		return nil
	}
	return db.leave(ctx, t, trimmed)
}

// touchBatch bounds how many devices are written in one transaction, so that no sign-in waits for long.
const touchBatch = 500

// TouchDevices writes when and where devices were last used; those that ended meanwhile are passed over.
func (db *DB) TouchDevices(ctx context.Context, used []device.Device) error {
	used = slices.SortedFunc(slices.Values(used), func(a, b device.Device) int { return strings.Compare(a.ID, b.ID) }) // all nodes in one order
	for some := range slices.Chunk(used, touchBatch) {
		if err := db.engine.write(ctx, func(t *tx) error { return db.touch(ctx, t, some) }); err != nil {
			return fmt.Errorf("writing last uses: %w", err)
		}
	}
	return nil
}

func (db *DB) touch(ctx context.Context, t *tx, used []device.Device) error {
	for _, d := range used {
		key, err := db.keyOf(ctx, t, d.AccountID)
		if errors.Is(err, account.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		seen, err := json.Marshal(d.Seen)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `UPDATE device SET used_at = $1, seen = $2 WHERE id = $3 AND account_id = $4 AND used_at < $1`,
			ms(d.UsedAt), key.Seal(string(seen), deviceCell(d.ID, "seen")), d.ID, d.AccountID)
		if err != nil {
			return err
		}
		if d.Origin == "" {
			continue
		}
		// What it was switched on is used with it: else it would be swept away while it is.
		if _, err = t.exec(ctx, `UPDATE device SET used_at = $1 WHERE id = $2 AND used_at < $1`, ms(d.UsedAt), d.Origin); err != nil {
			return err
		}
	}
	return nil
}
