package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
	"usher/internal/server"
)

func serverCell(id string) secret.Place {
	return secret.Place{Table: "server", Row: id, Column: "facts"}
}

func sealServer(key secret.AccountKey, s server.Server) (string, error) {
	raw, err := json.Marshal(s.Facts)
	return key.Seal(string(raw), serverCell(s.ID)), err
}

const (
	serverColumns = `s.id, s.account_id, s.thumbprint, s.public_key, s.facts, s.born, s.account_epoch, s.claimed_at, s.seen_at, s.ended_at,
		i.epoch, i.floor, i.incident, o.id, o.state, o.admin, o.epoch, o.incident, o.secured, o.password_version, o.totp_since, o.key`
	selectServer = `SELECT ` + serverColumns
	joinServer   = ` FROM server s JOIN instance i ON i.id = 1 JOIN account o ON o.id = s.account_id`
)

// heldRow is a server as it stands in its row, with what judges it.
type heldRow struct {
	server.Held
	facts, wrapped                string
	claimed, seen, ended, factors int64
}

func (r *heldRow) dest() []any {
	s, f := &r.Server, &r.Found
	return []any{
		&s.ID, &s.AccountID, &s.Thumbprint, &s.Public, &r.facts, &s.Stamp.Born, &s.Stamp.Account, &r.claimed, &r.seen, &r.ended,
		&f.Clock.Epoch, &f.Clock.Floor, &f.Clock.Incident, &f.Account.ID, &f.Account.State, &f.Account.Admin, &f.Account.Epoch, &f.Account.Incident,
		&f.Account.Secured, &f.Account.PasswordVersion, &r.factors, &r.wrapped,
	}
}

// open unseals the row.
func (r *heldRow) open(db *DB) (server.Held, error) {
	h := r.Held
	h.ClaimedAt, h.SeenAt, h.EndedAt = timeOf(r.claimed), timeOf(r.seen), timeOf(r.ended)
	h.Found.Credential = credential.Credential{
		Kind: credential.ServerStanding, AccountID: h.AccountID, Subject: h.ID, Stamp: h.Stamp, CreatedAt: h.ClaimedAt,
		ExpiresAt: h.ClaimedAt.Add(credential.Rules[credential.ServerStanding].Life),
	}
	h.Found.Account.SecondFactor = r.factors > 0
	plain, err := db.openFor(h.AccountID, r.wrapped, r.facts, serverCell(h.ID))
	if err == nil {
		err = json.Unmarshal([]byte(plain), &h.Facts)
	}
	if err != nil {
		return h, fmt.Errorf("opening server %s: %w", h.ID, err)
	}
	return h, nil
}

// FindServer returns a claimed server with everything that judges it, in one question; server.ErrNotFound.
func (db *DB) FindServer(ctx context.Context, id string) (server.Held, error) {
	var row heldRow
	if err := get(ctx, db.engine.point(), selectServer+joinServer+` WHERE s.id = $1`, []any{id}, row.dest()...); err != nil {
		return server.Held{}, found(err, server.ErrNotFound)
	}
	return row.open(db)
}

// FindServerByKey is FindServer for whoever shows a key: of another key's server nothing is read.
func (db *DB) FindServerByKey(ctx context.Context, id, thumbprint string) (server.Held, error) {
	var row heldRow
	if err := get(ctx, db.engine.point(), selectServer+joinServer+` WHERE s.id = $1 AND s.thumbprint = $2`, []any{id, thumbprint}, row.dest()...); err != nil {
		return server.Held{}, found(err, server.ErrNotFound)
	}
	return row.open(db)
}

// ListServers returns the servers of an account, the one claimed first at the top.
func (db *DB) ListServers(ctx context.Context, accountID string) ([]server.Held, error) {
	var rows []heldRow
	err := each(ctx, db.engine.read(), selectServer+joinServer+` WHERE s.account_id = $1 ORDER BY s.id`, []any{accountID}, func(s scanner) error {
		var r heldRow
		err := s.Scan(r.dest()...)
		rows = append(rows, r)
		return err
	})
	all := make([]server.Held, len(rows))
	for i := range rows {
		if err == nil {
			all[i], err = rows[i].open(db)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the servers: %w", err)
	}
	return all, nil
}

// changeServer runs one transaction on a server of an account, one after the other for each account, writes the facts it ends with, in the server's row and its
// client's, and leaves the act. server.ErrNotFound.
func (db *DB) changeServer(ctx context.Context, accountID, id string, act audit.Act, fn func(*server.Facts) error) error {
	return db.engine.write(ctx, func(t *tx) error {
		s, key, err := db.lockServer(ctx, t, accountID, id)
		if err != nil {
			return err
		}
		if err := fn(&s.Facts); err != nil {
			return err
		}
		if err := db.writeServer(ctx, t, key, s); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// lockServer reads a server of an account that this transaction holds. server.ErrNotFound.
func (db *DB) lockServer(ctx context.Context, t *tx, accountID, id string) (server.Server, secret.AccountKey, error) {
	key, err := db.lock(ctx, t, accountID)
	if err != nil {
		if errors.Is(err, account.ErrNotFound) {
			err = server.ErrNotFound
		}
		return server.Server{}, key, err
	}
	var row heldRow
	err = get(ctx, t, selectServer+joinServer+` WHERE s.id = $1 AND s.account_id = $2`, []any{id, accountID}, row.dest()...)
	if err != nil {
		return server.Server{}, key, found(err, server.ErrNotFound)
	}
	h, err := row.open(db)
	return h.Server, key, err
}

func (db *DB) writeServer(ctx context.Context, t *tx, key secret.AccountKey, s server.Server) error {
	facts, err := sealServer(key, s)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `UPDATE server SET facts = $1 WHERE id = $2`, facts, s.ID); err != nil {
		return err
	}
	before, err := db.lockClient(ctx, t, s.ID)
	if err != nil {
		return err
	}
	return db.updateClient(ctx, t, before, s.Client())
}

// DescribeServer writes what a server says about itself. server.ErrNotFound.
func (db *DB) DescribeServer(ctx context.Context, accountID, id string, says server.Facts) error {
	return db.changeServer(ctx, accountID, id, audit.Act{}, func(f *server.Facts) error {
		*f = f.Describe(says)
		return nil
	})
}

// TouchServer writes that a server was heard of; of one that is gone there is nothing to write.
func (db *DB) TouchServer(ctx context.Context, id string, now time.Time) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE server SET seen_at = $1 WHERE id = $2 AND seen_at < $1`, ms(now), id)
		return err
	})
}

// ConfirmAddress notes that an account's owner says a server is at an address. server.ErrNotFound, server.ErrTooMany.
func (db *DB) ConfirmAddress(ctx context.Context, accountID, id, url string, act audit.Act) error {
	return db.changeServer(ctx, accountID, id, act, func(f *server.Facts) (err error) {
		*f, err = f.Confirm(url)
		return err
	})
}

// RemoveAddress forgets an address of a server: nobody comes back there any more after signing in. server.ErrNotFound.
func (db *DB) RemoveAddress(ctx context.Context, accountID, id, url string, act audit.Act) error {
	return db.changeServer(ctx, accountID, id, act, func(f *server.Facts) error {
		*f = f.Without(url)
		return nil
	})
}
