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
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/secret"
)

// linkFacts are what a waiting device says of itself, and where it asked from.
type linkFacts struct {
	Name    string `json:"name"`
	Product string `json:"product"`
	Address string `json:"address"`
	Place   string `json:"place"`
	Page    string `json:"page,omitempty"`

	Claim device.Claim   `json:"claim,omitzero"`
	Party linkcode.Party `json:"party,omitzero"`
	Key   linkcode.Key   `json:"key,omitzero"`
}

func linkCell(id string) secret.Place {
	return secret.Place{Table: "link_request", Row: id, Column: "facts"}
}

// linkCodeKind is what codes are hashed as.
const linkCodeKind = "link code"

func obscuredNetwork(r *secret.Ring, n linkcode.Network) string {
	return r.Obscure("network", string(n))
}

// WaitingLinks returns how many devices wait to be let in, and the instance's clock.
func (db *DB) WaitingLinks(ctx context.Context, now time.Time) (c linkcode.Crowd, clock credential.Clock, err error) {
	err = each(ctx, db.engine.point(), `SELECT i.epoch, i.floor, i.incident, COALESCE(r.short, 0), COALESCE(r.n, 0) FROM instance i
		LEFT JOIN (SELECT short, COUNT(*) AS n FROM link_request WHERE state = 'waiting' AND expires_at > $1 GROUP BY short) r ON 1 = 1 WHERE i.id = 1`,
		[]any{ms(now)}, func(row scanner) error {
			var length, n int64
			if err := row.Scan(&clock.Epoch, &clock.Floor, &clock.Incident, &length, &n); err != nil {
				return err
			}
			if length < 0 || length >= int64(len(c)) {
				length = 0
			}
			c[length] += n
			return nil
		})
	return c, clock, err
}

const countWaiting = `SELECT COUNT(*) FROM link_request WHERE state = 'waiting' AND expires_at > $1`

// BeginLink lets a device wait: its request, its two codes and what it polls with. The same asker's older request is replaced. linkcode.ErrTaken
// when a code is reserved, linkcode.ErrMost, *ratelimit.LimitedError; then nothing is kept. n.Takes count the network, too, so that what is counted
// and replaced on one network happens one after the other.
func (db *DB) BeginLink(ctx context.Context, n linkcode.New) error {
	now := n.CreatedAt
	raw, err := json.Marshal(linkFacts{n.Name, n.Product, n.Seen.Address, n.Seen.Place, n.Seen.Page, n.Claim, n.Party, n.Key})
	if err != nil {
		return err
	}
	asker := ""
	if n.Asker != "" {
		asker = db.ring().Obscure("asker", n.Asker)
	}
	network := obscuredNetwork(db.ring(), n.Network)
	return db.engine.write(ctx, func(t *tx) error {
		if err := db.take(ctx, t, n.Takes, now); err != nil {
			return err
		}
		if err := endAsker(ctx, t, asker); err != nil {
			return err
		}
		var waiting int64
		if err := get(ctx, t, countWaiting+` AND network = $2`, []any{ms(now), network}, &waiting); err != nil {
			return err
		}
		if waiting >= n.Most {
			return linkcode.ErrMost
		}
		_, err := t.exec(ctx, `INSERT INTO link_request (id, state, asker, network, facts, account_id, created_at, expires_at, client_id, short)
			VALUES ($1,'waiting',$2,$3,$4,'',$5,$6,$7,$8)`,
			n.ID, asker, network, db.common.Seal(string(raw), linkCell(n.ID)), ms(now), ms(n.ExpiresAt), n.Party.Client, int64(len(n.Short.Reveal())))
		if err != nil {
			return fmt.Errorf("writing a link request: %w", err)
		}
		for _, code := range []secret.Token{n.Short, n.Long} {
			if err := db.reserveCode(ctx, t, code, n.ID, now); err != nil {
				return err
			}
		}
		_, err = db.insertCredential(ctx, t, newCredential{kind: credential.DeviceCode, token: n.Poll, subject: n.ID, stamp: n.Stamp}, now)
		return err
	})
}

