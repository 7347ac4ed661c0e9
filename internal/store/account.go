package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/household"
	"usher/internal/secret"
	"usher/internal/stream"
)

const accountColumns = `a.id, a.state, a.admin, a.key, a.email, a.email_proved, a.user_name, a.name, a.notice_email, a.password, a.password_version,
	a.epoch, a.incident, a.secured, a.totp_since, a.passwordless, a.code_always, a.review, a.created_at, a.delete_at`

// sealedAccount is an account as it stands in its row.
type sealedAccount struct {
	account.Account
	key, email, userName, name, notice, password string
	factorSince, createdAt, deleteAt             int64
}

func (s *sealedAccount) dest() []any {
	return []any{&s.ID, &s.State, &s.Admin, &s.key, &s.email, &s.EmailProved, &s.userName, &s.name, &s.notice, &s.password, &s.PasswordVersion,
		&s.Epoch, &s.Incident, &s.Secured, &s.factorSince, &s.NoPassword, &s.CodeAlways, &s.Review, &s.createdAt, &s.deleteAt}
}

// open unseals the row.
func (s *sealedAccount) open(r *secret.Ring) (account.Account, error) {
	return s.openFields(r, sealedField{"password", &s.password, &s.Password})
}

// openPerson unseals a row that was read without its password.
func (s *sealedAccount) openPerson(r *secret.Ring) (account.Account, error) { return s.openFields(r) }

type sealedField struct {
	column       string
	sealed, into *string
}

func (s *sealedAccount) openFields(r *secret.Ring, more ...sealedField) (account.Account, error) {
	key, err := r.AccountKey(s.ID, s.key)
	if err != nil {
		return account.Account{}, fmt.Errorf("opening account %s: %w", s.ID, err)
	}
	for _, f := range append([]sealedField{
		{"email", &s.email, &s.Email}, {"user_name", &s.userName, &s.UserName}, {"name", &s.name, &s.Name}, {"notice_email", &s.notice, &s.NoticeEmail},
	}, more...) {
		if *f.into, err = key.Open(*f.sealed, accountCell(s.ID, f.column)); err != nil {
			return account.Account{}, fmt.Errorf("opening %s of account %s: %w", f.column, s.ID, err)
		}
	}
	s.CreatedAt, s.DeleteAt = timeOf(s.createdAt), timeOf(s.deleteAt)
	s.FactorSince, s.SecondFactor = timeOf(s.factorSince), s.factorSince > 0
	return s.Account, nil
}

func accountCell(id, column string) secret.Place {
	return secret.Place{Table: "account", Row: id, Column: column}
}

// LoadAccount returns an account opened; account.ErrNotFound when there is none. A managed member is none.
func (db *DB) LoadAccount(ctx context.Context, id string) (account.Account, error) {
	var s sealedAccount
	err := get(ctx, db.engine.read(), `SELECT `+accountColumns+` FROM account a WHERE a.id = $1 AND a.home_owner = ''`, []any{id}, s.dest()...)
	if err != nil {
		return account.Account{}, found(err, account.ErrNotFound)
	}
	return s.open(db.ring())
}

// FindAccount returns the account a handle belongs to; account.ErrNotFound when nobody has it.
func (db *DB) FindAccount(ctx context.Context, h account.Handle) (account.Account, error) {
	return db.findAccount(ctx, db.engine.read(), h)
}

func (db *DB) findAccount(ctx context.Context, q querier, h account.Handle) (account.Account, error) {
	var s sealedAccount
	r := db.ring()
	list, args := oneOf(nil, r.Index(string(h.Kind), h.Value))
	err := get(ctx, q, `SELECT `+accountColumns+` FROM handle h JOIN account a ON a.id = h.account_id
		WHERE h.held_until = 0 AND h.hash IN `+list, args, s.dest()...)
	if errors.Is(err, errNoRow) {
		db.pretend()
	}
	if err != nil {
		return account.Account{}, found(err, account.ErrNotFound)
	}
	return s.open(r)
}

// lock keeps every other change of an account waiting until this transaction ends, and returns its data key. (PostgreSQL lets two
// transactions each see the other's rows too late; the account's own row is where they meet.)
func (db *DB) lock(ctx context.Context, t *tx, accountID string) (secret.AccountKey, error) {
	var wrapped string
	if err := get(ctx, t, `UPDATE account SET state = state WHERE id = $1 RETURNING key`, []any{accountID}, &wrapped); err != nil {
		return secret.AccountKey{}, found(err, account.ErrNotFound)
	}
	return db.unwrap(t, accountID, wrapped)
}

// hold is lock for whoever needs no key. Of an account that was erased there is nothing to wait for.
func hold(ctx context.Context, t *tx, accountID string) error {
	_, err := t.exec(ctx, `UPDATE account SET state = state WHERE id = $1`, accountID)
	return err
}

