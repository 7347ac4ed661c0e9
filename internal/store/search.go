package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"usher/internal/account"
)

// ScanAccounts finds accounts by any part of an address, a user name or a display name, newest first, opening at most
// account.MostScanned of those that the filter lets through. Its context bounds the time it takes.
func (db *DB) ScanAccounts(ctx context.Context, f account.Filter, part string) ([]account.Account, error) {
	part = strings.ToLower(part)
	want := f.Limit
	f.Limit = scanPage
	var out []account.Account
	for scanned := 0; scanned < account.MostScanned; scanned += scanPage {
		opened := 0
		page, err := db.listAccounts(ctx, f, func(a account.Account) bool {
			f.Before = a.ID
			opened++
			return holds(a, part)
		})
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if len(out) >= want {
			return out[:want], nil
		}
		if opened < scanPage {
			break
		}
	}
	return out, nil
}

// scanPage is how many rows a scan reads at once, so that no reader is held for long.
const scanPage = 1000

func holds(a account.Account, part string) bool {
	for _, text := range []string{a.Email, a.UserName, a.Name} {
		if strings.Contains(strings.ToLower(text), part) {
			return true
		}
	}
	return false
}

// AtMostAccounts reports whether there are no more than so many accounts; it counts no further.
func (db *DB) AtMostAccounts(ctx context.Context, most int) (bool, error) {
	var n int64
	err := get(ctx, db.engine.read(), `SELECT COUNT(*) FROM (SELECT id FROM account LIMIT $1) AS counted`, []any{int64(most) + 1}, &n)
	return n <= int64(most), err
}

// NameAccounts returns what to call accounts, by id; those that are gone are missing.
func (db *DB) NameAccounts(ctx context.Context, ids []string) (map[string]string, error) {
	names := map[string]string{}
	if len(ids) == 0 {
		return names, nil
	}
	list, args := oneOf(nil, ids)
	r := db.ring()
	err := each(ctx, db.engine.read(), `SELECT `+accountColumns+` FROM account a WHERE a.home_owner = '' AND a.id IN `+list, args, func(row scanner) error {
		var s sealedAccount
		if err := row.Scan(s.dest()...); err != nil {
			return err
		}
		a, err := s.open(r)
		names[a.ID] = a.Called()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("naming accounts: %w", err)
	}
	return names, nil
}

// LastSeen returns when any device of the accounts was last used, by id; those without a device are missing.
func (db *DB) LastSeen(ctx context.Context, ids []string) (map[string]time.Time, error) {
	seen := map[string]time.Time{}
	if len(ids) == 0 {
		return seen, nil
	}
	list, args := oneOf(nil, ids)
	err := each(ctx, db.engine.read(), `SELECT account_id, MAX(used_at) FROM device WHERE account_id IN `+list+` GROUP BY account_id`, args, func(row scanner) error {
		var id string
		var used int64
		err := row.Scan(&id, &used)
		seen[id] = timeOf(used)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading last uses: %w", err)
	}
	return seen, nil
}
