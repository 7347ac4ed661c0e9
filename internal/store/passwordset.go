package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/audit"
)

// PasswordSetAt returns when an account's password was last replaced, as the record tells it; the zero time when it is still the first one.
func (db *DB) PasswordSetAt(ctx context.Context, accountID string) (time.Time, error) {
	var at int64
	// The empty text keeps the planner on the account's own entries: an index over the action would read everybody's.
	err := get(ctx, db.engine.read(), `SELECT COALESCE(MAX(at), 0) FROM audit WHERE account_id = $1 AND action || '' IN ($2, $3)`,
		[]any{accountID, string(audit.PasswordChanged), string(audit.PasswordReset)}, &at)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when a password was set: %w", err)
	}
	return timeOf(at), nil
}
