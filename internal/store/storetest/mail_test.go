package storetest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/notice"
	"usher/internal/store"
)

// post queues a mail and returns its id.
func (w *world) post(n notice.Notice) string {
	w.Helper()
	before := w.number("SELECT COUNT(*) FROM mail")
	w.must(w.db.Record(w.ctx(), audit.Act{At: w.now}.Telling(n)))
	if w.number("SELECT COUNT(*) FROM mail") != before+1 {
		w.Fatal("not queued")
	}
	w.now = w.now.Add(time.Millisecond)
	return w.text("SELECT id FROM mail ORDER BY id DESC LIMIT 1")
}

func TestLeaseMail(t *testing.T) {
	each(t, func(w *world) {
		later := w.post(notice.DevicesTrimmed("anna@example.org", "", 3, w.now))
		first := w.post(notice.ConfirmSignUp("bert@example.org", "123456", "/x"))
		second := w.post(notice.Test("carl@example.org"))
		got, err := w.db.LeaseMail(w.ctx(), w.now, time.Minute, 2)
		w.must(err)
		if len(got) != 2 || got[0].ID != first || got[1].ID != second || got[0].Data[notice.DataCode] != "123456" || got[0].To != "bert@example.org" || got[0].Attempts != 0 {
			t.Errorf("got %v", got)
		}
		got, err = w.db.LeaseMail(w.ctx(), w.now, time.Minute, 2)
		w.must(err)
		if len(got) != 1 || got[0].ID != later {
			t.Errorf("got %v, want the one that is left", got)
		}
		w.must(w.db.MailSent(w.ctx(), later, w.now))
		w.now = w.now.Add(time.Minute)
		got, err = w.db.LeaseMail(w.ctx(), w.now, time.Minute, 9)
		w.must(err)
		if len(got) != 2 || got[0].Attempts != 1 {
			t.Errorf("after the leases have ended: %v", got)
		}
		w.now = w.now.Add(2 * time.Hour)
		got, err = w.db.LeaseMail(w.ctx(), w.now, time.Minute, 9)
		w.must(err)
		if len(got) != 0 {
			t.Errorf("expired mail was leased: %v", got)
		}
	})
}

func TestLeaseMailRaced(t *testing.T) {
	each(t, func(w *world) {
		const mails = 40
		for range mails {
			w.post(notice.Test("anna@example.org"))
		}
		var mu sync.Mutex
		seen := map[string]int{}
		w.all(func(db *store.DB, _ int) error {
			for {
				got, err := db.LeaseMail(w.ctx(), w.now, time.Hour, 3)
				if err != nil {
					return err
				}
				mu.Lock()
				for _, n := range got {
					seen[n.ID]++
				}
				done := len(seen) == mails
				mu.Unlock()
				if len(got) == 0 && done {
					return nil
				}
			}
		})
		for id, n := range seen {
			if n != 1 {
				t.Errorf("mail %s was leased %d times", id, n)
			}
		}
	})
}

func TestLeaseMailPassesOverWhatCannotBeOpened(t *testing.T) {
	each(t, func(w *world) {
		bad := w.post(notice.Test("anna@example.org"))
		good := w.post(notice.Test("bert@example.org"))
		w.tamper("UPDATE mail SET body = (SELECT body FROM mail WHERE id = $1) WHERE id = $2", good, bad) // attack S13
		waiting, err := w.db.WaitingMail(w.ctx(), 9)
		w.must(err)
		got, err := w.db.LeaseMail(w.ctx(), w.now, time.Minute, 9)
		w.must(err)
		if len(got) != 1 || got[0].ID != good || len(waiting) != 1 {
			t.Errorf("got %v", got)
		}
		w.count(1, "mail WHERE state = 'refused' AND id = $1", bad)
	})
}