// endAsker ends the request of the same software that still waits. One that somebody has let in stays.
func endAsker(ctx context.Context, t *tx, asker string) error {
	if asker == "" {
		return nil
	}
	var ended []string
	err := each(ctx, t, `DELETE FROM link_request WHERE asker = $1 AND asker <> '' AND state = 'waiting' RETURNING id`, []any{asker}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		ended = append(ended, id)
		return err
	})
	for _, id := range ended {
		if err == nil {
			_, err = t.exec(ctx, `DELETE FROM credential WHERE subject = $1`, id)
		}
	}
	return err
}

// reserveCode gives a code to a request; linkcode.ErrTaken when another had it within linkcode.Reserved.
func (db *DB) reserveCode(ctx context.Context, t *tx, code secret.Token, requestID string, now time.Time) error {
	n, err := t.exec(ctx, `INSERT INTO link_code (hash, request_id, until) VALUES ($1,$2,$3)
		ON CONFLICT (hash) DO UPDATE SET request_id = $2, until = $3 WHERE link_code.until <= $4`,
		db.ring().HashToken(linkCodeKind, code)[0], requestID, ms(now.Add(linkcode.Reserved)), ms(now))
	if err == nil && n == 0 {
		err = linkcode.ErrTaken
	}
	return err
}

// EnterLinkCode looks for the waiting request of a typed code, with the try counted in advance. When it is found, the try is given back and the
// browser's ticket made; elsewhere reports that the request comes from none of e.Own. Otherwise wrong is recorded: linkcode.ErrNotFound, or
// linkcode.ErrAskLong when the day's ledger is full; *ratelimit.LimitedError records nothing.
func (db *DB) EnterLinkCode(ctx context.Context, e linkcode.Entry, wrong audit.Act) (elsewhere bool, err error) {
	var missed error
	err = db.engine.write(ctx, func(t *tx) error {
		if err := db.take(ctx, t, e.Takes, e.At); err != nil {
			return err
		}
		var requestID string
		requestID, elsewhere, missed = db.searchLinkCode(ctx, t, e)
		if errors.Is(missed, linkcode.ErrNotFound) || errors.Is(missed, linkcode.ErrAskLong) {
			return db.leave(ctx, t, wrong)
		}
		if missed != nil {
			return missed
		}
		if err := db.giveBack(ctx, t, e.Takes); err != nil {
			return err
		}
		if err := trimTickets(ctx, t, e.AccountID); err != nil {
			return err
		}
		detail := linkcode.Ticket{Code: e.Code, Elsewhere: elsewhere}.Detail()
		_, err := db.insertCredential(ctx, t, newCredential{
			kind: credential.LinkTicket, token: e.Ticket, accountID: e.AccountID, subject: requestID, detail: detail, stamp: e.Stamp,
		}, e.At)
		return err
	})
	if err != nil {
		return false, err
	}
	return elsewhere, missed
}

// mostTickets is how many browsers of one account may look at what asks, at once.
const mostTickets = 10

// trimTickets makes room for one more ticket: right codes count against no limit.
func trimTickets(ctx context.Context, t *tx, accountID string) error {
	_, err := t.exec(ctx, `DELETE FROM credential WHERE account_id = $1 AND kind = $2 AND hash NOT IN
		(SELECT hash FROM credential WHERE account_id = $1 AND kind = $2 ORDER BY created_at DESC, hash LIMIT CAST($3 AS BIGINT))`,
		accountID, string(credential.LinkTicket), int64(mostTickets-1))
	return err
}

// searchLinkCode finds the request that a code may find. What would be a guess at other networks' requests is weighed in the ledger first, and
// answers alike whether it hit or not.
func (db *DB) searchLinkCode(ctx context.Context, t *tx, e linkcode.Entry) (requestID string, elsewhere bool, err error) {
	list, args := oneOf([]any{ms(e.At)}, db.ring().HashToken(linkCodeKind, e.Code))
	var network string
	err = get(ctx, t, `SELECT r.id, r.network FROM link_code c JOIN link_request r ON r.id = c.request_id
		WHERE r.state = 'waiting' AND r.expires_at > $1 AND c.hash IN `+list, args, &requestID, &network)
	if err != nil && !errors.Is(err, errNoRow) {
		return "", false, err
	}
	hit := err == nil
	own := slices.ContainsFunc(e.Own, func(n linkcode.Network) bool { return obscuredNetwork(db.ring(), n) == network })
	page := slices.ContainsFunc(e.Own, func(n linkcode.Network) bool { return obscuredNetwork(db.ring(), n.Page()) == network })
	switch {
	case hit && own:
		return requestID, false, nil
	case e.OnlyOwn: // no guess can hit
		return "", false, linkcode.ErrNotFound
	case hit && page: // no guess at another network's, and yet nobody's own
		return requestID, true, nil
	case !linkcode.IsLong(e.Code):
		if err := weigh(ctx, t, e); err != nil {
			return "", false, err
		}
	}
	if !hit {
		return "", false, linkcode.ErrNotFound
	}
	return requestID, true, nil
}

