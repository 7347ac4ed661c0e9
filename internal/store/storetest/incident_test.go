package storetest

import (
	"fmt"
	"io"
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

func TestListIncident(t *testing.T) {
	each(t, func(w *world) {
		ann, bob, cy := w.person("ann"), w.person("bob"), w.person("cyd")
		in, _ := w.signedIn(ann)
		others, _ := w.signedIn(cy)
		i, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.List), incident.Console{}, w.act("", ""))
		w.must(err)
		if w.required(ann) {
			t.Error("covered before it was listed")
		}
		for range 2 { // again changes nothing: each account steps once
			w.must(w.db.ListIncident(w.ctx(), i.ID, []string{ann.ID, bob.ID, "gone"}))
		}
		if got := w.load(ann); got.Incident != i.Epoch || got.Epoch != ann.Epoch+1 || !w.required(bob) || w.required(cy) {
			t.Errorf("%+v", got.Standing)
		}
		w.is(w.resolve(credential.Browser, in.Token), credential.ErrEnded)
		w.must(w.resolve(credential.Browser, others.Token))
		w.count(2, "incident_account")
		_, err = w.db.OpenIncident(w.ctx(), i.ID)
		w.must(err)
		w.is(w.db.ListIncident(w.ctx(), i.ID, []string{cy.ID}), store.ErrSpent)

		w.declared(incident.Advise, cy)
		if got := w.load(cy); got.Incident != 0 || got.Epoch != cy.Epoch {
			t.Error("advice has touched an account")
		}
		w.must(w.resolve(credential.Browser, others.Token))
	})
}

// A list of a million takes a while. Passwords that are set while it is being written do not get around it, and what they replace does not come
// back.
func TestPasswordsOfAListing(t *testing.T) {
	listing := func(w *world) incident.Incident {
		i, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.List), incident.Console{}, w.act("", ""))
		w.must(err)
		return i
	}
	change := func(w *world, a account.Account, p credential.PasswordChange) error {
		_, hash := w.signedIn(a)
		return w.db.ChangePassword(w.ctx(), p, hash, secret.NewToken(), audit.Act{At: w.now})
	}
	t.Run("before it is covered", func(t *testing.T) {
		each(t, func(w *world) {
			ann := w.person("ann")
			i := listing(w)
			p := w.newPassword(ann, "the thief's")
			p.Old = "the stolen one"
			w.must(change(w, ann, p))
			w.must(w.db.ListIncident(w.ctx(), i.ID, []string{ann.ID}))
			_, err := w.db.OpenIncident(w.ctx(), i.ID)
			w.must(err)
			if !w.required(ann) {
				t.Error("a password set between the declaration and the covering counts")
			}
			_, link := w.link(credential.Reset, ann)
			p = w.newPassword(ann, "the owner's")
			p.Old = "the thief's"
			w.must(w.db.RedeemReset(w.ctx(), link, p, audit.Act{At: w.now}))
			if w.required(ann) {
				t.Error("the owner cannot get back")
			}
			voided, err := w.db.VoidedPasswords(w.ctx(), ann.ID)
			if w.must(err); !slices.Contains(voided, "the stolen one") || !slices.Contains(voided, "the thief's") {
				t.Errorf("%q are voided", voided)
			}
		})
	})
	t.Run("in flight", func(t *testing.T) {
		each(t, func(w *world) {
			ann, bob := w.person("ann"), w.person("bob")
			i := listing(w)
			_, link := w.link(credential.Reset, bob)
			anns, bobs := w.newPassword(ann, "the thief's"), w.newPassword(bob, "the thief's") // the hashes take their time
			w.must(w.db.ListIncident(w.ctx(), i.ID, []string{ann.ID, bob.ID}))
			w.is(change(w, ann, anns), store.ErrSpent)
			w.is(w.db.RedeemResetEverywhere(w.ctx(), link, bobs, audit.Act{At: w.now}), store.ErrSpent)
		})
	})
	t.Run("after a newer one for all", func(t *testing.T) {
		each(t, func(w *world) {
			ann := w.person("ann")
			i := listing(w) // and stopped halfway
			w.declared(incident.Require)
			_, link := w.link(credential.Reset, ann)
			w.must(w.db.RedeemReset(w.ctx(), link, w.newPassword(ann, "the owner's"), audit.Act{At: w.now}))
			w.must(w.db.ListIncident(w.ctx(), i.ID, []string{ann.ID}))
			if w.required(ann) {
				t.Error("what was done for the newer one is asked again")
			}
		})
	})
}

