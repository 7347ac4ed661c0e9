package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// ChangePassword replaces a password and puts a new token in the place of the browser's old one. ErrSpent when the password or the browser's
// sign-in was replaced meanwhile.
func (db *DB) ChangePassword(ctx context.Context, p credential.PasswordChange, oldHash string, token secret.Token, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := db.setPassword(ctx, t, key, p, act.At); err != nil {
			return err
		}
		if err := db.renew(ctx, t, credential.Renewal{Replaces: oldHash, Token: token, FreshAt: act.At}); err != nil || p.Known.Empty() {
			return err
		}
		_, err := db.insertCredential(ctx, t, newCredential{kind: credential.Known, token: p.Known, accountID: p.AccountID, stamp: p.Stamp}, act.At)
		return err
	})
}

// ChangePasswordEverywhere replaces a password and signs everything out by one epoch step; keep, when given, is signed in anew. ErrSpent.
func (db *DB) ChangePasswordEverywhere(ctx context.Context, p credential.PasswordChange, keep *credential.SignIn, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := db.setPassword(ctx, t, key, p, act.At); err != nil {
			return err
		}
		return db.endEverything(ctx, t, p.AccountID, keep, act.At)
	})
}

// RedeemReset spends a reset link for a new password; what is signed in stays, but for what members of a Home have switched to the account. ErrSpent.
func (db *DB) RedeemReset(ctx context.Context, hash string, p credential.PasswordChange, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := spend(ctx, t, hash); err != nil {
			return err
		}
		if err := db.setPassword(ctx, t, key, p, act.At); err != nil {
			return err
		}
		return endSwitchedTo(ctx, t, p.AccountID, act.At)
	})
}

// RedeemResetEverywhere spends a reset link for a new password and signs everything out by one epoch step. ErrSpent.
func (db *DB) RedeemResetEverywhere(ctx context.Context, hash string, p credential.PasswordChange, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := spend(ctx, t, hash); err != nil {
			return err
		}
		if err := db.setPassword(ctx, t, key, p, act.At); err != nil {
			return err
		}
		_, err := stepAccount(ctx, t, p.AccountID, act.At)
		return err
	})
}

// setPassword writes a password over the version it replaces, ends what hung on the old one (resets, half-finished sign-ins, claim tokens, tickets of codes,
// confirmed codes of gates, pending changes of addresses, the failure budgets of browsers that knew it), and lets tries count anew.
func (db *DB) setPassword(ctx context.Context, t *tx, key secret.AccountKey, p credential.PasswordChange, now time.Time) error {
	if err := db.voidPassword(ctx, t, key, p, now); err != nil {
		return err
	}
	n, err := t.exec(ctx, `UPDATE account SET password = $1, password_version = password_version + 1, passwordless = FALSE,
		secured = CASE WHEN secured > $2 THEN secured ELSE $2 END, review = review OR $5, email_proved = email_proved OR $7
		WHERE id = $3 AND password_version = $4 AND incident = $6`,
		key.Seal(p.Password, accountCell(p.AccountID, "password")), p.Secured, p.AccountID, p.Replaces, p.Review, p.Incident, p.Proves)
	if err != nil {
		return fmt.Errorf("writing a password: %w", err)
	}
	if n == 0 {
		return ErrSpent
	}
	if err := endPending(ctx, t, p.AccountID); err != nil {
		return err
	}
	_, err = t.exec(ctx, `DELETE FROM failure WHERE key = $1`, accountBudget(db.ring(), p.AccountID))
	return err
}

// endPending ends what hung on the proof that was good until now.
func endPending(ctx context.Context, t *tx, accountID string) error {
	list, args := oneOf([]any{accountID}, []string{string(credential.Reset), string(credential.Restricted), string(credential.Known), string(credential.SecondStep), string(credential.Enrolment), string(credential.ServerClaim), string(credential.LinkTicket)})
	if _, err := t.exec(ctx, `DELETE FROM credential WHERE account_id = $1 AND kind IN `+list, args...); err != nil {
		return err
	}
	// After the tickets: a code that one of them is confirming at this moment is seen here.
	if err := endLetIn(ctx, t, accountID, relyingparty.GateID); err != nil {
		return err
	}
	for _, purpose := range []account.Purpose{account.ForEmail, account.ForNotices} {
		if err := endConfirmations(ctx, t, accountID, purpose); err != nil {
			return err
		}
	}
	return nil
}