// keyOf unwraps an account's data key, inside a transaction once.
func (db *DB) keyOf(ctx context.Context, q querier, accountID string) (secret.AccountKey, error) {
	if t, running := q.(*tx); running {
		if key, kept := t.keys[accountID]; kept {
			return key, nil
		}
	}
	var wrapped string
	if err := get(ctx, q, `SELECT key FROM account WHERE id = $1`, []any{accountID}, &wrapped); err != nil {
		return secret.AccountKey{}, found(err, account.ErrNotFound)
	}
	return db.unwrap(q, accountID, wrapped)
}

// unwrap opens an account's data key as it stands in its row.
func (db *DB) unwrap(q querier, accountID, wrapped string) (secret.AccountKey, error) {
	key, err := db.ring().AccountKey(accountID, wrapped)
	if t, running := q.(*tx); running && err == nil {
		t.keep(accountID, key)
	}
	return key, err
}

// insertAccount writes a new account with its handles. The values are sealed under a fresh key.
func (db *DB) insertAccount(ctx context.Context, t *tx, a account.Account, handles []account.Handle) error {
	key, wrapped, err := db.ring().NewAccountKey(a.ID)
	if err != nil {
		return err
	}
	seal := func(column, v string) string { return key.Seal(v, accountCell(a.ID, column)) }
	_, err = t.exec(ctx, `INSERT INTO account (id, state, admin, key, email, user_name, name, notice_email, password, password_version,
		epoch, incident, secured, created_at, delete_at, email_proved, passwordless) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)`,
		a.ID, string(a.State), a.Admin, wrapped, seal("email", a.Email), seal("user_name", a.UserName), seal("name", a.Name),
		seal("notice_email", a.NoticeEmail), seal("password", a.Password), a.PasswordVersion, a.Epoch, a.Incident, a.Secured,
		ms(a.CreatedAt), ms(a.DeleteAt), a.EmailProved, a.Password == "")
	if err != nil {
		return fmt.Errorf("writing an account: %w", err)
	}
	for _, h := range handles {
		if err := db.insertHandle(ctx, t, h, a.ID); err != nil {
			return err
		}
	}
	if a.Admin {
		return endSetUp(ctx, t)
	}
	return nil
}

// endSetUp ends every set-up link, because somebody administers the service now.
func endSetUp(ctx context.Context, t *tx) error {
	_, err := t.exec(ctx, `DELETE FROM credential WHERE account_id = '' AND kind = $1`, string(credential.SetUp))
	return err
}

// insertHandle writes a handle under every index key. A former address of the same account that is still held is taken back.
func (db *DB) insertHandle(ctx context.Context, t *tx, h account.Handle, accountID string) error {
	for _, hash := range db.ring().Index(string(h.Kind), h.Value) {
		n, err := t.exec(ctx, `INSERT INTO handle (hash, kind, account_id, held_until) VALUES ($1, $2, $3, 0)
			ON CONFLICT (hash) DO UPDATE SET held_until = 0 WHERE handle.account_id = excluded.account_id`, hash, string(h.Kind), accountID)
		if err != nil {
			return fmt.Errorf("writing a handle: %w", err)
		}
		if n == 1 {
			continue
		}
		if h.Kind == account.ByEmail {
			return account.ErrAddressTaken
		}
		return account.ErrNameTaken
	}
	return nil
}

// CreateAccount writes an account whose owner's address needs no proof, by an operator's word. ErrAddressTaken, ErrNameTaken.
func (db *DB) CreateAccount(ctx context.Context, a account.Account, handles []account.Handle, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.insertAccount(ctx, t, a, handles); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// SetUserName gives an account a user name, or another one; the former one is free at once. ErrNameTaken.
func (db *DB) SetUserName(ctx context.Context, accountID, shown string, h account.Handle, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, key secret.AccountKey) error {
		keep, args := oneOf([]any{accountID, string(account.ByUserName)}, db.ring().Index(string(h.Kind), h.Value))
		if err := db.insertHandle(ctx, t, h, accountID); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM handle WHERE account_id = $1 AND kind = $2 AND hash NOT IN `+keep, args...); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE account SET user_name = $1 WHERE id = $2`, key.Seal(shown, accountCell(accountID, "user_name")), accountID)
		return err
	})
}

// SetName gives an account a display name.
func (db *DB) SetName(ctx context.Context, accountID, name string, act audit.Act) error {
	return db.setSealed(ctx, accountID, "name", name, act)
}

// RemoveNoticeEmail takes the second address for notices away. (RedeemNoticeEmail sets it.)
func (db *DB) RemoveNoticeEmail(ctx context.Context, accountID string, act audit.Act) error {
	return db.setSealed(ctx, accountID, "notice_email", "", act)
}

func (db *DB) setSealed(ctx context.Context, accountID, column, value string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, key secret.AccountKey) error {
		_, err := t.exec(ctx, `UPDATE account SET `+column+` = $1 WHERE id = $2`, key.Seal(value, accountCell(accountID, column)), accountID)
		return err
	})
}

