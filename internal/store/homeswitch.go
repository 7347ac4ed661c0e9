package store

import (
	"context"
	"errors"
	"math"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// pinBudget names the counter of a member's wrong PINs in a row, whoever typed them.
func pinBudget(r *secret.Ring, memberID string) string {
	return r.Obscure("failure", "home pin\x00"+memberID)
}

func forgetPINs(ctx context.Context, t *tx, r *secret.Ring, memberID string) error {
	_, err := t.exec(ctx, `DELETE FROM failure WHERE key = $1`, pinBudget(r, memberID))
	return err
}

// BeginSwitch reads the member that an account wants to become, and how that one stands now, and counts a wrong PIN in advance, where it has one; Switch and ComeBack
// give it back. Where the account, or the member, is not in the Home it is household.ErrNotFound. household.ErrPINLocked and *ratelimit.LimitedError count nothing.
func (db *DB) BeginSwitch(ctx context.Context, at household.Try) (c household.Candidate, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		var row memberRow
		err := get(ctx, t, `SELECT `+memberColumns+joinMember+` WHERE m.id = $1 AND m.account_id <> ''
			AND m.home_id = (SELECT home_id FROM home_member WHERE account_id = $2 AND account_id <> '')`, []any{at.Member, at.Source}, row.dest()...)
		if err != nil {
			return found(err, household.ErrNotFound)
		}
		if c.Clock, err = readClock(ctx, t); err != nil {
			return err
		}
		if c.Account, err = readStanding(ctx, t, row.AccountID); err != nil {
			return err
		}
		if c.Member, c.PIN, err = row.open(db); err != nil || c.PIN.Empty() {
			return err
		}
		c.Failures, err = db.chargePIN(ctx, t, at)
		return err
	})
	return c, err
}

// readStanding reads how an account stands: of a managed member, as the account that it is judged by.
func readStanding(ctx context.Context, t *tx, accountID string) (a account.Standing, err error) {
	a.ID = accountID
	err = get(ctx, t, `SELECT COALESCE(h.state, a.state), COALESCE(h.epoch, a.epoch), COALESCE(h.incident, a.incident), COALESCE(h.secured, a.secured)
		FROM account a LEFT JOIN account h ON h.id = a.home_owner WHERE a.id = $1`, []any{accountID}, &a.State, &a.Epoch, &a.Incident, &a.Secured)
	return a, found(err, household.ErrNotFound)
}

// chargePIN counts one wrong PIN of a member. The counter of one who is locked is never swept away, nor that of one who is near it.
func (db *DB) chargePIN(ctx context.Context, t *tx, at household.Try) (failures int64, err error) {
	key := pinBudget(db.ring(), at.Member)
	err = get(ctx, t, `INSERT INTO failure (key, count, until, seen_at) VALUES ($1, 1, 0, $3)
		ON CONFLICT (key) DO UPDATE SET count = failure.count + 1, until = 0 WHERE failure.until <= $2 AND failure.count < $4 RETURNING count`,
		[]any{key, ms(at.At), int64(math.MaxInt64), int64(household.MostTries)}, &failures)
	if errors.Is(err, errNoRow) {
		var until int64
		if err := get(ctx, t, `SELECT count, until FROM failure WHERE key = $1`, []any{key}, &failures, &until); err != nil {
			return 0, err
		}
		if failures >= household.MostTries {
			return failures, household.ErrPINLocked
		}
		return failures, &ratelimit.LimitedError{Until: timeOf(until)}
	}
	if wait := household.Wait(failures); err == nil && wait > 0 {
		_, err = t.exec(ctx, `UPDATE failure SET until = $1 WHERE key = $2`, ms(at.At.Add(wait)), key)
	}
	return failures, err
}

