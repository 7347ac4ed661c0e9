package admin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/ratelimit"
)

// post queues a mail for an account, as an act of the service.
func (w *world) post(n notice.Notice) {
	w.Helper()
	w.must(w.db.Record(w.ctx(), audit.New(w.now, audit.ResetAsked, audit.System, n.AccountID).Telling(n)))
}

func TestOverviewCounts(t *testing.T) {
	each(t, func(w *world) {
		w.account("ann", func(a *account.Account) { a.State = account.Locked })
		w.account("bob", func(a *account.Account) { a.State, a.DeleteAt = account.Deleting, w.now.Add(time.Hour) })
		w.post(notice.Test("ann@example.org"))
		w.post(notice.Test("bo@example.org"))
		w.post(notice.Test("cy@example.org"))
		due, err := w.db.LeaseMail(w.ctx(), w.now, time.Minute, 2)
		w.must(err)
		w.must(w.db.MailRefused(w.ctx(), due[0].ID, "550", w.now))
		w.must(w.db.MailRefused(w.ctx(), due[1].ID, "550", w.now.Add(-25*time.Hour)))
		w.flow.Health = func(context.Context) []admin.Check {
			return []admin.Check{{Name: "Database", OK: true, Text: "Answers."}}
		}

		entries := func() int64 {
			o, err := w.flow.Overview(w.ctx())
			w.must(err)
			if o.Accounts[account.Active] != 1 || o.Accounts[account.Locked] != 1 || o.Accounts[account.Deleting] != 1 {
				t.Errorf("accounts: %v", o.Accounts)
			}
			if o.Waiting != 1 || o.Refused != 1 || len(o.Checks) != 1 {
				t.Errorf("%d wait, %d refused, %d checks", o.Waiting, o.Refused, len(o.Checks))
			}
			return o.Entries
		}
		const acts = 3 + 3 // accounts made, mails posted
		if n := entries(); n != acts {
			t.Errorf("%d audit entries, want %d", n, acts)
		}
		if _, err := w.db.ChainAudit(w.ctx(), w.now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		w.post(notice.Test("dee@example.org"))
		if _, err := w.db.LeaseMail(w.ctx(), w.now, time.Minute, 1); err != nil {
			t.Fatal(err)
		}
		n, err := w.db.CountAudit(w.ctx())
		w.must(err)
		if n != acts+1 {
			t.Errorf("%d audit entries after chaining, want %d", n, acts+1)
		}
	})
}

func TestMailIsListedWithoutWhatIsInIt(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		w.post(notice.Reset("ann@example.org", "/reset/verysecret", 30).For(ann.ID))
		mails, next, err := w.flow.Mail(w.ctx(), notice.Waiting, "")
		w.must(err)
		if len(mails) != 1 || next != "" {
			t.Fatalf("%d mails, next %q", len(mails), next)
		}
		m := mails[0]
		if m.To != "a…@example.org" || m.Kind != notice.KindReset || m.AccountID != ann.ID || m.State != notice.Waiting || !m.CreatedAt.Equal(w.now) {
			t.Errorf("listed as %+v", m)
		}
		w.must(w.db.MailRefused(w.ctx(), m.ID, "550 no", w.now))
		mails, _, err = w.flow.Mail(w.ctx(), notice.Refused, "")
		w.must(err)
		if len(mails) != 1 || mails[0].To != "" || mails[0].Reason != "550 no" || !mails[0].DoneAt.Equal(w.now) {
			t.Errorf("listed as %+v", mails)
		}
		if mails, _, err = w.flow.Mail(w.ctx(), notice.Waiting, ""); err != nil || len(mails) != 0 {
			t.Errorf("%d still wait, %v", len(mails), err)
		}
	})
}

func TestMailPages(t *testing.T) {
	each(t, func(w *world) {
		act := audit.Act{At: w.now}
		for range admin.PageSize + 1 {
			act = act.Telling(notice.Test("ann@example.org"))
		}
		w.must(w.db.Record(w.ctx(), act))
		first, next, err := w.flow.Mail(w.ctx(), notice.Waiting, "")
		w.must(err)
		second, end, err := w.flow.Mail(w.ctx(), notice.Waiting, next)
		w.must(err)
		if len(first) != admin.PageSize || len(second) != 1 || end != "" || second[0].ID >= first[len(first)-1].ID {
			t.Errorf("%d and %d, next %q", len(first), len(second), end)
		}
	})
}

