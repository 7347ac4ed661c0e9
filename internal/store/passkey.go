package store

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/passkey"
	"usher/internal/secret"
	"usher/internal/stream"
)

func passkeyCell(id string) secret.Place {
	return secret.Place{Table: "passkey", Row: id, Column: "name"}
}

//nolint:gosec // names of columns
const passkeyColumns = `p.id, p.account_id, p.credential_id, p.user_handle, p.public_key, p.counter, p.eligible, p.backed_up, p.aaguid, p.transports, p.name,
	p.created_at, p.used_at, p.alarm_at`

// passkeyRow is a passkey as it stands in its row.
type passkeyRow struct {
	passkey.Passkey
	credential, handle, key, transports, name string
	created, used, alarm                      int64
}

func (r *passkeyRow) dest() []any {
	return []any{&r.ID, &r.AccountID, &r.credential, &r.handle, &r.key, &r.Counter, &r.Eligible, &r.BackedUp, &r.AAGUID, &r.transports, &r.name,
		&r.created, &r.used, &r.alarm}
}

// open unseals the row.
func (r *passkeyRow) open(unseal func(accountID, sealed string, at secret.Place) (string, error)) (p passkey.Passkey, err error) {
	p = r.Passkey
	for _, v := range []struct {
		text string
		into *[]byte
	}{{r.credential, &p.Credential}, {r.handle, &p.UserHandle}, {r.key, &p.PublicKey}} {
		if *v.into, err = base64.RawURLEncoding.DecodeString(v.text); err != nil {
			return p, fmt.Errorf("reading passkey %s: %w", p.ID, err)
		}
	}
	p.Transports = strings.Fields(r.transports)
	p.CreatedAt, p.UsedAt, p.AlarmAt = timeOf(r.created), timeOf(r.used), timeOf(r.alarm)
	if p.Name, err = unseal(p.AccountID, r.name, passkeyCell(p.ID)); err != nil {
		return p, fmt.Errorf("opening passkey %s: %w", p.ID, err)
	}
	return p, nil
}

// ListPasskeys returns an account's passkeys, oldest first.
func (db *DB) ListPasskeys(ctx context.Context, accountID string) (all []passkey.Passkey, err error) {
	var rows []passkeyRow
	err = each(ctx, db.engine.read(), `SELECT `+passkeyColumns+` FROM passkey p WHERE p.account_id = $1 ORDER BY p.created_at, p.id`, []any{accountID}, func(row scanner) error {
		var r passkeyRow
		err := row.Scan(r.dest()...)
		rows = append(rows, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the passkeys: %w", err)
	}
	open := db.opener(ctx)
	for i := range rows {
		p, err := rows[i].open(open)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// CountPasskeys returns how many passkeys an account has.
func (db *DB) CountPasskeys(ctx context.Context, accountID string) (n int64, err error) {
	err = get(ctx, db.engine.read(), `SELECT COUNT(*) FROM passkey WHERE account_id = $1`, []any{accountID}, &n)
	return n, err
}

// FindPasskey returns the passkey of a credential id with its account, opened but for its password, and the clock; passkey.ErrUnknown.
func (db *DB) FindPasskey(ctx context.Context, credentialID []byte) (h passkey.Held, err error) {
	var r passkeyRow
	var s sealedAccount
	dest := append(append(r.dest(), &h.Clock.Epoch, &h.Clock.Floor, &h.Clock.Incident), s.dest()...)
	err = get(ctx, db.engine.point(), `SELECT `+passkeyColumns+`, i.epoch, i.floor, i.incident, `+accountColumns+`
		FROM passkey p JOIN account a ON a.id = p.account_id JOIN instance i ON i.id = 1 WHERE p.credential_id = $1`,
		[]any{base64.RawURLEncoding.EncodeToString(credentialID)}, dest...)
	if err != nil {
		return h, found(err, passkey.ErrUnknown)
	}
	if h.Account, err = s.openPerson(db.ring()); err != nil {
		return h, err
	}
	h.Passkey, err = r.open(func(accountID, sealed string, at secret.Place) (string, error) {
		return db.openFor(accountID, s.key, sealed, at)
	})
	return h, err
}

// AddPasskey gives an account a passkey and spends the question that it answered, which no epoch may have passed: what is added outlives whatever ends this
// sign-in. passkey.ErrTooMany, passkey.ErrTaken; ErrSpent, also when the account's first passkey was made by another user handle meanwhile.
func (db *DB) AddPasskey(ctx context.Context, p passkey.Passkey, spends string, act audit.Act) error {
	return db.change(ctx, p.AccountID, act, func(t *tx, key secret.AccountKey) error {
		if err := spendAlive(ctx, t, spends); err != nil {
			return err
		}
		handle := base64.RawURLEncoding.EncodeToString(p.UserHandle)
		var n, others int64
		err := get(ctx, t, `SELECT COUNT(*), COUNT(CASE WHEN user_handle <> $2 THEN 1 END) FROM passkey WHERE account_id = $1`, []any{p.AccountID, handle}, &n, &others)
		switch {
		case err != nil:
			return err
		case others > 0:
			return ErrSpent
		case n >= passkey.Most:
			return passkey.ErrTooMany
		}
		n, err = t.exec(ctx, `INSERT INTO passkey (id, account_id, credential_id, user_handle, public_key, counter, eligible, backed_up, aaguid, transports, name, created_at, used_at, alarm_at)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$12,0) ON CONFLICT (credential_id) DO NOTHING`, p.ID, p.AccountID, base64.RawURLEncoding.EncodeToString(p.Credential), handle,
			base64.RawURLEncoding.EncodeToString(p.PublicKey), p.Counter, p.Eligible, p.BackedUp, p.AAGUID, strings.Join(p.Transports, " "),
			key.Seal(p.Name, passkeyCell(p.ID)), ms(act.At))
		if err != nil {
			return fmt.Errorf("writing a passkey: %w", err)
		}
		if n == 0 {
			return passkey.ErrTaken
		}
		return signalAccounts(ctx, t, happened{keyChange(p.Transports, stream.PasskeyAdded, stream.RoamingAdded), act.At}, `a.id = $1`, p.AccountID)
	})
}

// keyChange tells what is in the device itself from what is carried to it, which is all that CAEP asks of an authenticator.
func keyChange(transports []string, platform, roaming stream.What) stream.What {
	if slices.Contains(transports, "internal") {
		return platform
	}
	return roaming
}

// RenamePasskey gives one of an account's passkeys another name; passkey.ErrNotFound.
func (db *DB) RenamePasskey(ctx context.Context, accountID, id, name string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, key secret.AccountKey) error {
		n, err := t.exec(ctx, `UPDATE passkey SET name = $1 WHERE id = $2 AND account_id = $3`, key.Seal(name, passkeyCell(id)), id, accountID)
		if err == nil && n == 0 {
			err = passkey.ErrNotFound
		}
		return err
	})
}

// RemovePasskey takes one of an account's passkeys away. passkey.ErrNotFound; passkey.ErrLast when there is no other way in.
func (db *DB) RemovePasskey(ctx context.Context, accountID, id string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, _ secret.AccountKey) error {
		var transports string
		err := get(ctx, t, `DELETE FROM passkey WHERE id = $1 AND account_id = $2 RETURNING transports`, []any{id, accountID}, &transports)
		if err != nil {
			return found(err, passkey.ErrNotFound)
		}
		ways, err := waysIn(ctx, t, accountID)
		if err == nil && ways == 0 {
			err = passkey.ErrLast
		}
		if err != nil {
			return err
		}
		return signalAccounts(ctx, t, happened{keyChange(strings.Fields(transports), stream.PasskeyRemoved, stream.RoamingRemoved), act.At}, `a.id = $1`, accountID)
	})
}

