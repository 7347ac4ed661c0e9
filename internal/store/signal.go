package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/stream"
)

// happened is what readers of streams are told of, and when it was.
type happened struct {
	what stream.What
	at   time.Time
}

// cause names the act whose transaction this is, for everything that is told of it.
func (t *tx) cause(now time.Time) string {
	if t.act == "" {
		t.act = id.New(now)
	}
	return t.act
}

const insertSignal = `INSERT INTO signal (stream_id, jti, account_id, what, subject, txn, at) `

// wanted is true of a stream m whose reader asks for what has happened, of which $%d is the bit.
const wanted = ` AND m.status <> 'disabled' AND (m.events & CAST($%d AS BIGINT)) <> 0`

// stays is true of a line k of a server's list whose end is not over at the time $%d: of who was there once a server hears no more.
const stays = ` AND (k.ends_at = 0 OR k.ends_at > $%d)`

// concerned leads from an account a to the streams m that it concerns: of media servers, those it owns and those where it was let in; of other clients,
// those it agreed to and those that hold a grant.
var concerned = []struct {
	join        string
	own, guests bool // to the account's own servers; to those where it is a guest
}{
	{` JOIN server k ON k.account_id = a.id JOIN stream m ON m.client_id = k.id`, true, false},
	{` JOIN server_access k ON k.account_id = a.id AND k.account_id <> '' JOIN stream m ON m.client_id = k.server_id`, false, true},
	{` JOIN consent k ON k.account_id = a.id JOIN stream m ON m.client_id = k.client_id`, false, false},
	{` JOIN credential k ON k.account_id = a.id AND k.kind IN ('` + string(credential.Refresh) + `', '` + string(credential.Access) + `') JOIN stream m ON m.client_id = k.subject`, false, false},
}

// signalAccounts notes, in the transaction of the act and before what hangs on them ends, what has happened to accounts: the condition is about the
// account a. Where no stream is concerned, nothing is written.
func signalAccounts(ctx context.Context, t *tx, h happened, condition string, args ...any) error {
	n := len(args)
	args = append(args, t.cause(h.at), string(h.what), ms(h.at), int64(h.what.Mask()))
	row := fmt.Sprintf(`SELECT m.id, CAST($%d AS TEXT) || '.' || CAST($%d AS TEXT) || '.' || a.id, a.id, CAST($%[2]d AS TEXT), '', CAST($%[1]d AS TEXT), CAST($%[3]d AS BIGINT)
		FROM account a`, n+1, n+2, n+3)
	var arms []string
	for _, way := range concerned {
		arm := row + way.join + ` WHERE ` + condition + fmt.Sprintf(wanted, n+4)
		switch {
		case way.own:
		case way.guests && !h.what.OfGuests():
			continue
		case way.guests:
			arm += fmt.Sprintf(stays, n+3)
		default: // a guest has agreed to a server as to any other client
			arm += ` AND NOT EXISTS (SELECT 1 FROM server s WHERE s.id = m.client_id)`
		}
		arms = append(arms, arm)
	}
	return writeSignals(ctx, t, h, arms, args)
}

// signalEnded notes, in the transaction that ends them and before they go, credentials whose hashes are the sid of tokens: the condition is about the
// credential c. Media servers are told of any of theirs that they let in, since a token for a server can be made from each; other clients, and servers of their
// app passwords, are told of their own.
func signalEnded(ctx context.Context, t *tx, now time.Time, condition string, args ...any) error {
	n := len(args)
	h := happened{stream.SessionEnded, now}
	args = append(args, t.cause(now), string(h.what), ms(now), int64(h.what.Mask()))
	kinds, args := oneOf(args, visitKinds)
	password := fmt.Sprintf(`$%d`, len(args)+1)
	args = append(args, string(credential.ServerPassword))
	row := fmt.Sprintf(`SELECT m.id, CAST($%d AS TEXT) || '.' || CAST($%d AS TEXT) || '.' || c.hash, c.account_id, CAST($%[2]d AS TEXT), c.hash, CAST($%[1]d AS TEXT),
		CAST($%[3]d AS BIGINT) FROM credential c`, n+1, n+2, n+3)
	arms := []string{row + ` JOIN stream m ON m.client_id = c.subject WHERE ` + condition + ` AND (c.kind = ` + password + ` OR c.kind IN ` + kinds + `)` + fmt.Sprintf(wanted, n+4)}
	for _, join := range []string{
		` JOIN server k ON k.account_id = c.account_id JOIN stream m ON m.client_id = k.id`,
		` JOIN server_access k ON k.account_id = c.account_id AND k.account_id <> ''` + fmt.Sprintf(stays, n+3) + ` JOIN stream m ON m.client_id = k.server_id`,
	} {
		arms = append(arms, row+join+` WHERE `+condition+` AND c.kind IN `+kinds+fmt.Sprintf(wanted, n+4))
	}
	return writeSignals(ctx, t, h, arms, args)
}

func writeSignals(ctx context.Context, t *tx, h happened, arms []string, args []any) error {
	_, err := t.exec(ctx, insertSignal+strings.Join(arms, ` UNION ALL `)+` ON CONFLICT (stream_id, jti) DO NOTHING`, args...)
	if err != nil {
		return fmt.Errorf("writing signals that %s: %w", h.what, err)
	}
	return nil
}

// signalClient notes what has happened between an account and one client, or its media server; the subject is as in stream.Signal.
func signalClient(ctx context.Context, t *tx, h happened, clientID string, about stream.Signal) error {
	_, err := t.exec(ctx, insertSignal+fmt.Sprintf(`SELECT m.id, CAST($1 AS TEXT) || '.' || CAST($2 AS TEXT) || '.' || CAST($3 AS TEXT), CAST($3 AS TEXT), CAST($2 AS TEXT),
		CAST($4 AS TEXT), CAST($1 AS TEXT), CAST($5 AS BIGINT) FROM stream m WHERE m.client_id = $7`+wanted+` ON CONFLICT (stream_id, jti) DO NOTHING`, 6),
		t.cause(h.at), string(h.what), about.AccountID, about.Subject, ms(h.at), int64(h.what.Mask()), clientID)
	if err != nil {
		return fmt.Errorf("writing a signal that %s: %w", h.what, err)
	}
	return nil
}
