package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/server"
	"usher/internal/store"
)

// seen is when whoever came in by a line was there last.
func (w *world) seen(s server.Server, line server.Guest) time.Time {
	w.Helper()
	all, err := w.db.ListGuests(w.ctx(), s.AccountID, s.ID)
	w.must(err)
	for _, g := range all {
		if g.ID == line.ID {
			return g.Came.SeenAt
		}
	}
	w.Fatal("there is no such line")
	return time.Time{}
}

func TestNoteVisits(t *testing.T) {
	each(t, func(w *world) {
		a, bert, carl := w.person("anna"), w.person("bert"), w.person("carl")
		s, other := w.claimed(a, "one"), w.claimed(a, "other")
		came, waits, elsewhere := w.admits(s, "bert"), w.admits(s, "carl"), w.admits(other, "bert")
		w.must(w.come(s, bert))
		w.must(w.come(other, bert))
		notes := func(at time.Time) {
			w.Helper()
			w.must(w.db.NoteVisits(w.ctx(), s.ID, map[string]time.Time{a.ID: at, bert.ID: at, carl.ID: at, "no such account": at, "": at}))
		}
		is := func(want time.Time) {
			w.Helper()
			if got := w.seen(s, came); !got.Equal(want) {
				w.Errorf("seen at %v, want %v", got, want)
			}
			w.count(1, "server_access WHERE seen_at <> 0")
			if !w.seen(s, waits).IsZero() || !w.seen(other, elsewhere).IsZero() {
				w.Error("another line says so, too")
			}
		}
		notes(w.now.Add(-time.Hour)) // its clock is slow: nobody was there before they came in
		is(w.now)
		notes(w.now.Add(server.ThereEvery - time.Millisecond))
		is(w.now)
		notes(w.now.Add(server.ThereEvery))
		is(w.now.Add(server.ThereEvery))
		notes(w.now)
		is(w.now.Add(server.ThereEvery))
		w.all(func(db *store.DB, i int) error {
			return db.NoteVisits(w.ctx(), s.ID, map[string]time.Time{bert.ID: w.now.Add(time.Duration(i+2) * server.ThereEvery)})
		})
		is(w.now.Add((racers + 1) * server.ThereEvery))
		w.must(w.db.RevokeConsent(w.ctx(), bert.ID, s.ID, w.act(audit.AppRemoved, bert.ID)))
		w.count(0, "server_access WHERE seen_at <> 0") // to the owner it is as if nobody had come
		notes(w.now.Add(100 * server.ThereEvery))
		w.count(0, "server_access WHERE seen_at <> 0")
	})
}

func TestListPeople(t *testing.T) {
	each(t, func(w *world) {
		a, bert, carl, dora := w.person("anna"), w.person("bert"), w.person("carl"), w.person("dora")
		s := w.claimed(a, "one")
		summer := server.Terms{Role: server.Household, EndsAt: w.now.Add(time.Hour)}
		w.admitsAs(s, "bert", summer)
		w.admits(s, "bert@example.org")
		w.admits(s, "carl")
		w.admits(s, "dora")
		w.must(w.come(s, bert))
		w.must(w.come(s, carl))
		are := func(want ...server.Person) []server.Person {
			w.Helper()
			all, err := w.db.ListPeople(w.ctx(), s.ID, w.now)
			w.must(err)
			same := func(p, q server.Person) bool {
				return p.ID == q.ID && p.UserName == q.UserName && p.Email == q.Email && p.Name == q.Name && p.Group == q.Group && p.EndsAt.Equal(q.EndsAt) && p.Here == q.Here
			}
			slices.SortFunc(all, func(p, q server.Person) int { return cmp.Compare(p.UserName, q.UserName) })
			if !slices.EqualFunc(all, want, same) {
				w.Errorf("%+v\nwant %+v", all, want)
			}
			return all
		}
		owner, household, guest := server.Person{Account: a, Group: server.Owner}, server.Person{Account: bert, Group: server.Household, EndsAt: summer.EndsAt}, server.Person{Account: carl, Group: server.Friend}
		all := are(owner, household, guest) // dora was invited, and has not come
		if agreed := all[1].Agreed; !slices.Contains(agreed, relyingparty.OpenID) || len(all[0].Agreed) > 0 {
			w.Errorf("%+v", all)
		}
		w.must(w.db.SetState(w.ctx(), carl.ID, account.Active, account.Locked, time.Time{}, w.act(audit.AccountLocked, carl.ID)))
		are(owner, household)
		w.now = summer.EndsAt
		household.Group, household.EndsAt = server.Friend, time.Time{} // the other line counts
		are(owner, household)
		in, _ := w.signedIn(a)
		w.granted(credential.Access, in, s.ID)
		owner.Here = true
		are(owner, household)
		w.must(w.come(s, dora))
		are(owner, household, server.Person{Account: dora, Group: server.Friend})
		if all, err := w.db.ListPeople(w.ctx(), "no such server", w.now); err != nil || len(all) > 0 {
			w.Errorf("%+v %v", all, err)
		}
	})
}
