package store

import (
	"context"
	"errors"
	"time"

	"usher/internal/device"
	"usher/internal/stream"
)

// signalEverything notes, in the transaction that ends it, that everything has ended which is signed in to an account, to the managed members of its Home, and
// to others by a switch on one of its devices.
func signalEverything(ctx context.Context, t *tx, accountID string, now time.Time) error {
	err := signalAccounts(ctx, t, happened{stream.AllEnded, now}, `a.id IN (SELECT CAST($1 AS TEXT) UNION ALL SELECT h.id FROM account h WHERE h.home_owner = $1 AND h.home_owner <> '')`, accountID)
	if err != nil {
		return err
	}
	return endSwitchedFrom(ctx, t, accountID, now)
}

// endSwitchedFrom ends what came by switching on any device of an account.
func endSwitchedFrom(ctx context.Context, t *tx, accountID string, now time.Time) error {
	return endSwitched(ctx, t, `d.origin IN (SELECT o.id FROM device o WHERE o.account_id = $1)`, now, accountID)
}

// endSwitchedTo ends what members of a Home have switched to an account, or to the managed members of its Home.
func endSwitchedTo(ctx context.Context, t *tx, accountID string, now time.Time) error {
	return endSwitched(ctx, t, `d.account_id IN (SELECT CAST($1 AS TEXT) UNION ALL SELECT h.id FROM account h WHERE h.home_owner = $1 AND h.home_owner <> '')`, now, accountID)
}

// endSwitched ends the devices d that somebody has switched on and that meet a condition, with everything made from them.
func endSwitched(ctx context.Context, t *tx, condition string, now time.Time, args ...any) error {
	type switched struct{ id, accountID string }
	var all []switched
	err := each(ctx, t, `SELECT d.id, d.account_id FROM device d WHERE d.origin <> '' AND `+condition+` ORDER BY d.account_id, d.id`, args, func(row scanner) error {
		var one switched
		err := row.Scan(&one.id, &one.accountID)
		all = append(all, one)
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := endDevice(ctx, t, d.accountID, d.id, now); err != nil && !errors.Is(err, device.ErrNotFound) {
			return err
		}
	}
	return nil
}
