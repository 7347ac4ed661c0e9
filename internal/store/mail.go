package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/secret"
)

// post puts a notice into the queue; it leaves when, and only when, the transaction commits.
func (db *DB) post(ctx context.Context, t *tx, n notice.Notice, now time.Time) error {
	if err := n.Check(); err != nil {
		return err
	}
	n = n.Posted(id.New(now), now)
	raw, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("queueing a mail: %w", err)
	}
	body := db.common.Seal(string(raw), mailCell(n.ID))
	state, done := "waiting", time.Time{}
	if n.Decoy {
		state, done = "decoy", now
	}
	_, err = t.exec(ctx, `INSERT INTO mail (id, account_id, kind, state, priority, body, attempts, next_at, reason, created_at, expires_at, done_at)
		VALUES ($1,$2,$3,$8,$4,$5,0,$6,'',$6,$7,$9)`, n.ID, n.AccountID, string(n.Kind), int64(n.Priority), body, ms(now), ms(n.ExpiresAt), state, ms(done))
	if err != nil {
		return fmt.Errorf("queueing a mail: %w", err)
	}
	return nil
}

func mailCell(id string) secret.Place { return secret.Place{Table: "mail", Row: id, Column: "body"} }

func (db *DB) openMail(id, sealed string) (n notice.Notice, err error) {
	plain, err := db.common.Open(sealed, mailCell(id))
	if err == nil {
		err = json.Unmarshal([]byte(plain), &n)
	}
	if err != nil {
		return n, fmt.Errorf("opening mail %s: %w", id, err)
	}
	return n, nil
}

// LeaseMail returns mail that is due, by priority and age, and keeps it from every other node until the lease ends. Attempts are the leases
// before this one.
func (db *DB) LeaseMail(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]notice.Notice, error) {
	due, err := db.anyMailDue(ctx, now)
	if err != nil || !due { // most of the time none is, and to ask costs no write
		return nil, err
	}
	var rows []leasedMail
	err = db.engine.write(ctx, func(t *tx) error {
		rows = rows[:0]
		for _, p := range priorities {
			some, err := leaseMail(ctx, t, p, now, now.Add(lease), limit-len(rows))
			if err != nil {
				return err
			}
			rows = append(rows, some...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("leasing mail: %w", err)
	}
	notices := make([]notice.Notice, 0, len(rows))
	for _, r := range rows {
		n, err := db.openMail(r.id, r.body)
		if err != nil { // one row that cannot be read must not hold up the others
			if err := db.MailRefused(ctx, r.id, "cannot be opened with this key ring", now); err != nil {
				return notices, err
			}
			continue
		}
		n.Attempts = r.attempts - 1
		notices = append(notices, n)
	}
	slices.SortStableFunc(notices, func(a, b notice.Notice) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.ID, b.ID))
	})
	return notices, nil
}

// priorities are asked for one by one, so that each question is a range of one index however much mail waits.
var priorities = []int{notice.PriorityNow, notice.PrioritySoon, notice.PriorityLater}

func (db *DB) anyMailDue(ctx context.Context, now time.Time) (bool, error) {
	for _, p := range priorities {
		var one string
		err := get(ctx, db.engine.read(), `SELECT id FROM mail WHERE state = 'waiting' AND priority = $1 AND next_at <= $2 ORDER BY next_at LIMIT 1`,
			[]any{int64(p), ms(now)}, &one)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, errNoRow) {
			return false, fmt.Errorf("looking for mail: %w", err)
		}
	}
	return false, nil
}

type leasedMail struct {
	id, body string
	attempts int
}

// leaseMail leases mail of one priority. The text joined to the state keeps SQLite from walking all the mail that waits.
func leaseMail(ctx context.Context, t *tx, priority int, now, until time.Time, limit int) (rows []leasedMail, err error) {
	err = each(ctx, t, `UPDATE mail SET next_at = $1, attempts = attempts + 1 WHERE state || '' = 'waiting' AND next_at <= $2 AND id IN
		(SELECT id FROM mail WHERE state = 'waiting' AND priority = $3 AND next_at <= $2 AND expires_at > $2 ORDER BY next_at LIMIT $4)
		RETURNING id, body, attempts`, []any{ms(until), ms(now), int64(priority), int64(limit)}, func(s scanner) error {
		var r leasedMail
		err := s.Scan(&r.id, &r.body, &r.attempts)
		rows = append(rows, r)
		return err
	})
	return rows, err
}

// MailSent forgets the mail's content and keeps the fact.
func (db *DB) MailSent(ctx context.Context, id string, now time.Time) error {
	return db.endMail(ctx, id, "sent", "", now)
}

// MailRefused gives a mail up for good.
func (db *DB) MailRefused(ctx context.Context, id, reason string, now time.Time) error {
	return db.endMail(ctx, id, "refused", reason, now)
}

func (db *DB) endMail(ctx context.Context, id, state, reason string, now time.Time) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE mail SET state = $1, body = '', reason = $2, done_at = $3 WHERE id = $4 AND state = 'waiting'`, state, wording(reason), ms(now), id)
		return err
	})
}

// wording makes a foreign server's words a text that the database can hold: a mail must not stay in the queue because of them.
func wording(reason string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(reason, "?"), "\x00", "?")
}

// MailFailed keeps a mail for another try.
func (db *DB) MailFailed(ctx context.Context, id string, retryAt time.Time, reason string) error {
	return db.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE mail SET next_at = $1, reason = $2 WHERE id = $3 AND state = 'waiting'`, ms(retryAt), wording(reason), id)
		return err
	})
}

// WaitingMail returns mail that waits, newest first, opened: for the outbox of a service without SMTP.
func (db *DB) WaitingMail(ctx context.Context, limit int) ([]notice.Notice, error) {
	var out []notice.Notice
	err := each(ctx, db.engine.read(), `SELECT id, body FROM mail WHERE state = 'waiting' ORDER BY id DESC LIMIT $1`, []any{limit}, func(row scanner) error {
		var id, body string
		if err := row.Scan(&id, &body); err != nil {
			return err
		}
		n, err := db.openMail(id, body)
		if err == nil { // what cannot be opened is refused, and named, when its turn comes
			out = append(out, n)
		}
		return nil
	})
	return out, err
}

// OpenMail returns one waiting mail, opened; notice.ErrNotFound when it does not wait.
func (db *DB) OpenMail(ctx context.Context, id string) (notice.Notice, error) {
	var body string
	err := get(ctx, db.engine.read(), `SELECT body FROM mail WHERE id = $1 AND state = 'waiting'`, []any{id}, &body)
	if err != nil {
		return notice.Notice{}, found(err, notice.ErrNotFound)
	}
	return db.openMail(id, body)
}

// CountMail returns how many mails are in each state.
func (db *DB) CountMail(ctx context.Context) (map[string]int64, error) {
	return db.countBy(ctx, `SELECT state, COUNT(*) FROM mail GROUP BY state`)
}

func (db *DB) countBy(ctx context.Context, text string) (map[string]int64, error) {
	out := map[string]int64{}
	err := each(ctx, db.engine.read(), text, nil, func(row scanner) error {
		var k string
		var n int64
		err := row.Scan(&k, &n)
		out[k] = n
		return err
	})
	return out, err
}
