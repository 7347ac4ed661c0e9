package storetest

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/store"
)

func TestPauseIncident(t *testing.T) {
	each(t, func(w *world) {
		i := w.declared(incident.Require)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.PauseIncident(w.ctx(), i.ID, w.act(audit.IncidentPaused, ""))
		})
		w.recorded(audit.IncidentPaused, 1)
		w.is(w.db.PauseIncident(w.ctx(), "a\x00b", w.act("", "")), store.ErrSpent)
	})
}

func TestResumeIncident(t *testing.T) {
	each(t, func(w *world) {
		i := w.declared(incident.Require)
		w.is(w.db.ResumeIncident(w.ctx(), i.ID, w.act("", "")), store.ErrSpent)
		w.must(w.db.PauseIncident(w.ctx(), i.ID, w.act("", "")))
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.ResumeIncident(w.ctx(), i.ID, w.act(audit.IncidentResumed, ""))
		})
		w.recorded(audit.IncidentResumed, 1)
	})
}

// letters are one mail to each address.
func letters(_ incident.Incident, a account.Account, check secret.Token) (all []notice.Notice) {
	for _, to := range a.NoticeAddresses() {
		all = append(all, notice.Incident(to, a.Name, notice.DefaultParts("usher.example.org", ""), check.Reveal()).For(a.ID))
	}
	return all
}

func TestTellIncident(t *testing.T) {
	each(t, func(w *world) {
		n := 0
		_, err := w.db.LoadAccounts(w.ctx(), func() (account.Account, error) {
			if n++; n > 25 {
				return account.Account{}, io.EOF
			}
			return account.Account{Standing: account.Standing{ID: numbered(n), State: account.Active, Epoch: 1, PasswordVersion: 1}, Email: label(n) + "@example.org", Password: "phc", CreatedAt: w.now}, nil
		})
		w.must(err)
		i := w.declared(incident.Require)
		w.tamper(`UPDATE account SET secured = ` + fmt.Sprint(i.Epoch) + ` WHERE id = '` + numbered(5) + `'`)

		w.must(w.db.PauseIncident(w.ctx(), i.ID, w.act("", "")))
		told, err := w.db.TellIncident(w.ctx(), i, 10, w.now, letters)
		w.must(err)
		if told != 0 {
			t.Errorf("%d told while paused", told)
		}
		w.must(w.db.ResumeIncident(w.ctx(), i.ID, w.act("", "")))

		// what fails in the middle tells nobody
		_, err = w.db.TellIncident(w.ctx(), i, 10, w.now, func(i incident.Incident, a account.Account, check secret.Token) []notice.Notice {
			if a.ID == numbered(4) {
				return []notice.Notice{{Kind: "no such kind"}}
			}
			return letters(i, a, check)
		})
		w.is(err, notice.ErrIncomplete)
		w.count(0, "mail")

		// many nodes at once tell each person once
		w.all(func(db *store.DB, _ int) error {
			_, err := db.TellIncident(w.ctx(), i, 4, w.now, letters)
			return err
		})
		w.count(24, "mail")
		if got := w.number(`SELECT COUNT(DISTINCT account_id) FROM mail`); got != 24 {
			t.Errorf("%d people were told", got)
		}
		got, err := w.db.LoadIncident(w.ctx(), i.ID)
		w.must(err)
		if got.Mailed != 24 {
			t.Errorf("%d are counted", got.Mailed)
		}
		_, err = w.db.TellIncident(w.ctx(), i, 4, w.now, letters)
		w.must(err)
		if got, _ = w.db.LoadIncident(w.ctx(), i.ID); got.ToldAt.IsZero() {
			t.Error("it is not through")
		}
	})
}

func TestIncidentsToTell(t *testing.T) {
	each(t, func(w *world) {
		ann := w.person("ann")
		first, second, third := w.declared(incident.Require, ann), w.declared(incident.Advise), w.declared(incident.Require)
		w.must(w.db.PauseIncident(w.ctx(), second.ID, w.act("", "")))
		_, err := w.db.TellIncident(w.ctx(), third, 10, w.now, letters)
		w.must(err)
		some, err := w.db.IncidentsToTell(w.ctx())
		w.must(err)
		if len(some) != 1 || some[0].ID != first.ID {
			t.Errorf("%+v", some)
		}
	})
}

func TestNoticesWaiting(t *testing.T) {
	each(t, func(w *world) {
		for range 5 {
			w.must(w.db.Record(w.ctx(), w.act("", "").Telling(notice.DeletionDone("x@example.org", "", w.now), notice.Test("x@example.org"))))
		}
		for most, want := range map[int]int{3: 3, 100: 5} {
			n, err := w.db.NoticesWaiting(w.ctx(), most)
			w.must(err)
			if n != want {
				t.Errorf("%d of at most %d", n, most)
			}
		}
	})
}

func TestFindNotices(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.person("ann"), w.person("bob")
		w.declared(incident.Require, ann)
		w.declared(incident.Require)
		find := func(h account.Handle) ([]incident.Sent, bool) {
			sent, known, err := w.db.FindNotices(w.ctx(), h, 20)
			w.must(err)
			return sent, known
		}
		anns, known := find(w.mail(ann.Email))
		bobs, _ := find(w.mail(bob.Email))
		nobodys, unknown := find(w.mail("nobody@example.org"))
		if !known || unknown || len(anns) != 2 || len(bobs) != 1 || len(nobodys) != 1 {
			t.Fatalf("%d, %d, %d", len(anns), len(bobs), len(nobodys))
		}
		codes := map[string]bool{}
		for _, s := range slices.Concat(anns, bobs, nobodys) {
			codes[s.Check.Reveal()] = true
		}
		if len(codes) != 4 {
			t.Errorf("%d codes of four", len(codes))
		}
		next, err := w.keys.Ring().BeginRotation()
		w.must(err)
		if again := next.CheckCode(anns[0].ID, ann.ID); again.Reveal() != anns[0].Check.Reveal() {
			t.Error("a rotation changes the codes in people's mailboxes")
		}
	})
}
