package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// BeginAttempt reads what a typed password is to be checked against and counts the failure in advance, so that no increment is lost
// however many tries run at once; OpenSignIn and ForgiveAttempt give it back. *ratelimit.LimitedError and credential.Exhausted count
// nothing.
func (db *DB) BeginAttempt(ctx context.Context, at credential.Attempt) (c credential.Candidate, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		c = credential.Candidate{}
		if err := db.take(ctx, t, at.Network, at.At); err != nil {
			return err
		}
		if c.Clock, err = readClock(ctx, t); err != nil {
			return err
		}
		if c.Account, err = db.attempted(ctx, t, at); err != nil && !errors.Is(err, account.ErrNotFound) {
			return err
		}
		if c.Known, c.Budget, err = db.budgetOf(ctx, t, at, c.Account.ID); err != nil {
			return err
		}
		return db.charge(ctx, t, c.Budget, at.At)
	})
	return c, err
}

func (db *DB) attempted(ctx context.Context, t *tx, at credential.Attempt) (account.Account, error) {
	if at.Account == "" {
		return db.findAccount(ctx, t, at.Handle)
	}
	var s sealedAccount
	err := get(ctx, t, `SELECT `+accountColumns+` FROM account a WHERE a.id = $1`, []any{at.Account}, s.dest()...)
	if err != nil {
		return account.Account{}, found(err, account.ErrNotFound)
	}
	return s.open(db.ring())
}

// budgetOf names the failure counter: the account's own, whatever name was typed; a known browser's own; or, for nobody's handle, the
// handle's, so that limits tell nothing either. What a browser shows is looked up for nobody's handle too, so that the work tells nothing.
func (db *DB) budgetOf(ctx context.Context, t *tx, at credential.Attempt, accountID string) (known bool, key string, err error) {
	var shown credential.Found
	if at.Known.WellFormed() {
		shown, err = db.findCredential(ctx, t, credential.Known, at.Known)
		if err != nil && !errors.Is(err, credential.ErrUnknown) {
			return false, "", err
		}
	}
	switch {
	case accountID == "":
		return false, db.ring().Obscure("failure", "handle\x00"+string(at.Handle.Kind)+"\x00"+at.Handle.Value), nil
	case shown.AccountID == accountID && credential.Judge(shown, at.At) == nil:
		return true, db.ring().Obscure("failure", "known\x00"+shown.Hash), nil
	}
	return false, accountBudget(db.ring(), accountID), nil
}

func accountBudget(r *secret.Ring, accountID string) string {
	return r.Obscure("failure", "account\x00"+accountID)
}

// charge counts one failure, unless the counter has to wait or is used up.
func (db *DB) charge(ctx context.Context, t *tx, key string, now time.Time) error {
	var count, until int64
	err := get(ctx, t, `INSERT INTO failure (key, count, until, seen_at) VALUES ($1, 1, 0, $2)
		ON CONFLICT (key) DO UPDATE SET count = failure.count + 1, seen_at = $2 WHERE failure.until <= $2 AND failure.count < $3
		RETURNING count`, []any{key, ms(now), int64(ratelimit.MostFailures)}, &count)
	if errors.Is(err, errNoRow) {
		if err := get(ctx, t, `SELECT count, until FROM failure WHERE key = $1`, []any{key}, &count, &until); err != nil {
			return err
		}
		if count >= ratelimit.MostFailures {
			return credential.Exhausted{}
		}
		return &ratelimit.LimitedError{Until: timeOf(until)}
	}
	if err != nil {
		return fmt.Errorf("counting a try: %w", err)
	}
	if wait := ratelimit.Wait(count); wait > 0 {
		_, err = t.exec(ctx, `UPDATE failure SET until = $1 WHERE key = $2`, ms(now.Add(wait)), key)
	}
	return err
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

// Take counts acts against their limits, all or none.
func (db *DB) Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error {
	return db.engine.write(ctx, func(t *tx) error { return db.take(ctx, t, takes, now) })
}

// forgive gives a try that was no failure back: the counter starts anew. Network first, then account, as BeginAttempt counts them.
func (db *DB) forgive(ctx context.Context, t *tx, at credential.Attempt, c credential.Candidate) error {
	if err := db.giveBack(ctx, t, at.Network); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM failure WHERE key = $1`, c.Budget)
	return err
}

// ForgiveAttempt gives a try back whose password was right but which opens nothing; failures before it are forgotten.
func (db *DB) ForgiveAttempt(ctx context.Context, at credential.Attempt, c credential.Candidate, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.forgive(ctx, t, at, c); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// ReturnAttempt gives one try back without forgetting the failures before it, for a check that did not take place.
func (db *DB) ReturnAttempt(ctx context.Context, at credential.Attempt, c credential.Candidate) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.giveBack(ctx, t, at.Network); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE failure SET count = count - 1, until = 0 WHERE key = $1 AND count > 0`, c.Budget)
		return err
	})
}