// weigh adds a guess to the day's ledger; linkcode.ErrAskLong when there is no room for it. Only codes as long as the guess can be hit by it.
func weigh(ctx context.Context, t *tx, e linkcode.Entry) error {
	length := len([]rune(e.Code.Reveal()))
	var waiting int64
	if err := get(ctx, t, countWaiting+` AND short IN (0, $2)`, []any{ms(e.At), int64(length)}, &waiting); err != nil {
		return err
	}
	day, risk := linkcode.Day(e.At), linkcode.Risk(waiting, length)
	if risk > linkcode.MostRisk {
		return linkcode.ErrAskLong
	}
	if _, err := t.exec(ctx, `DELETE FROM link_day WHERE day < $1`, day); err != nil {
		return err
	}
	n, err := t.exec(ctx, `INSERT INTO link_day (day, risk) VALUES ($1,$2)
		ON CONFLICT (day) DO UPDATE SET risk = link_day.risk + $2 WHERE link_day.risk + $2 <= $3`, day, risk, linkcode.MostRisk)
	if err == nil && n == 0 {
		err = linkcode.ErrAskLong
	}
	return err
}

// FindDeviceCode is FindCredential for what a device polls with, with the client that is to collect what it gets, in the same question; that is empty when it
// is none's.
func (db *DB) FindDeviceCode(ctx context.Context, token secret.Token) (f credential.Found, clientID string, err error) {
	const kind = credential.DeviceCode
	var row foundRow
	list, args := oneOf([]any{string(kind)}, db.ring().HashToken(string(kind), token))
	text := selectFound + `, COALESCE(r.client_id, '')` + joinFound + ` LEFT JOIN link_request r ON r.id = c.subject` + whereFound + `c.kind = $1 AND c.hash IN ` + list
	if err := get(ctx, db.engine.point(), text, args, append(row.dest(), &clientID)...); err != nil {
		return credential.Found{}, "", found(err, credential.ErrUnknown)
	}
	f, err = row.open(ctx, db.engine.point(), db, kind)
	return f, clientID, err
}

// LoadLink returns a waiting request; linkcode.ErrNotFound.
func (db *DB) LoadLink(ctx context.Context, requestID string, now time.Time) (linkcode.Request, error) {
	r := linkcode.Request{ID: requestID}
	var sealed string
	var created, expires int64
	err := get(ctx, db.engine.point(), `SELECT state, facts, created_at, expires_at FROM link_request WHERE id = $1 AND expires_at > $2`,
		[]any{requestID, ms(now)}, &r.State, &sealed, &created, &expires)
	if err != nil {
		return linkcode.Request{}, found(err, linkcode.ErrNotFound)
	}
	plain, err := db.common.Open(sealed, linkCell(requestID))
	if err != nil {
		return linkcode.Request{}, fmt.Errorf("opening a link request: %w", err)
	}
	var f linkFacts
	if err := json.Unmarshal([]byte(plain), &f); err != nil {
		return linkcode.Request{}, fmt.Errorf("reading a link request: %w", err)
	}
	r.Name, r.Product, r.Claim, r.Seen.Address, r.Seen.Place = f.Name, f.Product, f.Claim, f.Address, f.Place
	r.Seen.Page, r.Party, r.Key = f.Page, f.Party, f.Key
	r.CreatedAt, r.ExpiresAt = timeOf(created), timeOf(expires)
	return r, nil
}

