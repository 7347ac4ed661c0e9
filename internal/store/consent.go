package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/stream"
)

// FindConsent returns the scopes that an account's owner agreed to for a client; none when there are none.
func (db *DB) FindConsent(ctx context.Context, accountID, clientID string) ([]relyingparty.Scope, error) {
	var scopes string
	err := get(ctx, db.engine.point(), `SELECT scopes FROM consent WHERE account_id = $1 AND client_id = $2`, []any{accountID, clientID}, &scopes)
	return scopesOf(scopes), found(err, nil)
}

// ListConsents returns what an account's owner has agreed to, the newest consent first.
func (db *DB) ListConsents(ctx context.Context, accountID string) (all []relyingparty.Consent, err error) {
	err = each(ctx, db.engine.read(), `SELECT client_id, scopes, granted_at FROM consent WHERE account_id = $1 ORDER BY granted_at DESC, client_id`, []any{accountID}, func(row scanner) error {
		var c relyingparty.Consent
		var scopes string
		var at int64
		err := row.Scan(&c.ClientID, &scopes, &at)
		c.Scopes, c.At = scopesOf(scopes), timeOf(at)
		all = append(all, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading consents: %w", err)
	}
	return all, nil
}

// RevokeConsent forgets a consent and ends everything made by it, the client's apps among it, and devices of it that were let in and have not collected
// yet; and it frees the lines by which the account came in, where the client is a media server. Where a Home lets it in, that stays, and it is asked anew. grant.ErrNoConsent where there is neither.
func (db *DB) RevokeConsent(ctx context.Context, accountID, clientID string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := hold(ctx, t, accountID); err != nil {
			return err
		}
		if err := signalClient(ctx, t, happened{stream.AllEnded, act.At}, clientID, stream.Signal{AccountID: accountID}); err != nil {
			return err
		}
		n, err := t.exec(ctx, `DELETE FROM consent WHERE account_id = $1 AND client_id = $2`, accountID, clientID)
		if err != nil {
			return err
		}
		// To a server's owner it is as before it was let in for the first time. It is not asked again by itself.
		lines, err := t.exec(ctx, `UPDATE server_access SET account_id = '', seen_at = 0, declined_at = $3 WHERE server_id = $1 AND account_id = $2 AND home = FALSE`, clientID, accountID, ms(act.At))
		if err != nil {
			return err
		}
		if n+lines == 0 {
			return grant.ErrNoConsent
		}
		if err := queueLogouts(ctx, t, `c.subject = $1 AND c.account_id = $2`, clientID, accountID); err != nil {
			return err
		}
		if err := signalEnded(ctx, t, act.At, `c.subject = $1 AND c.account_id = $2`, clientID, accountID); err != nil {
			return err
		}
		var apps []string
		err = each(ctx, t, `DELETE FROM credential WHERE subject = $1 AND account_id = $2 RETURNING kind, device_id`, []any{clientID, accountID}, func(row scanner) error {
			var kind, deviceID string
			err := row.Scan(&kind, &deviceID)
			if kind == string(credential.Refresh) || kind == string(credential.ServerPassword) {
				apps = append(apps, deviceID)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range apps {
			if err := endDevice(ctx, t, accountID, id, act.At); err != nil && !errors.Is(err, device.ErrNotFound) {
				return err
			}
		}
		if err := endLetIn(ctx, t, accountID, clientID); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// noteConsent adds the scopes agreed to, to those agreed to before.
func noteConsent(ctx context.Context, t *tx, a grant.Approval, now time.Time) error {
	if a.Consent == nil {
		return nil
	}
	// The row is written first, so that whoever else notes a consent for the same client waits for it.
	var before string
	err := get(ctx, t, `INSERT INTO consent (account_id, client_id, scopes, granted_at) VALUES ($1, $2, '', $3)
		ON CONFLICT (account_id, client_id) DO UPDATE SET granted_at = $3 RETURNING scopes`, []any{a.AccountID, a.ClientID, ms(now)}, &before)
	if err != nil {
		return fmt.Errorf("noting a consent: %w", err)
	}
	scopes := strings.Fields(before)
	for _, s := range a.Consent {
		if !strings.Contains(" "+before+" ", " "+string(s)+" ") {
			scopes = append(scopes, string(s))
		}
	}
	_, err = t.exec(ctx, `UPDATE consent SET scopes = $1 WHERE account_id = $2 AND client_id = $3`, strings.Join(scopes, " "), a.AccountID, a.ClientID)
	return err
}

// checkConsent reports whether everything that a code is for was agreed to, and still is; ErrSpent.
func checkConsent(ctx context.Context, t *tx, a grant.Approval) error {
	var have string
	err := get(ctx, t, `SELECT scopes FROM consent WHERE account_id = $1 AND client_id = $2`, []any{a.AccountID, a.ClientID}, &have)
	if err != nil {
		return found(err, ErrSpent)
	}
	agreed := scopesOf(have)
	if slices.ContainsFunc(a.Scopes, func(s relyingparty.Scope) bool { return !slices.Contains(agreed, s) }) {
		return ErrSpent
	}
	return nil
}

func scopesOf(text string) (all []relyingparty.Scope) {
	for _, s := range strings.Fields(text) {
		all = append(all, relyingparty.Scope(s))
	}
	return all
}
