package storetest

import (
	"maps"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/store"
)

func TestScanAccounts(t *testing.T) {
	each(t, func(w *world) {
		var ids []string
		for _, name := range []string{"anna", "hannah", "bert"} {
			w.now = w.now.Add(time.Millisecond)
			ids = append(ids, w.person(name).ID)
		}
		w.must(w.db.SetState(w.ctx(), ids[1], account.Active, account.Locked, time.Time{}, audit.Act{}))
		for part, c := range map[string]struct {
			f    account.Filter
			want int
		}{
			"ANNA": {account.Filter{Limit: 9}, 2}, "ert@": {account.Filter{Limit: 9}, 1}, "the ": {account.Filter{Limit: 2}, 2},
			"hannah": {account.Filter{Limit: 9, State: account.Active}, 0}, "%": {account.Filter{Limit: 9}, 0}, "": {account.Filter{Limit: 9, Before: ids[2]}, 2},
		} {
			got, err := w.db.ScanAccounts(w.ctx(), c.f, part)
			w.must(err)
			if len(got) != c.want {
				t.Errorf("%q finds %d, want %d", part, len(got), c.want)
			}
		}
	})
}

func TestScanAccountsReadsManyPages(t *testing.T) {
	each(t, func(w *world) {
		_, err := w.db.LoadAccounts(w.ctx(), w.accounts(2500))
		w.must(err)
		got, err := w.db.ScanAccounts(w.ctx(), account.Filter{Limit: 2000}, "person1")
		w.must(err)
		if len(got) != 1111 || got[0].ID != numbered(1999) || got[1110].ID != numbered(1) {
			t.Errorf("found %d", len(got))
		}
	})
}

func TestAtMostAccounts(t *testing.T) {
	each(t, func(w *world) {
		w.person("anna")
		w.person("bert")
		for most, want := range map[int]bool{1: false, 2: true, 3: true} {
			got, err := w.db.AtMostAccounts(w.ctx(), most)
			w.must(err)
			if got != want {
				t.Errorf("at most %d: %v", most, got)
			}
		}
	})
}

func TestNameAccounts(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("anna"), w.person("bert")
		w.must(w.db.SetName(w.ctx(), b.ID, "", audit.Act{}))
		got, err := w.db.NameAccounts(w.ctx(), []string{a.ID, "gone", b.ID})
		w.must(err)
		if !maps.Equal(got, map[string]string{a.ID: "The anna", b.ID: "bert"}) {
			t.Errorf("got %v", got)
		}
		if got, err = w.db.NameAccounts(w.ctx(), nil); err != nil || len(got) != 0 {
			t.Errorf("of nobody: %v, %v", got, err)
		}
	})
}

func TestLastSeen(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("anna"), w.person("bert")
		w.signedIn(a)
		w.now = w.now.Add(time.Hour)
		w.signedIn(a)
		got, err := w.db.LastSeen(w.ctx(), []string{a.ID, b.ID})
		w.must(err)
		if len(got) != 1 || !got[a.ID].Equal(w.now) {
			t.Errorf("got %v", got)
		}
		if got, err = w.db.LastSeen(w.ctx(), nil); err != nil || len(got) != 0 {
			t.Errorf("of nobody: %v, %v", got, err)
		}
	})
}

func TestReadFailures(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		for n := range int64(ratelimit.FreeFailures + 1) {
			got, err := w.db.ReadFailures(w.ctx(), a.ID)
			w.must(err)
			want := credential.Failures{Count: n}
			if wait := ratelimit.Wait(n); wait > 0 {
				want.Until = w.now.Add(wait)
			}
			if got.Count != want.Count || !got.Until.Equal(want.Until) {
				t.Errorf("after %d: %+v", n, got)
			}
			if n < ratelimit.FreeFailures {
				_, err = w.db.BeginAttempt(w.ctx(), w.attempt(a))
				w.must(err)
			}
		}
	})
}