// OpenSignIn signs a browser in after a good proof: device, credentials, record, mail, and the try given back, all or nothing. When the
// account then has more devices than device.Most, the ones unused for longest are signed out and trimmed is left as well.
func (db *DB) OpenSignIn(ctx context.Context, at credential.Attempt, c credential.Candidate, s credential.SignIn, act, trimmed audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.forgive(ctx, t, at, c); err != nil {
			return err
		}
		if s.Spends != "" {
			if err := spend(ctx, t, s.Spends); err != nil {
				return err
			}
		}
		if err := db.spendFactor(ctx, t, s.Factor); err != nil {
			return err
		}
		if err := db.insertSignIn(ctx, t, s, act.At); err != nil {
			return err
		}
		n, err := db.trimDevices(ctx, t, s.Device)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := db.leave(ctx, t, trimmed); err != nil {
				return err
			}
		}
		return db.leave(ctx, t, act)
	})
}

type deviceFacts struct {
	Name    string `json:"name"`
	Product string `json:"product"`
	Purpose string `json:"purpose,omitempty"`
}

func deviceCell(id, column string) secret.Place {
	return secret.Place{Table: "device", Row: id, Column: column}
}

func sealDevice(key secret.AccountKey, d device.Device) (facts, seen string, err error) {
	f, err := json.Marshal(deviceFacts{d.Name, d.Product, d.Purpose})
	if err != nil {
		return "", "", err
	}
	s, err := json.Marshal(d.Seen)
	return key.Seal(string(f), deviceCell(d.ID, "facts")), key.Seal(string(s), deviceCell(d.ID, "seen")), err
}

