package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/secret"
)

// LoadAccounts inserts many accounts with ready hashes: by COPY on PostgreSQL, by grouped inserts on SQLite. next returns io.EOF after the
// last one; memory stays flat. It returns how many were inserted. A handle that somebody has already ends the load with an error; the
// thousands around it are then not inserted either, those before are.
func (db *DB) LoadAccounts(ctx context.Context, next func() (account.Account, error)) (int64, error) {
	return bulk(next, func(chunk []account.Account) error {
		rows, handles := make([][]any, 0, len(chunk)), make([][]any, 0, 2*len(chunk))
		for _, a := range chunk {
			row, hs, err := db.accountRows(a)
			if err != nil {
				return err
			}
			rows, handles = append(rows, row), append(handles, hs...)
		}
		return db.engine.load(ctx, []part{{"account", []string{"id", "state", "admin", "key", "email", "user_name", "name", "notice_email", "password",
			"password_version", "epoch", "incident", "secured", "created_at", "delete_at", "email_proved", "passwordless"}, rows},
			{"handle", []string{"hash", "kind", "account_id", "held_until"}, handles}})
	})
}

func (db *DB) accountRows(a account.Account) (row []any, handles [][]any, err error) {
	key, wrapped, err := db.ring().NewAccountKey(a.ID)
	if err != nil {
		return nil, nil, err
	}
	seal := func(column, v string) string { return key.Seal(v, accountCell(a.ID, column)) }
	row = []any{a.ID, string(a.State), a.Admin, wrapped, seal("email", a.Email), seal("user_name", a.UserName), seal("name", a.Name),
		seal("notice_email", a.NoticeEmail), seal("password", a.Password), a.PasswordVersion, a.Epoch, a.Incident, a.Secured, ms(a.CreatedAt), ms(a.DeleteAt), a.EmailProved, a.Password == ""}
	all, err := a.Handles()
	if err != nil {
		return nil, nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	for _, h := range all {
		for _, hash := range db.ring().Index(string(h.Kind), h.Value) {
			handles = append(handles, []any{hash, string(h.Kind), a.ID, int64(0)})
		}
	}
	return row, handles, nil
}

// LoadSignIns inserts many sign-ins at once, made at now; their accounts must be there.
func (db *DB) LoadSignIns(ctx context.Context, now time.Time, next func() (credential.SignIn, error)) (int64, error) {
	return bulk(next, func(chunk []credential.SignIn) error {
		keys, err := db.keysOf(ctx, chunk)
		if err != nil {
			return err
		}
		devices, credentials := make([][]any, 0, len(chunk)), make([][]any, 0, len(chunk))
		for _, s := range chunk {
			key, exists := keys[s.Device.AccountID]
			if !exists {
				return fmt.Errorf("loading a sign-in of account %s: %w", s.Device.AccountID, account.ErrNotFound)
			}
			facts, seen, err := sealDevice(key, s.Device)
			if err != nil {
				return err
			}
			d := s.Device
			devices = append(devices, []any{d.ID, d.AccountID, string(d.Kind), d.Method, facts, seen, s.Stamp.Born, s.Stamp.Account, ms(now), ms(now)})
			credentials = append(credentials, db.credentialRow(credential.Browser, s.Token, d.ID, s, now))
			if !s.Known.Empty() {
				credentials = append(credentials, db.credentialRow(credential.Known, s.Known, "", s, now))
			}
		}
		return db.engine.load(ctx, []part{
			{"device", []string{"id", "account_id", "kind", "method", "facts", "seen", "born", "account_epoch", "created_at", "used_at"}, devices},
			{"credential", []string{"hash", "kind", "account_id", "device_id", "subject", "detail", "born", "account_epoch", "fresh_at", "created_at", "expires_at"}, credentials}})
	})
}

func (db *DB) credentialRow(kind credential.Kind, token secret.Token, deviceID string, s credential.SignIn, now time.Time) []any {
	fresh := s.FreshAt
	if kind != credential.Browser {
		fresh = time.Time{}
	}
	return []any{db.ring().HashToken(string(kind), token)[0], string(kind), s.Device.AccountID, deviceID, "", "", s.Stamp.Born, s.Stamp.Account,
		ms(fresh), ms(now), ms(now.Add(credential.Rules[kind].Life))}
}

// keysOf unwraps the data keys of many accounts, some hundreds to a question.
func (db *DB) keysOf(ctx context.Context, chunk []credential.SignIn) (map[string]secret.AccountKey, error) {
	const most = 250
	keys := make(map[string]secret.AccountKey, len(chunk))
	for len(chunk) > 0 {
		ids := make([]string, most) // always so many, the last repeated: one statement for every list
		for i := range ids {
			ids[i] = chunk[min(i, len(chunk)-1)].Device.AccountID
		}
		chunk = chunk[min(most, len(chunk)):]
		list, args := oneOf(nil, ids)
		err := each(ctx, db.engine.read(), `SELECT id, key FROM account WHERE id IN `+list, args, func(row scanner) error {
			var id, wrapped string
			if err := row.Scan(&id, &wrapped); err != nil {
				return err
			}
			key, err := db.ring().AccountKey(id, wrapped)
			keys[id] = key
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading the accounts' keys: %w", err)
		}
	}
	return keys, nil
}

// part is rows of one table that are loaded together with others.
type part struct {
	table   string
	columns []string
	rows    [][]any
}

// loadChunk is how many items are sealed, held in memory and committed at a time.
const loadChunk = 5000

// bulk hands items on in chunks until next says io.EOF, and returns how many went through.
func bulk[T any](next func() (T, error), flush func([]T) error) (n int64, err error) {
	chunk := make([]T, 0, loadChunk)
	for {
		item, err := next()
		if err == nil {
			chunk = append(chunk, item)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if len(chunk) == loadChunk || err != nil && len(chunk) > 0 {
			if failed := flush(chunk); failed != nil {
				return n, failed
			}
			n += int64(len(chunk))
			chunk = chunk[:0]
		}
		if err != nil {
			return n, nil
		}
	}
}