func TestCountAudit(t *testing.T) {
	each(t, func(w *world) {
		for want := range int64(3) {
			if n, err := w.db.CountAudit(w.ctx()); err != nil || n != want {
				t.Errorf("%d, %v, want %d", n, err, want)
			}
			w.must(w.db.Record(w.ctx(), w.act(audit.SetUpLinkMade, "")))
			w.chain()
		}
		w.must(w.db.Record(w.ctx(), w.act(audit.SetUpLinkMade, "")))
		if n, err := w.db.CountAudit(w.ctx()); err != nil || n != 4 {
			t.Errorf("%d, %v with one that is not chained", n, err)
		}
	})
}

// invite makes an invitation and returns its token and its hash.
func (w *world) invite(subject, detail string) (secret.Token, string) {
	w.Helper()
	l := credential.Link{Kind: credential.Invitation, Token: secret.NewToken(), Subject: subject, Detail: detail}
	w.must(w.db.Record(w.ctx(), w.act(audit.InvitationMade, "").Linking(l)))
	return l.Token, w.find(credential.Invitation, l.Token).Hash
}

func TestOpenInvitations(t *testing.T) {
	each(t, func(w *world) {
		w.invite("a", "anna@example.org")
		w.now = w.now.Add(time.Hour)
		w.invite("b", "")
		w.invite("c", "carl@example.org")
		w.link(credential.SetUp, account.Account{})
		got, err := w.db.OpenInvitations(w.ctx(), "", 2, w.now)
		w.must(err)
		if len(got) != 2 || got[0].Subject != "c" || got[0].Detail != "carl@example.org" || got[1].Detail != "" {
			t.Errorf("got %d", len(got))
		}
		got, err = w.db.OpenInvitations(w.ctx(), "b", 2, w.now)
		w.must(err)
		if len(got) != 1 || got[0].Detail != "anna@example.org" {
			t.Errorf("got %d on the second page", len(got))
		}
		got, err = w.db.OpenInvitations(w.ctx(), "", 9, start.Add(7*24*time.Hour))
		w.must(err)
		if len(got) != 2 {
			t.Errorf("%d after the first has ended", len(got))
		}
	})
}

func TestRevokeInvitation(t *testing.T) {
	each(t, func(w *world) {
		token, _ := w.invite("a", "anna@example.org")
		other, hash := w.invite("b", "bert@example.org")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RevokeInvitation(w.ctx(), "a", w.act(audit.InvitationEnded, ""))
		})
		w.is(w.resolve(credential.Invitation, token), credential.ErrUnknown)
		w.must(w.resolve(credential.Invitation, other))
		w.recorded(audit.InvitationEnded, 1)
		_, redeem := w.invited("bert@example.org", hash)
		w.must(redeem(w.db))
		w.is(w.db.RevokeInvitation(w.ctx(), "b", audit.Act{}), store.ErrSpent) // it was taken meanwhile
		w.link(credential.Invitation, account.Account{})
		w.is(w.db.RevokeInvitation(w.ctx(), "", audit.Act{}), store.ErrSpent)
		w.count(1, "credential WHERE kind = 'invitation'")
	})
}

