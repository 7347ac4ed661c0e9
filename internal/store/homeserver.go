package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"usher/internal/audit"
	"usher/internal/grant"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/relyingparty"
	"usher/internal/server"
	"usher/internal/stream"
)

// openServersTo lets an account that has just come into a Home in at the servers that are open to everybody of it.
func (db *DB) openServersTo(ctx context.Context, t *tx, homeID, accountID string, now time.Time) error {
	type open struct{ id, owner string }
	var all []open
	err := each(ctx, t, `SELECT s.id, s.account_id FROM home_member m JOIN server s ON s.account_id = m.account_id
		WHERE m.home_id = $1 AND m.account_id NOT IN ('', $2) AND s.home = 'all' ORDER BY s.id`, []any{homeID, accountID}, func(row scanner) error {
		var s open
		err := row.Scan(&s.id, &s.owner)
		all = append(all, s)
		return err
	})
	for _, s := range all {
		if err == nil {
			err = db.insertHomeLine(ctx, t, server.Server{ID: s.id, AccountID: s.owner}, accountID, now)
		}
	}
	return err
}

// insertHomeLine lets an account in at a server of its Home, as one of the household. What a managed member is called, its owner agrees to tell.
func (db *DB) insertHomeLine(ctx context.Context, t *tx, s server.Server, accountID string, now time.Time) error {
	key, err := db.keyOf(ctx, t, s.AccountID)
	if err != nil {
		return err
	}
	line := id.New(now)
	_, err = t.exec(ctx, `INSERT INTO server_access (id, server_id, handle, meant, label, account_id, added_at, invited_at, taken_at, role, ends_at, home) VALUES ($1,$2,'','',$3,$4,$5,$5,$5,$6,0,TRUE)`,
		line, s.ID, key.Seal("", guestCell(line)), accountID, ms(now), string(server.Household))
	if err != nil {
		return fmt.Errorf("opening a server to a member of a Home: %w", err)
	}
	var managed int64
	if err := get(ctx, t, `SELECT COUNT(*) FROM account WHERE id = $1 AND home_owner <> ''`, []any{accountID}, &managed); err != nil {
		return err
	}
	if managed > 0 {
		err = noteConsent(ctx, t, grant.Approval{AccountID: accountID, ClientID: s.ID, Consent: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile}}, now)
		if err != nil {
			return err
		}
	}
	return signalClient(ctx, t, happened{stream.CameIn, now}, s.ID, stream.Signal{AccountID: accountID})
}

// OpenToHome says to whom of its owner's Home a server is open; those who are named by their members are let in at once, and the others no more.
// server.ErrNotFound; household.ErrNone where the owner is in no Home; household.ErrNotFound.
func (db *DB) OpenToHome(ctx context.Context, accountID, serverID string, to household.Shared, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		members, err := holdHomeOf(ctx, t, accountID)
		if err != nil {
			return err
		}
		s, _, err := db.lockServer(ctx, t, accountID, serverID)
		if err != nil {
			return err
		}
		wanted, err := wantedOf(members, to)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE server SET home = $1 WHERE id = $2`, string(to.With), serverID); err != nil {
			return err
		}
		var have []string
		err = each(ctx, t, `SELECT account_id FROM server_access WHERE server_id = $1 AND home = TRUE`, []any{serverID}, func(row scanner) error {
			var one string
			err := row.Scan(&one)
			have = append(have, one)
			return err
		})
		for _, who := range have {
			if err == nil && !slices.Contains(wanted, who) {
				err = endHomeLines(ctx, t, `server_id = $1 AND account_id = $2`, act.At, serverID, who)
			}
		}
		for _, who := range wanted {
			if err == nil && !slices.Contains(have, who) {
				err = db.insertHomeLine(ctx, t, s, who, act.At)
			}
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// holdHomeOf holds the Home that an account is in, and returns the accounts of everybody else there by their members; household.ErrNone.
func holdHomeOf(ctx context.Context, t *tx, accountID string) (map[string]string, error) {
	var homeID string
	if err := get(ctx, t, `SELECT home_id FROM home_member WHERE account_id = $1 AND account_id <> ''`, []any{accountID}, &homeID); err != nil {
		return nil, found(err, household.ErrNone)
	}
	if err := hold(ctx, t, homeID); err != nil {
		return nil, err
	}
	members, inside := map[string]string{}, false
	err := each(ctx, t, `SELECT id, account_id FROM home_member WHERE home_id = $1 AND account_id <> ''`, []any{homeID}, func(row scanner) error {
		var id, who string
		err := row.Scan(&id, &who)
		if who == accountID {
			inside = true
		} else {
			members[id] = who
		}
		return err
	})
	if err == nil && !inside { // it left at this moment
		err = household.ErrNone
	}
	return members, err
}

// wantedOf are the accounts to which a server is to be open. household.ErrNotFound.
func wantedOf(members map[string]string, to household.Shared) (wanted []string, err error) {
	switch to.With {
	case household.WithAll:
		for _, who := range members {
			wanted = append(wanted, who)
		}
		slices.Sort(wanted)
	case household.WithChosen:
		for _, id := range to.Members {
			who, is := members[id]
			if !is {
				return nil, household.ErrNotFound
			}
			if !slices.Contains(wanted, who) {
				wanted = append(wanted, who)
			}
		}
	}
	return wanted, nil
}

// FindSharing returns to whom of its owner's Home a server is open. server.ErrNotFound.
func (db *DB) FindSharing(ctx context.Context, accountID, serverID string) (to household.Shared, err error) {
	if err := get(ctx, db.engine.point(), `SELECT home FROM server WHERE id = $1 AND account_id = $2`, []any{serverID, accountID}, &to.With); err != nil {
		return to, found(err, server.ErrNotFound)
	}
	err = each(ctx, db.engine.read(), `SELECT m.id FROM server_access l JOIN home_member m ON m.account_id = l.account_id AND m.account_id <> '' WHERE l.server_id = $1 AND l.home = TRUE ORDER BY m.id`, []any{serverID}, func(row scanner) error {
		var one string
		err := row.Scan(&one)
		to.Members = append(to.Members, one)
		return err
	})
	return to, err
}