// endPasskeysSince takes away the passkeys of an account that were made since a stranger came: they would open it again.
func endPasskeysSince(ctx context.Context, t *tx, accountID string, since int64) error {
	_, err := t.exec(ctx, `DELETE FROM passkey WHERE account_id = $1 AND created_at >= $2`, accountID, since)
	return err
}

// usePasskey spends the question that a passkey has answered, and writes the use down; the counter only ever grows. No use at all is nothing to write.
// ErrSpent for the question, credential.ErrPasskeySpent for the passkey.
func (db *DB) usePasskey(ctx context.Context, t *tx, use *credential.PasskeyUse, now time.Time) error {
	if use == nil {
		return nil
	}
	if err := hold(ctx, t, use.AccountID); err != nil {
		return err
	}
	if err := spend(ctx, t, use.Ceremony); err != nil {
		return err
	}
	n, err := t.exec(ctx, `UPDATE passkey SET counter = $1, backed_up = $2, used_at = CASE WHEN used_at > $3 THEN used_at ELSE $3 END
		WHERE id = $4 AND account_id = $5 AND (counter < $1 OR counter = 0 AND $1 = 0)`, use.Counter, use.BackedUp, ms(now), use.ID, use.AccountID)
	if err != nil {
		return fmt.Errorf("writing a passkey's use: %w", err)
	}
	if n == 0 {
		return credential.ErrPasskeySpent
	}
	return nil
}

// SpendPasskey writes a passkey's use down for an act that signs nothing in. ErrSpent.
func (db *DB) SpendPasskey(ctx context.Context, use credential.PasskeyUse, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.usePasskey(ctx, t, &use, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// AlarmPasskey writes down that a passkey's counter went back, to what it is now, and spends the question it answered. ErrSpent.
func (db *DB) AlarmPasskey(ctx context.Context, use credential.PasskeyUse, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, use.AccountID); err != nil {
			return err
		}
		if err := spend(ctx, t, use.Ceremony); err != nil {
			return err
		}
		n, err := t.exec(ctx, `UPDATE passkey SET counter = $1, alarm_at = $2 WHERE id = $3 AND account_id = $4`, use.Counter, ms(act.At), use.ID, use.AccountID)
		if err == nil && n == 0 {
			err = credential.ErrPasskeySpent
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// KeepPasskey takes the mark of an alarm off one of an account's passkeys; passkey.ErrNotFound.
func (db *DB) KeepPasskey(ctx context.Context, accountID, id string, act audit.Act) error {
	return db.change(ctx, accountID, act, func(t *tx, _ secret.AccountKey) error {
		n, err := t.exec(ctx, `UPDATE passkey SET alarm_at = 0 WHERE id = $1 AND account_id = $2`, id, accountID)
		if err == nil && n == 0 {
			err = passkey.ErrNotFound
		}
		return err
	})
}

// ProveResetByPasskey spends a reset link and a passkey's answer together, once, for the ticket that finishes the reset. ErrSpent.
func (db *DB) ProveResetByPasskey(ctx context.Context, hash string, use credential.PasskeyUse, act audit.Act) error {
	return db.change(ctx, use.AccountID, act, func(t *tx, _ secret.AccountKey) error {
		if err := spend(ctx, t, hash); err != nil {
			return err
		}
		return db.usePasskey(ctx, t, &use, act.At)
	})
}
