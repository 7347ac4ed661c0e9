package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/stream"
)

// LeaveHome takes an account out of the Home it has joined, and leaves besides what the owner is told: everything that came by switching to it or on its devices
// ends, and so does what the Home opened. household.ErrNotFound, also for the owner.
func (db *DB) LeaveHome(ctx context.Context, accountID string, act, owners audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		var homeID, memberID string
		err := get(ctx, t, `SELECT home_id, id FROM home_member WHERE account_id = $1 AND account_id <> '' AND home_id <> $1`, []any{accountID}, &homeID, &memberID)
		if err != nil {
			return found(err, household.ErrNotFound)
		}
		if err := db.takeOut(ctx, t, homeID, memberID, act.At); err != nil {
			return err
		}
		if err := db.leave(ctx, t, owners); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// RemoveMember is LeaveHome by the owner's word, for whoever it is but the owner: an invitation is withdrawn, a managed member erased. theirs is what an account that
// had joined is told. household.ErrNotFound.
func (db *DB) RemoveMember(ctx context.Context, homeID, memberID string, act, theirs audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.takeOut(ctx, t, homeID, memberID, act.At); err != nil {
			return err
		}
		if theirs.Done.Action != "" {
			if err := db.leave(ctx, t, theirs); err != nil {
				return err
			}
		}
		return db.leave(ctx, t, act)
	})
}

// takeOut removes a member of a Home, with everything that hangs on being one. household.ErrNotFound, also for the owner.
func (db *DB) takeOut(ctx context.Context, t *tx, homeID, memberID string, now time.Time) error {
	if err := hold(ctx, t, homeID); err != nil {
		return err
	}
	m, _, err := readMember(ctx, t, homeID, memberID)
	if err == nil && m.IsOwner() {
		err = household.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := forgetPINs(ctx, t, db.ring(), memberID); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM home_member WHERE id = $1`, memberID); err != nil || m.Waits() {
		return err
	}
	if err := hold(ctx, t, m.AccountID); err != nil {
		return err
	}
	if err := closeTo(ctx, t, m.AccountID, now); err != nil {
		return err
	}
	if m.Managed {
		return db.eraseManaged(ctx, t, m.AccountID, now)
	}
	return endInHome(ctx, t, m.AccountID, now)
}

// endInHome ends what came by switching to an account or on its devices, and its own sign-ins in browsers that are switched: its PIN goes with the member, and
// nothing else keeps who sits there from coming back to them.
func endInHome(ctx context.Context, t *tx, accountID string, now time.Time) error {
	if err := endSwitchedTo(ctx, t, accountID, now); err != nil {
		return err
	}
	if err := endSwitchedFrom(ctx, t, accountID, now); err != nil {
		return err
	}
	var away []string
	err := each(ctx, t, `SELECT device_id FROM credential WHERE account_id = $1 AND kind = $2 ORDER BY device_id`, []any{accountID, string(credential.Away)}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		away = append(away, id)
		return err
	})
	for _, id := range away {
		if err == nil {
			err = endDevice(ctx, t, accountID, id, now)
		}
		if errors.Is(err, device.ErrNotFound) {
			err = nil
		}
	}
	return err
}

// closeTo takes away what a Home opened to an account that leaves it, and what that one opened to the Home.
func closeTo(ctx context.Context, t *tx, accountID string, now time.Time) error {
	err := endHomeLines(ctx, t, `(account_id = $1 AND account_id <> '' OR server_id IN (SELECT s.id FROM server s WHERE s.account_id = $1))`, now, accountID)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE server SET home = '' WHERE account_id = $1 AND home <> ''`, accountID)
	return err
}