func TestOpenIncident(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.person("ann"), w.person("bob")
		i := w.declared(incident.Require, ann, bob)
		if i.State != incident.Open || i.Covered != 2 {
			t.Errorf("%+v", i)
		}
		_, err := w.db.OpenIncident(w.ctx(), i.ID)
		w.is(err, store.ErrSpent)
	})
}

func (w *world) withdrawn(i incident.Incident) {
	w.Helper()
	w.must(w.db.WithdrawIncident(w.ctx(), i.ID, i.State, w.act("", "")))
	last, err := w.db.UnlistIncident(w.ctx(), i.ID, "")
	w.must(err)
	if last == "" {
		w.Error("nobody was let go of")
	}
	last, err = w.db.UnlistIncident(w.ctx(), i.ID, last)
	w.must(err)
	if last != "" {
		w.Errorf("it goes on after the last, at %q", last)
	}
}

// Letting go of a list leaves what else covers an account: another list, or a new password that was required of it alone.
func TestUnlistIncident(t *testing.T) {
	each(t, func(w *world) {
		ann, bob := w.person("ann"), w.person("bob")
		w.must(w.db.RequireReset(w.ctx(), bob.ID, "", w.act("", bob.ID)))
		alone := w.load(bob).Incident
		first := w.declared(incident.Require, ann, bob)
		w.declared(incident.Advise, ann, bob)
		second := w.declared(incident.Require, ann, bob)
		_, err := w.db.UnlistIncident(w.ctx(), second.ID, "")
		w.is(err, store.ErrSpent) // it holds
		stepped := w.load(ann).Epoch
		w.withdrawn(first) // an older one: nothing changes
		if w.load(ann).Incident != second.Epoch || w.load(bob).Incident != second.Epoch {
			t.Error("withdrawing the older one has let go of the newer")
		}
		w.withdrawn(second)
		if got := w.load(ann); got.Incident != 0 || got.Epoch != stepped {
			t.Errorf("ann is at %+v", got.Standing)
		}
		if got := w.load(bob); got.Incident != alone || !w.required(bob) {
			t.Errorf("bob is at %d, want %d", got.Incident, alone)
		}
		third, fourth := w.declared(incident.Require, ann), w.declared(incident.Require, ann)
		w.withdrawn(fourth)
		if got := w.load(ann); got.Incident != third.Epoch {
			t.Errorf("ann is at %d, want %d", got.Incident, third.Epoch)
		}
	})
}

func TestListedAccounts(t *testing.T) {
	each(t, func(w *world) {
		people := idsOf([]account.Account{w.person("ann"), w.person("bob"), w.person("cyd")})
		i, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.List), incident.Console{}, w.act("", ""))
		w.must(err)
		w.must(w.db.ListIncident(w.ctx(), i.ID, people))
		slices.Sort(people)
		first, err := w.db.ListedAccounts(w.ctx(), i.ID, "", 2)
		w.must(err)
		rest, err := w.db.ListedAccounts(w.ctx(), i.ID, first[1], 2)
		w.must(err)
		if !slices.Equal(slices.Concat(first, rest), people) {
			t.Errorf("%v, then %v", first, rest)
		}
	})
}

