package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

func clientCell(id string) secret.Place {
	return secret.Place{Table: "client", Row: id, Column: "facts"}
}

// clientFacts are what a client's row seals: all of it but its id and when it was made.
type clientFacts struct {
	Name           string               `json:"name"`
	RedirectURIs   []string             `json:"redirect_uris,omitempty"`
	PostLogoutURIs []string             `json:"post_logout_uris,omitempty"`
	Scopes         []relyingparty.Scope `json:"scopes"`
	Grants         []relyingparty.Grant `json:"grants"`
	Auth           relyingparty.Auth    `json:"auth"`
	Keys           string               `json:"keys,omitempty"`
	LogoutURI      string               `json:"logout_uri,omitempty"`
	TrustedPrivate bool                 `json:"trusted_private,omitempty"`
	FirstParty     bool                 `json:"first_party,omitempty"`
	Configured     bool                 `json:"configured,omitempty"`
	AccountID      string               `json:"account_id,omitempty"`
}

func (db *DB) sealClient(c relyingparty.Client) (string, error) {
	raw, err := json.Marshal(clientFacts{
		c.Name, c.RedirectURIs, c.PostLogoutURIs, c.Scopes, c.Grants, c.Auth, c.Keys, c.LogoutURI, c.TrustedPrivate, c.FirstParty, c.Configured, c.AccountID,
	})
	return db.common.Seal(string(raw), clientCell(c.ID)), err
}

func (db *DB) openClient(id, sealed string, created int64) (relyingparty.Client, error) {
	c, known := db.clients.find(id, sealed)
	if !known {
		var err error
		if c, err = db.unsealClient(id, sealed); err != nil {
			return c, err
		}
		db.clients.keep(c, sealed)
	}
	c.CreatedAt = timeOf(created)
	return c, nil
}

// unsealClient opens what is sealed. Whoever adds to a list of it gets a list of its own.
func (db *DB) unsealClient(id, sealed string) (c relyingparty.Client, err error) {
	var f clientFacts
	plain, err := db.common.Open(sealed, clientCell(id))
	if err == nil {
		err = json.Unmarshal([]byte(plain), &f)
	}
	if err != nil {
		return c, fmt.Errorf("opening client %s: %w", id, err)
	}
	return relyingparty.Client{
		ID: id, AccountID: f.AccountID, Name: f.Name, RedirectURIs: slices.Clip(f.RedirectURIs), PostLogoutURIs: slices.Clip(f.PostLogoutURIs), Scopes: slices.Clip(f.Scopes),
		Grants: slices.Clip(f.Grants), Auth: f.Auth, Keys: f.Keys, LogoutURI: f.LogoutURI, TrustedPrivate: f.TrustedPrivate, FirstParty: f.FirstParty,
		Configured: f.Configured,
	}, nil
}

// RegisterClient writes a new client with its first secrets, if it has any; relyingparty.ErrTaken when the id is in use, also by a removed
// client some of whose sign-ins are still to be ended; relyingparty.ErrSecretUsed.
func (db *DB) RegisterClient(ctx context.Context, c relyingparty.Client, secrets []secret.Token, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.insertClient(ctx, t, c); err != nil {
			return err
		}
		for _, s := range secrets {
			if err := db.insertClientSecret(ctx, t, c.ID, s, act.At); err != nil {
				return err
			}
		}
		return db.leave(ctx, t, act)
	})
}

func (db *DB) insertClient(ctx context.Context, t *tx, c relyingparty.Client) error {
	facts, err := db.sealClient(c)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `INSERT INTO client (id, account_id, facts, told, created_at, removed_at) VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (id) DO NOTHING`,
		c.ID, c.AccountID, facts, c.LogoutURI != "", ms(c.CreatedAt))
	if err == nil && n == 0 {
		err = relyingparty.ErrTaken
	}
	return err
}

// FindClient returns the client with that id; relyingparty.ErrNotFound, also when it was removed.
func (db *DB) FindClient(ctx context.Context, id string) (relyingparty.Client, error) {
	var facts string
	var created, epoch int64
	err := get(ctx, db.engine.point(), `SELECT facts, created_at, token_epoch FROM client WHERE id = $1 AND removed_at = 0`, []any{id}, &facts, &created, &epoch)
	if err = found(err, relyingparty.ErrNotFound); errors.Is(err, relyingparty.ErrNotFound) {
		db.clients.forget(id)
	}
	if err != nil {
		return relyingparty.Client{}, err
	}
	c, err := db.openClient(id, facts, created)
	c.TokenEpoch = epoch
	return c, err
}

