package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
	"usher/internal/stream"
)

// newCredential is a credential about to be written.
type newCredential struct {
	kind      credential.Kind
	token     secret.Token
	accountID string
	deviceID  string
	subject   string
	detail    string
	stamp     credential.Stamp
	freshAt   time.Time
	until     time.Time // ends it before its kind's life is over; zero: it does not
}

func credentialCell(hash string) secret.Place {
	return secret.Place{Table: "credential", Row: hash, Column: "detail"}
}

// insertCredential stores the token's keyed hash; the token itself is nowhere in the database.
func (db *DB) insertCredential(ctx context.Context, t *tx, c newCredential, now time.Time) (hash string, err error) {
	hash = db.ring().HashToken(string(c.kind), c.token)[0]
	detail := ""
	if c.detail != "" {
		if detail, err = db.sealFor(ctx, t, c.accountID, c.detail, credentialCell(hash)); err != nil {
			return "", err
		}
	}
	expires := now.Add(credential.Rules[c.kind].Life)
	if !c.until.IsZero() && c.until.Before(expires) {
		expires = c.until
	}
	_, err = t.exec(ctx, `INSERT INTO credential (hash, kind, account_id, device_id, subject, detail, born, account_epoch, fresh_at, created_at, expires_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`,
		hash, string(c.kind), c.accountID, c.deviceID, c.subject, detail, c.stamp.Born, c.stamp.Account, ms(c.freshAt),
		ms(now), ms(expires))
	if err != nil {
		return "", fmt.Errorf("writing a %s credential: %w", c.kind, err)
	}
	return hash, nil
}

// FindCredential returns the stored credential of a presented token with everything that judges it; credential.ErrUnknown when there is
// no such row. One question, whatever the kind.
func (db *DB) FindCredential(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error) {
	return db.findCredential(ctx, db.engine.point(), kind, token)
}

// FindPerson is FindCredential with the credential's account, opened but for its password, in the same question. The account is zero when
// the credential belongs to none.
func (db *DB) FindPerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error) {
	return db.findPerson(ctx, kind, db.ring().HashToken(string(kind), token))
}

func (db *DB) findPerson(ctx context.Context, kind credential.Kind, hashes []string) (credential.Found, account.Account, error) {
	list, args := oneOf([]any{string(kind)}, hashes)
	return db.readPerson(ctx, joinFound+whereFound+"c.kind = $1 AND c.hash IN "+list, args)
}

// readPerson reads the one credential that is there, from joinFound on, with its account.
func (db *DB) readPerson(ctx context.Context, from string, args []any) (credential.Found, account.Account, error) {
	var row personRow
	if err := get(ctx, db.engine.point(), selectFound+selectPerson+from, args, row.dest()...); err != nil {
		return credential.Found{}, account.Account{}, found(err, credential.ErrUnknown)
	}
	return row.open(ctx, db.engine.point(), db)
}

const selectPerson = `, c.kind, COALESCE(a.email, ''), COALESCE(a.email_proved, FALSE), COALESCE(a.user_name, ''), COALESCE(a.name, ''), COALESCE(a.notice_email, ''), COALESCE(a.review, FALSE), COALESCE(a.code_always, FALSE),
	COALESCE(a.created_at, 0), COALESCE(a.delete_at, 0)`

// personRow is a foundRow with the credential's account.
type personRow struct {
	foundRow
	kind credential.Kind
	sealedAccount
}

func (r *personRow) dest() []any {
	s := &r.sealedAccount
	return append(r.foundRow.dest(), &r.kind, &s.email, &s.EmailProved, &s.userName, &s.name, &s.notice, &s.Review, &s.CodeAlways, &s.createdAt, &s.deleteAt)
}

// open unseals the row, as that of a foundRow. The account is zero when the credential belongs to none.
func (r *personRow) open(ctx context.Context, q querier, db *DB) (credential.Found, account.Account, error) {
	f, err := r.foundRow.open(ctx, q, db, r.kind)
	if err != nil || f.Account.ID == "" {
		return f, account.Account{}, err
	}
	r.sealedAccount.Standing, r.key, r.sealedAccount.factorSince = f.Account, r.wrapped, r.foundRow.factorSince
	a, err := r.openPerson(db.ring())
	return f, a, err
}

func (db *DB) findCredential(ctx context.Context, q querier, kind credential.Kind, token secret.Token) (credential.Found, error) {
	var row foundRow
	list, args := oneOf([]any{string(kind)}, db.ring().HashToken(string(kind), token))
	if err := get(ctx, q, selectFound+joinFound+whereFound+"c.kind = $1 AND c.hash IN "+list, args, row.dest()...); err != nil {
		return credential.Found{}, found(err, credential.ErrUnknown)
	}
	return row.open(ctx, q, db, kind)
}

