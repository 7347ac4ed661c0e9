package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/id"
	"usher/internal/secret"
	"usher/internal/stream"
)

// leave writes what an act leaves behind: its audit entry and its mail.
func (db *DB) leave(ctx context.Context, t *tx, act audit.Act) error {
	if act.Done.Action != "" {
		if err := db.insertAudit(ctx, t, act.At, act.Done); err != nil {
			return err
		}
	}
	if err := db.take(ctx, t, act.Counts, act.At); err != nil {
		return err
	}
	if what := stream.After(act.Done.Action); what != "" {
		if err := signalAccounts(ctx, t, happened{what, act.At}, `a.id = $1`, act.Done.AccountID); err != nil {
			return err
		}
	}
	for _, l := range act.Links {
		if err := db.mintLink(ctx, t, l, act.At); err != nil {
			return err
		}
	}
	for _, n := range act.Tell {
		if err := db.post(ctx, t, n, act.At); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) insertAudit(ctx context.Context, t *tx, at time.Time, e audit.Entry) error {
	e.ID = id.New(at)
	raw, err := json.Marshal(e.Detail)
	if err != nil {
		return fmt.Errorf("writing the audit entry: %w", err)
	}
	sealed, err := db.sealFor(ctx, t, e.AccountID, string(raw), secret.Place{Table: "audit", Row: e.ID, Column: "detail"})
	if err != nil {
		return err
	}
	tag := db.ring().Tag(auditRow(e.ID, ms(at), e.AccountID, e.Actor, string(e.Action), sealed))
	_, err = t.exec(ctx, `INSERT INTO audit (id, at, account_id, actor, action, detail, tag, batch) VALUES ($1,$2,$3,$4,$5,$6,$7,0)`,
		e.ID, ms(at), e.AccountID, e.Actor, string(e.Action), sealed, tag)
	if err != nil {
		return fmt.Errorf("writing the audit entry: %w", err)
	}
	return nil
}

// sealFor seals under the account's key, or under the common key when the value belongs to no account.
func (db *DB) sealFor(ctx context.Context, q querier, accountID, plain string, at secret.Place) (string, error) {
	if accountID == "" {
		return db.common.Seal(plain, at), nil
	}
	key, err := db.keyOf(ctx, q, accountID)
	if err != nil {
		return "", err
	}
	return key.Seal(plain, at), nil
}

// auditRow is what a tag covers: every column, none of which can hold the separator.
func auditRow(id string, at int64, accountID, actor, action, sealed string) []byte {
	return []byte(strings.Join([]string{id, strconv.FormatInt(at, 10), accountID, actor, action, sealed}, "\x00"))
}

// Record writes an audit entry for an act that changes nothing else, such as a wrong password.
func (db *DB) Record(ctx context.Context, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error { return db.leave(ctx, t, act) })
}

// ListAudit returns entries, newest first. Details of accounts that were erased are gone for good and come back empty.
func (db *DB) ListAudit(ctx context.Context, f audit.Filter) ([]audit.Entry, error) {
	text, args := `SELECT id, at, account_id, actor, action, detail FROM audit WHERE 1 = 1`, []any{}
	narrow := func(condition, value string) {
		if value != "" {
			args = append(args, value)
			text += fmt.Sprintf(condition, len(args))
		}
	}
	narrow(" AND account_id = $%d", f.AccountID)
	if f.AccountID != "" { // the empty text keeps the planner on the account's own entries
		narrow(" AND action || '' = $%d", string(f.Action))
	} else {
		narrow(" AND action = $%d", string(f.Action))
	}
	narrow(" AND id < $%d", f.Before)
	args = append(args, f.Limit)
	text += fmt.Sprintf(" ORDER BY id DESC LIMIT $%d", len(args))
	type row struct {
		audit.Entry
		at     int64
		detail string
	}
	var rows []row
	err := each(ctx, db.engine.read(), text, args, func(s scanner) error {
		var r row
		err := s.Scan(&r.ID, &r.at, &r.AccountID, &r.Actor, &r.Action, &r.detail)
		rows = append(rows, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	open := db.opener(ctx)
	entries := make([]audit.Entry, len(rows))
	for i, r := range rows {
		e := r.Entry
		e.At = timeOf(r.at)
		plain, err := open(r.AccountID, r.detail, secret.Place{Table: "audit", Row: r.ID, Column: "detail"})
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return nil, fmt.Errorf("opening audit entry %s: %w", r.ID, err)
		}
		if plain != "" {
			if err := json.Unmarshal([]byte(plain), &e.Detail); err != nil {
				return nil, fmt.Errorf("reading audit entry %s: %w", r.ID, err)
			}
		}
		entries[i] = e
	}
	return entries, nil
}

// opener opens values of many accounts, unwrapping each account's key once.
func (db *DB) opener(ctx context.Context) func(accountID, sealed string, at secret.Place) (string, error) {
	keys := map[string]secret.AccountKey{}
	return func(accountID, sealed string, at secret.Place) (string, error) {
		if accountID == "" {
			return db.common.Open(sealed, at)
		}
		key, have := keys[accountID]
		if !have {
			var err error
			if key, err = db.keyOf(ctx, db.engine.read(), accountID); err != nil {
				return "", err
			}
			keys[accountID] = key
		}
		return key.Open(sealed, at)
	}
}