// endHomeLines takes members of Homes off the lists of servers, by the lines that the Home wrote there and that meet a condition, and ends what was made for them
// where no other line lets them in.
func endHomeLines(ctx context.Context, t *tx, condition string, now time.Time, args ...any) error {
	type line struct{ server, who string }
	var gone []line
	err := each(ctx, t, `DELETE FROM server_access WHERE home = TRUE AND `+condition+` RETURNING server_id, account_id`, args, func(row scanner) error {
		var l line
		err := row.Scan(&l.server, &l.who)
		gone = append(gone, l)
		return err
	})
	if err != nil {
		return fmt.Errorf("closing servers to members of a Home: %w", err)
	}
	for _, l := range gone {
		if err := signalClient(ctx, t, happened{stream.AllEnded, now}, l.server, stream.Signal{AccountID: l.who}); err != nil {
			return err
		}
		if checkIn(ctx, t, l.server, l.who, now) == nil {
			continue
		}
		if err := endAtServer(ctx, t, l.server, l.who); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM consent WHERE account_id = $1 AND client_id = $2`, l.who, l.server); err != nil {
			return err
		}
	}
	return nil
}

// eraseManaged destroys the account of a managed member.
func (db *DB) eraseManaged(ctx context.Context, t *tx, accountID string, now time.Time) error {
	if err := signalAccounts(ctx, t, happened{stream.Erased, now}, `a.id = $1`, accountID); err != nil {
		return err
	}
	n, err := t.exec(ctx, `DELETE FROM account WHERE id = $1 AND home_owner <> ''`, accountID)
	if err != nil || n == 0 {
		return err
	}
	return db.eraseRows(ctx, t, accountID)
}

// eraseRows deletes what an account has in every table.
func (db *DB) eraseRows(ctx context.Context, t *tx, accountID string) error {
	for _, table := range strings.Fields("handle device credential passkey confirmation mail recovery_code voided_password factor_removal incident_account link_request consent declined home_declined home_member server_access identity") {
		if _, err := t.exec(ctx, `DELETE FROM `+table+` WHERE account_id = $1 AND account_id <> ''`, accountID); err != nil {
			return fmt.Errorf("erasing from %s: %w", table, err)
		}
	}
	for _, table := range []string{"declined", "home_declined"} {
		if _, err := t.exec(ctx, `DELETE FROM `+table+` WHERE owner_id = $1`, accountID); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, `DELETE FROM failure WHERE key IN ($1, $2)`, accountBudget(db.ring(), accountID), factorBudget(db.ring(), accountID))
	return err
}

// endHomeSince takes an account out of a Home that it has joined since a stranger came, and those out of its own who have joined or were invited since: each becomes
// the account without any proof. Members without an account stay; nobody comes in by them. Whoever is parted from somebody by it finds that in their records.
func (db *DB) endHomeSince(ctx context.Context, t *tx, accountID string, since int64, now time.Time) error {
	type member struct{ id, home, account string }
	var all []member
	err := each(ctx, t, `SELECT id, home_id, account_id FROM home_member WHERE (home_id = $1 OR account_id = $1 AND account_id <> '') AND home_id <> account_id AND managed = FALSE
		AND CASE account_id WHEN '' THEN invited_at ELSE joined_at END >= $2 ORDER BY id`, []any{accountID, since}, func(row scanner) error {
		var m member
		err := row.Scan(&m.id, &m.home, &m.account)
		all = append(all, m)
		return err
	})
	for _, m := range all {
		if err == nil {
			err = db.takeOut(ctx, t, m.home, m.id, now)
		}
		parted := audit.New(now, audit.HomeMemberLeft, audit.System, m.home)
		if m.home == accountID {
			parted = audit.New(now, audit.HomeTakenOut, audit.System, m.account)
		}
		if err == nil && m.account != "" {
			err = db.leave(ctx, t, parted)
		}
	}
	return err
}

// endHome takes an account out of its Home that is about to be erased, or to be another person's; one that it owns ends, with its managed members. Of others, those are left
// that are about whoever was in that Home still.
func (db *DB) endHome(ctx context.Context, t *tx, accountID string, now time.Time, others ...audit.Act) error {
	type member struct{ id, home, account string }
	var all []member
	err := each(ctx, t, `SELECT id, home_id, account_id FROM home_member WHERE home_id = $1 OR account_id = $1 AND account_id <> '' ORDER BY id`, []any{accountID}, func(row scanner) error {
		var m member
		err := row.Scan(&m.id, &m.home, &m.account)
		all = append(all, m)
		return err
	})
	parted, owns := map[string]bool{}, false
	for _, m := range all {
		if err != nil {
			return err
		}
		if m.account == m.home {
			owns = true
			continue
		}
		parted[m.account], parted[m.home] = true, true
		err = db.takeOut(ctx, t, m.home, m.id, now)
	}
	if err == nil && owns {
		err = db.dropHome(ctx, t, accountID, now)
	}
	for _, act := range others {
		if err == nil && parted[act.Done.AccountID] {
			err = db.leave(ctx, t, act)
		}
	}
	return err
}

// EndHome ends the Home of its owner, for everybody: who has an account leaves it, and managed members are erased. others are about accounts in it; whoever has left
// meanwhile is told nothing. household.ErrNone.
func (db *DB) EndHome(ctx context.Context, ownerID string, act audit.Act, others ...audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, ownerID); err != nil {
			return found(err, household.ErrNone)
		}
		var own string
		if err := get(ctx, t, `SELECT id FROM home_member WHERE home_id = $1 AND account_id = $1`, []any{ownerID}, &own); err != nil {
			return found(err, household.ErrNone)
		}
		if err := db.endHome(ctx, t, ownerID, act.At, others...); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// partings are what others of the Home of an account that is about to be erased are told: everybody who has an account of their own, where it is the owner's, and else the owner.
func (db *DB) partings(ctx context.Context, gone account.Account, parting func(gone, other account.Account, h household.Home) audit.Act) (acts []audit.Act, err error) {
	h, err := db.FindHome(ctx, gone.ID)
	if errors.Is(err, household.ErrNone) || parting == nil {
		return nil, nil
	}
	for _, m := range h.Joined() {
		if err != nil {
			return nil, err
		}
		if m.Managed || m.AccountID == gone.ID || gone.ID != h.ID && !m.IsOwner() {
			continue
		}
		var other account.Account
		if other, err = db.LoadAccount(ctx, m.AccountID); err == nil {
			acts = append(acts, parting(gone, other, h))
		}
	}
	return acts, err
}
