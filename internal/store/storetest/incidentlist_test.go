package storetest

import (
	"fmt"
	"slices"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/incident"
	"usher/internal/secret"
	"usher/internal/store"
)

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
