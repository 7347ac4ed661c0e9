package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
)

func recoveryCell(accountID, selector string) secret.Place {
	return secret.Place{Table: "recovery_code", Row: accountID + "." + selector, Column: "hash"}
}

// factorBudget names the counter of an account's wrong second factors in a row.
func factorBudget(r *secret.Ring, accountID string) string {
	return r.Obscure("failure", "factor\x00"+accountID)
}

// BeginFactor reads what a typed second factor is to be checked against and counts the failure in advance; the verb that spends the factor gives
// it back. *ratelimit.LimitedError and credential.Exhausted count nothing. An account without a second factor has a candidate without a key.
func (db *DB) BeginFactor(ctx context.Context, at credential.FactorAttempt) (c credential.FactorCandidate, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		c = credential.FactorCandidate{Budget: factorBudget(db.ring(), at.AccountID)}
		known, budget, err := db.budgetOf(ctx, t, credential.Attempt{Known: at.Known, At: at.At}, at.AccountID)
		if err != nil {
			return err
		}
		if known {
			c.Budget = db.ring().Obscure("failure", "factor\x00"+budget)
		}
		if err := db.take(ctx, t, at.Takes(c.Budget), at.At); err != nil {
			return err
		}
		if err := db.readFactor(ctx, t, at, &c); err != nil {
			return err
		}
		if err := db.charge(ctx, t, c.Budget, at.At); err != nil {
			return err
		}
		return get(ctx, t, `SELECT count FROM failure WHERE key = $1`, []any{c.Budget}, &c.Failures)
	})
	return c, err
}

