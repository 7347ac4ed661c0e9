package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// insertClientSecret stores a secret's hash; relyingparty.ErrSecretUsed when another client has the same. Which client the transaction is about is locked.
func (db *DB) insertClientSecret(ctx context.Context, t *tx, clientID string, s secret.Token, now time.Time) error {
	stored, err := findSecret(ctx, t, clientID, db.ring().HashToken(string(credential.ClientSecret), s))
	if err != nil || stored != "" {
		return err
	}
	_, err = db.insertCredential(ctx, t, newCredential{kind: credential.ClientSecret, token: s, subject: clientID}, now)
	return err
}

// findSecret returns the hash that a client's secret is stored under, or ""; relyingparty.ErrSecretUsed when it is another client's.
func findSecret(ctx context.Context, t *tx, clientID string, hashes []string) (stored string, err error) {
	list, args := oneOf([]any{string(credential.ClientSecret)}, hashes)
	var owner string
	err = get(ctx, t, `SELECT hash, subject FROM credential WHERE kind = $1 AND hash IN `+list, args, &stored, &owner)
	switch {
	case errors.Is(err, errNoRow):
		return "", nil
	case err == nil && owner != clientID:
		return "", relyingparty.ErrSecretUsed
	}
	return stored, err
}

// FindClientBySecret returns the client that a secret proves, and the grant that is shown besides, with its account, in one question; credential.ErrUnknown
// when there is no such secret, also when its client was removed. The grant is found as FindGrant finds it.
func (db *DB) FindClientBySecret(ctx context.Context, p grant.Presented) (out grant.Proven, err error) {
	hashes := db.ring().HashToken(string(credential.ClientSecret), p.Secret)
	switch {
	case p.Grant != "":
		hashes = append(hashes, p.Grant)
	case !p.Family.Empty():
		hashes = append(hashes, db.ring().HashToken(string(credential.Refresh), p.Family)...)
	}
	var proof, given *provenRow
	list, args := oneOf(nil, hashes)
	err = each(ctx, db.engine.point(), selectFound+selectPerson+`, k.facts, k.created_at`+joinFound+joinClient+whereFound+`c.hash IN `+list, args, func(row scanner) error {
		r := &provenRow{}
		if err := row.Scan(r.dest()...); err != nil {
			return err
		}
		switch {
		case r.kind == credential.ClientSecret && r.Hash != p.Grant:
			proof = r
		case slices.Contains(grantKinds, r.kind) && r.clientCreated <= r.created:
			given = r
		}
		return nil
	})
	if err == nil && proof == nil {
		err = errNoRow
	}
	if err != nil {
		return grant.Proven{}, found(err, credential.ErrUnknown)
	}
	if out.Secret, _, err = proof.open(ctx, db.engine.point(), db); err != nil {
		return grant.Proven{}, err
	}
	if out.Client, err = db.openClient(out.Secret.Subject, proof.facts, proof.clientCreated); err != nil || given == nil {
		return out, err
	}
	out.Grant, out.Person, err = given.open(ctx, db.engine.point(), db)
	if errors.Is(err, credential.ErrUnknown) { // what it was switched on has ended
		out.Grant, out.Person, err = credential.Found{}, account.Account{}, nil
	}
	return out, err
}

// provenRow is a personRow with the credential's client.
type provenRow struct {
	personRow
	facts         string
	clientCreated int64
}

func (r *provenRow) dest() []any { return append(r.personRow.dest(), &r.facts, &r.clientCreated) }

// AddClientSecret gives a client one more secret, beside those it has; relyingparty.ErrNotFound, relyingparty.ErrNoSecret, and
// relyingparty.ErrManySecrets when it has relyingparty.MostSecrets.
func (db *DB) AddClientSecret(ctx context.Context, clientID string, s secret.Token, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		c, err := db.lockClient(ctx, t, clientID)
		if err != nil {
			return err
		}
		if !c.HasSecret() {
			return relyingparty.ErrNoSecret
		}
		made, err := secretsOf(ctx, t, clientID)
		if err != nil {
			return err
		}
		if len(made) >= relyingparty.MostSecrets {
			return relyingparty.ErrManySecrets
		}
		if err := db.insertClientSecret(ctx, t, clientID, s, act.At); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// RetireClientSecrets ends all secrets of a client but the one made last; relyingparty.ErrNotFound, and credential.ErrSpent when there is no older one.
func (db *DB) RetireClientSecrets(ctx context.Context, clientID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if _, err := db.lockClient(ctx, t, clientID); err != nil {
			return err
		}
		made, err := secretsOf(ctx, t, clientID)
		if err != nil {
			return err
		}
		if len(made) < 2 {
			return ErrSpent
		}
		if _, err := t.exec(ctx, `DELETE FROM credential WHERE subject = $1 AND kind = $2 AND hash <> $3`, clientID, string(credential.ClientSecret), made[0].Hash); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// ListClientSecrets returns a client's secrets, of which there are only hashes and times, newest first.
func (db *DB) ListClientSecrets(ctx context.Context, clientID string) ([]credential.Credential, error) {
	return secretsOf(ctx, db.engine.read(), clientID)
}

func secretsOf(ctx context.Context, q querier, clientID string) (all []credential.Credential, err error) {
	err = each(ctx, q, `SELECT hash, created_at, expires_at FROM credential WHERE subject = $1 AND kind = $2 ORDER BY created_at DESC, hash`,
		[]any{clientID, string(credential.ClientSecret)}, func(row scanner) error {
			c := credential.Credential{Kind: credential.ClientSecret, Subject: clientID}
			var created, expires int64
			err := row.Scan(&c.Hash, &created, &expires)
			c.CreatedAt, c.ExpiresAt = timeOf(created), timeOf(expires)
			all = append(all, c)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("reading a client's secrets: %w", err)
	}
	return all, nil
}
