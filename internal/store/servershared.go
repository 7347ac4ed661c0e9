package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/server"
)

// ListShared returns the servers of others where an account has come in by the list and is let in at a time, with who shares each and on what terms, in the order
// in which they were claimed.
func (db *DB) ListShared(ctx context.Context, accountID string, now time.Time) ([]server.Shared, error) {
	return db.listShared(ctx, ` AND s.id <> $2`, accountID, "", now)
}

// FindShared is ListShared of one server. server.ErrNotFound.
func (db *DB) FindShared(ctx context.Context, accountID, id string, now time.Time) (server.Shared, error) {
	all, err := db.listShared(ctx, ` AND s.id = $2`, accountID, id, now)
	if err == nil && len(all) == 0 {
		err = server.ErrNotFound
	}
	if err != nil {
		return server.Shared{}, err
	}
	return all[0], nil
}

func (db *DB) listShared(ctx context.Context, which, accountID, id string, now time.Time) (all []server.Shared, err error) {
	type sharedRow struct {
		heldRow
		owner string
		role  server.Group
		ends  int64
	}
	var rows []sharedRow
	err = each(ctx, db.engine.read(), selectServer+`, o.user_name, l.role, l.ends_at`+joinServer+` JOIN server_access l ON l.server_id = s.id
		WHERE l.account_id = $1 AND l.account_id <> '' AND l.id = (SELECT g.id FROM server_access g WHERE g.server_id = l.server_id AND g.account_id = $1 AND `+lasts+best+` LIMIT 1)`+
		which+` ORDER BY s.id`, []any{accountID, id, ms(now)}, func(s scanner) error {
		var r sharedRow
		err := s.Scan(append(r.dest(), &r.owner, &r.role, &r.ends)...)
		rows = append(rows, r)
		return err
	})
	for i := range rows {
		r := &rows[i]
		one := server.Shared{Terms: server.Terms{Role: r.role, EndsAt: timeOf(r.ends)}}
		if err == nil {
			one.Held, err = r.open(db)
		}
		if err == nil {
			one.Owner, err = db.openFor(one.AccountID, r.wrapped, r.owner, accountCell(one.AccountID, "user_name"))
		}
		all = append(all, one)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the servers that are shared: %w", err)
	}
	return all, nil
}
