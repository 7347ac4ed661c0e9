package store

import (
	"context"
	"fmt"
	"strings"

	"usher/internal/account"
)

// ListAccounts returns accounts, newest first, a page at a time.
func (db *DB) ListAccounts(ctx context.Context, f account.Filter) ([]account.Account, error) {
	return db.listAccounts(ctx, f, func(account.Account) bool { return true })
}

func (db *DB) listAccounts(ctx context.Context, f account.Filter, wanted func(account.Account) bool) ([]account.Account, error) {
	text, args := `SELECT `+accountColumns+` FROM account a WHERE 1 = 1`, []any{}
	narrow := func(condition string, value any) {
		args = append(args, value)
		text += fmt.Sprintf(condition, len(args))
	}
	if f.State != "" {
		narrow(" AND a.state = $%d", string(f.State))
	}
	if f.Admins {
		narrow(" AND a.admin = $%d", true)
	}
	if f.Before != "" {
		narrow(" AND a.id < $%d", f.Before)
	}
	args = append(args, int64(max(1, f.Limit)))
	text += fmt.Sprintf(" ORDER BY a.id DESC LIMIT $%d", len(args))
	r := db.ring()
	var out []account.Account
	err := each(ctx, db.engine.read(), text, args, func(row scanner) error {
		var s sealedAccount
		if err := row.Scan(s.dest()...); err != nil {
			return err
		}
		a, err := s.open(r)
		if err == nil && wanted(a) {
			out = append(out, a)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	return out, nil
}

// SearchAccounts finds accounts by any part of an address, a user name or a display name, opening one after the other; limit bounds the
// answer. Call it only where there are at most account.MostScanned accounts.
func (db *DB) SearchAccounts(ctx context.Context, part string, limit int) ([]account.Account, error) {
	part = strings.ToLower(part)
	var out []account.Account
	f := account.Filter{Limit: searchPage}
	for scanned := 0; scanned < account.MostScanned && len(out) < limit; {
		last := ""
		n := 0
		page, err := db.listAccounts(ctx, f, func(a account.Account) bool {
			last, n = a.ID, n+1
			return strings.Contains(strings.ToLower(a.Email), part) || strings.Contains(strings.ToLower(a.UserName), part) ||
				strings.Contains(strings.ToLower(a.Name), part)
		})
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		scanned += n
		if n < searchPage {
			break
		}
		f.Before = last
	}
	return out[:min(len(out), limit)], nil
}

const searchPage = 1000

// CountAccounts returns how many accounts are in each state.
func (db *DB) CountAccounts(ctx context.Context) (map[account.State]int64, error) {
	byName, err := db.countBy(ctx, `SELECT state, COUNT(*) FROM account GROUP BY state`)
	out := map[account.State]int64{}
	for k, n := range byName {
		out[account.State(k)] = n
	}
	return out, err
}

// ListAdmins returns the addresses of every administrator, for what they must be told.
func (db *DB) ListAdmins(ctx context.Context) ([]account.Account, error) {
	return db.ListAccounts(ctx, account.Filter{Admins: true, Limit: 100})
}
