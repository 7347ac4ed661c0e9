package store

import (
	"context"
	"errors"
	"fmt"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/secret"
	"usher/internal/server"
)

func guestCell(id string) secret.Place {
	return secret.Place{Table: "server_access", Row: id, Column: "label"}
}

// guestHashes are the keyed hashes under which somebody may stand on a list, the newest key's first. They are hashed as tokens are, whose keys are never dropped.
func (db *DB) guestHashes(h account.Handle) []string {
	return db.ring().HashToken("guest", secret.TokenOf(string(h.Kind)+"\x00"+h.Value))
}

// AdmitGuest writes somebody on the list of a server of an account, once, whether there is such an account or not. server.ErrNotFound, server.ErrTooMany.
func (db *DB) AdmitGuest(ctx context.Context, accountID, serverID string, g server.Guest, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, key, err := db.lockServer(ctx, t, accountID, serverID)
		if err != nil {
			return err
		}
		hashes := db.guestHashes(g.Handle)
		list, args := oneOf([]any{serverID}, hashes)
		var twin string
		err = get(ctx, t, `SELECT id FROM server_access WHERE server_id = $1 AND handle IN `+list, args, &twin)
		if err == nil { // on the list already
			return nil
		}
		if !errors.Is(err, errNoRow) {
			return err
		}
		var have int64
		if err := get(ctx, t, `SELECT COUNT(*) FROM server_access WHERE server_id = $1`, []any{serverID}, &have); err != nil {
			return err
		}
		if have >= server.MostGuests {
			return server.ErrTooMany
		}
		_, err = t.exec(ctx, `INSERT INTO server_access (id, server_id, handle, label, account_id, added_at) VALUES ($1,$2,$3,$4,'',$5)`,
			g.ID, serverID, hashes[0], key.Seal(g.Label, guestCell(g.ID)), ms(g.AddedAt))
		if err != nil {
			return fmt.Errorf("writing a guest: %w", err)
		}
		return db.leave(ctx, t, act)
	})
}

// DismissGuest takes somebody off the list of a server of an account, and ends what was made there for whoever came by it. server.ErrNotFound.
func (db *DB) DismissGuest(ctx context.Context, accountID, serverID, guestID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if _, _, err := db.lockServer(ctx, t, accountID, serverID); err != nil {
			return err
		}
		var who string
		err := get(ctx, t, `DELETE FROM server_access WHERE id = $1 AND server_id = $2 RETURNING account_id`, []any{guestID, serverID}, &who)
		if err != nil {
			return found(err, server.ErrNotFound)
		}
		if who != "" {
			if _, err := t.exec(ctx, `DELETE FROM credential WHERE subject = $1 AND account_id = $2`, serverID, who); err != nil {
				return err
			}
			if _, err := t.exec(ctx, `DELETE FROM consent WHERE account_id = $1 AND client_id = $2`, who, serverID); err != nil {
				return err
			}
		}
		return db.leave(ctx, t, act)
	})
}

// ListGuests returns whom the owner of a server lets in besides, in the order of their coming. server.ErrNotFound.
func (db *DB) ListGuests(ctx context.Context, accountID, serverID string) ([]server.Guest, error) {
	var owner string
	if err := get(ctx, db.engine.point(), `SELECT account_id FROM server WHERE id = $1 AND account_id = $2`, []any{serverID, accountID}, &owner); err != nil {
		return nil, found(err, server.ErrNotFound)
	}
	var all []server.Guest
	err := each(ctx, db.engine.read(), `SELECT id, label, added_at FROM server_access WHERE server_id = $1 ORDER BY id`, []any{serverID}, func(row scanner) error {
		var g server.Guest
		var added int64
		err := row.Scan(&g.ID, &g.Label, &added)
		g.AddedAt = timeOf(added)
		all = append(all, g)
		return err
	})
	open := db.opener(ctx)
	for i := range all {
		if err == nil {
			all[i].Label, err = open(accountID, all[i].Label, guestCell(all[i].ID))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the guests: %w", err)
	}
	return all, nil
}

// FindGroup returns what an account is to a server. Who stands on its list is, from then on, the one who came by that line; server.Nobody who does not.
func (db *DB) FindGroup(ctx context.Context, serverID string, a account.Account) (server.Group, error) {
	var owner string
	var known int64
	err := get(ctx, db.engine.point(), `SELECT s.account_id, (SELECT COUNT(*) FROM server_access g WHERE g.server_id = s.id AND g.account_id = $2) FROM server s WHERE s.id = $1`,
		[]any{serverID, a.ID}, &owner, &known)
	switch {
	case err != nil:
		return server.Nobody, found(err, nil)
	case owner == a.ID:
		return server.Owner, nil
	case known > 0:
		return server.Friend, nil
	}
	handles, err := a.Handles()
	if err != nil {
		return server.Nobody, err
	}
	group := server.Nobody
	err = db.engine.write(ctx, func(t *tx) error {
		group = server.Nobody
		for _, h := range handles {
			list, args := oneOf([]any{a.ID, serverID}, db.guestHashes(h))
			n, err := t.exec(ctx, `UPDATE server_access SET account_id = $1 WHERE server_id = $2 AND account_id = '' AND handle IN `+list, args...)
			if err != nil {
				return err
			}
			if n > 0 {
				group = server.Friend
			}
		}
		return nil
	})
	return group, err
}