// ConfirmSecured takes an account without a password back into use after an incident, by its owner's fresh proof, and signs everything out by one epoch step.
// ErrSpent, also when a password was set or another incident came meanwhile.
func (db *DB) ConfirmSecured(ctx context.Context, p credential.Afresh, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, _ secret.AccountKey) error {
		if err := spendAlive(ctx, t, p.Spends); err != nil {
			return err
		}
		if err := db.usePasskey(ctx, t, p.Passkey, act.At); err != nil {
			return err
		}
		n, err := t.exec(ctx, `UPDATE account SET secured = CASE WHEN secured > $1 THEN secured ELSE $1 END, review = TRUE WHERE id = $2 AND passwordless AND incident = $3`,
			p.Secured, p.AccountID, p.Incident)
		if err != nil {
			return fmt.Errorf("confirming an account: %w", err)
		}
		if n == 0 {
			return ErrSpent
		}
		if err := endPending(ctx, t, p.AccountID); err != nil {
			return err
		}
		_, err = stepAccount(ctx, t, p.AccountID, act.At)
		return err
	})
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

// voidedPasswords is how many voided passwords of an account are kept: each costs a hash whenever a new one is chosen.
const voidedPasswords = 5

func voidedCell(id string) secret.Place {
	return secret.Place{Table: "voided_password", Row: id, Column: "hash"}
}

// voidPassword keeps the password that is about to be replaced from ever being chosen again, where a new one is required. That is asked here and
// not when the reset began: an incident may have been declared in between. While a list is being written, it may still come to this account.
func (db *DB) voidPassword(ctx context.Context, t *tx, key secret.AccountKey, p credential.PasswordChange, now time.Time) error {
	if p.Old == "" {
		return nil
	}
	row := id.New(now)
	n, err := t.exec(ctx, `INSERT INTO voided_password (id, account_id, hash, created_at) SELECT $1, a.id, $3, CAST($4 AS BIGINT) FROM account a, instance i
		WHERE a.id = $2 AND i.id = 1 AND (a.secured < i.incident OR a.secured < a.incident
		OR EXISTS (SELECT 1 FROM incident i WHERE i.state = 'listing' AND i.action = 'require'))`, row, p.AccountID, key.Seal(p.Old, voidedCell(row)), ms(now))
	if err != nil {
		return fmt.Errorf("voiding a password: %w", err)
	}
	if n == 0 {
		return nil
	}
	_, err = t.exec(ctx, `DELETE FROM voided_password WHERE account_id = $1 AND id NOT IN
		(SELECT id FROM voided_password WHERE account_id = $1 ORDER BY id DESC LIMIT $2)`, p.AccountID, int64(voidedPasswords))
	return err
}

// VoidedPasswords returns the PHC strings of passwords that an account must not have again, newest first.
func (db *DB) VoidedPasswords(ctx context.Context, accountID string) ([]string, error) {
	type voided struct{ id, sealed string }
	var rows []voided
	err := each(ctx, db.engine.read(), `SELECT id, hash FROM voided_password WHERE account_id = $1 ORDER BY id DESC`, []any{accountID}, func(row scanner) error {
		var v voided
		err := row.Scan(&v.id, &v.sealed)
		rows = append(rows, v)
		return err
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	key, err := db.keyOf(ctx, db.engine.read(), accountID)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(rows))
	for i, v := range rows {
		if out[i], err = key.Open(v.sealed, voidedCell(v.id)); err != nil {
			return nil, fmt.Errorf("opening a voided password: %w", err)
		}
	}
	return out, nil
}

// ProveReset spends a reset link and a second factor together, once, for the ticket that finishes the reset. ErrSpent.
func (db *DB) ProveReset(ctx context.Context, hash string, f credential.Factor, act audit.Act) error {
	return db.change(ctx, f.AccountID, act, func(t *tx, _ secret.AccountKey) error {
		if err := spend(ctx, t, hash); err != nil {
			return err
		}
		return db.spendFactor(ctx, t, &f)
	})
}

// FinishReview notes that an account's owner has looked at what else there is after a reset.
func (db *DB) FinishReview(ctx context.Context, accountID string) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE account SET review = $1 WHERE id = $2`, false, accountID)
		return err
	})
}
