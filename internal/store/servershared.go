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
	return db.readByLines(ctx, theirs+` AND s.id <> $2`, []any{accountID, "", ms(now)}, listing{`s.id`, server.MostShared})
}

// FindShared is ListShared of one server. server.ErrNotFound.
func (db *DB) FindShared(ctx context.Context, accountID, id string, now time.Time) (server.Shared, error) {
	return db.findByLines(ctx, theirs, []any{accountID, id, ms(now)})
}

// ListInvitations returns the servers of others that wait for an account to come in, as ListShared does, but the newest invitation first, and
// server.MostInvitations of one owner at most; none that it declined, or that an owner whom it told no sent in the server.DeclineLife after that.
func (db *DB) ListInvitations(ctx context.Context, a account.Account, now time.Time) ([]server.Shared, error) {
	open, args, err := db.openTo(a, "", now)
	if err != nil {
		return nil, err
	}
	lasting, args := oneOf(args, []int64{ms(now.Add(-server.DeclineLife))})
	open += ` AND s.id <> $2 AND g.declined_at = 0 AND NOT EXISTS (SELECT 1 FROM declined d WHERE d.account_id = $1 AND d.owner_id = s.account_id
		AND d.declined_at > ` + lasting + ` AND d.declined_at < ` + invited + `)`
	return db.readByLines(ctx, open, args, listing{`MAX(` + invited + `) OVER (PARTITION BY s.id) DESC, s.id`, server.MostInvitations})
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

// invited is when somebody was invited by a line g last.
const invited = `CASE WHEN g.invited_at > g.added_at THEN g.invited_at ELSE g.added_at END`

// listing is in which order servers are listed, and how many of one owner at most.
type listing struct {
	order string
	most  int
}

// findByLines returns the server $2, of somebody else, at whose list the account $1 has a line g that lasts and meets a condition. server.ErrNotFound.
func (db *DB) findByLines(ctx context.Context, lines string, args []any) (server.Shared, error) {
	all, err := db.readByLines(ctx, lines+` AND s.id = $2`, args, listing{`s.id`, 1})
	if err == nil && len(all) == 0 {
		err = server.ErrNotFound
	}
	if err != nil {
		return server.Shared{}, err
	}
	return all[0], nil
}

// readByLines reads each server of somebody else by the best of the lines g that the account $1 has there, that last at $3 and that meet a condition. It has no
// LIMIT, for which an engine may walk through all servers in their order.
func (db *DB) readByLines(ctx context.Context, lines string, args []any, as listing) (all []server.Shared, err error) {
	type sharedRow struct {
		heldRow
		name string
		role server.Group
		ends int64
	}
	var rows []sharedRow
	text := selectServer + `, o.user_name, g.role, g.ends_at` + joinServer + ` JOIN server_access g ON g.server_id = s.id WHERE s.account_id <> $1 AND ` + lasts + ` AND ` + lines + ` ORDER BY ` + as.order + `, ` + better
	owners := map[string]int{}
	err = each(ctx, db.engine.read(), text, args, func(s scanner) error {
		var r sharedRow
		err := s.Scan(append(r.dest(), &r.name, &r.role, &r.ends)...)
		again := len(rows) > 0 && rows[len(rows)-1].ID == r.ID // by a line that is worse
		if err == nil && !again && len(rows) < server.MostShared && owners[r.AccountID] < as.most {
			owners[r.AccountID]++
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

// DeclineInvitation has a server wait for an account no more: it is not listed for it, nor what its owner sends in the server.DeclineLife after that, whatever
// becomes of the line; and nothing else changes. server.ErrNotFound.
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
		_, err = t.exec(ctx, `INSERT INTO declined (account_id, owner_id, declined_at) SELECT CAST($1 AS TEXT), s.account_id, CAST($3 AS BIGINT) FROM server s WHERE s.id = $2
			ON CONFLICT (account_id, owner_id) DO UPDATE SET declined_at = $3`, a.ID, serverID, ms(act.At))
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
