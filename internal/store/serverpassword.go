package store

import (
	"context"
	"errors"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/server"
	"usher/internal/stream"
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

// FindTerms returns what an account that has come to a server is there at a time: its owner, or as the owner lets it in. Of every other account, of nobody, and at
// no server, it is server.Nobody.
func (db *DB) FindTerms(ctx context.Context, serverID, accountID string, now time.Time) (on server.Terms, err error) {
	return findTerms(ctx, db.engine.point(), serverID, accountID, now)
}

func findTerms(ctx context.Context, q querier, serverID, accountID string, now time.Time) (on server.Terms, err error) {
	var ends int64
	err = get(ctx, q, `SELECT CASE s.account_id WHEN $2 THEN 'owner' ELSE COALESCE(l.role, '') END, COALESCE(l.ends_at, 0)
		FROM server s LEFT JOIN server_access l ON l.id = (SELECT g.id FROM server_access g WHERE g.server_id = s.id AND g.account_id = $2 AND g.account_id <> '' AND `+lasts+best+` LIMIT 1)
		WHERE s.id = $1`, []any{serverID, accountID, ms(now)}, &on.Role, &ends)
	if on.Role != server.Owner {
		on.EndsAt = timeOf(ends)
	}
	return on, found(err, nil)
}

// LetType says what people may type at a server of an account. What was typed before and counts no longer is ended there. server.ErrNotFound.
func (db *DB) LetType(ctx context.Context, accountID, id string, typed server.Typed, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		s, key, err := db.lockServer(ctx, t, accountID, id)
		if err != nil || s.Types == typed {
			return err
		}
		s.Types = typed
		if err := db.writeServer(ctx, t, key, s); err != nil {
			return err
		}
		who := []string{accountID}
		err = each(ctx, t, `SELECT account_id FROM server_access WHERE server_id = $1 AND account_id <> '' AND role = 'household'`, []any{id}, func(row scanner) error {
			var member string
			err := row.Scan(&member)
			who = append(who, member)
			return err
		})
		for _, member := range who {
			if err == nil {
				err = signalClient(ctx, t, happened{stream.AllEnded, act.At}, id, stream.Signal{AccountID: member})
			}
		}
		if err != nil {
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
