package store

import (
	"context"
	"time"

	"usher/internal/credential"
	"usher/internal/secret"
	"usher/internal/server"
)

// visitKinds are the kinds that a token made for a server can be made from.
var visitKinds = []credential.Kind{credential.App, credential.Switched, credential.AppPassword, credential.DeviceToken, credential.Refresh, credential.Access}

// What judges a visit besides credential and server.
const (
	visitColumns = `, COALESCE(n.scopes, ''), COALESCE(l.role, ''), COALESCE(l.ends_at, 0),
		COALESCE((SELECT MIN(g.taken_at) FROM server_access g WHERE g.server_id = s.id AND g.account_id = c.account_id AND ` + lasts + `), 0),
		COALESCE(k.facts, ''), COALESCE(k.created_at, 0)`
	joinVisit = ` JOIN server s ON s.id = $2 JOIN account o ON o.id = s.account_id LEFT JOIN consent n ON n.account_id = c.account_id AND n.client_id = s.id
		LEFT JOIN server_access l ON l.id = (SELECT g.id FROM server_access g WHERE g.server_id = s.id AND g.account_id = c.account_id AND ` + lasts + best + ` LIMIT 1)
		LEFT JOIN client k ON c.kind IN ($4, $5) AND k.id = c.subject AND k.removed_at = 0 AND k.created_at <= c.created_at`
)

// FindVisit returns everything that a token made for a server is judged by, in one question: the credential it was made from, by its hash, with its account, and
// the server, where the account is its owner or is let in by its list at that time, with what the account agreed to there, and the client that holds the credential.
// credential.ErrUnknown, also when that client was removed.
func (db *DB) FindVisit(ctx context.Context, serverID, parent string, now time.Time) (server.Visit, error) {
	list, args := oneOf(visitOf(serverID, parent, now), visitKinds)
	return db.findVisit(ctx, `c.hash = $1 AND (c.kind NOT IN ($4, $5) OR k.id IS NOT NULL) AND c.kind IN `+list, args)
}

// FindPasswordVisit is FindVisit for an app password of a server, which is made for that one alone. credential.ErrUnknown, also at any other.
func (db *DB) FindPasswordVisit(ctx context.Context, serverID string, password secret.Token, now time.Time) (server.Visit, error) {
	kind := string(credential.ServerPassword)
	list, args := oneOf(visitOf(serverID, kind, now), db.ring().HashToken(kind, password))
	return db.findVisit(ctx, `c.kind = $1 AND c.subject = $2 AND c.hash IN `+list, args)
}

// visitOf are the parameters of joinVisit, and before them one of the condition's own.
func visitOf(serverID, first string, now time.Time) []any {
	return []any{first, serverID, ms(now), string(credential.Refresh), string(credential.Access)}
}

func (db *DB) findVisit(ctx context.Context, condition string, args []any) (v server.Visit, err error) {
	var person personRow
	var row heldRow
	var agreed, facts string
	var since, ends, created int64
	text := selectFound + selectPerson + `, ` + serverColumns + visitColumns + joinFound + joinVisit + whereFound + condition + ` AND (s.account_id = c.account_id OR l.id IS NOT NULL)`
	dest := append(append(person.dest(), row.dest()...), &agreed, &v.Group, &ends, &since, &facts, &created)
	if err := get(ctx, db.engine.point(), text, args, dest...); err != nil {
		return v, found(err, credential.ErrUnknown)
	}
	v.Agreed, v.Since, v.EndsAt = scopesOf(agreed), timeOf(since), timeOf(ends)
	if v.Parent, v.Person, err = person.open(ctx, db.engine.point(), db); err != nil {
		return v, err
	}
	if v.Held, err = row.open(db); v.Held.AccountID == v.Parent.AccountID {
		v.Group = server.Owner
	}
	if err == nil && facts != "" {
		v.Client, err = db.openClient(v.Parent.Subject, facts, created)
	}
	return v, err
}
