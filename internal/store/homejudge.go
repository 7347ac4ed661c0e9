package store

import (
	"context"

	"usher/internal/credential"
)

// originStands finds the device that the device d was switched on, while it is signed in: no epoch of its account or of the instance i has passed it, and the account is
// neither locked nor about to be erased.
const originStands = `SELECT 1 FROM device o JOIN account r ON r.id = o.account_id
	WHERE o.id = d.origin AND r.state = 'active' AND o.account_epoch >= r.epoch AND o.born >= r.incident AND o.born >= i.incident AND o.born >= i.floor`

// judgeSwitched has a credential that came by switching, or belongs to a managed member, be judged by what nobody else's is: it is unknown where the sign-in that it
// came from has ended, and a managed member stands as the account does whose Home it is. This is a question of its own, after the one that all others need no more than:
// PostgreSQL takes a quarter longer for that one if it is part of it. Nothing is copied, and what ends between the two counts. credential.ErrUnknown.
func judgeSwitched(ctx context.Context, q querier, f *credential.Found) error {
	err := get(ctx, q, `SELECT COALESCE(h.state, a.state), COALESCE(h.epoch, a.epoch), COALESCE(h.incident, a.incident), COALESCE(h.secured, a.secured)
		FROM credential c JOIN instance i ON i.id = 1 JOIN device d ON d.id = c.device_id JOIN account a ON a.id = c.account_id LEFT JOIN account h ON h.id = a.home_owner
		WHERE c.hash = $1 AND (d.origin = '' OR EXISTS (`+originStands+`))`, []any{f.Hash}, &f.Account.State, &f.Account.Epoch, &f.Account.Incident, &f.Account.Secured)
	return found(err, credential.ErrUnknown)
}
