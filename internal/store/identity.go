package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/identity"
	"usher/internal/secret"
)

func identityCell(id string) secret.Place {
	return secret.Place{Table: "identity", Row: id, Column: "facts"}
}

// identityKind is the kind in the handles of one identity: they come and go with it, and a rotation of the index key counts each.
func identityKind(id string) string { return string(account.ByIdentity) + " " + id }

// insertIdentity links an identity to its account. identity.ErrLinked, ErrTaken, ErrTooMany.
func (db *DB) insertIdentity(ctx context.Context, t *tx, key secret.AccountKey, i identity.Identity) error {
	var have int64
	if err := get(ctx, t, `SELECT COUNT(*) FROM identity WHERE account_id = $1`, []any{i.AccountID}, &have); err != nil {
		return err
	}
	if have >= identity.Most {
		return identity.ErrTooMany
	}
	sealed, err := sealIdentity(key, i)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO identity (id, account_id, facts, created_at, used_at) VALUES ($1,$2,$3,$4,$5)`,
		i.ID, i.AccountID, sealed, ms(i.LinkedAt), ms(i.UsedAt)); err != nil {
		return fmt.Errorf("writing an identity: %w", err)
	}
	return db.insertIdentityHandle(ctx, t, i)
}

// insertIdentityHandle writes what an identity is found by under every index key.
func (db *DB) insertIdentityHandle(ctx context.Context, t *tx, i identity.Identity) error {
	h := i.Handle()
	for _, hash := range db.ring().Index(string(h.Kind), h.Value) {
		n, err := t.exec(ctx, `INSERT INTO handle (hash, kind, account_id, held_until) VALUES ($1,$2,$3,0)
			ON CONFLICT (hash) DO UPDATE SET held_until = 0 WHERE handle.account_id = excluded.account_id AND handle.kind = excluded.kind`, hash, identityKind(i.ID), i.AccountID)
		if err != nil {
			return fmt.Errorf("writing an identity's handle: %w", err)
		}
		if n == 1 {
			continue
		}
		var owner string
		if err := get(ctx, t, `SELECT account_id FROM handle WHERE hash = $1`, []any{hash}, &owner); err != nil {
			return err
		}
		if owner == i.AccountID {
			return identity.ErrLinked
		}
		return identity.ErrTaken
	}
	return nil
}

func sealIdentity(key secret.AccountKey, i identity.Identity) (string, error) {
	told := i.Told
	told.SignedIn = time.Time{} // of one coming, not of the identity
	facts, err := json.Marshal(told)
	if err != nil {
		return "", fmt.Errorf("writing an identity: %w", err)
	}
	return key.Seal(string(facts), identityCell(i.ID)), nil
}

// FindIdentity returns the identity that a service tells of, with its account; identity.ErrNotFound when nobody has it.
func (db *DB) FindIdentity(ctx context.Context, told identity.Told) (identity.Identity, account.Account, error) {
	h, r := told.Handle(), db.ring()
	list, args := oneOf(nil, r.Index(string(h.Kind), h.Value))
	var s sealedAccount
	var row identityRow
	err := get(ctx, db.engine.read(), `SELECT i.id, i.facts, i.created_at, i.used_at, `+accountColumns+` FROM handle h JOIN account a ON a.id = h.account_id
		JOIN identity i ON i.account_id = h.account_id AND h.kind = '`+string(account.ByIdentity)+` ' || i.id WHERE h.hash IN `+list, args, append(row.dest(), s.dest()...)...)
	if err != nil {
		return identity.Identity{}, account.Account{}, found(err, identity.ErrNotFound)
	}
	a, err := s.open(r)
	if err != nil {
		return identity.Identity{}, a, err
	}
	key, err := r.AccountKey(a.ID, s.key)
	if err != nil {
		return identity.Identity{}, a, err
	}
	i, err := row.open(key, a.ID)
	return i, a, err
}

// identityRow is an identity as it stands in its row.
type identityRow struct {
	id, facts        string
	linked, usedMsec int64
}

func (r *identityRow) dest() []any { return []any{&r.id, &r.facts, &r.linked, &r.usedMsec} }

func (r *identityRow) open(key secret.AccountKey, accountID string) (identity.Identity, error) {
	i := identity.Identity{ID: r.id, AccountID: accountID, LinkedAt: timeOf(r.linked), UsedAt: timeOf(r.usedMsec)}
	plain, err := key.Open(r.facts, identityCell(r.id))
	if err == nil {
		err = json.Unmarshal([]byte(plain), &i.Told)
	}
	if err != nil {
		return i, fmt.Errorf("opening identity %s: %w", r.id, err)
	}
	return i, nil
}

// ListIdentities returns the identities of an account, oldest first.
func (db *DB) ListIdentities(ctx context.Context, accountID string) ([]identity.Identity, error) {
	return db.listIdentities(ctx, db.engine.read(), accountID)
}

func (db *DB) listIdentities(ctx context.Context, q querier, accountID string) (all []identity.Identity, err error) {
	var rows []identityRow
	err = each(ctx, q, `SELECT id, facts, created_at, used_at FROM identity WHERE account_id = $1 ORDER BY created_at, id`, []any{accountID}, func(row scanner) error {
		var r identityRow
		err := row.Scan(r.dest()...)
		rows = append(rows, r)
		return err
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	key, err := db.keyOf(ctx, q, accountID)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		i, err := r.open(key, accountID)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

// LinkIdentity links an identity to an account, by what is spent (nothing, when that happened before) and by a sign-in that must still count. ErrSpent,
// identity.ErrLinked, ErrTaken, ErrTooMany.
func (db *DB) LinkIdentity(ctx context.Context, i identity.Identity, spends, signIn string, act audit.Act) error {
	return db.change(ctx, i.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if spends != "" {
			if err := spend(ctx, t, spends); err != nil {
				return err
			}
		}
		if err := checkAlive(ctx, t, signIn); err != nil {
			return err
		}
		return db.insertIdentity(ctx, t, key, i)
	})
}

// UnlinkIdentity takes an identity from its account. identity.ErrNotFound; identity.ErrLastWay when nobody could sign in any more.
func (db *DB) UnlinkIdentity(ctx context.Context, accountID, identityID string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, _ secret.AccountKey) error {
		n, err := t.exec(ctx, `DELETE FROM identity WHERE id = $1 AND account_id = $2`, identityID, accountID)
		if err == nil && n == 0 {
			err = identity.ErrNotFound
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM handle WHERE account_id = $1 AND kind = $2`, accountID, identityKind(identityID)); err != nil {
			return err
		}
		ways, err := waysIn(ctx, t, accountID)
		if err == nil && ways == 0 {
			err = identity.ErrLastWay
		}
		return err
	})
}

