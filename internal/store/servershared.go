package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/grant"
	"usher/internal/server"
)

// theirs are the lines g by which the account $1 has come in.
const theirs = `g.account_id = $1 AND g.account_id <> ''`

// ListShared returns the servers of others where an account has come in by the list and is let in at a time, with who shares each and on what terms, in the order
// in which they were claimed: server.MostShared at most.
func (db *DB) ListShared(ctx context.Context, accountID string, now time.Time) ([]server.Shared, error) {
	return db.listByLines(ctx, theirs, []any{accountID, "", ms(now)})
}

// FindShared is ListShared of one server. server.ErrNotFound.
func (db *DB) FindShared(ctx context.Context, accountID, id string, now time.Time) (server.Shared, error) {
	return db.findByLines(ctx, theirs, []any{accountID, id, ms(now)})
}

// ListInvitations returns the servers of others that wait for an account to come in, unless it said no, as ListShared does.
func (db *DB) ListInvitations(ctx context.Context, a account.Account, now time.Time) ([]server.Shared, error) {
	open, args, err := db.openTo(a, "", now)
	if err != nil {
		return nil, err
	}
	return db.listByLines(ctx, open+` AND g.declined_at = 0`, args)
}

// FindInvitation returns a server where an account can come in by the list, also when it has said no. server.ErrNotFound.
func (db *DB) FindInvitation(ctx context.Context, id string, a account.Account, now time.Time) (server.Shared, error) {
	open, args, err := db.openTo(a, id, now)
	if err != nil {
		return server.Shared{}, err
	}
	return db.findByLines(ctx, open, args)
}

// openTo are the lines g by which an account can come in, and arguments as those of theirs.
func (db *DB) openTo(a account.Account, id string, now time.Time) (string, []any, error) {
	address, err := a.ProvedAddress()
	if err != nil {
		return "", nil, err
	}
	open, args := db.openLines([]any{a.ID, id, ms(now)}, a.ID, address, now)
	return open, args, nil
}

// listByLines returns the servers of others at whose lists the account $1 has a line g that lasts and meets a condition, but for the server $2.
func (db *DB) listByLines(ctx context.Context, lines string, args []any) ([]server.Shared, error) {
	return db.readByLines(ctx, lines+` AND s.id <> $2`, args)
}

// findByLines is listByLines of the server $2. server.ErrNotFound.
func (db *DB) findByLines(ctx context.Context, lines string, args []any) (server.Shared, error) {
	all, err := db.readByLines(ctx, lines+` AND s.id = $2`, args)
	if err == nil && len(all) == 0 {
		err = server.ErrNotFound
	}
	if err != nil {
		return server.Shared{}, err
	}
	return all[0], nil
}

// readByLines reads each server by the best of its lines. It has no LIMIT, for which an engine may walk through all servers in their order.
func (db *DB) readByLines(ctx context.Context, lines string, args []any) (all []server.Shared, err error) {
	type sharedRow struct {
		heldRow
		name string
		role server.Group
		ends int64
	}
	var rows []sharedRow
	text := selectServer + `, o.user_name, g.role, g.ends_at` + joinServer + ` JOIN server_access g ON g.server_id = s.id WHERE s.account_id <> $1 AND ` + lasts + ` AND ` + lines + ` ORDER BY s.id, ` + better
	err = each(ctx, db.engine.read(), text, args, func(s scanner) error {
		var r sharedRow
		err := s.Scan(append(r.dest(), &r.name, &r.role, &r.ends)...)
		again := len(rows) > 0 && rows[len(rows)-1].ID == r.ID // by a line that is worse
		if err == nil && !again && len(rows) < server.MostShared {
			rows = append(rows, r)
		}
		return err
	})
	for i := range rows {
		r := &rows[i]
		one := server.Shared{Terms: server.Terms{Role: r.role, EndsAt: timeOf(r.ends)}}
		if err == nil {
			one.Held, err = r.open(db)
		}
		if err == nil {
			one.Owner, err = db.openFor(one.AccountID, r.wrapped, r.name, accountCell(one.AccountID, "user_name"))
		}
		all = append(all, one)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the servers that are shared: %w", err)
	}
	return all, nil
}

// AcceptInvitation makes the lines by which an account can come in at a server the account's own, and notes what it agreed to. server.ErrNotFound when there is
// none, also when another account came by it at this moment; *ratelimit.LimitedError.
func (db *DB) AcceptInvitation(ctx context.Context, serverID string, by server.Acceptance, act audit.Act) error {
	a := grant.Approval{AccountID: by.AccountID, ClientID: serverID, Consent: by.Scopes, Address: by.Address}
	err := db.engine.write(ctx, func(t *tx) error {
		if _, err := db.holdParties(ctx, t, a.AccountID, serverID); err != nil {
			return err
		}
		n, err := db.takeLines(ctx, t, serverID, a, act.At)
		if err == nil && n == 0 {
			err = ErrSpent
		}
		if err == nil {
			err = noteConsent(ctx, t, a, act.At)
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
	if errors.Is(err, ErrSpent) {
		err = server.ErrNotFound
	}
	return err
}

// DeclineInvitation has a server wait for an account no more: it is not listed for it, and nothing else changes. server.ErrNotFound.
func (db *DB) DeclineInvitation(ctx context.Context, serverID string, a account.Account, act audit.Act) error {
	open, args, err := db.openTo(a, serverID, act.At)
	if err != nil {
		return err
	}
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE server_access AS g SET declined_at = $3 WHERE g.server_id = $2 AND g.account_id <> $1 AND `+lasts+` AND `+open, args...)
		if err == nil && n == 0 {
			err = server.ErrNotFound
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// LeaveServer is RevokeConsent for somebody who does not want to be let in by a server's list any more. server.ErrNotFound.
func (db *DB) LeaveServer(ctx context.Context, accountID, serverID string, act audit.Act) error {
	err := db.RevokeConsent(ctx, accountID, serverID, act)
	if errors.Is(err, grant.ErrNoConsent) {
		err = server.ErrNotFound
	}
	return err
}