// Switch signs a member in on the device where another one is, forgets its wrong PINs, and, in a browser, parks the sign-in that was there: what was signed in with
// that at servers and apps in the browser ends. household.ErrNotFound when one of the two left the Home meanwhile; ErrSpent when the sign-in ended.
func (db *DB) Switch(ctx context.Context, s household.Switch, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, s.HomeID); err != nil {
			return err
		}
		for _, accountID := range []string{s.Source, s.Member.AccountID} {
			var one string
			err := get(ctx, t, `SELECT id FROM home_member WHERE home_id = $1 AND account_id = $2 AND account_id <> ''`, []any{s.HomeID, accountID}, &one)
			if err != nil {
				return found(err, household.ErrNotFound)
			}
		}
		if err := db.endFormer(ctx, t, s.EndsOf, s.Ends, act.At); err != nil {
			return err
		}
		if s.Parks != "" {
			if err := db.park(ctx, t, s, act.At); err != nil {
				return err
			}
		}
		if err := hold(ctx, t, s.Member.AccountID); err != nil {
			return err
		}
		if err := db.insertSignIn(ctx, t, s.SignIn, act.At); err != nil {
			return err
		}
		d := s.SignIn.Device
		var stands int64
		err := get(ctx, t, `SELECT COUNT(*) FROM device d JOIN instance i ON i.id = 1 WHERE d.id = $1 AND EXISTS (`+originStands+`)`, []any{d.ID}, &stands)
		if err == nil && stands == 0 {
			err = ErrSpent
		}
		if err == nil {
			err = trimSwitched(ctx, t, d, act.At)
		}
		if err == nil {
			err = forgetPINs(ctx, t, db.ring(), s.Member.ID)
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// endFormer ends what a browser was switched to before, if it still is.
func (db *DB) endFormer(ctx context.Context, t *tx, accountID, deviceID string, now time.Time) error {
	if deviceID == "" {
		return nil
	}
	err := endDevice(ctx, t, accountID, deviceID, now)
	if errors.Is(err, device.ErrNotFound) {
		return nil
	}
	return err
}

// park makes a browser's sign-in one that can only come back. ErrSpent.
func (db *DB) park(ctx context.Context, t *tx, s household.Switch, now time.Time) error {
	n, err := t.exec(ctx, `UPDATE credential SET hash = $1, kind = $2, fresh_at = 0 WHERE hash = $3 AND kind = $4`,
		db.ring().HashToken(string(credential.Away), s.Away)[0], string(credential.Away), s.Parks, string(credential.Browser))
	if err == nil && n == 0 {
		err = ErrSpent
	}
	if err != nil {
		return err
	}
	const made = `c.device_id = $1 AND c.kind IN ('` + string(credential.Access) + `', '` + string(credential.AuthorizationCode) + `')`
	if err := queueLogouts(ctx, t, made, s.SignIn.Device.Origin); err != nil {
		return err
	}
	if err := signalEnded(ctx, t, now, made, s.SignIn.Device.Origin); err != nil {
		return err
	}
	_, err = t.exec(ctx, `DELETE FROM credential AS c WHERE `+made, s.SignIn.Device.Origin)
	return err
}

// trimSwitched ends the oldest of what one device has been switched to one member on, over household.MostSwitched.
func trimSwitched(ctx context.Context, t *tx, d device.Device, now time.Time) error {
	var over []string
	err := each(ctx, t, `SELECT id FROM device WHERE origin = $1 AND origin <> '' AND account_id = $2 ORDER BY created_at DESC, id DESC`, []any{d.Origin, d.AccountID}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		over = append(over, id)
		return err
	})
	for i, id := range over {
		if err == nil && i >= household.MostSwitched {
			err = endDevice(ctx, t, d.AccountID, id, now)
		}
	}
	return err
}

// ComeBack makes a parked sign-in of a browser that browser's again, with a new token and not fresh, ends what it was switched to, and forgets the wrong PINs of
// its member. ErrSpent.
func (db *DB) ComeBack(ctx context.Context, r household.Return, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, r.Away.AccountID); err != nil {
			return err
		}
		if err := checkAlive(ctx, t, r.Away.Hash); err != nil {
			return err
		}
		n, err := t.exec(ctx, `UPDATE credential SET hash = $1, kind = $2 WHERE hash = $3 AND kind = $4`,
			db.ring().HashToken(string(credential.Browser), r.Token)[0], string(credential.Browser), r.Away.Hash, string(credential.Away))
		if err == nil && n == 0 {
			err = ErrSpent
		}
		if err == nil {
			err = db.endFormer(ctx, t, r.EndsOf, r.Ends, act.At)
		}
		if err == nil && r.Member != "" {
			err = forgetPINs(ctx, t, db.ring(), r.Member)
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// ListSwitched returns what members of a Home are switched to one another on, last used first. What has ended otherwise is not in it.
func (db *DB) ListSwitched(ctx context.Context, homeID string) ([]household.SignedIn, error) {
	type sealed struct{ facts, seen string }
	var all []household.SignedIn
	var rows []sealed
	err := each(ctx, db.engine.read(), `SELECT d.id, d.account_id, d.kind, d.method, d.origin, d.facts, d.seen, d.created_at, d.used_at, m.id, COALESCE(b.id, '')
		FROM home_member m JOIN account a ON a.id = m.account_id JOIN device d ON d.account_id = m.account_id JOIN instance i ON i.id = 1 LEFT JOIN account h ON h.id = a.home_owner
		LEFT JOIN device s ON s.id = d.origin LEFT JOIN home_member b ON b.account_id = s.account_id AND b.account_id <> ''
		WHERE m.home_id = $1 AND d.origin <> '' AND d.account_epoch >= COALESCE(h.epoch, a.epoch) AND d.born >= COALESCE(h.incident, a.incident) AND d.born >= i.incident AND d.born >= i.floor
		AND EXISTS (`+originStands+`) ORDER BY d.used_at DESC, d.id DESC`, []any{homeID}, func(row scanner) error {
		var one household.SignedIn
		var s sealed
		var created, used int64
		err := row.Scan(&one.ID, &one.AccountID, &one.Kind, &one.Method, &one.Origin, &s.facts, &s.seen, &created, &used, &one.Member, &one.By)
		one.CreatedAt, one.UsedAt = timeOf(created), timeOf(used)
		all, rows = append(all, one), append(rows, s)
		return err
	})
	open := db.opener(ctx)
	for i := range all {
		if err == nil {
			err = openDevice(open, &all[i].Device, rows[i].facts, rows[i].seen)
		}
	}
	return all, err
}

// EndSwitched ends something that a member of a Home is switched to another one on. device.ErrNotFound.
func (db *DB) EndSwitched(ctx context.Context, homeID, deviceID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, homeID); err != nil {
			return err
		}
		var accountID string
		err := get(ctx, t, `SELECT d.account_id FROM device d JOIN home_member m ON m.account_id = d.account_id WHERE d.id = $1 AND d.origin <> '' AND m.home_id = $2 AND m.account_id <> ''`,
			[]any{deviceID, homeID}, &accountID)
		if err != nil {
			return found(err, device.ErrNotFound)
		}
		if err := endDevice(ctx, t, accountID, deviceID, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}
