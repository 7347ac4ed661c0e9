package store

import (
	"context"
	"errors"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/server"
)

// AddServerPassword signs an app in at the server that is its subject, by an app password that counts there alone: for the server's owner, or for who has come
// in by its list. server.ErrNotFound for everybody else; device.ErrTooMany as of AddDevice.
func (db *DB) AddServerPassword(ctx context.Context, s credential.SignIn, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.roomFor(ctx, t, s); err != nil {
			return err
		}
		c, err := db.lockClient(ctx, t, s.Subject) // who takes the account off the list at this moment holds it, too
		switch {
		case errors.Is(err, relyingparty.ErrNotFound):
			return server.ErrNotFound
		case err == nil && c.AccountID != s.Device.AccountID:
			err = checkIn(ctx, t, s.Subject, s.Device.AccountID, act.At)
		}
		if errors.Is(err, ErrSpent) {
			return server.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := db.insertSignIn(ctx, t, s, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// endAtServer ends what an account has at a server: its sign-ins there, and the apps that its app passwords of the server have signed in.
func endAtServer(ctx context.Context, t *tx, serverID, accountID string) error {
	for _, text := range []string{
		`DELETE FROM device WHERE account_id = $2 AND id IN (SELECT device_id FROM credential WHERE subject = $1 AND account_id = $2 AND kind = '` + string(credential.ServerPassword) + `')`,
		`DELETE FROM credential WHERE subject = $1 AND account_id = $2`,
	} {
		if _, err := t.exec(ctx, text, serverID, accountID); err != nil {
			return err
		}
	}
	return nil
}