func (db *DB) readFactor(ctx context.Context, t *tx, at credential.FactorAttempt, c *credential.FactorCandidate) error {
	var sealed string
	err := get(ctx, t, `SELECT totp, totp_step FROM account WHERE id = $1 AND totp_since > 0`, []any{at.AccountID}, &sealed, &c.Step)
	if errors.Is(err, errNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := db.keyOf(ctx, t, at.AccountID)
	if err != nil {
		return err
	}
	plain, err := key.Open(sealed, accountCell(at.AccountID, "totp"))
	if err != nil {
		return fmt.Errorf("opening an authenticator's key: %w", err)
	}
	c.Key = secret.TokenOf(plain)
	if at.Selector == "" {
		return nil
	}
	err = get(ctx, t, `SELECT hash FROM recovery_code WHERE account_id = $1 AND selector = $2`, []any{at.AccountID, at.Selector}, &c.Sealed)
	if errors.Is(err, errNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Recovery, err = key.Open(c.Sealed, recoveryCell(at.AccountID, at.Selector)); err != nil {
		return fmt.Errorf("opening a recovery code: %w", err)
	}
	return nil
}

// ReturnFactor gives one try back without forgetting the failures before it, for a check that did not take place.
func (db *DB) ReturnFactor(ctx context.Context, at credential.FactorAttempt, c credential.FactorCandidate) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.giveBack(ctx, t, at.Takes(c.Budget)); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE failure SET count = count - 1, until = 0 WHERE key = $1 AND count > 0`, c.Budget)
		return err
	})
}

// spendFactor uses a second factor up, once whatever runs at the same time (RFC 6238 §5.2), and gives its try back. A step counts only after the
// newest one used; a recovery code is deleted. ErrSpent. No factor at all is nothing to spend.
func (db *DB) spendFactor(ctx context.Context, t *tx, f *credential.Factor) error {
	if f == nil {
		return nil
	}
	n, err := int64(0), error(nil)
	if f.IsRecovery() {
		n, err = t.exec(ctx, `DELETE FROM recovery_code WHERE account_id = $1 AND selector = $2 AND hash = $3`, f.AccountID, f.Selector, f.Candidate.Sealed)
	} else {
		n, err = t.exec(ctx, `UPDATE account SET totp_step = $1 WHERE id = $2 AND totp_step < $1 AND totp_since > 0`, f.Step, f.AccountID)
	}
	if err != nil {
		return fmt.Errorf("spending a second factor: %w", err)
	}
	if n == 0 {
		return credential.ErrFactorSpent
	}
	if err := db.giveBack(ctx, t, f.Attempt.Takes(f.Candidate.Budget)); err != nil {
		return err
	}
	// The owner is here, in whichever browser: what a stranger has counted up in the account's own budget is no longer in a row.
	_, err = t.exec(ctx, `DELETE FROM failure WHERE key IN ($1, $2)`, f.Candidate.Budget, factorBudget(db.ring(), f.AccountID))
	return err
}

// SpendFactor uses a second factor up for an act that changes nothing else; ErrSpent when another was faster.
func (db *DB) SpendFactor(ctx context.Context, f credential.Factor, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.spendFactor(ctx, t, &f); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// RecoveryLeft returns how many recovery codes an account has left.
func (db *DB) RecoveryLeft(ctx context.Context, accountID string) (n int64, err error) {
	err = get(ctx, db.engine.read(), `SELECT COUNT(*) FROM recovery_code WHERE account_id = $1`, []any{accountID}, &n)
	return n, found(err, account.ErrNotFound)
}

// TurnOnFactor turns an account's second factor on, with its recovery codes. What was begun without it, half-finished sign-ins and reset links,
// ends. ErrSpent when the enrolment was used, or there is a second factor already.
func (db *DB) TurnOnFactor(ctx context.Context, f credential.NewFactor, act audit.Act) error {
	return db.change(ctx, f.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if f.Spends != "" {
			// What is turned on outlives whatever ends this sign-in: so it must not have ended already.
			if err := spendAlive(ctx, t, f.Spends); err != nil {
				return err
			}
		}
		n, err := t.exec(ctx, `UPDATE account SET totp = $1, totp_since = $2, totp_step = $3 WHERE id = $4 AND totp_since = 0`,
			key.Seal(f.Key.Reveal(), accountCell(f.AccountID, "totp")), ms(act.At), f.Step, f.AccountID)
		if err != nil {
			return fmt.Errorf("turning a second factor on: %w", err)
		}
		if n == 0 {
			return ErrSpent
		}
		if err := endBegun(ctx, t, f.AccountID); err != nil {
			return err
		}
		return insertRecovery(ctx, t, key, f.AccountID, f.Recovery)
	})
}

// TurnOffFactor takes an account's second factor away, with its recovery codes and the browsers where it was not asked for. The given one is
// spent. ErrSpent.
func (db *DB) TurnOffFactor(ctx context.Context, f credential.Factor, act audit.Act) error {
	return db.change(ctx, f.AccountID, act, func(t *tx, _ secret.AccountKey) error {
		if err := db.spendFactor(ctx, t, &f); err != nil {
			return err
		}
		return db.turnOffFactor(ctx, t, f.AccountID)
	})
}

func (db *DB) turnOffFactor(ctx context.Context, t *tx, accountID string) error {
	n, err := t.exec(ctx, `UPDATE account SET totp = '', totp_since = 0 WHERE id = $1 AND totp_since > 0`, accountID)
	if err != nil {
		return fmt.Errorf("turning a second factor off: %w", err)
	}
	if n == 0 {
		return ErrSpent
	}
	for _, text := range []string{`DELETE FROM recovery_code WHERE account_id = $1`, `DELETE FROM factor_removal WHERE account_id = $1`} {
		if _, err := t.exec(ctx, text, accountID); err != nil {
			return err
		}
	}
	if _, err := t.exec(ctx, `DELETE FROM failure WHERE key = $1`, factorBudget(db.ring(), accountID)); err != nil {
		return err
	}
	return endBegun(ctx, t, accountID)
}

// ReplaceRecovery gives an account a new set of recovery codes; the old set is void at once. The factor is spent. ErrSpent.
func (db *DB) ReplaceRecovery(ctx context.Context, recovery map[string]string, f credential.Factor, act audit.Act) error {
	return db.change(ctx, f.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := db.spendFactor(ctx, t, &f); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM recovery_code WHERE account_id = $1`, f.AccountID); err != nil {
			return err
		}
		return insertRecovery(ctx, t, key, f.AccountID, recovery)
	})
}

func insertRecovery(ctx context.Context, t *tx, key secret.AccountKey, accountID string, recovery map[string]string) error {
	for _, selector := range slices.Sorted(maps.Keys(recovery)) {
		_, err := t.exec(ctx, `INSERT INTO recovery_code (account_id, selector, hash) VALUES ($1, $2, $3)`, accountID, selector,
			key.Seal(recovery[selector], recoveryCell(accountID, selector)))
		if err != nil {
			return fmt.Errorf("writing a recovery code: %w", err)
		}
	}
	return nil
}

// endBegun ends what was begun under another second factor, or none: half-finished sign-ins, enrolments, resets, claim
// tokens, and browsers that skip the code.
func endBegun(ctx context.Context, t *tx, accountID string) error {
	list, args := oneOf([]any{accountID}, []string{
		string(credential.SecondStep), string(credential.Enrolment), string(credential.Remembered), string(credential.Reset), string(credential.Restricted),
		string(credential.KeepFactor), string(credential.ServerClaim),
	})
	_, err := t.exec(ctx, `DELETE FROM credential WHERE account_id = $1 AND kind IN `+list, args...)
	return err
}