func (db *DB) insertSignIn(ctx context.Context, t *tx, s credential.SignIn, now time.Time) error {
	d := s.Device
	key, err := db.keyOf(ctx, t, d.AccountID)
	if err != nil {
		return err
	}
	facts, seen, err := sealDevice(key, d)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO device (id, account_id, kind, method, facts, seen, born, account_epoch, created_at, used_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$9)`, d.ID, d.AccountID, string(d.Kind), d.Method,
		facts, seen, s.Stamp.Born, s.Stamp.Account, ms(now))
	if err != nil {
		return fmt.Errorf("writing a device: %w", err)
	}
	_, err = db.insertCredential(ctx, t, newCredential{kind: cmp.Or(s.Kind, credential.Browser), token: s.Token, accountID: d.AccountID, deviceID: d.ID, stamp: s.Stamp, freshAt: s.FreshAt}, now)
	for _, kept := range []newCredential{
		{kind: credential.Known, token: s.Known, accountID: d.AccountID, stamp: s.Stamp},
		{kind: credential.Remembered, token: s.Remember, accountID: d.AccountID, stamp: s.Stamp, detail: s.RememberedAs},
	} {
		if err == nil && !kept.token.Empty() {
			_, err = db.insertCredential(ctx, t, kept, now)
		}
	}
	return err
}

// AddDevice signs something in beside the browsers: an app password, say. The act is its owner's. device.ErrTooMany when the account has
// s.Most credentials of that kind already, dead ones not counted.
func (db *DB) AddDevice(ctx context.Context, s credential.SignIn, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.roomFor(ctx, t, s); err != nil {
			return err
		}
		if err := db.insertSignIn(ctx, t, s, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// roomFor holds the account while it counts, so that two at once do not both find the last place.
func (db *DB) roomFor(ctx context.Context, t *tx, s credential.SignIn) error {
	if s.Most == 0 {
		return nil
	}
	if _, err := db.lock(ctx, t, s.Device.AccountID); err != nil {
		return err
	}
	var n int64
	err := get(ctx, t, `SELECT COUNT(*) FROM credential c JOIN account a ON a.id = c.account_id JOIN instance i ON i.id = 1
		WHERE c.account_id = $1 AND c.kind = $2 AND `+alive,
		[]any{s.Device.AccountID, string(s.Kind)}, &n)
	if err == nil && n >= s.Most {
		err = device.ErrTooMany
	}
	return err
}

// trimDevices signs out what is over device.Most among browsers, or among apps, and returns how many devices that were: neither crowds out the
// other, and app passwords have a number of their own. What an epoch of the account has ended goes along and does not count.
func (db *DB) trimDevices(ctx context.Context, t *tx, signedIn device.Device) (n int, err error) {
	var over []string
	counted := 0
	// The CAST keeps SQLite from planning anew each time: a bare parameter there is part of the plan.
	err = each(ctx, t, `SELECT d.id, d.account_epoch < a.epoch FROM device d JOIN account a ON a.id = d.account_id
		WHERE d.account_id = $1 AND (d.kind = $2) = $3 AND d.method <> $4 ORDER BY d.used_at DESC, d.id DESC LIMIT CAST($5 AS BIGINT)`,
		[]any{signedIn.AccountID, string(device.App), signedIn.Kind == device.App, device.ByAppPassword, int64(2 * device.Most)}, func(row scanner) error {
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
		return 0, err
	}
	for _, id := range over {
		err := endDevice(ctx, t, signedIn.AccountID, id)
		if err != nil && !errors.Is(err, device.ErrNotFound) { // somebody signed it out at this moment
			return 0, err
		}
	}
	return max(0, counted-device.Most), nil
}

// endDevice deletes a device and everything made from it.
func endDevice(ctx context.Context, t *tx, accountID, deviceID string) error {
	n, err := t.exec(ctx, `DELETE FROM device WHERE id = $1 AND account_id = $2`, deviceID, accountID)
	if err != nil {
		return err
	}
	if n == 0 {
		return device.ErrNotFound
	}
	_, err = t.exec(ctx, `DELETE FROM credential WHERE device_id = $1`, deviceID)
	return err
}

// EndDevice signs one device of an account out, with everything made from it; device.ErrNotFound when the account has no such device.
func (db *DB) EndDevice(ctx context.Context, accountID, deviceID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := endDevice(ctx, t, accountID, deviceID); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// EndEverything signs out everything of an account by one step of its epoch. With a sign-in, the browser that asked is signed in anew under
// the new epoch, in the place of the sign-in it had; ErrSpent when that one, or the account's epoch, ended meanwhile.
func (db *DB) EndEverything(ctx context.Context, accountID string, keep *credential.SignIn, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.endEverything(ctx, t, accountID, keep, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// endEverything steps the account's epoch. A browser that stays takes the place of the sign-in it had, which must still count: what another
// act has ended since it was read does not come back.
func (db *DB) endEverything(ctx context.Context, t *tx, accountID string, keep *credential.SignIn, now time.Time) error {
	epoch, err := stepAccount(ctx, t, accountID)
	if err != nil || keep == nil {
		return err
	}
	if epoch != keep.Stamp.Account+1 {
		return ErrSpent
	}
	if err := spend(ctx, t, keep.Replaces); err != nil {
		return err
	}
	s := *keep
	s.Stamp.Account = epoch
	return db.insertSignIn(ctx, t, s, now)
}

func stepAccount(ctx context.Context, t *tx, accountID string) (epoch int64, err error) {
	err = get(ctx, t, `UPDATE account SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch`, []any{accountID}, &epoch)
	return epoch, found(err, account.ErrNotFound)
}

// RenewSignIn puts a new token in the place of a browser's old one, which is dead from then on, and marks it fresh; ErrSpent when the old
// one ended meanwhile.
func (db *DB) RenewSignIn(ctx context.Context, r credential.Renewal, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.spendFactor(ctx, t, r.Factor); err != nil {
			return err
		}
		if err := db.renew(ctx, t, r.Replaces, r.Token, r.FreshAt); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func (db *DB) renew(ctx context.Context, t *tx, oldHash string, token secret.Token, freshAt time.Time) error {
	n, err := t.exec(ctx, `UPDATE credential SET hash = $1, fresh_at = $2 WHERE hash = $3 AND kind = $4`,
		db.ring().HashToken(string(credential.Browser), token)[0], ms(freshAt), oldHash, string(credential.Browser))
	if err == nil && n == 0 {
		err = ErrSpent
	}
	return err
}

// ListDevices returns what is signed in to an account, last used first. What an epoch has ended is not in it.
func (db *DB) ListDevices(ctx context.Context, accountID string) ([]device.Device, error) {
	var out []device.Device
	open := db.opener(ctx)
	type sealed struct{ facts, seen string }
	var rows []sealed
	err := each(ctx, db.engine.read(), `SELECT d.id, d.kind, d.method, d.facts, d.seen, d.created_at, d.used_at
		FROM device d JOIN account a ON a.id = d.account_id JOIN instance i ON i.id = 1
		WHERE d.account_id = $1 AND d.account_epoch >= a.epoch AND d.born >= a.incident AND d.born >= i.incident AND d.born >= i.floor
		ORDER BY d.used_at DESC, d.id DESC`, []any{accountID}, func(row scanner) error {
		d, s := device.Device{AccountID: accountID}, sealed{}
		var created, used int64
		err := row.Scan(&d.ID, &d.Kind, &d.Method, &s.facts, &s.seen, &created, &used)
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
	d.Name, d.Product, d.Purpose = f.Name, f.Product, f.Purpose
	return nil
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
	}
	return nil
}