// waysIn counts by what the owner of an account can sign in: the password, each passkey and each identity. The caller holds the account.
func waysIn(ctx context.Context, t *tx, accountID string) (n int64, err error) {
	err = get(ctx, t, `SELECT (CASE WHEN a.passwordless THEN 0 ELSE 1 END) + (SELECT COUNT(*) FROM passkey p WHERE p.account_id = a.id)
		+ (SELECT COUNT(*) FROM identity i WHERE i.account_id = a.id) FROM account a WHERE a.id = $1`, []any{accountID}, &n)
	return n, found(err, account.ErrNotFound)
}

// UseIdentity notes that somebody came with an identity, and what was told of them this time. One that was unlinked meanwhile stays so.
func (db *DB) UseIdentity(ctx context.Context, i identity.Identity, now time.Time) error {
	return db.engine.write(ctx, func(t *tx) error {
		key, err := db.keyOf(ctx, t, i.AccountID)
		if err != nil {
			return err
		}
		sealed, err := sealIdentity(key, i)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `UPDATE identity SET facts = $1, used_at = $2 WHERE id = $3 AND account_id = $4`, sealed, ms(now), i.ID, i.AccountID)
		return err
	})
}

// reindexIdentities writes the handles of an account's identities under every index key.
func (db *DB) reindexIdentities(ctx context.Context, t *tx, accountID string) error {
	all, err := db.listIdentities(ctx, t, accountID)
	if err != nil {
		return err
	}
	for _, i := range all {
		if err := db.insertIdentityHandle(ctx, t, i); err != nil {
			return err
		}
	}
	return nil
}

// RequireCode has the second step of an account asked for also after another service vouched.
func (db *DB) RequireCode(ctx context.Context, accountID string, act audit.Act) error {
	return db.setCodeAlways(ctx, accountID, true, act)
}

// WaiveCode has it asked for after other proofs alone.
func (db *DB) WaiveCode(ctx context.Context, accountID string, act audit.Act) error {
	return db.setCodeAlways(ctx, accountID, false, act)
}

func (db *DB) setCodeAlways(ctx context.Context, accountID string, always bool, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, _ secret.AccountKey) error {
		_, err := t.exec(ctx, `UPDATE account SET code_always = $1 WHERE id = $2`, always, accountID)
		return err
	})
}

