package store

import (
	"context"
	"errors"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
)

// SetDeviceKey makes a key the only one of its device, for as long as the device may live at all: another key makes it live no longer.
// credential.ErrKeyTaken when one of that name is another device's, credential.ErrSpent when the device was signed out meanwhile.
func (db *DB) SetDeviceKey(ctx context.Context, k credential.DeviceKeyOf, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if _, err := db.lock(ctx, t, k.AccountID); err != nil {
			return err
		}
		var signedIn int64
		if err := get(ctx, t, `SELECT created_at FROM device WHERE id = $1 AND account_id = $2`, []any{k.DeviceID, k.AccountID}, &signedIn); err != nil {
			return found(err, ErrSpent)
		}
		if _, err := t.exec(ctx, `DELETE FROM credential WHERE device_id = $1 AND kind = $2`, k.DeviceID, string(credential.DeviceKey)); err != nil {
			return err
		}
		if err := db.keyIsFree(ctx, t, k.PublicKey, act.At); err != nil {
			return err
		}
		_, err := db.insertCredential(ctx, t, newCredential{
			kind: credential.DeviceKey, token: k.Name, accountID: k.AccountID, deviceID: k.DeviceID, subject: k.Subject, detail: k.Public, stamp: k.Stamp,
			until: timeOf(signedIn).Add(credential.Rules[credential.DeviceKey].Life),
		}, act.At)
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// keyIsFree returns credential.ErrKeyTaken when some device has a key of that name. One that was signed out by an epoch, or has run out, gives it up.
func (db *DB) keyIsFree(ctx context.Context, t *tx, k credential.PublicKey, now time.Time) error {
	if k.Name.Empty() {
		return nil
	}
	f, err := db.findCredential(ctx, t, credential.DeviceKey, k.Name)
	if errors.Is(err, credential.ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := credential.Judge(f, now); !errors.Is(err, credential.ErrEnded) && !errors.Is(err, credential.ErrUnknown) {
		return credential.ErrKeyTaken
	}
	_, err = t.exec(ctx, `DELETE FROM credential WHERE hash = $1`, f.Hash)
	return err
}

// RenewByKey spends a nonce for a new token of a device, in the place of whatever token it had; credential.ErrSpent when the nonce was used, or the
// key ended meanwhile.
func (db *DB) RenewByKey(ctx context.Context, r credential.KeyRenewal, now time.Time) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, r.Key.AccountID); err != nil { // two with a nonce each would not see each other's token
			return err
		}
		if err := spend(ctx, t, r.Nonce); err != nil {
			return err
		}
		var still int64
		err := get(ctx, t, `SELECT COUNT(*) FROM credential c JOIN account a ON a.id = c.account_id JOIN instance i ON i.id = 1 WHERE c.hash = $1 AND `+alive,
			[]any{r.Key.Hash}, &still)
		if err == nil && still == 0 {
			err = ErrSpent
		}
		if err != nil {
			return err
		}
		list, args := oneOf([]any{r.Key.DeviceID}, []string{string(credential.App), string(credential.DeviceToken), string(credential.Handed)})
		if _, err := t.exec(ctx, `DELETE FROM credential WHERE device_id = $1 AND kind IN `+list, args...); err != nil {
			return err
		}
		_, err = db.insertCredential(ctx, t, newCredential{
			kind: credential.DeviceToken, token: r.ID, accountID: r.Key.AccountID, deviceID: r.Key.DeviceID, subject: r.Key.Subject, stamp: r.Key.Stamp,
		}, now)
		return err
	})
}
