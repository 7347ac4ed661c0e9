package store

import (
	"context"
	"fmt"

	"usher/internal/account"
)

// ListAccounts returns accounts, newest first, a page at a time. Managed members of Homes are none, here and wherever accounts are listed, searched or counted.
func (db *DB) ListAccounts(ctx context.Context, f account.Filter) ([]account.Account, error) {
	return db.listAccounts(ctx, f, func(account.Account) bool { return true })
}

func (db *DB) listAccounts(ctx context.Context, f account.Filter, wanted func(account.Account) bool) ([]account.Account, error) {
	text, args := `SELECT `+accountColumns+` FROM account a WHERE a.home_owner || '' = ''`, []any{}
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

// CountAccounts returns how many accounts are in each state.
func (db *DB) CountAccounts(ctx context.Context) (map[account.State]int64, error) {
	byName, err := db.countBy(ctx, `SELECT state, COUNT(*) FROM account WHERE state <> 'managed' GROUP BY state`)
	out := map[account.State]int64{}
	for k, n := range byName {
		out[account.State(k)] = n
	}
	return out, err
}
