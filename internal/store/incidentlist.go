package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/incident"
	"usher/internal/stream"
)

// listed is how many accounts stand in one statement of a listing. Statements always have so many, the last repeated, so that there is one text.
const listed = 500

func padded(ids []string) []string {
	full := make([]string, listed)
	for i := range full {
		full[i] = ids[min(i, len(ids)-1)]
	}
	return full
}

// ResolveHandles returns the account of each handle, in order; "" for nobody's.
func (db *DB) ResolveHandles(ctx context.Context, handles []account.Handle) ([]string, error) {
	r := db.ring()
	owners := map[string]string{}
	var hashes []string
	for _, h := range handles {
		hashes = append(hashes, r.Index(string(h.Kind), h.Value)...)
	}
	for rest := hashes; len(rest) > 0; rest = rest[min(listed, len(rest)):] {
		list, args := oneOf(nil, padded(rest))
		err := each(ctx, db.engine.read(), `SELECT hash, account_id FROM handle WHERE held_until = 0 AND hash IN `+list, args, func(row scanner) error {
			var hash, owner string
			err := row.Scan(&hash, &owner)
			owners[hash] = owner
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("looking handles up: %w", err)
		}
	}
	ids := make([]string, len(handles))
	perHandle := len(hashes) / max(1, len(handles))
	for i := range handles {
		for _, hash := range hashes[i*perHandle : (i+1)*perHandle] {
			if owner := owners[hash]; owner != "" {
				ids[i] = owner
			}
		}
	}
	return ids, nil
}

// CountAdmins returns how many of the accounts administer the service.
func (db *DB) CountAdmins(ctx context.Context, accounts []string) (n int64, err error) {
	admins := map[string]bool{}
	err = each(ctx, db.engine.read(), `SELECT id FROM account WHERE admin = TRUE`, nil, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		admins[id] = true
		return err
	})
	for _, id := range accounts {
		if admins[id] {
			n++
		}
	}
	return n, err
}

// ListIncident covers accounts by an incident whose listing has begun, and ends everything that is signed in to them. An account that it covers
// already is left alone, so that a listing may be repeated. ErrSpent when the incident is not being listed.
func (db *DB) ListIncident(ctx context.Context, id string, accounts []string) error {
	return db.engine.write(ctx, func(t *tx) error {
		var epoch, declared int64
		var action string
		err := get(ctx, t, `UPDATE incident SET state = state WHERE id = $1 AND state = 'listing' RETURNING epoch, action, declared_at`, []any{id}, &epoch, &action, &declared)
		if err != nil {
			return found(err, ErrSpent)
		}
		for rest := accounts; len(rest) > 0; rest = rest[min(listed, len(rest)):] {
			list, args := oneOf([]any{id}, padded(rest))
			_, err := t.exec(ctx, `INSERT INTO incident_account (incident_id, account_id, former) SELECT $1, id, incident FROM account WHERE home_owner = '' AND id IN `+list+`
				ON CONFLICT (incident_id, account_id) DO NOTHING`, args...)
			if err != nil {
				return fmt.Errorf("listing accounts: %w", err)
			}
		}
		if action != string(incident.Require) || len(accounts) == 0 {
			return nil
		}
		if err := signalListed(ctx, t, timeOf(declared), epoch, id, slices.Min(accounts), slices.Max(accounts)); err != nil {
			return err
		}
		// What was listed before between the two is at the epoch already. A password that was set since the clock was stepped, while this account was
		// not listed yet, does not count either: nobody knows by whom. Unless a newer incident has asked everybody for it by then.
		_, err = t.exec(ctx, `UPDATE account SET incident = $1, epoch = epoch + 1, secured = CASE WHEN secured >= $1
			AND (SELECT incident FROM instance WHERE id = 1) <= $1 THEN $1 - 1 ELSE secured END WHERE incident < $1 AND id IN
			(SELECT account_id FROM incident_account WHERE incident_id = $2 AND account_id >= $3 AND account_id <= $4)`, epoch, id, slices.Min(accounts), slices.Max(accounts))
		if err != nil {
			return fmt.Errorf("covering accounts: %w", err)
		}
		return endDeadGrants(ctx, t, `IN (SELECT account_id FROM incident_account WHERE incident_id = $1 AND account_id >= $2 AND account_id <= $3)`,
			id, slices.Min(accounts), slices.Max(accounts))
	})
}

