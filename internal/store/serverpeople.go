package store

import (
	"context"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/server"
)

// NoteVisits writes when accounts were at a server last, as it tells, on the lines of its list by which they came in; of whoever else it names nothing is
// written. A line is written at most every server.ThereEvery.
func (db *DB) NoteVisits(ctx context.Context, serverID string, visits map[string]time.Time) error {
	type line struct {
		id, who     string
		taken, seen int64
	}
	var late []line
	err := each(ctx, db.engine.read(), `SELECT id, account_id, taken_at, seen_at FROM server_access WHERE server_id = $1 AND account_id <> '' ORDER BY id`, []any{serverID}, func(row scanner) error {
		var l line
		err := row.Scan(&l.id, &l.who, &l.taken, &l.seen)
		at, was := visits[l.who]
		before := l.seen
		l.seen = max(ms(at), l.taken) // its clock may be slow
		if was && l.seen-before >= server.ThereEvery.Milliseconds() {
			late = append(late, l)
		}
		return err
	})
	if err != nil || len(late) == 0 {
		return err
	}
	return db.engine.write(ctx, func(t *tx) error {
		for _, l := range late {
			if _, err := t.exec(ctx, `UPDATE server_access SET seen_at = $1 WHERE id = $2 AND account_id = $3 AND seen_at < $1`, l.seen, l.id, l.who); err != nil {
				return err
			}
		}
		return nil
	})
}

// atServer are the kinds of what somebody has at the server itself.
var atServer = []credential.Kind{credential.Access, credential.Refresh, credential.ServerPassword}

// ListPeople returns the owner of a server, and everybody who has come in by its list and is let in at a time, but for accounts that are locked or about to be
// erased, in one question.
func (db *DB) ListPeople(ctx context.Context, serverID string, now time.Time) (all []server.Person, err error) {
	kinds, args := oneOf([]any{serverID, string(account.Active), ms(now)}, atServer)
	err = each(ctx, db.engine.read(), `SELECT `+accountColumns+`, 'owner', 0, '', EXISTS (SELECT 1 FROM credential c WHERE c.subject = s.id AND c.account_id = a.id AND c.kind IN `+kinds+`)
		FROM server s JOIN account a ON a.id = s.account_id WHERE s.id = $1 AND a.state = $2
		UNION ALL SELECT `+accountColumns+`, l.role, l.ends_at, COALESCE(n.scopes, ''), FALSE
		FROM server_access l JOIN account a ON a.id = l.account_id LEFT JOIN consent n ON n.account_id = a.id AND n.client_id = l.server_id
		WHERE l.server_id = $1 AND l.account_id <> '' AND (a.state = $2 OR a.home_owner <> '' AND EXISTS (SELECT 1 FROM account h WHERE h.id = a.home_owner AND h.state = $2))
			AND l.id = (SELECT g.id FROM server_access g WHERE g.server_id = l.server_id AND g.account_id = l.account_id AND `+lasts+best+` LIMIT 1)`, args, func(row scanner) error {
		var s sealedAccount
		var p server.Person
		var ends int64
		var agreed string
		err := row.Scan(append(s.dest(), &p.Group, &ends, &agreed, &p.Here)...)
		if err == nil {
			p.Account, err = s.openPerson(db.ring())
		}
		p.EndsAt, p.Agreed = timeOf(ends), scopesOf(agreed)
		all = append(all, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the people of server %s: %w", serverID, err)
	}
	return all, nil
}