const (
	selectFound = `SELECT c.hash, c.account_id, c.device_id, c.subject, c.detail, c.born, c.account_epoch, c.fresh_at, c.created_at, c.expires_at,
		COALESCE(d.used_at, 0), COALESCE(d.origin, ''), i.epoch, i.floor, i.incident,
		COALESCE(a.id, ''), COALESCE(a.state, ''), COALESCE(a.admin, FALSE), COALESCE(a.epoch, 0), COALESCE(a.incident, 0), COALESCE(a.secured, 0),
		COALESCE(a.password_version, 0), COALESCE(a.totp_since, 0), COALESCE(a.passwordless, FALSE), COALESCE(a.key, ''), COALESCE(a.home_owner, '')`
	joinFound = ` FROM credential c JOIN instance i ON i.id = 1
		LEFT JOIN account a ON a.id = c.account_id LEFT JOIN device d ON d.id = c.device_id`
	joinClient = ` JOIN client k ON k.id = c.subject AND k.removed_at = 0`
	whereFound = ` WHERE (c.device_id = '' OR d.account_id = c.account_id) AND `
)

// mostColumns is as many as are read of one row, its account and its client included.
const mostColumns = 44

// foundRow is a credential as it stands in its row, with what judges it.
type foundRow struct {
	credential.Found
	detail, wrapped, owner        string // owner: of the Home, where the account is a managed member
	fresh, created, expires, used int64
	factorSince                   int64
}

func (r *foundRow) dest() []any {
	f := &r.Found
	return append(make([]any, 0, mostColumns), &f.Hash, &f.AccountID, &f.DeviceID, &f.Subject, &r.detail, &f.Stamp.Born, &f.Stamp.Account, &r.fresh, &r.created, &r.expires,
		&r.used, &f.Origin, &f.Clock.Epoch, &f.Clock.Floor, &f.Clock.Incident,
		&f.Account.ID, &f.Account.State, &f.Account.Admin, &f.Account.Epoch, &f.Account.Incident, &f.Account.Secured,
		&f.Account.PasswordVersion, &r.factorSince, &f.Account.NoPassword, &r.wrapped, &r.owner)
}

// open unseals the row, and asks besides, of what came by switching in a Home, what else it is judged by. credential.ErrUnknown.
func (r *foundRow) open(ctx context.Context, q querier, db *DB, kind credential.Kind) (f credential.Found, err error) {
	f = r.Found
	if f.Origin != "" || r.owner != "" {
		if err := judgeSwitched(ctx, q, &f); err != nil {
			return credential.Found{}, err
		}
	}
	f.Account.SecondFactor = r.factorSince > 0
	f.Kind, f.FreshAt, f.CreatedAt, f.ExpiresAt, f.DeviceUsedAt = kind, timeOf(r.fresh), timeOf(r.created), timeOf(r.expires), timeOf(r.used)
	if r.detail == "" {
		return f, nil
	}
	f.Detail, err = db.openFor(f.AccountID, r.wrapped, r.detail, credentialCell(f.Hash))
	return f, err
}

func (db *DB) openFor(accountID, wrapped, sealed string, at secret.Place) (string, error) {
	if accountID == "" {
		return db.common.Open(sealed, at)
	}
	key, err := db.ring().AccountKey(accountID, wrapped)
	if err != nil {
		return "", err
	}
	return key.Open(sealed, at)
}

// spend uses a single-use credential up; ErrSpent when another did so first.
func spend(ctx context.Context, t *tx, hash string) error {
	n, err := t.exec(ctx, `DELETE FROM credential WHERE hash = $1`, hash)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrSpent
	}
	return nil
}

// SpendProof uses up what led to a proof that opens no door by itself, where there was something, and leaves the act. ErrSpent.
func (db *DB) SpendProof(ctx context.Context, hash string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if hash != "" {
			if err := spend(ctx, t, hash); err != nil {
				return err
			}
		}
		return db.leave(ctx, t, act)
	})
}

// alive is true of a credential c of an account a that no epoch of the account or of the instance i has passed: credential.Stamp says the same. Of a managed
// member it says less than the judgement, which everything made from such a credential meets besides.
const alive = `c.account_epoch >= a.epoch AND c.born >= a.incident AND c.born >= i.incident AND c.born >= i.floor`

// spendAlive spends a credential that no epoch has passed until this very transaction. ErrSpent.
func spendAlive(ctx context.Context, t *tx, hash string) error {
	if err := checkAlive(ctx, t, hash); err != nil {
		return err
	}
	return spend(ctx, t, hash)
}

