package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/relyingparty"
)

// EndRequest deletes an authorization request, or a code, that leads to nothing; ErrSpent when it was answered meanwhile.
func (db *DB) EndRequest(ctx context.Context, hash string) error {
	return db.engine.write(ctx, func(t *tx) error { return spend(ctx, t, hash) })
}

// holdParties keeps waiting until this transaction ends whatever ends sign-ins of an account or removes a client: none of it passes by what is given
// meanwhile. ErrSpent when either is gone.
func (db *DB) holdParties(ctx context.Context, t *tx, accountID, clientID string) (relyingparty.Client, error) {
	_, err := db.lock(ctx, t, accountID)
	if errors.Is(err, account.ErrNotFound) {
		err = ErrSpent
	}
	if err != nil {
		return relyingparty.Client{}, err
	}
	c, err := db.lockClient(ctx, t, clientID)
	if errors.Is(err, relyingparty.ErrNotFound) {
		err = ErrSpent
	}
	return c, err
}

// spendOf spends what was made for a client, and not for an earlier one of its id. ErrSpent.
func spendOf(ctx context.Context, t *tx, c relyingparty.Client, hash string) error {
	n, err := t.exec(ctx, `DELETE FROM credential WHERE hash = $1 AND created_at >= $2`, hash, ms(c.CreatedAt))
	if err == nil && n == 0 {
		err = ErrSpent
	}
	return err
}

// spendFor spends what a grant is made from, as spendAlive does, while account and client stand. ErrSpent.
func (db *DB) spendFor(ctx context.Context, t *tx, n grant.New, now time.Time) error {
	c, err := db.holdParties(ctx, t, n.Device.AccountID, n.ClientID)
	if err != nil {
		return err
	}
	if c.AccountID != "" && c.AccountID != n.Device.AccountID {
		if err := checkIn(ctx, t, c.ID, n.Device.AccountID, now); err != nil {
			return err
		}
	}
	if err := checkAlive(ctx, t, n.Spends); err != nil {
		return err
	}
	return spendOf(ctx, t, c, n.Spends)
}

