package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/incident"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/store"
)

// incident is one that is about to be declared.
func (w *world) incident(action incident.Action, scope incident.Scope) incident.Incident {
	i := incident.Incident{ID: id.New(w.now), Action: action, Scope: scope, State: incident.Open, Actor: audit.CLI, CreatedAt: w.now,
		Notice: notice.DefaultParts("usher.example.org", "")}
	if scope == incident.List {
		i.State = incident.Listing
	}
	return i
}

// declared declares an incident, for a list where accounts are given.
func (w *world) declared(action incident.Action, accounts ...account.Account) incident.Incident {
	w.Helper()
	w.now = w.now.Add(time.Minute)
	scope := incident.All
	if len(accounts) > 0 {
		scope = incident.List
	}
	i, err := w.db.DeclareIncident(w.ctx(), w.incident(action, scope), incident.Console{}, w.act(audit.IncidentDeclared, ""))
	w.must(err)
	if len(accounts) == 0 {
		return i
	}
	w.must(w.db.ListIncident(w.ctx(), i.ID, idsOf(accounts)))
	i, err = w.db.OpenIncident(w.ctx(), i.ID)
	w.must(err)
	return i
}

func idsOf(accounts []account.Account) (ids []string) {
	for _, a := range accounts {
		ids = append(ids, a.ID)
	}
	return ids
}

func (w *world) load(a account.Account) account.Account {
	w.Helper()
	found, err := w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	return found
}

func (w *world) clock() credential.Clock {
	w.Helper()
	c, err := w.db.ReadClock(w.ctx())
	w.must(err)
	return c
}

// required reports whether an account's owner must choose a new password.
func (w *world) required(a account.Account) bool { return w.clock().ResetRequired(w.load(a).Standing) }

func TestDeclareIncident(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.person("ann"), w.person("bob")
		in, _ := w.signedIn(ann)
		before := w.clock()
		i := w.declared(incident.Require)
		after := w.clock()
		if i.Epoch <= before.Epoch || after.Epoch != i.Epoch || after.Floor != i.Epoch || after.Incident != i.Epoch {
			t.Errorf("the clock went from %+v to %+v for %+v", before, after, i)
		}
		if !w.required(ann) || !w.required(bob) || w.load(ann).Epoch != ann.Epoch {
			t.Error("not everybody is covered, or a row was touched")
		}
		w.is(w.resolve(credential.Browser, in.Token), credential.ErrEnded)
		w.recorded(audit.IncidentDeclared, 1)
		got, err := w.db.LoadIncident(w.ctx(), i.ID)
		w.must(err)
		if got.State != incident.Open || got.Notice != i.Notice || !got.DeclaredAt.Equal(w.now) || got.Epoch != i.Epoch {
			t.Errorf("%+v", got)
		}
		again := i
		_, err = w.db.DeclareIncident(w.ctx(), again, incident.Console{}, w.act(audit.IncidentDeclared, ""))
		w.is(err, store.ErrSpent)
		if w.clock() != after {
			t.Error("a second declaration of the same moved the clock")
		}
		// the epoch grows although the time stands still, and advice voids nothing
		other := w.incident(incident.Advise, incident.All)
		other, err = w.db.DeclareIncident(w.ctx(), other, incident.Console{}, w.act("", ""))
		w.must(err)
		if c := w.clock(); other.Epoch != after.Epoch+1 || c.Floor != after.Floor || c.Incident != after.Incident {
			t.Errorf("advice left %+v", c)
		}
	})
}

// The console is born in the new epoch, and nothing else of its account is.
func TestDeclareIncidentMintsTheConsole(t *testing.T) {
	each(t, func(w *world) {
		root := w.person("root")
		for _, scope := range []incident.Scope{incident.All, incident.List} {
			in, _ := w.signedIn(root)
			c := incident.Console{Token: secret.NewToken(), AccountID: root.ID}
			w.now = w.now.Add(time.Minute)
			i, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, scope), c, w.act("", ""))
			w.must(err)
			if scope == incident.List {
				w.must(w.db.ListIncident(w.ctx(), i.ID, []string{root.ID}))
			}
			w.is(w.resolve(credential.Browser, in.Token), credential.ErrEnded)
			w.must(w.resolve(credential.Console, c.Token))
			if f := w.find(credential.Console, c.Token); f.Subject != i.ID || f.AccountID != root.ID {
				t.Errorf("the console is of %q", f.Subject)
			}
			w.is(w.resolve(credential.Browser, c.Token), credential.ErrUnknown)
		}
		_, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.All), incident.Console{Token: secret.NewToken(), AccountID: "nobody"}, w.act("", ""))
		w.is(err, account.ErrNotFound)
	})
}