func TestResendMakesMailDue(t *testing.T) {
	each(t, func(w *world) {
		ann, bo := w.account("ann", nil), w.account("bob", nil)
		due := func() int {
			leased, err := w.db.LeaseMail(w.ctx(), w.now, 5*time.Minute, 10)
			w.must(err)
			for _, n := range leased {
				w.must(w.db.MailFailed(w.ctx(), n.ID, w.now.Add(time.Hour), "451 later"))
			}
			return len(leased)
		}
		w.post(notice.Locked(ann.Email, "", w.now).For(ann.ID))
		w.post(notice.Unlocked(ann.Email, "", w.now).For(ann.ID))
		w.post(notice.Locked(bo.Email, "", w.now).For(bo.ID))
		if n := due(); n != 3 {
			t.Fatalf("%d are due at first", n)
		}
		if n := due(); n != 0 {
			t.Fatalf("%d are due although all failed", n)
		}
		w.must(w.flow.ResendOf(w.ctx(), w.by(), ann.ID))
		w.recordedBy(w.by(), audit.MailRetried, ann.ID)
		if n := due(); n != 2 {
			t.Errorf("%d are due, want ann's two", n)
		}
		mails, _, err := w.flow.Mail(w.ctx(), notice.Waiting, "")
		w.must(err)
		for _, m := range mails {
			if m.AccountID == bo.ID {
				w.must(w.flow.Resend(w.ctx(), w.by(), m.ID))
			}
		}
		w.recordedBy(w.by(), audit.MailRetried, bo.ID)
		if n := due(); n != 1 {
			t.Errorf("%d are due, want bo's one", n)
		}
		for _, m := range mails {
			w.must(w.db.MailSent(w.ctx(), m.ID, w.now))
		}
		w.is(w.flow.Resend(w.ctx(), w.by(), mails[0].ID), notice.ErrNotFound)
		w.is(w.flow.ResendOf(w.ctx(), w.by(), ann.ID), notice.ErrNotFound)
		w.is(w.flow.Resend(w.ctx(), w.by(), "\x00"), notice.ErrNotFound)
	})
}

func TestShow(t *testing.T) {
	each(t, func(w *world) {
		ann := w.twoAddresses("ann")
		w.now = w.now.Add(time.Hour)
		w.signIn(ann)
		seen := w.now
		w.post(notice.Unlocked(ann.Email, "", w.now).For(ann.ID))
		w.must(w.flow.SignOut(w.ctx(), w.by(), ann.ID))
		w.signIn(ann)
		sh, err := w.flow.Show(w.ctx(), ann.ID)
		w.must(err)
		if sh.Account.NoticeEmail != ann.NoticeEmail || len(sh.Devices) != 1 || !sh.LastSeen.Equal(seen) || !sh.PasswordSet.Equal(ann.CreatedAt) || sh.ResetRequired {
			t.Errorf("%d devices, seen %s, password of %s, reset required %t", len(sh.Devices), sh.LastSeen, sh.PasswordSet, sh.ResetRequired)
		}
		if len(sh.Mail) != 3 || sh.Mail[0].To == "" {
			t.Errorf("mail: %+v", sh.Mail)
		}
		if sh.Actors[w.root.ID] != "The root" {
			t.Errorf("actors: %v", sh.Actors)
		}
		if len(sh.Events) != 5 { // created, signed in, told, signed out, signed in
			t.Errorf("%d events", len(sh.Events))
		}

		w.must(w.db.RequireReset(w.ctx(), ann.ID, "", audit.New(w.now, audit.ResetRequired, audit.CLI, ann.ID)))
		listed, err := w.db.LoadAccount(w.ctx(), ann.ID)
		w.must(err)
		p := credential.PasswordChange{AccountID: ann.ID, Replaces: 1, Password: "phc", Incident: listed.Incident}
		w.now = w.now.Add(time.Hour)
		w.must(w.db.ChangePasswordEverywhere(w.ctx(), p, nil, audit.New(w.now, audit.PasswordReset, ann.ID, ann.ID)))
		sh, err = w.flow.Show(w.ctx(), ann.ID)
		w.must(err)
		if !sh.ResetRequired || !sh.PasswordSet.Equal(w.now) || !sh.LastSeen.IsZero() {
			t.Errorf("reset required %t, password of %s, seen %s", sh.ResetRequired, sh.PasswordSet, sh.LastSeen)
		}
		_, err = w.flow.Show(w.ctx(), id.New(w.now))
		w.is(err, account.ErrNotFound)
	})
}