// Welcome makes the account of somebody whom a service tells of, and signs the browser in. ErrSpent when the arrival or its invitation was used;
// account.ErrAddressTaken, identity.ErrTaken when somebody else was first.
func (db *DB) Welcome(ctx context.Context, a account.Account, n identity.Newcomer, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := spend(ctx, t, n.Arrival); err != nil {
			return err
		}
		if n.Invitation != "" {
			if err := spend(ctx, t, n.Invitation); err != nil {
				return err
			}
		}
		if err := db.insertAccount(ctx, t, a, []account.Handle{n.Address}); err != nil {
			return err
		}
		key, err := db.lock(ctx, t, a.ID)
		if err != nil {
			return err
		}
		if err := db.insertIdentity(ctx, t, key, n.Identity); err != nil {
			return err
		}
		if err := db.insertSignIn(ctx, t, n.SignIn, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// TakeOver gives an account whose address nobody has proved to whoever has proved it now, and signs the browser in: its password, everything that is signed in, its
// passkeys and other identities, what waits in mails, its Home and its second address for notices go. ErrSpent when the arrival was used, and when the account's address was proved, or its
// password replaced, meanwhile; an administrator's, and one with a second factor, is never taken.
func (db *DB) TakeOver(ctx context.Context, a account.Account, n identity.Newcomer, act audit.Act) error {
	return db.change(ctx, a.ID, act, func(t *tx, key secret.AccountKey) error {
		if err := spend(ctx, t, n.Arrival); err != nil {
			return err
		}
		seal := func(column string) string { return key.Seal("", accountCell(a.ID, column)) }
		rows, err := t.exec(ctx, `UPDATE account SET password = $1, notice_email = $2, passwordless = TRUE, password_version = password_version + 1, email_proved = TRUE, review = TRUE,
			secured = CASE WHEN secured > $3 THEN secured ELSE $3 END
			WHERE id = $4 AND NOT email_proved AND NOT admin AND totp_since = 0 AND state = $5 AND password_version = $6 AND incident = $7`,
			seal("password"), seal("notice_email"), n.Secured, a.ID, string(account.Active), a.PasswordVersion, a.Incident)
		if err == nil && rows == 0 {
			err = ErrSpent
		}
		if err != nil {
			return fmt.Errorf("taking an account over: %w", err)
		}
		if err := db.endFormerOwner(ctx, t, a.ID, act.At); err != nil {
			return err
		}
		epoch, err := stepAccount(ctx, t, a.ID, act.At)
		if err != nil {
			return err
		}
		if err := db.insertIdentity(ctx, t, key, n.Identity); err != nil {
			return err
		}
		s := n.SignIn
		s.Stamp.Account = epoch
		return db.insertSignIn(ctx, t, s, act.At)
	})
}

// endFormerOwner ends by what whoever had the account until now could come back: what no epoch ends.
func (db *DB) endFormerOwner(ctx context.Context, t *tx, accountID string, now time.Time) error {
	if err := db.endHome(ctx, t, accountID, now); err != nil { // who shares it becomes the account without any proof
		return err
	}
	if err := endPending(ctx, t, accountID); err != nil {
		return err
	}
	var protective []string
	for kind, rule := range credential.Rules {
		if rule.Protective {
			protective = append(protective, string(kind))
		}
	}
	list, args := oneOf([]any{accountID}, protective)
	if _, err := t.exec(ctx, `DELETE FROM credential WHERE account_id = $1 AND kind IN `+list, args...); err != nil {
		return err
	}
	if err := endIdentitiesSince(ctx, t, accountID, 0); err != nil {
		return err
	}
	if err := endPasskeysSince(ctx, t, accountID, 0); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM failure WHERE key = $1`, accountBudget(db.ring(), accountID))
	return err
}

// endIdentitiesSince takes the identities from an account that were linked since a stranger came: they would open it again.
func endIdentitiesSince(ctx context.Context, t *tx, accountID string, since int64) error {
	var ended []string
	err := each(ctx, t, `DELETE FROM identity WHERE account_id = $1 AND created_at >= $2 RETURNING id`, []any{accountID, since}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		ended = append(ended, id)
		return err
	})
	for _, id := range ended {
		if err == nil {
			_, err = t.exec(ctx, `DELETE FROM handle WHERE account_id = $1 AND kind = $2`, accountID, identityKind(id))
		}
	}
	return err
}

// endStrangersWays takes the passkeys and identities from an account that were added since what its owner reports, and every one besides whose own notice could still
// be answered: one report stands for all of them, whichever mail it came from, because each is a way in that needs no mailbox. So is a place in a Home. What an account
// was made with stays, unless that is what is reported.
func (db *DB) endStrangersWays(ctx context.Context, t *tx, accountID string, since int64, now time.Time) error {
	var made int64
	if err := get(ctx, t, `SELECT created_at FROM account WHERE id = $1`, []any{accountID}, &made); err != nil {
		return found(err, account.ErrNotFound)
	}
	since = min(since, max(ms(now.Add(-credential.Rules[credential.NotMe].Life)), made+1))
	if err := db.endHomeSince(ctx, t, accountID, since, now); err != nil {
		return err
	}
	return errors.Join(endPasskeysSince(ctx, t, accountID, since), endIdentitiesSince(ctx, t, accountID, since))
}