func TestProposeIncident(t *testing.T) {
	each(t, func(w *world) {
		ann := w.person("ann")
		i := w.incident(incident.Require, incident.All)
		i.State = incident.Proposed
		before := w.clock()
		w.must(w.db.ProposeIncident(w.ctx(), i, w.act(audit.IncidentProposed, "")))
		w.is(w.db.ProposeIncident(w.ctx(), i, w.act(audit.IncidentProposed, "")), store.ErrSpent)
		w.recorded(audit.IncidentProposed, 1)
		if w.clock() != before || w.required(ann) {
			t.Error("a proposal did something")
		}
	})
}

func TestConfirmIncident(t *testing.T) {
	each(t, func(w *world) {
		root, bea := w.person("root"), w.person("bea")
		propose := func() incident.Incident {
			i := w.incident(incident.Require, incident.All)
			i.State, i.Actor = incident.Proposed, root.ID
			w.must(w.db.ProposeIncident(w.ctx(), i, w.act("", "")))
			return i
		}
		by := func(a account.Account) audit.Act { return audit.New(w.now, audit.IncidentDeclared, a.ID, "") }
		i := propose()
		before := w.clock()
		_, err := w.db.ConfirmIncident(w.ctx(), i.ID, w.now.Add(-time.Hour), incident.Console{}, by(root))
		w.is(err, store.ErrSpent)
		_, err = w.db.ConfirmIncident(w.ctx(), i.ID, w.now, incident.Console{}, by(bea))
		w.is(err, store.ErrSpent)
		_, err = w.db.ConfirmIncident(w.ctx(), "nothing", w.now.Add(-time.Hour), incident.Console{}, by(bea))
		w.is(err, incident.ErrNotFound)
		if w.clock() != before {
			t.Fatal("a refused word moved the clock")
		}
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			_, err := db.ConfirmIncident(w.ctx(), i.ID, w.now.Add(-time.Hour), incident.Console{}, by(bea))
			return err
		})
		got, err := w.db.LoadIncident(w.ctx(), i.ID)
		w.must(err)
		if got.State != incident.Open || got.Second != bea.ID || got.Covered != 2 || got.Epoch != w.clock().Epoch || !w.required(root) {
			t.Errorf("%+v", got)
		}
		w.recorded(audit.IncidentDeclared, 1)
		c := incident.Console{Token: secret.NewToken(), AccountID: bea.ID}
		_, err = w.db.ConfirmIncident(w.ctx(), propose().ID, w.now.Add(-time.Hour), c, by(bea))
		w.must(err)
		w.must(w.resolve(credential.Console, c.Token))
	})
}

func TestWithdrawIncident(t *testing.T) {
	each(t, func(w *world) {
		ann := w.person("ann")
		in, _ := w.signedIn(ann)
		first, second := w.declared(incident.Require), w.declared(incident.Require)
		w.declared(incident.Advise)
		w.must(w.db.WithdrawIncident(w.ctx(), second.ID, incident.Open, w.act(audit.IncidentWithdrawn, "")))
		if c := w.clock(); c.Incident != first.Epoch || c.Floor != second.Epoch || !w.required(ann) {
			t.Errorf("after one of two the clock is %+v", c)
		}
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.WithdrawIncident(w.ctx(), first.ID, incident.Open, w.act("", ""))
		})
		if c := w.clock(); c.Incident != 0 || w.required(ann) {
			t.Errorf("after both the clock is %+v", c)
		}
		w.is(w.resolve(credential.Browser, in.Token), credential.ErrEnded) // sign-ins stay ended
		w.is(w.db.WithdrawIncident(w.ctx(), "nothing", incident.Open, w.act("", "")), store.ErrSpent)
		third := w.declared(incident.Require)
		w.is(w.db.WithdrawIncident(w.ctx(), third.ID, incident.Proposed, w.act("", "")), store.ErrSpent) // it was confirmed meanwhile
		w.recorded(audit.IncidentWithdrawn, 1)
		got, err := w.db.LoadIncident(w.ctx(), first.ID)
		w.must(err)
		if got.State != incident.Withdrawn || got.EndedAt.IsZero() {
			t.Errorf("%+v", got)
		}
	})
}

func TestCountIncident(t *testing.T) {
	each(t, func(w *world) {
		w.person("ann")
		root := w.person("root")
		w.must(w.db.GrantAdmin(w.ctx(), root.ID, w.act("", root.ID)))
		c, err := w.db.CountIncident(w.ctx())
		w.must(err)
		if c != (incident.Counts{Accounts: 2, Admins: 1}) {
			t.Errorf("%+v", c)
		}
	})
}

