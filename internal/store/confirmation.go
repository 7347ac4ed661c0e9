package store

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
)

func confirmationCell(id, column string) secret.Place {
	return secret.Place{Table: "confirmation", Row: id, Column: column}
}

// linkKind is the kind of the link that a confirmation's mail carries.
func linkKind(p account.Purpose) credential.Kind {
	if p == account.ForSignUp {
		return credential.SignUpLink
	}
	return credential.Change
}

// BeginConfirmation stores an address that waits to be proved, with its code and its link. An account's older confirmation for the same
// purpose ends. *ratelimit.LimitedError when a limit holds.
func (db *DB) BeginConfirmation(ctx context.Context, n account.NewConfirmation, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.take(ctx, t, n.Limits, act.At); err != nil {
			return err
		}
		if n.AccountID != "" {
			if _, err := db.lock(ctx, t, n.AccountID); err != nil {
				return err
			}
			if err := endConfirmations(ctx, t, n.AccountID, n.Purpose); err != nil {
				return err
			}
		}
		if err := db.insertConfirmation(ctx, t, n); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func (db *DB) insertConfirmation(ctx context.Context, t *tx, n account.NewConfirmation) error {
	email := db.common.Seal(n.Email, confirmationCell(n.ID, "email"))
	password := db.common.Seal(n.Password, confirmationCell(n.ID, "password"))
	_, err := t.exec(ctx, `INSERT INTO confirmation (id, purpose, account_id, email, password, code, tries, invitation, created_at, expires_at)
		VALUES ($1,$2,$3,$4,$5,$6,0,$7,$8,$9)`, n.ID, string(n.Purpose), n.AccountID, email, password, db.codeHash(n.ID, n.Code), n.Invitation,
		ms(n.CreatedAt), ms(n.ExpiresAt))
	if err != nil {
		return fmt.Errorf("writing a confirmation: %w", err)
	}
	return db.insertProofs(ctx, t, n, n.CreatedAt)
}

// insertProofs stores what proves the address beside the code: the browser where a sign-up began, and the mail's link.
func (db *DB) insertProofs(ctx context.Context, t *tx, n account.NewConfirmation, now time.Time) error {
	stamp := credential.Stamp{Born: n.Born, Account: n.Epoch}
	if !n.Browser.Empty() {
		if _, err := db.insertCredential(ctx, t, newCredential{kind: credential.SignUp, token: n.Browser, subject: n.ID, stamp: stamp}, now); err != nil {
			return err
		}
	}
	if n.Link.Empty() { // only the code proves it
		return nil
	}
	_, err := db.insertCredential(ctx, t, newCredential{kind: linkKind(n.Purpose), token: n.Link, accountID: n.AccountID, subject: n.ID, stamp: stamp}, now)
	return err
}

func (db *DB) codeHash(id string, code secret.Token) string {
	if code.Empty() {
		return ""
	}
	return db.ring().HashShort(id, code)[0]
}

// RenewConfirmation gives a pending confirmation another code, another link and another life; the former code and link are dead. With a
// browser token, that takes the former one's place too. ErrSpent when it is gone.
func (db *DB) RenewConfirmation(ctx context.Context, n account.NewConfirmation, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.take(ctx, t, n.Limits, act.At); err != nil {
			return err
		}
		rows, err := t.exec(ctx, `UPDATE confirmation SET code = $1, tries = 0, expires_at = $2 WHERE id = $3 AND expires_at > $4`,
			db.codeHash(n.ID, n.Code), ms(n.ExpiresAt), n.ID, ms(act.At))
		if err != nil {
			return err
		}
		if rows == 0 {
			return ErrSpent
		}
		replaced := []string{string(linkKind(n.Purpose))}
		if !n.Browser.Empty() {
			replaced = append(replaced, string(credential.SignUp))
		}
		list, args := oneOf([]any{n.ID}, replaced)
		if _, err := t.exec(ctx, `DELETE FROM credential WHERE subject = $1 AND kind IN `+list, args...); err != nil {
			return err
		}
		if err := db.insertProofs(ctx, t, n, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func endConfirmations(ctx context.Context, t *tx, accountID string, p account.Purpose) error {
	var ended []string
	err := each(ctx, t, `DELETE FROM confirmation WHERE account_id = $1 AND purpose = $2 RETURNING id`, []any{accountID, string(p)}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		ended = append(ended, id)
		return err
	})
	for _, id := range ended {
		if err == nil {
			_, err = t.exec(ctx, `DELETE FROM credential WHERE subject = $1`, id)
		}
	}
	return err
}

const confirmationColumns = `id, purpose, account_id, email, password, code, tries, invitation, created_at, expires_at`

func (db *DB) scanConfirmation(err error, row *confirmationRow) (account.Confirmation, error) {
	if err != nil {
		return account.Confirmation{}, found(err, credential.ErrUnknown)
	}
	c := row.Confirmation
	c.CreatedAt, c.ExpiresAt = timeOf(row.created), timeOf(row.expires)
	if c.Email, err = db.common.Open(row.email, confirmationCell(c.ID, "email")); err != nil {
		return c, fmt.Errorf("opening a confirmation: %w", err)
	}
	if c.Password, err = db.common.Open(row.password, confirmationCell(c.ID, "password")); err != nil {
		return c, fmt.Errorf("opening a confirmation: %w", err)
	}
	return c, nil
}

type confirmationRow struct {
	account.Confirmation
	email, password, code string
	created, expires      int64
}

func (r *confirmationRow) dest() []any {
	return []any{&r.ID, &r.Purpose, &r.AccountID, &r.email, &r.password, &r.code, &r.Tries, &r.Invitation, &r.created, &r.expires}
}

// LoadConfirmation returns a pending confirmation; credential.ErrUnknown when there is none, or it has expired.
func (db *DB) LoadConfirmation(ctx context.Context, id string, now time.Time) (account.Confirmation, error) {
	var r confirmationRow
	err := get(ctx, db.engine.read(), `SELECT `+confirmationColumns+` FROM confirmation WHERE id = $1 AND expires_at > $2`, []any{id, ms(now)}, r.dest()...)
	return db.scanConfirmation(err, &r)
}

// PendingConfirmation returns what an account is waiting to prove for a purpose; credential.ErrUnknown when nothing.
func (db *DB) PendingConfirmation(ctx context.Context, accountID string, p account.Purpose, now time.Time) (account.Confirmation, error) {
	var r confirmationRow
	err := get(ctx, db.engine.read(), `SELECT `+confirmationColumns+` FROM confirmation WHERE account_id = $1 AND purpose = $2 AND expires_at > $3`,
		[]any{accountID, string(p), ms(now)}, r.dest()...)
	return db.scanConfirmation(err, &r)
}

// DropConfirmation forgets what an account is waiting to prove for a purpose; account.ErrNotFound.
func (db *DB) DropConfirmation(ctx context.Context, accountID string, p account.Purpose) error {
	return db.engine.write(ctx, func(t *tx) error {
		if _, err := db.lock(ctx, t, accountID); err != nil {
			return err
		}
		return endConfirmations(ctx, t, accountID, p)
	})
}

// TryCode counts a try at a confirmation's code and reports whether it is right: account.ErrWrongCode when it is not, or when
// account.MostCodeTries were made before.
func (db *DB) TryCode(ctx context.Context, id string, code secret.Token, now time.Time) error {
	var hash string
	err := db.engine.write(ctx, func(t *tx) error {
		return get(ctx, t, `UPDATE confirmation SET tries = tries + 1 WHERE id = $1 AND expires_at > $2 AND tries < $3 RETURNING code`,
			[]any{id, ms(now), int64(account.MostCodeTries)}, &hash)
	})
	if errors.Is(err, errNoRow) {
		return account.ErrWrongCode
	}
	if err != nil {
		return err
	}
	for _, h := range db.ring().HashShort(id, code) {
		if subtle.ConstantTimeCompare([]byte(h), []byte(hash)) == 1 {
			return nil
		}
	}
	return account.ErrWrongCode
}

// redeem takes a confirmation away with its credentials; ErrSpent when another was first.
func redeem(ctx context.Context, t *tx, id string) (invitation string, err error) {
	err = get(ctx, t, `DELETE FROM confirmation WHERE id = $1 RETURNING invitation`, []any{id}, &invitation)
	if err != nil {
		return "", found(err, ErrSpent)
	}
	_, err = t.exec(ctx, `DELETE FROM credential WHERE subject = $1`, id)
	return invitation, err
}

// RedeemSignUp makes the account that a confirmed sign-up asked for, and signs its browser in. ErrSpent when the sign-up or its
// invitation was used, account.ErrAddressTaken when another sign-up of the address came first.
func (db *DB) RedeemSignUp(ctx context.Context, confirmationID string, a account.Account, h account.Handle, s credential.SignIn, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		invitation, err := redeem(ctx, t, confirmationID)
		if err != nil {
			return err
		}
		if invitation != "" {
			if err := spend(ctx, t, invitation); err != nil {
				return err
			}
		}
		return db.openAccount(ctx, t, a, []account.Handle{h}, s, act)
	})
}

