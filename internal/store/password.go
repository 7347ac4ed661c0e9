package store

import (
	"context"
	"fmt"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
)

// ChangePassword replaces a password and puts a new token in the place of the browser's old one. ErrSpent when the password or the browser's
// sign-in was replaced meanwhile.
func (db *DB) ChangePassword(ctx context.Context, p credential.PasswordChange, oldHash string, token secret.Token, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := db.setPassword(ctx, t, key, p); err != nil {
			return err
		}
		if err := db.renew(ctx, t, oldHash, token, act.At); err != nil || p.Known.Empty() {
			return err
		}
		_, err := db.insertCredential(ctx, t, newCredential{kind: credential.Known, token: p.Known, accountID: p.AccountID, stamp: p.Stamp}, act.At)
		return err
	})
}

// ChangePasswordEverywhere replaces a password and signs everything out by one epoch step; keep, when given, is signed in anew. ErrSpent.
func (db *DB) ChangePasswordEverywhere(ctx context.Context, p credential.PasswordChange, keep *credential.SignIn, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := db.setPassword(ctx, t, key, p); err != nil {
			return err
		}
		return db.endEverything(ctx, t, p.AccountID, keep, act.At)
	})
}

// RedeemReset spends a reset link for a new password; what is signed in stays. ErrSpent.
func (db *DB) RedeemReset(ctx context.Context, hash string, p credential.PasswordChange, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := spend(ctx, t, hash); err != nil {
			return err
		}
		return db.setPassword(ctx, t, key, p)
	})
}

// RedeemResetEverywhere spends a reset link for a new password and signs everything out by one epoch step. ErrSpent.
func (db *DB) RedeemResetEverywhere(ctx context.Context, hash string, p credential.PasswordChange, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := spend(ctx, t, hash); err != nil {
			return err
		}
		if err := db.setPassword(ctx, t, key, p); err != nil {
			return err
		}
		_, err := stepAccount(ctx, t, p.AccountID)
		return err
	})
}

// setPassword writes a password over the version it replaces, ends what hung on the old one (reset links, pending changes of addresses, the
// failure budgets of browsers that knew it), and lets tries count anew.
func (db *DB) setPassword(ctx context.Context, t *tx, key secret.AccountKey, p credential.PasswordChange) error {
	n, err := t.exec(ctx, `UPDATE account SET password = $1, password_version = password_version + 1,
		secured = CASE WHEN secured > $2 THEN secured ELSE $2 END WHERE id = $3 AND password_version = $4`,
		key.Seal(p.Password, accountCell(p.AccountID, "password")), p.Secured, p.AccountID, p.Replaces)
	if err != nil {
		return fmt.Errorf("writing a password: %w", err)
	}
	if n == 0 {
		return ErrSpent
	}
	if _, err := t.exec(ctx, `DELETE FROM credential WHERE account_id = $1 AND kind IN ($2, $3)`, p.AccountID, string(credential.Reset), string(credential.Known)); err != nil {
		return err
	}
	for _, purpose := range []account.Purpose{account.ForEmail, account.ForNotices} {
		if err := endConfirmations(ctx, t, p.AccountID, purpose); err != nil {
			return err
		}
	}
	_, err = t.exec(ctx, `DELETE FROM failure WHERE key = $1`, accountBudget(db.ring(), p.AccountID))
	return err
}

// UpgradePassword replaces the hash of the same password by a stronger one; nothing else changes. A password that was replaced meanwhile is
// left alone.
func (db *DB) UpgradePassword(ctx context.Context, accountID string, version int64, phc string) error {
	return db.engine.write(ctx, func(t *tx) error {
		key, err := db.keyOf(ctx, t, accountID)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `UPDATE account SET password = $1 WHERE id = $2 AND password_version = $3`, key.Seal(phc, accountCell(accountID, "password")), accountID, version)
		return err
	})
}
