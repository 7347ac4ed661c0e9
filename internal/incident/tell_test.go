package incident_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/ratelimit"
)

var here = netip.MustParseAddr("192.0.2.7")

// secured gives an account a new password now.
func (w *world) secured(a account.Account) {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	now := w.load(a)
	p := credential.PasswordChange{AccountID: a.ID, Replaces: now.PasswordVersion, Password: "new", Secured: credential.Secure(clock, now.Standing), Incident: now.Incident}
	w.must(w.db.ChangePasswordEverywhere(w.ctx(), p, nil, audit.Act{At: w.now}))
}

func TestTell(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", func(a *account.Account) { a.NoticeEmail = "ann@second.example" })
		w.account("bob", func(a *account.Account) { a.State = account.Locked })
		early := w.account("early", nil)
		i := w.declare(w.draft(incident.Require))
		w.secured(early) // before she was told
		w.must(w.flow.Pause(w.ctx(), audit.CLI, i.ID))
		w.must(w.flow.Tell(w.ctx()))
		if len(w.told(ann.Email)) != 0 {
			t.Error("told while paused")
		}
		w.must(w.flow.Resume(w.ctx(), audit.CLI, i.ID))
		for range 2 {
			w.must(w.flow.Tell(w.ctx()))
		}
		for to, want := range map[string]int{ann.Email: 1, ann.NoticeEmail: 1, "bob@example.org": 1, early.Email: 0} {
			if got := len(w.told(to)); got != want {
				t.Errorf("%d mails to %s, want %d", got, to, want)
			}
		}
		p, err := w.flow.Status(w.ctx(), i.ID)
		w.must(err)
		if p.Covered != 4 || p.Mailed != 3 || p.Back() != 1 || p.Waiting != 3 || p.ToldAt.IsZero() {
			t.Errorf("%+v", p)
		}
		w.secured(ann)
		p, err = w.flow.Status(w.ctx(), i.ID)
		w.must(err)
		who, next, err := w.flow.Who(w.ctx(), p.Incident, "")
		w.must(err)
		if p.Back() != 2 || len(who) != 2 || next != "" {
			t.Errorf("%+v, %d wait", p, len(who))
		}
		first := w.told(ann.Email)[0]
		if first.Kind != notice.KindIncident || first.Priority != notice.PriorityLater || first.AccountID != ann.ID {
			t.Errorf("%v", first)
		}
	})
}

func TestCheck(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.account("ann", nil), w.account("bob", nil)
		code := func(a account.Account) string { return w.told(a.Email)[0].Data[notice.DataCheck] }
		one := w.declare(w.draft(incident.Require, "ann", "bob"))
		w.must(w.flow.Tell(w.ctx()))
		w.declare(w.draft(incident.Advise))
		anns, bobs := code(ann), code(bob)
		for typed, want := range map[string]error{
			anns: nil, strings.ToLower(anns): nil, " " + strings.ReplaceAll(anns, "-", " ") + " ": nil,
			bobs: incident.ErrWrong, "": incident.ErrWrong, "-": incident.ErrWrong, anns + "2": incident.ErrWrong, anns[:8]: incident.ErrWrong,
		} {
			i, err := w.flow.Check(w.ctx(), "ANN@example.org", typed, here)
			w.is(err, want)
			if err == nil && i.ID != one.ID {
				t.Errorf("it is of %s", i.ID)
			}
		}
		_, err := w.flow.Check(w.ctx(), "nobody@example.org", anns, here)
		w.is(err, incident.ErrWrong)
		w.must(w.flow.Withdraw(w.ctx(), audit.CLI, one.ID))
		i, err := w.flow.Check(w.ctx(), "ann", anns, here)
		w.must(err)
		if i.State != incident.Withdrawn {
			t.Errorf("it is %s", i.State)
		}
		for range ratelimit.Notices.Limit {
			_, err = w.flow.Check(w.ctx(), "ann", "x", here)
		}
		if !errors.As(err, new(*ratelimit.LimitedError)) {
			t.Errorf("got %v", err)
		}
	})
}

func TestForAndAdvice(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.account("ann", nil), w.account("bob", nil)
		says := func(a account.Account, required, advised string) {
			t.Helper()
			for want, ask := range map[string]func() (notice.Parts, bool, error){
				"r" + required: func() (notice.Parts, bool, error) { return w.flow.For(w.ctx(), w.load(a).Standing) },
				"a" + advised:  func() (notice.Parts, bool, error) { return w.flow.Advice(w.ctx(), w.load(a).Standing) },
			} {
				p, is, err := ask()
				w.must(err)
				if is != (want[1:] != "") || p.Happened != want[1:] && is {
					t.Errorf("%t %q, want %q", is, p.Happened, want[1:])
				}
			}
		}
		declare := func(d incident.Draft, happened string) incident.Incident {
			d.Notice.Happened = happened
			return w.declare(d)
		}
		says(ann, "", "")
		declare(w.draft(incident.Require, "ann"), "One.")
		declare(w.draft(incident.Advise), "Two.")
		says(ann, "One.", "Two.")
		says(bob, "", "Two.")
		all := declare(w.draft(incident.Require), "Three.")
		says(ann, "Three.", "Two.")
		w.must(w.flow.Withdraw(w.ctx(), audit.CLI, all.ID))
		says(ann, "One.", "Two.")
		says(bob, "", "Two.")
		w.secured(ann)
		says(ann, "", "")
	})
}

func TestLists(t *testing.T) {
	each(t, func(w *world) {
		_, err := w.flow.Newest(w.ctx())
		w.is(err, incident.ErrNotFound)
		_, err = w.flow.Status(w.ctx(), "nothing")
		w.is(err, incident.ErrNotFound)
		var last incident.Incident
		for range incident.PageSize + 1 {
			last = w.declare(w.draft(incident.Advise))
		}
		newest, err := w.flow.Newest(w.ctx())
		w.must(err)
		page, next, err := w.flow.List(w.ctx(), "")
		w.must(err)
		rest, end, err := w.flow.List(w.ctx(), next)
		w.must(err)
		if newest.ID != last.ID || len(page) != incident.PageSize || len(rest) != 1 || end != "" {
			t.Errorf("%d, then %d", len(page), len(rest))
		}
		names, err := w.flow.Names(w.ctx(), incident.Incident{Actor: w.root.ID})
		w.must(err)
		if names[w.root.ID] != "The root" {
			t.Errorf("%v", names)
		}
		if (incident.Incident{State: incident.Proposed, CreatedAt: w.now}).Lapsed(w.now.Add(23 * time.Hour)) {
			t.Error("it lapses too early")
		}
	})
}