func TestShowTellsWrongPasswords(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		for range ratelimit.FreeFailures {
			_, err := w.db.BeginAttempt(w.ctx(), credential.Attempt{Account: ann.ID, At: w.now})
			w.must(err)
		}
		sh, err := w.flow.Show(w.ctx(), ann.ID)
		w.must(err)
		if sh.Failures.Count != ratelimit.FreeFailures || !sh.Failures.Until.Equal(w.now.Add(ratelimit.FirstWait)) || sh.Failures.Off() {
			t.Errorf("failures: %+v", sh.Failures)
		}
		for range ratelimit.MostFailures - ratelimit.FreeFailures {
			w.now = w.now.Add(2 * ratelimit.LongestWait)
			_, err := w.db.BeginAttempt(w.ctx(), credential.Attempt{Account: ann.ID, At: w.now})
			w.must(err)
		}
		sh, err = w.flow.Show(w.ctx(), ann.ID)
		w.must(err)
		if !sh.Failures.Off() {
			t.Errorf("failures: %+v", sh.Failures)
		}
	})
}

func TestAuditNamesWhoIsStillThere(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		w.must(w.flow.Lock(w.ctx(), w.by(), ann.ID))
		l, err := w.flow.Audit(w.ctx(), audit.Filter{AccountID: ann.ID})
		w.must(err)
		if len(l.Entries) != 2 || l.Names[ann.ID] != "The ann" || l.Names[w.root.ID] != "The root" || l.Next != "" {
			t.Errorf("%d entries, names %v, next %q", len(l.Entries), l.Names, l.Next)
		}
		l, err = w.flow.Audit(w.ctx(), audit.Filter{Action: audit.AccountLocked})
		w.must(err)
		if len(l.Entries) != 1 {
			t.Errorf("%d entries of the act", len(l.Entries))
		}

		if _, err := w.flow.Delete(w.ctx(), w.by(), ann.ID); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(account.GraceBeforeErasure)
		if _, err := w.db.Erase(w.ctx(), w.now, 10, func(account.Account) audit.Act { return audit.New(w.now, audit.AccountErased, audit.System, "") }, nil); err != nil {
			t.Fatal(err)
		}
		l, err = w.flow.Audit(w.ctx(), audit.Filter{AccountID: ann.ID})
		w.must(err)
		if _, named := l.Names[ann.ID]; named || len(l.Entries) != 3 {
			t.Errorf("%d entries after erasure, names %v", len(l.Entries), l.Names)
		}
	})
}

func TestAuditPages(t *testing.T) {
	each(t, func(w *world) {
		for range 2 * admin.PageSize {
			w.now = w.now.Add(time.Millisecond)
			w.must(w.db.Record(w.ctx(), audit.New(w.now, audit.SignInFailed, "", "")))
		}
		var seen []string
		f := audit.Filter{Action: audit.SignInFailed}
		for {
			l, err := w.flow.Audit(w.ctx(), f)
			w.must(err)
			for _, e := range l.Entries {
				seen = append(seen, e.ID)
			}
			if f.Before = l.Next; f.Before == "" {
				break
			}
		}
		if len(seen) != 2*admin.PageSize {
			t.Errorf("%d entries", len(seen))
		}
		for i := range seen[1:] {
			if strings.Compare(seen[i], seen[i+1]) <= 0 {
				t.Fatal("not the newest first")
			}
		}
	})
}
