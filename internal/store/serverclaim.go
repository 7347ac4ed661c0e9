package store

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/stream"
)

// ClaimServer spends a claim token and writes a server with its client, or brings back the one that the account has with that key; it returns the id under
// which the server stands. ErrSpent for the token, server.ErrClaimed when the key is another account's server, server.ErrTooMany.
func (db *DB) ClaimServer(ctx context.Context, c server.Claim, act audit.Act) (id string, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		key, err := db.lock(ctx, t, c.AccountID)
		if errors.Is(err, account.ErrNotFound) {
			err = ErrSpent
		}
		if err != nil {
			return err
		}
		if err := spendAlive(ctx, t, c.Spends); err != nil {
			return err
		}
		var owner string
		id = c.ID
		err = get(ctx, t, `SELECT id, account_id FROM server WHERE thumbprint = $1`, []any{c.Thumbprint}, &id, &owner)
		switch {
		case errors.Is(err, errNoRow):
			err = db.insertServer(ctx, t, key, c)
		case err == nil && owner != c.AccountID:
			err = server.ErrClaimed
		case err == nil:
			err = db.claimAgain(ctx, t, c, id)
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
	return id, err
}

func (db *DB) insertServer(ctx context.Context, t *tx, key secret.AccountKey, c server.Claim) error {
	var have int64
	if err := get(ctx, t, `SELECT COUNT(*) FROM server WHERE account_id = $1`, []any{c.AccountID}, &have); err != nil {
		return err
	}
	if have >= c.Most {
		return server.ErrTooMany
	}
	facts, err := sealServer(key, c.Server)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `INSERT INTO server (id, account_id, thumbprint, public_key, facts, born, account_epoch, claimed_at, seen_at, ended_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$8,0) ON CONFLICT (thumbprint) DO NOTHING`,
		c.ID, c.AccountID, c.Thumbprint, c.Public, facts, c.Stamp.Born, c.Stamp.Account, ms(c.ClaimedAt))
	if err == nil && n == 0 { // by another account, at this moment
		err = server.ErrClaimed
	}
	if err != nil {
		return err
	}
	return db.insertClient(ctx, t, c.Client())
}

// claimAgain brings a server back by a claim token: its owner has just shown that it is in hand.
func (db *DB) claimAgain(ctx context.Context, t *tx, c server.Claim, id string) error {
	s, key, err := db.lockServer(ctx, t, c.AccountID, id)
	if err != nil {
		return err
	}
	addresses := make([]string, len(c.Addresses))
	for i, a := range c.Addresses {
		addresses[i] = a.URL
	}
	s.Facts = s.Says(addresses)
	s.Name, s.Product, s.Version, s.From, s.Again = c.Name, c.Product, c.Version, c.From, c.ClaimedAt.UTC()
	if err := db.writeServer(ctx, t, key, s); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `UPDATE server SET seen_at = $1 WHERE id = $2`, ms(c.ClaimedAt), id); err != nil {
		return err
	}
	return stampServer(ctx, t, s, c.Stamp, c.ClaimedAt)
}

// stampServer has a server count from now on, and tells it.
func stampServer(ctx context.Context, t *tx, s server.Server, stamp credential.Stamp, now time.Time) error {
	_, err := t.exec(ctx, `UPDATE server SET born = $1, account_epoch = $2, ended_at = 0 WHERE id = $3`, stamp.Born, stamp.Account, s.ID)
	if err != nil {
		return err
	}
	return signalServer(ctx, t, happened{stream.ServerBack, now}, s)
}

// signalServer tells a server alone what has happened to it.
func signalServer(ctx context.Context, t *tx, h happened, s server.Server) error {
	return signalClient(ctx, t, h, s.ID, stream.Signal{AccountID: s.AccountID, Subject: s.ID})
}

// BringServersBack gives servers of an account a new stamp, all of them or none, and changes nothing else about them. server.ErrNotFound when one of them is gone.
func (db *DB) BringServersBack(ctx context.Context, accountID string, ids []string, stamp credential.Stamp, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, accountID); err != nil {
			return err
		}
		for _, id := range ids {
			var owner string
			if err := get(ctx, t, `SELECT account_id FROM server WHERE id = $1 AND account_id = $2`, []any{id, accountID}, &owner); err != nil {
				return found(err, server.ErrNotFound)
			}
			if err := stampServer(ctx, t, server.Server{ID: id, AccountID: accountID}, stamp, act.At); err != nil {
				return err
			}
		}
		return db.leave(ctx, t, act)
	})
}

// SignOutServer suspends one server of an account. server.ErrNotFound, also when it is suspended by itself already.
func (db *DB) SignOutServer(ctx context.Context, accountID, id string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		out := int64(server.SignedOutAlone)
		n, err := t.exec(ctx, `UPDATE server SET account_epoch = $1, ended_at = $2 WHERE id = $3 AND account_id = $4 AND account_epoch <> $1`, out, ms(act.At), id, accountID)
		if err == nil && n == 0 {
			err = server.ErrNotFound
		}
		if err == nil {
			err = signalServer(ctx, t, happened{stream.ServerEnded, act.At}, server.Server{ID: id, AccountID: accountID})
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// UnclaimServer makes a server nobody's, with whom it let in; what was made for its client is ended as RemoveClient does. server.ErrNotFound.
func (db *DB) UnclaimServer(ctx context.Context, accountID, id string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, accountID); err != nil {
			return err
		}
		n, err := t.exec(ctx, `DELETE FROM server WHERE id = $1 AND account_id = $2`, id, accountID)
		if err == nil && n == 0 {
			err = server.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := endServer(ctx, t, id, ms(act.At)); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// endServer ends what hung on a server whose row is gone.
func endServer(ctx context.Context, t *tx, id string, now int64) error {
	if _, err := t.exec(ctx, `DELETE FROM server_access WHERE server_id = $1`, id); err != nil {
		return err
	}
	return removeClient(ctx, t, id, now)
}

// endServersOf ends every server of an account that is being erased.
func endServersOf(ctx context.Context, t *tx, accountID string, now int64) error {
	var ids []string
	err := each(ctx, t, `DELETE FROM server WHERE account_id = $1 RETURNING id`, []any{accountID}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	})
	for _, id := range ids {
		if err == nil {
			err = endServer(ctx, t, id, now)
		}
	}
	return err
}