// signalListed tells of accounts between two of an incident's list, before they are covered: a listing that is repeated tells nobody again.
func signalListed(ctx context.Context, t *tx, at time.Time, args ...any) error {
	const covered = `.incident < $1 AND %[1]s.id IN (SELECT account_id FROM incident_account WHERE incident_id = $2 AND account_id >= $3 AND account_id <= $4)`
	listed, owners, origins := `a`+fmt.Sprintf(covered, "a"), `h`+fmt.Sprintf(covered, "h"), `r`+fmt.Sprintf(covered, "r")
	if err := signalAccounts(ctx, t, happened{stream.ResetRequired, at}, listed, args...); err != nil {
		return err
	}
	for _, whose := range []string{listed, `a.id IN (SELECT g.id FROM account g JOIN account h ON h.id = g.home_owner WHERE g.home_owner <> '' AND ` + owners + `)`} {
		if err := signalAccounts(ctx, t, happened{stream.AllEnded, at}, whose, args...); err != nil {
			return err
		}
	}
	return signalEnded(ctx, t, at, `c.device_id IN (SELECT d.id FROM account r JOIN device o ON o.account_id = r.id JOIN device d ON d.origin = o.id AND d.origin <> '' WHERE `+origins+`)`, args...)
}

// OpenIncident ends a listing and counts what it covers. ErrSpent.
func (db *DB) OpenIncident(ctx context.Context, id string) (i incident.Incident, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE incident SET state = 'open', covered = (SELECT COUNT(*) FROM incident_account WHERE incident_id = $1)
			WHERE id = $1 AND state = 'listing'`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrSpent
		}
		i, err = db.loadIncident(ctx, t, id)
		return err
	})
	return i, err
}

// ListedAccounts returns the accounts that an incident's list covers, after one, in order.
func (db *DB) ListedAccounts(ctx context.Context, id, after string, limit int) (accounts []string, err error) {
	err = each(ctx, db.engine.read(), `SELECT account_id FROM incident_account WHERE incident_id = $1 AND account_id > $2 ORDER BY account_id LIMIT $3`,
		[]any{id, after, int64(limit)}, func(row scanner) error {
			var one string
			err := row.Scan(&one)
			accounts = append(accounts, one)
			return err
		})
	return accounts, err
}

// unlisted is how many accounts one transaction lets go of.
const unlisted = 2000

// UnlistIncident lets go of the next accounts that a withdrawn incident covered: each is covered by the newest of what else covers it, by a list
// or alone. It returns the last account it came to, or "" when there are no more.
func (db *DB) UnlistIncident(ctx context.Context, id, after string) (last string, err error) {
	err = db.engine.write(ctx, func(t *tx) error {
		last = ""
		var epoch int64
		err := get(ctx, t, `SELECT epoch FROM incident WHERE id = $1 AND state = 'withdrawn'`, []any{id}, &epoch)
		if err != nil {
			return found(err, ErrSpent)
		}
		err = get(ctx, t, `SELECT MAX(account_id) FROM (SELECT account_id FROM incident_account WHERE incident_id = $1 AND account_id > $2
			ORDER BY account_id LIMIT $3) AS next HAVING COUNT(*) > 0`, []any{id, after, int64(unlisted)}, &last)
		if errors.Is(err, errNoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		// What covered an account before counts unless it was withdrawn itself; what it stood on then is in its own row.
		_, err = t.exec(ctx, `UPDATE account SET incident = (SELECT COALESCE(MAX(CASE WHEN i.state <> 'withdrawn' THEN i.epoch
				WHEN EXISTS (SELECT 1 FROM incident w WHERE w.epoch = l.former AND w.state = 'withdrawn') THEN 0 ELSE l.former END), 0)
				FROM incident_account l JOIN incident i ON i.id = l.incident_id WHERE l.account_id = account.id AND i.action = 'require')
			WHERE incident = $1 AND id IN (SELECT account_id FROM incident_account WHERE incident_id = $2 AND account_id > $3 AND account_id <= $4)`,
			epoch, id, after, last)
		return err
	})
	return last, err
}