func checkAlive(ctx context.Context, t *tx, hash string) error {
	var still int64
	err := get(ctx, t, `SELECT COUNT(*) FROM credential c JOIN account a ON a.id = c.account_id JOIN instance i ON i.id = 1 WHERE c.hash = $1 AND `+alive,
		[]any{hash}, &still)
	if err == nil && still == 0 {
		err = ErrSpent
	}
	return err
}

// mintLink stores the hash of a link's token.
func (db *DB) mintLink(ctx context.Context, t *tx, l credential.Link, now time.Time) error {
	if l.Most > 0 {
		if err := db.roomForLink(ctx, t, l, now); err != nil {
			return err
		}
	}
	if l.Newest {
		if err := db.lockOwner(ctx, t, l.AccountID); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM credential WHERE kind = $1 AND account_id = $2`, string(l.Kind), l.AccountID); err != nil {
			return err
		}
	}
	_, err := db.insertCredential(ctx, t, newCredential{kind: l.Kind, token: l.Token, accountID: l.AccountID, subject: l.Subject, detail: l.Detail, stamp: l.Stamp}, now)
	return err
}

// roomForLink holds the account while it counts what waits. *credential.TooManyError.
func (db *DB) roomForLink(ctx context.Context, t *tx, l credential.Link, now time.Time) error {
	if err := db.lockOwner(ctx, t, l.AccountID); err != nil {
		return err
	}
	var n, until int64
	err := get(ctx, t, `SELECT COUNT(*), COALESCE(MIN(c.expires_at), 0) FROM credential c JOIN account a ON a.id = c.account_id JOIN instance i ON i.id = 1
		WHERE c.account_id = $1 AND c.kind = $2 AND c.expires_at > $3 AND `+alive, []any{l.AccountID, string(l.Kind), ms(now)}, &n, &until)
	if err == nil && n >= l.Most {
		err = &credential.TooManyError{Until: timeOf(until)}
	}
	return err
}

// lockOwner locks the account that a link belongs to, if it belongs to one.
func (db *DB) lockOwner(ctx context.Context, t *tx, accountID string) error {
	if accountID == "" {
		return nil
	}
	_, err := db.lock(ctx, t, accountID)
	return err
}

// RequireReset makes an account's owner choose a new password: it steps the instance's clock, lists the account under the new epoch, and
// ends everything that is signed in. With a credential's hash, that one is spent first (ErrSpent), and a server of the account that it speaks of is nobody's
// afterwards, which is recorded besides. The ways in that a stranger may have added go too.
func (db *DB) RequireReset(ctx context.Context, accountID, spends string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if _, err := db.lock(ctx, t, accountID); err != nil {
			return err
		}
		if spends != "" {
			if err := db.undoClaim(ctx, t, accountID, spends, act); err != nil {
				return err
			}
		}
		if err := requireReset(ctx, t, accountID, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// undoClaim spends a credential and makes the server of the account that it speaks of, if it is one, nobody's. ErrSpent.
func (db *DB) undoClaim(ctx context.Context, t *tx, accountID, spends string, act audit.Act) error {
	var subject string
	var since int64
	if err := get(ctx, t, `DELETE FROM credential WHERE hash = $1 RETURNING subject, created_at`, []any{spends}, &subject, &since); err != nil {
		return found(err, ErrSpent)
	}
	if err := db.endStrangersWays(ctx, t, accountID, since, act.At); err != nil {
		return err
	}
	n, err := t.exec(ctx, `DELETE FROM server WHERE id = $1 AND account_id = $2`, subject, accountID)
	if err != nil || n == 0 {
		return err
	}
	if err := endServer(ctx, t, subject, ms(act.At)); err != nil {
		return err
	}
	unclaimed := act.Done
	unclaimed.Action = audit.ServerUnclaimed
	return db.leave(ctx, t, audit.Act{At: act.At, Done: unclaimed})
}

func requireReset(ctx context.Context, t *tx, accountID string, now time.Time) error {
	epoch, err := stepInstance(ctx, t, now)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `UPDATE account SET incident = $1, epoch = epoch + 1 WHERE id = $2`, epoch, accountID)
	if err == nil && n == 0 {
		err = account.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := signalAccounts(ctx, t, happened{stream.ResetRequired, now}, `a.id = $1`, accountID); err != nil {
		return err
	}
	if err := signalEverything(ctx, t, accountID, now); err != nil {
		return err
	}
	return endDeadGrants(ctx, t, `= $1`, accountID)
}