func TestResolveHandles(t *testing.T) {
	each(t, func(w *world) {
		ann := w.person("ann")
		var handles []account.Handle
		for n := range 1300 { // more than one statement's worth
			handles = append(handles, w.mail(fmt.Sprintf("nobody%d@example.org", n)))
		}
		handles[7], handles[1299] = w.name("ann"), w.mail("ANN@example.org")
		for turn := range 2 {
			ids, err := w.db.ResolveHandles(w.ctx(), handles)
			w.must(err)
			for n, one := range ids {
				if want := map[bool]string{true: ann.ID}[n == 7 || n == 1299]; one != want {
					t.Fatalf("handle %d is of %q, want %q", n, one, want)
				}
			}
			if turn > 0 {
				break
			}
			next, err := w.keys.Ring().BeginRotation() // the same under two index keys
			w.must(err)
			w.must(w.keys.Replace(next))
		}
		none, err := w.db.ResolveHandles(w.ctx(), nil)
		w.must(err)
		if len(none) != 0 {
			t.Errorf("%v", none)
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

func TestCountAdmins(t *testing.T) {
	each(t, func(w *world) {
		ann, root := w.person("ann"), w.person("root")
		w.must(w.db.GrantAdmin(w.ctx(), root.ID, w.act("", root.ID)))
		for _, test := range []struct {
			of   []string
			want int64
		}{{[]string{ann.ID, root.ID}, 1}, {[]string{ann.ID}, 0}, {nil, 0}} {
			n, err := w.db.CountAdmins(w.ctx(), test.of)
			w.must(err)
			if n != test.want {
				t.Errorf("%d of %v", n, test.of)
			}
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

func TestSaveDraft(t *testing.T) {
	each(t, func(w *world) {
		i := w.incident(incident.Require, incident.List)
		i.Actor, i.Names = "root", "ann@example.org"
		w.must(w.db.SaveDraft(w.ctx(), i))
		i.Names, i.Action = "bob@example.org", incident.Advise
		w.must(w.db.SaveDraft(w.ctx(), i))
		got, err := w.db.LoadDraft(w.ctx(), "root", i.ID)
		w.must(err)
		if got.Names != i.Names || got.Action != i.Action || got.State != incident.Drafted || got.Notice != i.Notice {
			t.Errorf("%+v", got)
		}
		other := i
		other.Actor = "somebody else"
		w.is(w.db.SaveDraft(w.ctx(), other), store.ErrSpent)
		i.Names = ""
		_, err = w.db.DeclareIncident(w.ctx(), i, incident.Console{}, w.act("", "")) // takes the draft's place
		w.must(err)
		w.is(w.db.SaveDraft(w.ctx(), i), store.ErrSpent)
		w.count(1, "incident")
	})
}

func TestLoadDraft(t *testing.T) {
	each(t, func(w *world) {
		i := w.incident(incident.Require, incident.All)
		w.must(w.db.SaveDraft(w.ctx(), i))
		_, err := w.db.LoadDraft(w.ctx(), audit.CLI, i.ID)
		w.must(err)
		_, err = w.db.LoadDraft(w.ctx(), "somebody else", i.ID)
		w.is(err, incident.ErrNotFound)
		_, err = w.db.LoadIncident(w.ctx(), i.ID)
		w.is(err, incident.ErrNotFound)
	})
}

func TestListDrafts(t *testing.T) {
	each(t, func(w *world) {
		i := w.incident(incident.Require, incident.All)
		w.must(w.db.SaveDraft(w.ctx(), i))
		w.declared(incident.Require)
		for actor, want := range map[string]int{audit.CLI: 1, "somebody else": 0} {
			some, err := w.db.ListDrafts(w.ctx(), actor)
			w.must(err)
			if len(some) != want {
				t.Errorf("%d drafts of %s", len(some), actor)
			}
		}
	})
}

func TestDropDraft(t *testing.T) {
	each(t, func(w *world) {
		i := w.incident(incident.Require, incident.All)
		w.must(w.db.SaveDraft(w.ctx(), i))
		w.declared(incident.Require)
		w.must(w.db.DropDraft(w.ctx(), "somebody else", i.ID))
		w.must(w.db.DropDraft(w.ctx(), "a\x00b", i.ID))
		w.count(2, "incident")
		for range 2 {
			w.must(w.db.DropDraft(w.ctx(), audit.CLI, i.ID))
		}
		w.count(1, "incident")
	})
}