// EndClientTokens ends the access tokens that a client has for itself, all of the generation at once; of an older one there are none to end.
func (db *DB) EndClientTokens(ctx context.Context, c relyingparty.Client, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE client SET token_epoch = token_epoch + 1 WHERE id = $1 AND removed_at = 0 AND created_at = $2 AND token_epoch = $3`,
			c.ID, ms(c.CreatedAt), c.TokenEpoch)
		if err != nil || n == 0 {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// ListClients returns the clients that administrators registered, in the order of their ids; after is the id of the one to go on after.
func (db *DB) ListClients(ctx context.Context, after string, limit int) ([]relyingparty.Client, error) {
	var out []relyingparty.Client
	err := each(ctx, db.engine.read(), `SELECT id, facts, created_at FROM client WHERE id > $1 AND removed_at = 0 AND account_id = '' ORDER BY id LIMIT $2`, []any{after, int64(limit)}, func(row scanner) error {
		var id, facts string
		var created int64
		if err := row.Scan(&id, &facts, &created); err != nil {
			return err
		}
		c, err := db.openClient(id, facts, created)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the clients: %w", err)
	}
	return out, nil
}

// ChangeClient replaces everything about a client but when it was made. One that proves itself without a secret afterwards has none left; with other
// keys, or in another way, what it has got for itself ends.
// relyingparty.ErrNotFound.
func (db *DB) ChangeClient(ctx context.Context, c relyingparty.Client, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		before, err := db.lockClient(ctx, t, c.ID)
		if err != nil {
			return err
		}
		if err := db.updateClient(ctx, t, before, c); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func (db *DB) updateClient(ctx context.Context, t *tx, before, c relyingparty.Client) error {
	facts, err := db.sealClient(c)
	if err != nil {
		return err
	}
	step := int64(0)
	if c.Auth != before.Auth || c.Keys != before.Keys {
		step = 1
	}
	if _, err := t.exec(ctx, `UPDATE client SET facts = $1, told = $2, token_epoch = token_epoch + $4 WHERE id = $3`, facts, c.LogoutURI != "", c.ID, step); err != nil {
		return err
	}
	if c.HasSecret() {
		return nil
	}
	_, err = t.exec(ctx, `DELETE FROM credential WHERE subject = $1 AND kind = $2`, c.ID, string(credential.ClientSecret))
	return err
}

// lockClient makes everything else that changes the client wait for the end of the transaction.
func (db *DB) lockClient(ctx context.Context, t *tx, id string) (relyingparty.Client, error) {
	var facts string
	var created int64
	err := get(ctx, t, `UPDATE client SET removed_at = removed_at WHERE id = $1 AND removed_at = 0 RETURNING facts, created_at`, []any{id}, &facts, &created)
	if err != nil {
		return relyingparty.Client{}, found(err, relyingparty.ErrNotFound)
	}
	return db.openClient(id, facts, created)
}

// ApplyClient makes a client and its secrets what the configuration says, whatever it was before. Nothing is recorded when nothing changes.
// relyingparty.ErrTaken while a removed client's sign-ins are being ended; relyingparty.ErrSecretUsed.
func (db *DB) ApplyClient(ctx context.Context, c relyingparty.Client, secrets []secret.Token, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		changed, err := db.applyClient(ctx, t, c)
		if err != nil {
			return err
		}
		again, err := db.applySecrets(ctx, t, c.ID, secrets, act.At)
		if err != nil || !changed && !again {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func (db *DB) applyClient(ctx context.Context, t *tx, c relyingparty.Client) (changed bool, err error) {
	before, err := db.lockClient(ctx, t, c.ID)
	if errors.Is(err, relyingparty.ErrNotFound) {
		return true, db.insertClient(ctx, t, c)
	}
	if err != nil {
		return false, err
	}
	if len(c.Differs(before)) == 0 && c.Configured == before.Configured {
		return false, nil
	}
	return true, db.updateClient(ctx, t, before, c)
}

// applySecrets leaves a client the very secrets given.
func (db *DB) applySecrets(ctx context.Context, t *tx, clientID string, secrets []secret.Token, now time.Time) (changed bool, err error) {
	kept := []string{""}
	for _, s := range secrets {
		hashes := db.ring().HashToken(string(credential.ClientSecret), s)
		stored, err := findSecret(ctx, t, clientID, hashes)
		if err != nil {
			return false, err
		}
		if stored == "" {
			stored, changed = hashes[0], true
			if err := db.insertClientSecret(ctx, t, clientID, s, now); err != nil {
				return false, err
			}
		}
		kept = append(kept, stored)
	}
	list, args := oneOf([]any{clientID, string(credential.ClientSecret)}, kept)
	n, err := t.exec(ctx, `DELETE FROM credential WHERE subject = $1 AND kind = $2 AND hash NOT IN `+list, args...)
	return changed || n > 0, err
}

// RemoveClient takes a client out of service, with its secrets, at once; what was made for it is ended some rows at a time, here and by Sweep, and its id
// is free again when all of that is done. relyingparty.ErrNotFound.
func (db *DB) RemoveClient(ctx context.Context, id string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := removeClient(ctx, t, id, ms(act.At)); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

func removeClient(ctx context.Context, t *tx, id string, now int64) error {
	n, err := t.exec(ctx, `UPDATE client SET removed_at = $1, facts = '' WHERE id = $2 AND removed_at = 0`, now, id)
	if err != nil {
		return found(err, relyingparty.ErrNotFound)
	}
	if n == 0 {
		return relyingparty.ErrNotFound
	}
	if err := endStream(ctx, t, id); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM credential WHERE subject = $1 AND kind = $2`, id, string(credential.ClientSecret)); err != nil {
		return err
	}
	return endClient(ctx, t, id)
}

