package store

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
)

// OpenSignIn signs a browser in after a good proof: device, credentials, record, mail, and the try given back, all or nothing. When the
// account then has more devices than device.Most, the ones unused for longest are signed out and trimmed is left as well.
func (db *DB) OpenSignIn(ctx context.Context, at credential.Attempt, c credential.Candidate, s credential.SignIn, act, trimmed audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.forgive(ctx, t, at, c); err != nil {
			return err
		}
		if s.Spends != "" {
			if err := spend(ctx, t, s.Spends); err != nil {
				return err
			}
		}
		if err := db.spendFactor(ctx, t, s.Factor); err != nil {
			return err
		}
		if err := db.usePasskey(ctx, t, s.Passkey, act.At); err != nil {
			return err
		}
		if err := db.replaceTwins(ctx, t, s.Device, act.At); err != nil {
			return err
		}
		if err := db.insertSignIn(ctx, t, s, act.At); err != nil {
			return err
		}
		if err := db.trimDevices(ctx, t, s.Device, 0, trimmed); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func (db *DB) insertSignIn(ctx context.Context, t *tx, s credential.SignIn, now time.Time) error {
	d := s.Device
	key, err := db.keyOf(ctx, t, d.AccountID)
	if err != nil {
		return err
	}
	facts, seen, err := sealDevice(key, d)
	if err != nil {
		return err
	}
	client := ""
	if names := db.clientsOf(d); len(names) > 0 {
		client = names[0]
	}
	_, err = t.exec(ctx, `INSERT INTO device (id, account_id, kind, method, facts, seen, born, account_epoch, created_at, used_at, client, origin)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$9,$10,$11)`, d.ID, d.AccountID, string(d.Kind), d.Method,
		facts, seen, s.Stamp.Born, s.Stamp.Account, ms(now), client, d.Origin)
	if err != nil {
		return fmt.Errorf("writing a device: %w", err)
	}
	_, err = db.insertCredential(ctx, t, newCredential{kind: cmp.Or(s.Kind, credential.Browser), token: s.Token, accountID: d.AccountID, deviceID: d.ID, subject: s.Subject, detail: s.Detail, stamp: s.Stamp, freshAt: s.FreshAt, until: s.Until}, now)
	for _, kept := range []newCredential{
		{kind: credential.Known, token: s.Known, accountID: d.AccountID, stamp: s.Stamp},
		{kind: credential.Handed, token: s.Again, accountID: d.AccountID, deviceID: d.ID, stamp: s.Stamp, detail: s.Token.Reveal(), subject: keyedSubject(s)},
		{kind: credential.DeviceKey, token: s.Key.Name, accountID: d.AccountID, deviceID: d.ID, stamp: s.Stamp, detail: s.Key.Public, subject: s.Subject},
		{kind: credential.Remembered, token: s.Remember, accountID: d.AccountID, stamp: s.Stamp, detail: s.RememberedAs},
	} {
		if err == nil && !kept.token.Empty() {
			_, err = db.insertCredential(ctx, t, kept, now)
		}
	}
	return err
}

// keyedSubject says of a token that is told once more whether its device has to sign for it.
func keyedSubject(s credential.SignIn) string {
	if s.Key.Name.Empty() {
		return ""
	}
	return credential.Keyed
}

// AddDevice signs something in beside the browsers: an app password, say, or a media server by the claim token that s.Spends names. The act is
// its owner's. device.ErrTooMany when the account has s.Most credentials of that kind already, dead ones not counted; ErrSpent.
func (db *DB) AddDevice(ctx context.Context, s credential.SignIn, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if s.Spends != "" {
			if err := spendAlive(ctx, t, s.Spends); err != nil {
				return err
			}
		}
		if err := db.replaceTwins(ctx, t, s.Device, act.At); err != nil {
			return err
		}
		if err := db.roomFor(ctx, t, s); err != nil {
			return err
		}
		if err := db.insertSignIn(ctx, t, s, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// roomFor holds the account while it counts, so that two at once do not both find the last place.
func (db *DB) roomFor(ctx context.Context, t *tx, s credential.SignIn) error {
	if s.Most == 0 {
		return nil
	}
	if _, err := db.lock(ctx, t, s.Device.AccountID); err != nil {
		return err
	}
	var n int64
	err := get(ctx, t, `SELECT COUNT(*) FROM credential c JOIN account a ON a.id = c.account_id JOIN instance i ON i.id = 1
		WHERE c.account_id = $1 AND c.kind = $2 AND `+alive,
		[]any{s.Device.AccountID, string(s.Kind)}, &n)
	if err == nil && n >= s.Most {
		err = device.ErrTooMany
	}
	return err
}

// EndEverything signs out everything of an account by one step of its epoch. With a sign-in, the browser that asked is signed in anew under
// the new epoch, in the place of the sign-in it had; ErrSpent when that one, or the account's epoch, ended meanwhile.
func (db *DB) EndEverything(ctx context.Context, accountID string, keep *credential.SignIn, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.endEverything(ctx, t, accountID, keep, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// endEverything steps the account's epoch. A browser that stays takes the place of the sign-in it had, which must still count: what another
// act has ended since it was read does not come back.
func (db *DB) endEverything(ctx context.Context, t *tx, accountID string, keep *credential.SignIn, now time.Time) error {
	epoch, err := stepAccount(ctx, t, accountID, now)
	if err != nil || keep == nil {
		return err
	}
	if epoch != keep.Stamp.Account+1 {
		return ErrSpent
	}
	if err := spend(ctx, t, keep.Replaces); err != nil {
		return err
	}
	s := *keep
	s.Stamp.Account = epoch
	return db.insertSignIn(ctx, t, s, now)
}

// stepAccount ends everything that is signed in to an account, and has that told.
func stepAccount(ctx context.Context, t *tx, accountID string, now time.Time) (epoch int64, err error) {
	err = get(ctx, t, `UPDATE account SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch`, []any{accountID}, &epoch)
	if err != nil {
		return epoch, found(err, account.ErrNotFound)
	}
	if err := signalEverything(ctx, t, accountID, now); err != nil {
		return epoch, err
	}
	return epoch, endDeadGrants(ctx, t, `= $1`, accountID)
}

// RenewSignIn puts a new token in the place of a browser's old one, which is dead from then on, and marks it fresh; ErrSpent when the old
// one ended meanwhile.
func (db *DB) RenewSignIn(ctx context.Context, r credential.Renewal, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.spendFactor(ctx, t, r.Factor); err != nil {
			return err
		}
		if err := db.usePasskey(ctx, t, r.Passkey, act.At); err != nil {
			return err
		}
		if err := db.renew(ctx, t, r); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func (db *DB) renew(ctx context.Context, t *tx, r credential.Renewal) error {
	n, err := t.exec(ctx, `UPDATE credential SET hash = $1, fresh_at = $2, subject = $5 WHERE hash = $3 AND kind = $4`,
		db.ring().HashToken(string(credential.Browser), r.Token)[0], ms(r.FreshAt), r.Replaces, string(credential.Browser), string(r.Way))
	if err == nil && n == 0 {
		err = ErrSpent
	}
	return err
}