func TestMailSent(t *testing.T) {
	each(t, func(w *world) {
		id := w.post(notice.Test("anna@example.org"))
		w.must(w.db.MailSent(w.ctx(), id, w.now))
		w.must(w.db.MailRefused(w.ctx(), id, "too late", w.now)) // changes nothing any more
		w.must(w.db.MailFailed(w.ctx(), id, w.now, "too late"))
		w.count(1, "mail WHERE state = 'sent' AND body = '' AND reason = '' AND done_at > 0")
	})
}

func TestMailRefused(t *testing.T) {
	each(t, func(w *world) {
		id := w.post(notice.Test("anna@example.org"))
		w.must(w.db.MailRefused(w.ctx(), id, "550 no such\x00 user \xff", w.now))
		w.count(1, "mail WHERE state = 'refused' AND body = '' AND reason = '550 no such? user ?'")
	})
}

func TestMailFailed(t *testing.T) {
	each(t, func(w *world) {
		id := w.post(notice.Test("anna@example.org"))
		w.must(w.db.MailFailed(w.ctx(), id, w.now.Add(time.Minute), "451 later"))
		for after, want := range map[time.Duration]int{59 * time.Second: 0, time.Minute: 1} {
			got, err := w.db.LeaseMail(w.ctx(), w.now.Add(after), 0, 9)
			w.must(err)
			if len(got) != want {
				t.Errorf("after %v: %d due", after, len(got))
			}
		}
		w.count(1, "mail WHERE state = 'waiting' AND reason = '451 later'")
	})
}

func TestWaitingMail(t *testing.T) {
	each(t, func(w *world) {
		old := w.post(notice.Test("anna@example.org"))
		young := w.post(notice.Test("bert@example.org"))
		w.must(w.db.MailSent(w.ctx(), w.post(notice.Test("carl@example.org")), w.now))
		got, err := w.db.WaitingMail(w.ctx(), 9)
		w.must(err)
		if len(got) != 2 || got[0].ID != young || got[1].ID != old || got[1].To != "anna@example.org" {
			t.Errorf("got %v", got)
		}
	})
}

func TestOpenMail(t *testing.T) {
	each(t, func(w *world) {
		id := w.post(notice.ConfirmSignUp("anna@example.org", "654321", "/x"))
		got, err := w.db.OpenMail(w.ctx(), id)
		w.must(err)
		if got.ID != id || got.Data[notice.DataCode] != "654321" {
			t.Errorf("got %v", got)
		}
		if body := w.text("SELECT body FROM mail"); strings.Contains(body, "anna") || strings.Contains(body, "654321") {
			t.Error("a waiting mail stands open in the database")
		}
		w.must(w.db.MailSent(w.ctx(), id, w.now))
		for _, id := range []string{id, "gone", "\x00"} {
			_, err = w.db.OpenMail(w.ctx(), id)
			w.is(err, notice.ErrNotFound)
		}
	})
}

func TestCountMail(t *testing.T) {
	each(t, func(w *world) {
		w.post(notice.Test("anna@example.org"))
		w.must(w.db.MailSent(w.ctx(), w.post(notice.Test("bert@example.org")), w.now))
		got, err := w.db.CountMail(w.ctx())
		w.must(err)
		if len(got) != 2 || got["waiting"] != 1 || got["sent"] != 1 {
			t.Errorf("got %v", got)
		}
	})
}

// A mail leaves when, and only when, the act that sends it is committed.
func TestMailBelongsToItsAct(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		taken, handles := w.draft("anna")
		err := w.db.CreateAccount(w.ctx(), taken, handles, w.act(audit.AccountCreated, taken.ID).Telling(notice.Test("x@example.org")))
		if err == nil {
			t.Error("two accounts of one name")
		}
		w.is(w.db.SetName(w.ctx(), a.ID, "Anna", w.act(audit.ProfileChanged, a.ID).Telling(notice.Notice{Kind: notice.KindReset, To: "x@example.org"})), notice.ErrIncomplete)
		w.count(0, "mail")
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		if got.Name != a.Name {
			t.Error("the act was done without its mail")
		}
	})
}