func TestListQueue(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		mine := w.post(notice.Test(a.Email).For(a.ID))
		other := w.post(notice.Test("bert@example.org"))
		done := w.post(notice.Test("carl@example.org"))
		w.must(w.db.MailSent(w.ctx(), done, w.now))
		for name, c := range map[string]struct {
			f    notice.Filter
			want string
		}{
			"all": {notice.Filter{}, done + other + mine}, "waiting": {notice.Filter{State: notice.Waiting}, other + mine},
			"of one": {notice.Filter{AccountID: a.ID}, mine}, "older": {notice.Filter{Before: done}, other + mine},
		} {
			c.f.Limit = 9
			got, err := w.db.ListQueue(w.ctx(), c.f)
			w.must(err)
			ids := ""
			for _, q := range got {
				ids += q.ID
				if strings.Contains(q.To, "anna") || q.State == notice.Waiting && !strings.HasSuffix(q.To, "…@example.org") || q.State == notice.Sent && q.To != "" {
					t.Errorf("%s is shown as %q", q.State, q.To)
				}
			}
			if ids != c.want {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}

func TestCountQueue(t *testing.T) {
	each(t, func(w *world) {
		w.must(w.db.MailSent(w.ctx(), w.post(notice.Test("old@example.org")), w.now.Add(-48*time.Hour)))
		w.must(w.db.MailSent(w.ctx(), w.post(notice.Test("young@example.org")), w.now))
		w.must(w.db.MailRefused(w.ctx(), w.post(notice.Test("bad@example.org")), "no", w.now))
		w.post(notice.Test("anna@example.org"))
		got, err := w.db.CountQueue(w.ctx(), w.now.Add(-24*time.Hour))
		w.must(err)
		if !maps.Equal(got, map[string]int64{notice.Waiting: 1, notice.Sent: 1, notice.Refused: 1}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestResendMail(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		id := w.post(notice.Test(a.Email).For(a.ID))
		w.must(w.db.MailFailed(w.ctx(), id, w.now.Add(time.Hour), "451 later"))
		w.must(w.db.ResendMail(w.ctx(), id, w.act(audit.MailRetried, "")))
		got, err := w.db.LeaseMail(w.ctx(), w.now, time.Minute, 9)
		w.must(err)
		if len(got) != 1 {
			t.Error("not due at once")
		}
		entries, err := w.db.ListAudit(w.ctx(), audit.Filter{AccountID: a.ID, Action: audit.MailRetried, Limit: 9})
		w.must(err)
		if len(entries) != 1 {
			t.Error("not recorded on its account")
		}
		w.must(w.db.MailSent(w.ctx(), id, w.now))
		w.is(w.db.ResendMail(w.ctx(), id, w.act(audit.MailRetried, "")), notice.ErrNotFound)
		w.recorded(audit.MailRetried, 1)
	})
}

func TestResendMailOf(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		for range 2 {
			w.must(w.db.MailFailed(w.ctx(), w.post(notice.Test(a.Email).For(a.ID)), w.now.Add(time.Hour), "451 later"))
		}
		w.must(w.db.MailFailed(w.ctx(), w.post(notice.Test("bert@example.org")), w.now.Add(time.Hour), "451 later"))
		w.must(w.db.ResendMailOf(w.ctx(), w.act(audit.MailRetried, a.ID)))
		got, err := w.db.LeaseMail(w.ctx(), w.now, time.Minute, 9)
		w.must(err)
		if len(got) != 2 {
			t.Errorf("%d are due", len(got))
		}
		w.is(w.db.ResendMailOf(w.ctx(), w.act(audit.MailRetried, w.person("bert").ID)), notice.ErrNotFound)
		w.recorded(audit.MailRetried, 1)
	})
}

func TestPasswordSetAt(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("anna"), w.person("bert")
		at, err := w.db.PasswordSetAt(w.ctx(), a.ID)
		w.must(err)
		if !at.IsZero() {
			t.Errorf("the first password was set at %v", at)
		}
		w.must(w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(a, "new"), nil, w.act(audit.PasswordChanged, a.ID)))
		want := w.now
		w.now = w.now.Add(time.Hour)
		w.must(w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(b, "new"), nil, w.act(audit.PasswordChanged, b.ID)))
		if at, err = w.db.PasswordSetAt(w.ctx(), a.ID); err != nil || !at.Equal(want) {
			t.Errorf("got %v, %v", at, err)
		}
	})
}

func TestNewestGeneration(t *testing.T) {
	each(t, func(w *world) {
		g, err := w.db.NewestGeneration(w.ctx())
		w.must(err)
		if g != 1 {
			t.Errorf("generation %d", g)
		}
		w.replace(w.keys.Ring().BeginRotation())
		_, err = w.db.TickInstance(w.ctx(), w.now)
		w.must(err)
		if g, err = w.db.NewestGeneration(w.ctx()); err != nil || g != 2 {
			t.Errorf("generation %d, %v", g, err)
		}
	})
}