// EndRemovedClient ends a portion of what was made for one removed client, and reports whether there may be more, of it or of another.
func (db *DB) EndRemovedClient(ctx context.Context) (more bool, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		more = false
		var id string
		err := get(ctx, t, `SELECT id FROM client WHERE removed_at > 0 ORDER BY removed_at, id LIMIT 1`, nil, &id)
		if err != nil {
			return found(err, nil)
		}
		more = true
		n, err := t.exec(ctx, `UPDATE client SET removed_at = removed_at WHERE id = $1 AND removed_at > 0`, id)
		if err != nil || n == 0 { // another node has just ended it
			return err
		}
		return endClient(ctx, t, id)
	})
	return more, err
}

// endClientBatch bounds how many credentials of a removed client end in one transaction.
const endClientBatch = 500

// endClient ends credentials that were made for a removed client, and the apps they signed in; a browser stays signed in. With the last of them goes
// the client's row, which the transaction holds: fewer than a portion may also mean that people sign out beside it.
func endClient(ctx context.Context, t *tx, id string) error {
	var hashes, devices []string
	var removed int64
	err := get(ctx, t, `SELECT removed_at FROM client WHERE id = $1`, []any{id}, &removed)
	if err != nil {
		return err
	}
	err = each(ctx, t, `SELECT hash FROM credential WHERE subject = $1 LIMIT $2`, []any{id, int64(endClientBatch)}, func(row scanner) error {
		var hash string
		err := row.Scan(&hash)
		hashes = append(hashes, hash)
		return err
	})
	if err != nil {
		return err
	}
	n := len(hashes)
	for _, some := range portions(hashes) {
		list, args := oneOf(nil, some)
		if err := signalEnded(ctx, t, timeOf(removed), `c.hash IN `+list, args...); err != nil { // media servers let its players in
			return err
		}
		err := each(ctx, t, `DELETE FROM credential WHERE hash IN `+list+` RETURNING device_id`, args, func(row scanner) error {
			var deviceID string
			err := row.Scan(&deviceID)
			if deviceID != "" {
				devices = append(devices, deviceID)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(devices) // all nodes in one order
	for _, deviceID := range slices.Compact(devices) {
		if err := endApp(ctx, t, deviceID); err != nil {
			return err
		}
	}
	for _, text := range []string{
		`DELETE FROM logout WHERE grant_hash IN (SELECT grant_hash FROM logout WHERE client_id = $1 LIMIT $2)`,
		`DELETE FROM consent WHERE client_id = $1 AND account_id IN (SELECT account_id FROM consent WHERE client_id = $1 LIMIT $2)`,
	} {
		some, err := t.exec(ctx, text, id, int64(endClientBatch))
		if err != nil {
			return err
		}
		n = max(n, int(some))
	}
	if n == endClientBatch {
		return nil
	}
	_, err = t.exec(ctx, `DELETE FROM client WHERE id = $1 AND removed_at > 0 AND NOT EXISTS (SELECT 1 FROM credential WHERE subject = $1)
		AND NOT EXISTS (SELECT 1 FROM consent WHERE client_id = $1) AND NOT EXISTS (SELECT 1 FROM logout WHERE client_id = $1)`, id)
	return err
}