func TestCountWaiting(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.person("ann"), w.person("bob")
		w.person("cyd")
		list, all := w.declared(incident.Require, ann, bob), w.declared(incident.Require)
		waiting := func(want ...int64) {
			t.Helper()
			for n, i := range []incident.Incident{list, all} {
				got, err := w.db.CountWaiting(w.ctx(), i)
				w.must(err)
				if got != want[n] {
					t.Errorf("%s waits for %d, want %d", i.Scope, got, want[n])
				}
			}
		}
		waiting(2, 3)
		w.tamper(`UPDATE account SET secured = ` + fmt.Sprint(all.Epoch) + ` WHERE id = '` + ann.ID + `'`)
		waiting(1, 2)
	})
}

func TestListWaiting(t *testing.T) {
	each(t, func(w *world) {
		ann, bob, cy := w.person("ann"), w.person("bob"), w.person("cyd")
		for _, i := range []incident.Incident{w.declared(incident.Require, ann, bob, cy), w.declared(incident.Require)} {
			people := idsOf([]account.Account{ann, bob, cy})
			slices.Sort(people)
			first, err := w.db.ListWaiting(w.ctx(), i, "", 2)
			w.must(err)
			rest, err := w.db.ListWaiting(w.ctx(), i, first[1].ID, 2)
			w.must(err)
			if got := idsOf(slices.Concat(first, rest)); !slices.Equal(got, people) || first[0].Email == "" || first[0].Password != "" {
				t.Errorf("%s: %v, want %v", i.Scope, got, people)
			}
		}
		last := w.declared(incident.Require)
		w.tamper(`UPDATE account SET secured = ` + fmt.Sprint(last.Epoch) + ` WHERE id <> '` + bob.ID + `'`)
		left, err := w.db.ListWaiting(w.ctx(), last, "", 10)
		w.must(err)
		if len(left) != 1 || left[0].ID != bob.ID {
			t.Errorf("%v", idsOf(left))
		}
	})
}

func TestLoadIncident(t *testing.T) {
	each(t, func(w *world) {
		for _, number := range []string{"", "nothing", "a\x00b"} {
			_, err := w.db.LoadIncident(w.ctx(), number)
			w.is(err, incident.ErrNotFound)
		}
		i := w.incident(incident.Require, incident.All)
		i.Alone, i.Actor, i.Covered = true, "somebody", 7
		declared, err := w.db.DeclareIncident(w.ctx(), i, incident.Console{}, w.act("", ""))
		w.must(err)
		got, err := w.db.LoadIncident(w.ctx(), i.ID)
		w.must(err)
		if got != declared {
			t.Errorf("got  %+v\nwant %+v", got, declared)
		}
		if text := w.text(`SELECT notice FROM incident`); text == "" || len(text) < 100 {
			t.Errorf("the notice is %q", text)
		}
		w.tamper(`UPDATE incident SET notice = 'x'`)
		if _, err := w.db.LoadIncident(w.ctx(), i.ID); err == nil {
			t.Error("a changed notice opens")
		}
	})
}

func TestListIncidents(t *testing.T) {
	each(t, func(w *world) {
		first, second := w.declared(incident.Advise), w.declared(incident.Require)
		w.must(w.db.SaveDraft(w.ctx(), w.incident(incident.Require, incident.All)))
		page, err := w.db.ListIncidents(w.ctx(), "", 1)
		w.must(err)
		rest, err := w.db.ListIncidents(w.ctx(), page[0].ID, 5)
		w.must(err)
		if len(page) != 1 || page[0].ID != second.ID || len(rest) != 1 || rest[0].ID != first.ID {
			t.Errorf("%v, then %v", page, rest)
		}
	})
}

func TestIncidentSince(t *testing.T) {
	each(t, func(w *world) {
		ann := w.person("ann")
		is := func(want bool, when string) {
			t.Helper()
			got, err := w.db.IncidentSince(w.ctx(), w.now.Add(-time.Hour))
			if w.must(err); got != want {
				t.Errorf("%s: %v", when, got)
			}
		}
		is(false, "before any")
		w.must(w.db.RequireReset(w.ctx(), ann.ID, "", w.act(audit.ResetRequired, ann.ID)))
		w.declared(incident.Advise)
		is(false, "one account, and advice")
		list := w.declared(incident.Require, ann)
		is(true, "a list")
		w.withdrawn(list)
		is(false, "withdrawn")
		w.declared(incident.Require)
		is(true, "all")
		w.now = w.now.Add(time.Hour)
		is(false, "an hour later")
	})
}

func TestIncidentsCovering(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.person("ann"), w.person("bob")
		list, all := w.declared(incident.Require, ann), w.declared(incident.Advise)
		w.withdrawn(list)
		for a, want := range map[string][]string{ann.ID: {all.ID, list.ID}, bob.ID: {all.ID}, "": {all.ID}} {
			got, err := w.db.IncidentsCovering(w.ctx(), a, 20)
			w.must(err)
			var ids []string
			for _, i := range got {
				ids = append(ids, i.ID)
			}
			if !slices.Equal(ids, want) {
				t.Errorf("%q: %v, want %v", a, ids, want)
			}
		}
	})
}