// RedeemSetUp makes the first administrator by the set-up link; ErrSpent when it was used.
func (db *DB) RedeemSetUp(ctx context.Context, hash string, a account.Account, handles []account.Handle, s credential.SignIn, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := lockInstance(ctx, t); err != nil { // with two links out, each would wait for the other's row
			return err
		}
		if err := spend(ctx, t, hash); err != nil {
			return err
		}
		return db.openAccount(ctx, t, a, handles, s, act)
	})
}

func (db *DB) openAccount(ctx context.Context, t *tx, a account.Account, handles []account.Handle, s credential.SignIn, act audit.Act) error {
	if err := db.insertAccount(ctx, t, a, handles); err != nil {
		return err
	}
	if err := db.insertSignIn(ctx, t, s, act.At); err != nil {
		return err
	}
	return db.leave(ctx, t, act)
}

// RedeemEmail gives an account its confirmed new address. The former one stays reserved for account.HeldAddress, so that the undo link in the act can give it back; reset
// links sent to it die. ErrSpent, account.ErrAddressTaken.
func (db *DB) RedeemEmail(ctx context.Context, confirmationID string, c account.EmailChange, act audit.Act) error {
	return db.change(ctx, c.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if _, err := redeem(ctx, t, confirmationID); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE handle SET held_until = $1 WHERE account_id = $2 AND kind = $3 AND held_until = 0`,
			ms(act.At.Add(account.HeldAddress)), c.AccountID, string(account.ByEmail))
		if err != nil {
			return err
		}
		return db.setEmail(ctx, t, key, c)
	})
}

// RestoreEmail gives an account its former address back by the undo link, ends everything that is signed in and makes its owner choose a new
// password: whoever changed the address knew the old one. What that person may have left behind goes too: later changes cannot be undone to
// their addresses, and there is no second address for notices any more. ErrSpent when the link was used.
func (db *DB) RestoreEmail(ctx context.Context, undoHash string, c account.EmailChange, act audit.Act) error {
	return db.change(ctx, c.AccountID, act, func(t *tx, key secret.AccountKey) error {
		var changedAt int64
		err := get(ctx, t, `DELETE FROM credential WHERE hash = $1 RETURNING created_at`, []any{undoHash}, &changedAt)
		if err != nil {
			return found(err, ErrSpent)
		}
		if _, err := t.exec(ctx, `DELETE FROM credential WHERE account_id = $1 AND kind = $2 AND created_at >= $3`, c.AccountID, string(credential.Undo), changedAt); err != nil {
			return err
		}
		if err := db.endStrangersWays(ctx, t, c.AccountID, changedAt, act.At); err != nil {
			return err
		}
		heldLater := changedAt + account.HeldAddress.Milliseconds()
		if _, err := t.exec(ctx, `DELETE FROM handle WHERE account_id = $1 AND kind = $2 AND (held_until = 0 OR held_until > $3)`, c.AccountID, string(account.ByEmail), heldLater); err != nil {
			return err
		}
		if err := db.setEmail(ctx, t, key, c); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE account SET notice_email = $1 WHERE id = $2`, key.Seal("", accountCell(c.AccountID, "notice_email")), c.AccountID); err != nil {
			return err
		}
		for _, p := range []account.Purpose{account.ForEmail, account.ForNotices} {
			if err := endConfirmations(ctx, t, c.AccountID, p); err != nil {
				return err
			}
		}
		return requireReset(ctx, t, c.AccountID, act.At)
	})
}

// setEmail gives an account an address that a link mailed there has proved.
func (db *DB) setEmail(ctx context.Context, t *tx, key secret.AccountKey, c account.EmailChange) error {
	if err := db.insertHandle(ctx, t, c.Handle, c.AccountID); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM credential WHERE account_id = $1 AND kind = $2`, c.AccountID, string(credential.Reset)); err != nil {
		return err
	}
	_, err := t.exec(ctx, `UPDATE account SET email = $1, email_proved = $2 WHERE id = $3`, key.Seal(c.Email, accountCell(c.AccountID, "email")), true, c.AccountID)
	return err
}

// RedeemNoticeEmail gives an account its confirmed second address for notices; ErrSpent.
func (db *DB) RedeemNoticeEmail(ctx context.Context, confirmationID, accountID, address string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, key secret.AccountKey) error {
		if _, err := redeem(ctx, t, confirmationID); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE account SET notice_email = $1 WHERE id = $2`, key.Seal(address, accountCell(accountID, "notice_email")), accountID)
		return err
	})
}
