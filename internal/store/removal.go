package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
)

// AskRemoval writes down that an account's second factor will be taken away. ErrSpent when there is no second factor, or this was asked for
// before.
func (db *DB) AskRemoval(ctx context.Context, r credential.Removal, act audit.Act) error {
	return db.change(ctx, r.AccountID, act, func(t *tx, _ secret.AccountKey) error {
		var on int64
		err := get(ctx, t, `SELECT totp_since FROM account WHERE id = $1 AND totp_since > 0`, []any{r.AccountID}, &on)
		if err != nil {
			return found(err, ErrSpent)
		}
		n, err := t.exec(ctx, `INSERT INTO factor_removal (account_id, actor, due_at, told, told_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id) DO NOTHING`,
			r.AccountID, r.Actor, ms(r.Due), r.Told, ms(r.ToldAt))
		if err != nil {
			return fmt.Errorf("writing a removal: %w", err)
		}
		if n == 0 {
			return ErrSpent
		}
		return nil
	})
}

const removalColumns = `account_id, actor, due_at, told, told_at`

func scanRemoval(row scanner) (r credential.Removal, err error) {
	var due, told int64
	err = row.Scan(&r.AccountID, &r.Actor, &due, &r.Told, &told)
	r.Due, r.ToldAt = timeOf(due), timeOf(told)
	return r, err
}

// FindRemoval returns the removal that is going on for an account; zero when none is.
func (db *DB) FindRemoval(ctx context.Context, accountID string) (r credential.Removal, err error) {
	err = each(ctx, db.engine.read(), `SELECT `+removalColumns+` FROM factor_removal WHERE account_id = $1`, []any{accountID}, func(row scanner) (err error) {
		r, err = scanRemoval(row)
		return err
	})
	return r, err
}

// ListRemovals returns removals that were last told at or before a time, those told longest ago first.
func (db *DB) ListRemovals(ctx context.Context, toldBy time.Time, limit int) (all []credential.Removal, err error) {
	err = each(ctx, db.engine.read(), `SELECT `+removalColumns+` FROM factor_removal WHERE told_at <= $1 ORDER BY told_at LIMIT $2`,
		[]any{ms(toldBy), int64(limit)}, func(row scanner) error {
			r, err := scanRemoval(row)
			all = append(all, r)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("reading the removals: %w", err)
	}
	return all, nil
}

// TellRemoval writes down one more warning and sends it. ErrSpent when another node was faster, or it was stopped meanwhile.
func (db *DB) TellRemoval(ctx context.Context, was, is credential.Removal, act audit.Act) error {
	return db.change(ctx, was.AccountID, act, func(t *tx, _ secret.AccountKey) error {
		n, err := t.exec(ctx, `UPDATE factor_removal SET told = $1, told_at = $2, due_at = $3 WHERE account_id = $4 AND told_at = $5`,
			is.Told, ms(is.ToldAt), ms(is.Due), was.AccountID, ms(was.ToldAt))
		if err == nil && n == 0 {
			err = ErrSpent
		}
		return err
	})
}

// StopRemoval ends a removal for good: the second factor stays, and no link of a warning counts any more. With a link's hash, that one is
// spent first. ErrSpent when nothing is going on.
func (db *DB) StopRemoval(ctx context.Context, accountID, spends string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, _ secret.AccountKey) error {
		if spends != "" {
			if err := spend(ctx, t, spends); err != nil {
				return err
			}
		}
		n, err := t.exec(ctx, `DELETE FROM factor_removal WHERE account_id = $1`, accountID)
		if err == nil && n == 0 {
			err = ErrSpent
		}
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `DELETE FROM credential WHERE account_id = $1 AND kind = $2`, accountID, string(credential.KeepFactor))
		return err
	})
}

// RemoveFactor takes a second factor away whose removal is due by the time of the act; the password stays as it is. ErrSpent when it was
// stopped, or done, meanwhile, and while the account is locked: whoever is kept out cannot look.
func (db *DB) RemoveFactor(ctx context.Context, accountID string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, _ secret.AccountKey) error {
		n, err := t.exec(ctx, `DELETE FROM factor_removal WHERE account_id = $1 AND due_at <= $2 AND told >= $3
			AND NOT EXISTS (SELECT 1 FROM account a WHERE a.id = $1 AND a.state = 'locked')`, accountID, ms(act.At), int64(credential.RemovalWarnings))
		if err == nil && n == 0 {
			err = ErrSpent
		}
		if err != nil {
			return err
		}
		return db.turnOffFactor(ctx, t, accountID)
	})
}

// ListRemembered returns the browsers where an account's second factor is not asked for, newest first. What an epoch has ended is not in it.
func (db *DB) ListRemembered(ctx context.Context, accountID string, now time.Time) ([]credential.Credential, error) {
	var all []credential.Credential
	open := db.opener(ctx)
	err := each(ctx, db.engine.read(), `SELECT c.hash, c.detail, c.created_at, c.expires_at
		FROM credential c JOIN account a ON a.id = c.account_id JOIN instance i ON i.id = 1
		WHERE c.account_id = $1 AND c.kind = $2 AND c.expires_at > $3 AND `+alive+`
		ORDER BY c.created_at DESC, c.hash`, []any{accountID, string(credential.Remembered), ms(now)}, func(row scanner) error {
		c := credential.Credential{Kind: credential.Remembered, AccountID: accountID}
		var created, expires int64
		err := row.Scan(&c.Hash, &c.Detail, &created, &expires)
		c.CreatedAt, c.ExpiresAt = timeOf(created), timeOf(expires)
		all = append(all, c)
		return err
	})
	for i := range all {
		if err == nil && all[i].Detail != "" {
			all[i].Detail, err = open(accountID, all[i].Detail, credentialCell(all[i].Hash))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the remembered browsers: %w", err)
	}
	return all, nil
}

// ForgetRemembered ends some of the browsers where an account's second factor is not asked for; ErrSpent when none of them was left.
func (db *DB) ForgetRemembered(ctx context.Context, accountID string, hashes []string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		ended := int64(0)
		for _, hash := range hashes {
			n, err := t.exec(ctx, `DELETE FROM credential WHERE hash = $1 AND account_id = $2 AND kind = $3`, hash, accountID, string(credential.Remembered))
			if err != nil {
				return err
			}
			ended += n
		}
		if ended == 0 {
			return ErrSpent
		}
		return db.leave(ctx, t, act)
	})
}