// ApproveLink makes a waiting request its approver's, by a ticket that is spent; from then on it dies with the account. ErrSpent for the ticket or
// the factor, linkcode.ErrNotFound when the request waits no more.
func (db *DB) ApproveLink(ctx context.Context, a linkcode.Approval, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := spendAlive(ctx, t, a.Ticket); err != nil {
			return err
		}
		if err := db.spendFactor(ctx, t, a.Factor); err != nil {
			return err
		}
		n, err := t.exec(ctx, `UPDATE link_request SET state = 'approved', account_id = $1 WHERE id = $2 AND state = 'waiting' AND expires_at > $3`, a.AccountID, a.RequestID, ms(act.At))
		if err == nil && n == 1 {
			n, err = t.exec(ctx, `UPDATE credential SET account_id = $1, account_epoch = $2 WHERE kind = $3 AND subject = $4 AND account_id = ''`,
				a.AccountID, a.Stamp.Account, string(credential.DeviceCode), a.RequestID)
		}
		if err == nil && n == 0 {
			err = linkcode.ErrNotFound
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// DenyLink ends a waiting request for good, by a ticket that is spent: its device is told so. ErrSpent, linkcode.ErrNotFound.
func (db *DB) DenyLink(ctx context.Context, requestID, ticketHash string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := spend(ctx, t, ticketHash); err != nil {
			return err
		}
		n, err := t.exec(ctx, `DELETE FROM link_request WHERE id = $1 AND state = 'waiting'`, requestID)
		if err == nil && n == 0 {
			err = linkcode.ErrNotFound
		}
		if err == nil {
			_, err = t.exec(ctx, `UPDATE credential SET subject = '' WHERE kind = $1 AND subject = $2`, string(credential.DeviceCode), requestID)
		}
		if err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// CollectLink signs an approved device in, in the place of what it polled with: once, whatever runs at the same time. ErrSpent. The act is the
// account's; trimmed is left as OpenSignIn leaves it.
func (db *DB) CollectLink(ctx context.Context, requestID string, s credential.SignIn, act, trimmed audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := spendAlive(ctx, t, s.Spends); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM link_request WHERE id = $1`, requestID); err != nil {
			return err
		}
		if err := db.replaceTwins(ctx, t, s.Device, act.At); err != nil {
			return err
		}
		if err := db.keyIsFree(ctx, t, s.Key, act.At); err != nil {
			return err
		}
		if err := db.insertSignIn(ctx, t, s, act.At); err != nil {
			return err
		}
		if err := db.trimDevices(ctx, t, s.Device, 0, trimmed); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// CollectClaim spends what an approved gate polls with, ends its request, and leaves the act, with the claim token that it collects. ErrSpent, also when the
// account's password was replaced meanwhile.
func (db *DB) CollectClaim(ctx context.Context, requestID, spends string, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		var accountID string
		if err := get(ctx, t, `SELECT account_id FROM credential WHERE hash = $1`, []any{spends}, &accountID); err != nil {
			return found(err, ErrSpent)
		}
		if err := hold(ctx, t, accountID); err != nil { // before the code is spent: a new password ends the code and the claim token, and passes by neither
			return err
		}
		if err := spendAlive(ctx, t, spends); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM link_request WHERE id = $1`, requestID); err != nil {
			return err
		}
		return db.leave(ctx, t, act)
	})
}

// endLetIn ends requests of a client that an account's owner has let in, with what their devices poll with.
func endLetIn(ctx context.Context, t *tx, accountID, clientID string) error {
	const code = string(credential.DeviceCode)
	var ended []string
	err := each(ctx, t, `DELETE FROM link_request WHERE client_id = $2 AND id IN (SELECT subject FROM credential WHERE account_id = $1 AND kind = $3) RETURNING id`,
		[]any{accountID, clientID, code}, func(row scanner) error {
			var id string
			err := row.Scan(&id)
			ended = append(ended, id)
			return err
		})
	for _, id := range ended {
		if err == nil {
			_, err = t.exec(ctx, `DELETE FROM credential WHERE kind = $1 AND subject = $2`, code, id)
		}
	}
	return err
}

// EndLinkedDevice signs out the device that a mail's link speaks of, and spends the link; ErrSpent. A device that is gone already stays so.
func (db *DB) EndLinkedDevice(ctx context.Context, link credential.Credential, act audit.Act) error {
	return db.engine.write(ctx, func(t *tx) error {
		if err := spend(ctx, t, link.Hash); err != nil {
			return err
		}
		if err := endDevice(ctx, t, link.AccountID, link.Subject, act.At); err != nil && !errors.Is(err, device.ErrNotFound) {
			return err
		}
		return db.leave(ctx, t, act)
	})
}