// GrantCode spends an authorization request, notes what the person has agreed to, and writes the code that answers it. ErrSpent when the request was
// answered meanwhile, the client removed, or, where nobody was asked, the consent withdrawn; *ratelimit.LimitedError of who comes to a media server.
func (db *DB) GrantCode(ctx context.Context, a grant.Approval, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		c, err := db.holdParties(ctx, t, a.AccountID, a.ClientID)
		if err != nil {
			return err
		}
		if err := spendOf(ctx, t, c, a.Spends); err != nil {
			return err
		}
		if a.Consent == nil && !c.Trusted(a.AccountID) {
			err = checkConsent(ctx, t, a)
		} else {
			err = noteConsent(ctx, t, a, act.At)
		}
		if err == nil && c.AccountID != "" && c.AccountID != a.AccountID {
			err = db.comeIn(ctx, t, c.ID, a, act.At)
		}
		if err != nil {
			return err
		}
		_, err = db.insertCredential(ctx, t, newCredential{
			kind: credential.AuthorizationCode, token: a.Code, accountID: a.AccountID, deviceID: a.DeviceID, subject: a.ClientID, detail: a.Detail,
			stamp: a.Stamp, freshAt: a.FreshAt,
		}, act.At)
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// RedeemCode spends a code and writes the grant that it turns into, with an app of its own where it stays, and returns the grant's hash; ErrSpent when the code was used, an epoch
// has passed it, its browser was signed out or the client removed, meanwhile. What is over grant.MostAlike ends; when that
// are apps, or the account then has more of them than device.Most, trimmed is left as well.
func (db *DB) RedeemCode(ctx context.Context, n grant.New, act, trimmed audit.Act) (hash string, err error) {
	err = db.engine.write(ctx, func(t *tx) (err error) {
		if err := db.spendFor(ctx, t, n, act.At); err != nil {
			return err
		}
		if hash, err = db.insertGrant(ctx, t, n, act.At); err != nil {
			return err
		}
		over, err := trimAlike(ctx, t, n, hash, act.At)
		if err != nil {
			return err
		}
		if n.Kind == credential.Refresh {
			if err := db.trimDevices(ctx, t, n.Device, over, trimmed); err != nil {
				return err
			}
		}
		return db.leave(ctx, t, act)
	})
	return hash, err
}

// What a new grant crowds out, besides itself: of the same client in the same browser, or of the same client among the apps that were let in by a page.
// Devices that somebody let in by a code are nobody's to crowd out: no page can bring such ones.
const (
	alikeInBrowser = `SELECT hash FROM credential WHERE device_id = $1 AND subject = $2 AND kind = $3 AND hash <> $4 ORDER BY created_at DESC, hash`
	alikeApps      = `SELECT c.hash FROM credential c JOIN device d ON d.id = c.device_id
		WHERE c.account_id = $1 AND c.subject = $2 AND c.kind = $3 AND c.hash <> $4 AND d.method = $5 ORDER BY d.used_at DESC, d.id DESC`
)

// trimBatch bounds how many grants end because of a new one.
const trimBatch = 100

// trimAlike ends what is over grant.MostAlike, and returns how many grants that were.
func trimAlike(ctx context.Context, t *tx, n grant.New, hash string, now time.Time) (over int, err error) {
	text, args := alikeInBrowser, []any{n.Device.ID, n.ClientID, string(n.Kind), hash}
	if n.Kind == credential.Refresh {
		text, args = alikeApps, []any{n.Device.AccountID, n.ClientID, string(n.Kind), hash, device.ByConsent}
	}
	var old []string
	err = each(ctx, t, text+fmt.Sprintf(" LIMIT %d OFFSET %d", trimBatch, grant.MostAlike-1), args, func(row scanner) error {
		var hash string
		err := row.Scan(&hash)
		old = append(old, hash)
		return err
	})
	for _, hash := range old {
		if err == nil {
			err = endGrant(ctx, t, hash, now)
		}
	}
	return len(old), err
}

func (db *DB) insertGrant(ctx context.Context, t *tx, n grant.New, now time.Time) (hash string, err error) {
	if n.Kind == credential.Refresh {
		err = db.insertSignIn(ctx, t, credential.SignIn{
			Device: n.Device, Kind: n.Kind, Token: n.Family, Subject: n.ClientID, Detail: n.Detail, Stamp: n.Stamp, FreshAt: n.FreshAt,
		}, now)
	} else {
		_, err = db.insertCredential(ctx, t, newCredential{
			kind: n.Kind, token: n.Family, accountID: n.Device.AccountID, deviceID: n.Device.ID, subject: n.ClientID, detail: n.Detail, stamp: n.Stamp, freshAt: n.FreshAt,
		}, now)
	}
	if err != nil {
		return "", err
	}
	hash = db.ring().HashToken(string(n.Kind), n.Family)[0]
	first := ""
	if !n.Secret.Empty() {
		first = rotation{current: db.ring().HashShort(hash, n.Secret)[0]}.String()
	}
	_, err = t.exec(ctx, `UPDATE credential SET rotation = $1, expires_at = $2 WHERE hash = $3`, first, ms(n.Expires), hash)
	return hash, err
}

// CollectGrant spends what an approved device of a client polls with, ends its request, notes what the person has agreed to, and writes the grant, whose
// hash it returns; ErrSpent. The rest is as with CollectLink.
func (db *DB) CollectGrant(ctx context.Context, requestID string, n grant.New, consent []relyingparty.Scope, act, trimmed audit.Act) (hash string, err error) {
	err = db.engine.write(ctx, func(t *tx) (err error) {
		if err := db.spendFor(ctx, t, n, act.At); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM link_request WHERE id = $1`, requestID); err != nil {
			return err
		}
		if err := noteConsent(ctx, t, grant.Approval{AccountID: n.Device.AccountID, ClientID: n.ClientID, Consent: consent}, act.At); err != nil {
			return err
		}
		if hash, err = db.insertGrant(ctx, t, n, act.At); err != nil {
			return err
		}
		if err := db.trimDevices(ctx, t, n.Device, 0, trimmed); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
	return hash, err
}

// grantKinds are the kinds that an access token's grant can be.
var grantKinds = []credential.Kind{credential.Refresh, credential.Access}

// FindGrant returns a grant by its hash, of whichever kind it is, with its account, in one question; credential.ErrUnknown, also when its client was removed, or is a later one of that id.
func (db *DB) FindGrant(ctx context.Context, hash string) (credential.Found, account.Account, error) {
	list, args := oneOf([]any{hash}, grantKinds)
	return db.readPerson(ctx, joinFound+joinClient+whereFound+"k.created_at <= c.created_at AND c.hash = $1 AND c.kind IN "+list, args)
}

// EndGrant ends a grant with everything made from it: a browser stays signed in. ErrSpent when there is none.
func (db *DB) EndGrant(ctx context.Context, hash string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := endGrant(ctx, t, hash, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func endGrant(ctx context.Context, t *tx, hash string, now time.Time) error {
	list, args := oneOf([]any{hash}, grantKinds)
	var kind, accountID, deviceID string
	err := get(ctx, t, `SELECT account_id FROM credential WHERE hash = $1 AND kind IN `+list, args, &accountID)
	if err != nil {
		return found(err, ErrSpent)
	}
	if err := hold(ctx, t, accountID); err != nil {
		return err
	}
	if err := queueLogouts(ctx, t, `c.hash = $1`, hash); err != nil {
		return err
	}
	if err := signalEnded(ctx, t, now, `c.hash = $1`, hash); err != nil {
		return err
	}
	err = get(ctx, t, `DELETE FROM credential WHERE hash = $1 AND kind IN `+list+` RETURNING kind, device_id`, args, &kind, &deviceID)
	if err != nil || kind != string(credential.Refresh) {
		return found(err, ErrSpent)
	}
	err = endDevice(ctx, t, accountID, deviceID, now)
	if errors.Is(err, device.ErrNotFound) {
		return nil
	}
	return err
}