// change runs one transaction on an account, with its key, one after the other for each account, and leaves the act.
func (db *DB) change(ctx context.Context, accountID string, act audit.Act, fn func(*tx, secret.AccountKey) error) error {
	return db.engine.write(ctx, func(t *tx) error {
		key, err := db.lock(ctx, t, accountID)
		if err != nil {
			return err
		}
		if err := fn(t, key); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// SetState moves an account from one state to another; ErrSpent when it is in another state by now, ErrLastAdmin when nobody would be
// left to administer. A state other than active ends everything that is signed in.
func (db *DB) SetState(ctx context.Context, accountID string, from, to account.State, deleteAt time.Time, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		step := 0
		if to != account.Active {
			step = 1
			if _, err := db.lock(ctx, t, accountID); err != nil {
				return err
			}
			if err := lockInstance(ctx, t); err != nil { // two administrators who go at once must not each count on the other
				return err
			}
		}
		n, err := t.exec(ctx, `UPDATE account SET state = $1, delete_at = $2, epoch = epoch + $3 WHERE id = $4 AND state = $5
			AND ($3 = 0 OR NOT admin OR EXISTS (SELECT 1 FROM account o WHERE o.admin = TRUE AND o.state || '' = 'active' AND o.id <> $4))`,
			string(to), ms(deleteAt), int64(step), accountID, string(from))
		if err != nil {
			return fmt.Errorf("changing an account's state: %w", err)
		}
		if n == 0 {
			return db.whyNoState(ctx, t, accountID, from)
		}
		// Also of an account that is open again: what was refused meanwhile may count now, and nothing is signed in that could end.
		if err := signalEverything(ctx, t, accountID, act.At); err != nil {
			return err
		}
		if err := endDeadGrants(ctx, t, `= $1`, accountID); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func (db *DB) whyNoState(ctx context.Context, t *tx, accountID string, from account.State) error {
	var state string
	if err := get(ctx, t, `SELECT state FROM account WHERE id = $1`, []any{accountID}, &state); err != nil {
		return found(err, account.ErrNotFound)
	}
	if state == string(from) {
		return account.ErrLastAdmin
	}
	return ErrSpent
}

// GrantAdmin makes an account an administrator. Set-up links end: they are for the first one only.
func (db *DB) GrantAdmin(ctx context.Context, accountID string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, _ secret.AccountKey) error {
		if _, err := t.exec(ctx, `UPDATE account SET admin = $1 WHERE id = $2`, true, accountID); err != nil {
			return err
		}
		return endSetUp(ctx, t)
	})
}

// HasAdmin reports whether anybody administers this service yet.
func (db *DB) HasAdmin(ctx context.Context) (bool, error) {
	var one string
	err := get(ctx, db.engine.read(), `SELECT id FROM account WHERE admin = $1 ORDER BY id LIMIT 1`, []any{true}, &one)
	if errors.Is(err, errNoRow) {
		return false, nil
	}
	return err == nil, err
}

// Erase destroys accounts whose grace is over: the wrapped key goes with the row, so whatever copies of sealed values remain anywhere are
// unreadable. Audit entries stay, sealed under the lost key. What each account leaves behind is asked for while it can still be read; and, by
// parting, what others of its Home are told: its members when it ends, and the owner when a member goes.
func (db *DB) Erase(ctx context.Context, now time.Time, limit int, farewell func(account.Account) audit.Act, parting func(gone, other account.Account, h household.Home) audit.Act) (erased int, err error) {
	var due []string
	err = each(ctx, db.engine.read(), `SELECT id FROM account WHERE delete_at > 0 AND delete_at <= $1 ORDER BY delete_at LIMIT $2`,
		[]any{ms(now), limit}, func(row scanner) error {
			var id string
			err := row.Scan(&id)
			due = append(due, id)
			return err
		})
	if err != nil {
		return 0, err
	}
	for _, id := range due {
		a, err := db.LoadAccount(ctx, id)
		var others []audit.Act
		if err == nil {
			others, err = db.partings(ctx, a, parting)
		}
		if err == nil {
			err = db.EraseAccount(ctx, id, farewell(a), others...)
		}
		if errors.Is(err, account.ErrNotFound) || errors.Is(err, ErrSpent) { // kept, or erased by another node, meanwhile
			continue
		}
		if err != nil {
			return erased, err
		}
		erased++
	}
	if erased == 0 {
		return 0, nil
	}
	return erased, db.engine.scrub(ctx)
}

// EraseAccount destroys one account whose grace is over by the time of the act; ErrSpent when its owner kept it. others are about accounts that are in a Home with it;
// whoever has left meanwhile is told nothing.
func (db *DB) EraseAccount(ctx context.Context, id string, act audit.Act, others ...audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := signalAccounts(ctx, t, happened{stream.Erased, act.At}, `a.id = $1`, id); err != nil { // while it is known whom it concerns
			return err
		}
		if err := db.endHome(ctx, t, id, act.At, others...); err != nil {
			return err
		}
		n, err := t.exec(ctx, `DELETE FROM account WHERE id = $1 AND delete_at > 0 AND delete_at <= $2`, id, ms(act.At))
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrSpent
		}
		if err := endServersOf(ctx, t, id, ms(act.At)); err != nil {
			return err
		}
		if err := db.eraseRows(ctx, t, id); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}
