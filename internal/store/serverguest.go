package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/grant"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/stream"
)

func guestCell(id string) secret.Place {
	return secret.Place{Table: "server_access", Row: id, Column: "label"}
}

// guestHashes are the keyed hashes under which somebody may stand on a list, the newest key's first. They are hashed as tokens are, whose keys are never dropped.
func (db *DB) guestHashes(h account.Handle) []string {
	return db.ring().HashToken("guest", secret.TokenOf(string(h.Kind)+"\x00"+h.Value))
}

// meantHashes are the keyed hashes of an account, the newest key's first, under which lines with a user name are its own.
func (db *DB) meantHashes(accountID string) []string {
	return db.ring().HashToken("guest account", secret.TokenOf(accountID))
}

// meant is for whom a line counts whatever they are called later: for the account that has the user name now, and where none has it for nobody, ever, which
// looks the same. Empty for an address, which counts for whoever confirms it.
func (db *DB) meant(ctx context.Context, t *tx, g server.Guest) (string, error) {
	if g.Handle.Kind != account.ByUserName {
		return "", nil
	}
	holder := g.ID // no account has that id
	list, args := oneOf(nil, db.ring().Index(string(g.Handle.Kind), g.Handle.Value))
	err := get(ctx, t, `SELECT account_id FROM handle WHERE held_until = 0 AND hash IN `+list, args, &holder)
	if errors.Is(err, errNoRow) {
		err = nil
	}
	return db.meantHashes(holder)[0], err
}

// AdmitGuest writes somebody on the list of a server of an account, once, whether there is such an account or not; a user name that stands there and by which
// nobody has come counts anew for whoever has it now. server.ErrNotFound, server.ErrTooMany.
func (db *DB) AdmitGuest(ctx context.Context, accountID, serverID string, g server.Guest, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, key, err := db.lockServer(ctx, t, accountID, serverID)
		if err != nil {
			return err
		}
		meant, err := db.meant(ctx, t, g)
		if err != nil {
			return err
		}
		hashes := db.guestHashes(g.Handle)
		list, args := oneOf([]any{serverID}, hashes)
		var twin string
		err = get(ctx, t, `SELECT id FROM server_access WHERE server_id = $1 AND handle IN `+list, args, &twin)
		if err == nil { // on the list already
			if meant == "" {
				return nil
			}
			if _, err := t.exec(ctx, `UPDATE server_access SET meant = $1 WHERE id = $2 AND account_id = ''`, meant, twin); err != nil {
				return err
			}
			return db.leave(ctx, t, act) // whether that has changed anything: the record would tell whether there is such an account
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
		_, err = t.exec(ctx, `INSERT INTO server_access (id, server_id, handle, meant, label, account_id, added_at) VALUES ($1,$2,$3,$4,$5,'',$6)`,
			g.ID, serverID, hashes[0], meant, key.Seal(g.Label, guestCell(g.ID)), ms(g.AddedAt))
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
		if _, err := db.lockClient(ctx, t, serverID); err != nil { // who comes in at this moment holds the guest's account and the client
			return found(err, server.ErrNotFound)
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
			if err := signalClient(ctx, t, happened{stream.AllEnded, act.At}, serverID, stream.Signal{AccountID: who}); err != nil {
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

// FindGroup returns what an account is to a server, or would be if it came: its owner, somebody on its list, or server.Nobody.
func (db *DB) FindGroup(ctx context.Context, serverID string, a account.Account) (server.Group, error) {
	address, err := a.ProvedAddress()
	if err != nil {
		return server.Nobody, err
	}
	var owner string
	var listed int64
	open, args := db.openLines([]any{serverID, a.ID}, a.ID, address)
	err = get(ctx, db.engine.point(), `SELECT s.account_id, (SELECT COUNT(*) FROM server_access g WHERE g.server_id = s.id AND (g.account_id = $2 OR `+open+`))
		FROM server s WHERE s.id = $1`, args, &owner, &listed)
	switch {
	case err != nil:
		return server.Nobody, found(err, nil)
	case owner == a.ID:
		return server.Owner, nil
	case listed > 0:
		return server.Friend, nil
	}
	return server.Nobody, nil
}

// openLines is the condition for lines of a list by which nobody has come yet, and an account can: by its confirmed address, or because it had the user name
// when that was written there. It takes its arguments after those given.
func (db *DB) openLines(args []any, accountID string, address []account.Handle) (string, []any) {
	named := []string{""} // the hash of nothing
	for _, h := range address {
		named = append(named, db.guestHashes(h)...)
	}
	byAddress, args := oneOf(args, named)
	byName, args := oneOf(args, db.meantHashes(accountID))
	return `account_id = '' AND (meant = '' AND handle IN ` + byAddress + ` OR meant IN ` + byName + `)`, args
}

// comeIn makes the lines by which somebody who is not the owner comes to a server the account's own, for good. ErrSpent when there is none.
func (db *DB) comeIn(ctx context.Context, t *tx, serverID string, a grant.Approval, now time.Time) error {
	open, args := db.openLines([]any{a.AccountID, serverID, ms(now)}, a.AccountID, a.Address)
	if _, err := t.exec(ctx, `UPDATE server_access SET account_id = $1, taken_at = $3 WHERE server_id = $2 AND `+open, args...); err != nil {
		return err
	}
	return checkIn(ctx, t, serverID, a.AccountID)
}

// checkIn reports whether somebody who is not the owner has come to a server by its list, and still may. ErrSpent.
func checkIn(ctx context.Context, t *tx, serverID, accountID string) error {
	var lines int64
	err := get(ctx, t, `SELECT COUNT(*) FROM server_access WHERE server_id = $2 AND account_id = $1`, []any{accountID, serverID}, &lines)
	if err == nil && lines == 0 {
		err = ErrSpent
	}
	return err
}
