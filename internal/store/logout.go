package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/relyingparty"
)

// queueLogouts notes, in the transaction that ends them, grants whose clients are told of sign-outs. The condition is about the credential c, its
// account a and the instance i. A grant is noted once, however often it ends, and is
// told after those that waited before it.
func queueLogouts(ctx context.Context, t *tx, condition string, args ...any) error {
	kinds, args := oneOf(args, grantKinds)
	_, err := t.exec(ctx, `INSERT INTO logout (grant_hash, client_id, account_id, attempts, next_at, created_at)
		SELECT c.hash, c.subject, c.account_id, 0, i.newest, i.newest FROM credential c JOIN instance i ON i.id = 1 JOIN account a ON a.id = c.account_id
		JOIN client k ON k.id = c.subject WHERE `+condition+` AND c.kind IN `+kinds+` AND k.told AND k.removed_at = 0 ON CONFLICT (grant_hash) DO NOTHING`, args...)
	if err != nil {
		return fmt.Errorf("noting sign-outs for clients: %w", err)
	}
	return nil
}

// dead is the contrary of alive.
const dead = `(c.account_epoch < a.epoch OR c.born < a.incident OR c.born < i.incident OR c.born < i.floor)`

// endDeadGrants notes the grants of accounts that an epoch has passed, and deletes those: else a later epoch would have them noted again. The condition
// is about an account_id.
func endDeadGrants(ctx context.Context, t *tx, condition string, args ...any) error {
	if err := queueLogouts(ctx, t, `c.account_id `+condition+` AND `+dead, args...); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM credential WHERE account_id `+condition+` AND hash IN (SELECT grant_hash FROM logout WHERE account_id `+condition+`)`, args...)
	return err
}

// logoutWalk begins to go through all credentials for grants that have ended with everybody's.
func logoutWalk(ctx context.Context, t *tx) error {
	_, err := t.exec(ctx, `UPDATE instance SET logouts = '0' WHERE id = 1 AND EXISTS (SELECT 1 FROM client WHERE told)`)
	return err
}

// walkBatch is how many credentials are gone through in one transaction.
const walkBatch = 1000

// DeriveLogouts goes through a portion of the credentials for grants that an incident ended for everybody, notes them for their clients, and reports
// whether there is more to go through. It may be stopped at any point.
func (db *DB) DeriveLogouts(ctx context.Context) (more bool, err error) {
	var from string
	if err := get(ctx, db.engine.read(), `SELECT logouts FROM instance WHERE id = 1`, nil, &from); err != nil || from == "" {
		return false, err
	}
	err = db.engine.write(ctx, func(t *tx) error {
		more = false
		if err := get(ctx, t, `UPDATE instance SET logouts = logouts WHERE id = 1 RETURNING logouts`, nil, &from); err != nil || from == "" {
			return err
		}
		var last string
		var n int64
		err := get(ctx, t, `SELECT COALESCE(MAX(hash), ''), COUNT(*) FROM (SELECT hash FROM credential WHERE hash > $1 ORDER BY hash LIMIT $2) AS portion`, []any{from, int64(walkBatch)}, &last, &n)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := queueLogouts(ctx, t, `c.hash > $1 AND c.hash <= $2 AND `+dead, from, last); err != nil {
				return err
			}
			if _, err := t.exec(ctx, `DELETE FROM credential WHERE hash > $1 AND hash <= $2 AND hash IN (SELECT grant_hash FROM logout WHERE grant_hash > $1 AND grant_hash <= $2)`, from, last); err != nil {
				return err
			}
		}
		if more = n == walkBatch; !more {
			last = ""
		}
		_, err = t.exec(ctx, `UPDATE instance SET logouts = $1 WHERE id = 1`, last)
		return err
	})
	return more, err
}

// ClientsToTell returns the clients for which a logout is due.
func (db *DB) ClientsToTell(ctx context.Context, now time.Time) (all []relyingparty.Client, err error) {
	err = each(ctx, db.engine.read(), `SELECT k.id, k.facts, k.created_at FROM client k WHERE k.told AND k.removed_at = 0
		AND EXISTS (SELECT 1 FROM logout l WHERE l.client_id = k.id AND l.next_at <= $1) ORDER BY k.id`, []any{ms(now)}, func(row scanner) error {
		var id, facts string
		var created int64
		if err := row.Scan(&id, &facts, &created); err != nil {
			return err
		}
		c, err := db.openClient(id, facts, created)
		all = append(all, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for sign-outs to tell: %w", err)
	}
	return all, nil
}

// LeaseLogouts hands out up to limit logouts that are due for a client; they are due again when the lease ends, unless they are told by then.
func (db *DB) LeaseLogouts(ctx context.Context, clientID string, now time.Time, lease time.Duration, limit int) (all []relyingparty.Logout, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		all = all[:0]
		return each(ctx, t, `UPDATE logout SET next_at = $1, attempts = attempts + 1 WHERE next_at <= $2 AND grant_hash IN
			(SELECT grant_hash FROM logout WHERE client_id = $3 AND next_at <= $2 ORDER BY next_at LIMIT $4)
			RETURNING grant_hash, account_id, attempts, created_at`, []any{ms(now.Add(lease)), ms(now), clientID, int64(limit)}, func(row scanner) error {
			l := relyingparty.Logout{ClientID: clientID}
			var created int64
			err := row.Scan(&l.Grant, &l.AccountID, &l.Attempts, &created)
			l.Attempts, l.CreatedAt = l.Attempts-1, timeOf(created)
			all = append(all, l)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("leasing sign-outs to tell: %w", err)
	}
	return all, nil
}

// LogoutTold forgets a logout that its client has taken.
func (db *DB) LogoutTold(ctx context.Context, grant string) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM logout WHERE grant_hash = $1`, grant)
		return err
	})
}

// LogoutFailed keeps a logout for another try.
func (db *DB) LogoutFailed(ctx context.Context, grant string, again time.Time) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE logout SET next_at = $1 WHERE grant_hash = $2`, ms(again), grant)
		return err
	})
}

// CountLogouts returns how many ended sign-ins a client is still to be told of; it counts no further than most.
func (db *DB) CountLogouts(ctx context.Context, clientID string, most int) (n int, err error) {
	err = get(ctx, db.engine.read(), `SELECT COUNT(*) FROM (SELECT grant_hash FROM logout WHERE client_id = $1 LIMIT $2) AS counted`, []any{clientID, int64(most)}, &n)
	return n, err
}
