package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/household"
)

// InviteMember writes an invitation to an account's Home, once, whether there is such an account or not; who was invited and has not answered is invited again.
// A user name counts for whoever has it now, an address for whoever confirms it. household.ErrTooMany, household.ErrInOne.
func (db *DB) InviteMember(ctx context.Context, homeID string, g household.Guest, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		key, err := db.beginHome(ctx, t, homeID, act.At)
		if err != nil {
			return err
		}
		holder, err := db.holderOf(ctx, t, g.Handle, g.ID)
		if err != nil {
			return err
		}
		meant := db.meant(g.Handle, holder)
		hashes := db.guestHashes(g.Handle)
		list, args := oneOf([]any{homeID, holder}, hashes)
		var twin string
		err = get(ctx, t, `SELECT id FROM home_member WHERE home_id = $1 AND account_id IN ('', $2) AND handle IN `+list+` ORDER BY account_id DESC, id LIMIT 1`, args, &twin)
		switch {
		case err == nil:
			_, err = t.exec(ctx, `UPDATE home_member SET meant = $1, invited_at = $2, declined_at = 0 WHERE id = $3 AND account_id = ''`, meant, ms(g.At), twin)
		case errors.Is(err, errNoRow):
			if err = roomInHome(ctx, t, homeID); err == nil {
				err = insertMember(ctx, t, household.Member{ID: g.ID, HomeID: homeID, InvitedAt: g.At}, sealedMember{handle: hashes[0], meant: meant, label: key.Seal(g.Label, memberCell(g.ID, "label"))})
			}
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// openHomes is the condition for invitations m that an account may answer, as openLines is for those to servers. It takes its arguments after those given.
func (db *DB) openHomes(args []any, accountID string, address []account.Handle, now time.Time) (string, []any) {
	hashes := db.meantHashes(accountID)
	for _, h := range address {
		hashes = append(hashes, db.guestHashes(h)...)
	}
	meant, args := oneOf(args, hashes)
	lapsed, args := oneOf(args, []int64{ms(now.Add(-household.InvitationLife))})
	return `m.account_id = '' AND m.meant IN ` + meant + ` AND m.invited_at > ` + lapsed, args
}

const selectInvitation = `SELECT m.id, m.home_id, m.invited_at, w.user_name, w.key FROM home_member m JOIN account w ON w.id = m.home_id WHERE w.state || '' = 'active' AND m.home_id <> $1 AND `

// ListHomeInvitations returns the Homes that an account may join, the newest invitation first; none that it declined, or that an owner whom it told no sent in the
// household.DeclineLife after that.
func (db *DB) ListHomeInvitations(ctx context.Context, j household.Joiner, now time.Time) ([]household.Invitation, error) {
	open, args := db.openHomes([]any{j.AccountID}, j.AccountID, j.Address, now)
	lasting, args := oneOf(args, []int64{ms(now.Add(-household.DeclineLife))})
	return db.readInvitations(ctx, open+` AND m.declined_at = 0 AND NOT EXISTS (SELECT 1 FROM home_declined d WHERE d.account_id = $1 AND d.owner_id = m.home_id
		AND d.declined_at > `+lasting+` AND d.declined_at < m.invited_at)`, args)
}

// FindHomeInvitation returns a Home that an account may join, also when it has said no. household.ErrNotFound.
func (db *DB) FindHomeInvitation(ctx context.Context, id string, j household.Joiner, now time.Time) (household.Invitation, error) {
	open, args := db.openHomes([]any{j.AccountID, id}, j.AccountID, j.Address, now)
	all, err := db.readInvitations(ctx, `m.id = $2 AND `+open, args)
	if err == nil && len(all) == 0 {
		err = household.ErrNotFound
	}
	if err != nil {
		return household.Invitation{}, err
	}
	return all[0], nil
}

func (db *DB) readInvitations(ctx context.Context, condition string, args []any) (all []household.Invitation, err error) {
	of := map[string]bool{}
	err = each(ctx, db.engine.read(), selectInvitation+condition+` ORDER BY m.invited_at DESC, m.id`, args, func(row scanner) error {
		var i household.Invitation
		var at int64
		var name, wrapped string
		if err := row.Scan(&i.ID, &i.HomeID, &at, &name, &wrapped); err != nil || of[i.HomeID] || len(all) == household.MostInvitations {
			return err
		}
		i.InvitedAt, of[i.HomeID] = timeOf(at), true
		i.Owner, err = db.openFor(i.HomeID, wrapped, name, accountCell(i.HomeID, "user_name"))
		all = append(all, i)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading invitations to Homes: %w", err)
	}
	return all, nil
}

// JoinHome makes an invitation a member, and leaves besides what the owner is told. A Home of the account's own in which there is nobody else ends.
// household.ErrNotFound, also when another account accepted at this moment; household.ErrInOne.
func (db *DB) JoinHome(ctx context.Context, memberID string, j household.Joiner, act, owners audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		open, args := db.openHomes([]any{j.AccountID, ms(act.At), memberID}, j.AccountID, j.Address, act.At)
		var homeID string
		if err := get(ctx, t, `SELECT home_id FROM home_member WHERE id = $1`, []any{memberID}, &homeID); err != nil {
			return found(err, household.ErrNotFound)
		}
		if homeID == j.AccountID {
			return household.ErrNotFound
		}
		for _, one := range []string{homeID, j.AccountID} {
			if _, err := db.lock(ctx, t, one); err != nil {
				return found(err, household.ErrNotFound)
			}
		}
		if err := db.leaveOwnHome(ctx, t, j.AccountID, act.At); err != nil {
			return err
		}
		n, err := t.exec(ctx, `UPDATE home_member AS m SET account_id = $1, joined_at = $2, declined_at = 0 WHERE m.id = $3 AND `+open, args...)
		if err == nil && n == 0 {
			err = household.ErrNotFound
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM home_declined WHERE account_id = $1 AND owner_id = $2`, j.AccountID, homeID); err != nil {
			return err
		}
		if err := db.openServersTo(ctx, t, homeID, j.AccountID, act.At); err != nil {
			return err
		}
		if err := db.leave(ctx, t, owners); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// leaveOwnHome ends the Home of an account that this transaction holds, where nobody else has joined it, with what LeaveHome ends. household.ErrInOne.
func (db *DB) leaveOwnHome(ctx context.Context, t *tx, accountID string, now time.Time) error {
	var in string
	err := get(ctx, t, `SELECT home_id FROM home_member WHERE account_id = $1 AND account_id <> ''`, []any{accountID}, &in)
	if errors.Is(err, errNoRow) {
		return nil
	}
	var others int64
	if err == nil && in == accountID {
		err = get(ctx, t, `SELECT COUNT(*) FROM home_member WHERE home_id = $1 AND account_id NOT IN ('', $1)`, []any{accountID}, &others)
	}
	switch {
	case err != nil:
		return err
	case in != accountID, others > 0:
		return household.ErrInOne
	}
	return db.dropHome(ctx, t, accountID, now)
}

// dropHome ends a Home in which nobody is left but its owner: what the owner switched, or parked, ends as it does for whoever leaves.
func (db *DB) dropHome(ctx context.Context, t *tx, homeID string, now time.Time) error {
	var own string
	err := get(ctx, t, `DELETE FROM home_member WHERE home_id = $1 AND account_id = $1 RETURNING id`, []any{homeID}, &own)
	if err != nil {
		return found(err, household.ErrNotFound)
	}
	if _, err := t.exec(ctx, `DELETE FROM home_member WHERE home_id = $1`, homeID); err != nil {
		return err
	}
	if err := forgetPINs(ctx, t, db.ring(), own); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `UPDATE server SET home = '' WHERE account_id = $1 AND home <> ''`, homeID); err != nil {
		return err
	}
	return endInHome(ctx, t, homeID, now)
}

// DeclineHome has an invitation wait for an account no more, nor what its owner sends in the household.DeclineLife after that. household.ErrNotFound.
func (db *DB) DeclineHome(ctx context.Context, memberID string, j household.Joiner, act audit.Act) error {
	open, args := db.openHomes([]any{j.AccountID, ms(act.At), memberID}, j.AccountID, j.Address, act.At)
	return db.engine.write(ctx, func(t *tx) error {
		var owner string
		err := get(ctx, t, `UPDATE home_member AS m SET declined_at = $2 WHERE m.id = $3 AND m.home_id <> $1 AND `+open+` RETURNING home_id`, args, &owner)
		if err != nil {
			return found(err, household.ErrNotFound)
		}
		_, err = t.exec(ctx, `INSERT INTO home_declined (account_id, owner_id, declined_at) VALUES ($1, $2, $3) ON CONFLICT (account_id, owner_id) DO UPDATE SET declined_at = $3`,
			j.AccountID, owner, ms(act.At))
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}
