package storetest

import (
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/ratelimit"
)

// Sweep deletes what has expired, and only that: each case stands once just before its end and once at it.
func TestSweep(t *testing.T) {
	const day = 24 * time.Hour
	each(t, func(w *world) {
		w.waiting("7RQZ")
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.rename(a, "anna@example.net")
		w.link(credential.Reset, a)
		w.signUp("new@example.org")
		w.must(w.db.Take(w.ctx(), ratelimit.SignUps.From(source), w.now))
		_, err := w.db.BeginAttempt(w.ctx(), w.attempt(a))
		w.must(err)
		w.tamper("INSERT INTO failure (key, count, until, seen_at) VALUES ('used up', $1, 0, 1)", int64(ratelimit.MostFailures))
		sent := w.post(notice.Test("anna@example.org"))
		w.must(w.db.MailSent(w.ctx(), sent, start))
		w.post(notice.PasswordChanged("anna@example.org", "", notice.Event{At: start, NotMe: "/x"}))
		for _, end := range []struct {
			at   time.Duration
			what []string
		}{
			{15 * time.Minute, []string{"link_request", "credential WHERE kind = 'device code'"}},
			{30 * time.Minute, []string{"credential WHERE kind = 'reset'"}},
			{time.Hour, []string{"confirmation", "credential WHERE kind = 'sign-up'"}},
			{day, []string{"link_code WHERE hash = (SELECT MIN(hash) FROM link_code)"}},
			{7 * day, []string{"handle WHERE held_until > 0", "credential WHERE kind = 'undo'"}},
			{7*day + time.Millisecond, []string{"mail WHERE state = 'waiting'"}},
			{30 * day, []string{"mail WHERE state = 'sent'", "failure WHERE count < 100"}},
			{31 * day, []string{"device", "credential WHERE kind = 'browser'"}},
		} {
			w.sweep(start.Add(end.at - time.Millisecond))
			for _, what := range end.what {
				w.count(1, what)
			}
			w.sweep(start.Add(end.at))
			for _, what := range end.what {
				w.count(0, what)
			}
		}
		w.count(1, "mail WHERE state = 'expired' AND body = ''")
		w.count(1, "failure") // a used-up budget is no matter of time
		w.count(0, "rate")
		w.count(1, "account")
		w.count(2, "handle")
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrUnknown)
		w.sweep(start.Add(1000 * day))
		w.recorded(audit.AccountCreated, 1)
		if ratelimit.MostFailures != 100 {
			t.Error("Sweep counts to 100")
		}
	})
}

func (w *world) sweep(at time.Time) {
	w.Helper()
	for more := true; more; {
		var err error
		more, err = w.db.Sweep(w.ctx(), at)
		w.must(err)
	}
}

func TestSweepGoesOnUntilNothingIsLeft(t *testing.T) {
	each(t, func(w *world) {
		w.tamper(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO rate (key, tat) SELECT 'k' || i, i FROM n`)
		rounds := 0
		for more := true; more; rounds++ {
			var err error
			more, err = w.db.Sweep(w.ctx(), w.now)
			w.must(err)
		}
		w.count(0, "rate")
		if rounds != 3 {
			t.Errorf("%d rounds", rounds)
		}
	})
}
