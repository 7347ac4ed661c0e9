package storetest

import (
	"slices"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/household"
	"usher/internal/server"
)

// opens opens a server to its owner's Home.
func (w *world) opens(s server.Server, with household.Sharing, members ...household.Member) error {
	w.Helper()
	to := household.Shared{With: with}
	for _, m := range members {
		to.Members = append(to.Members, m.ID)
	}
	return w.db.OpenToHome(w.ctx(), s.AccountID, s.ID, to, w.quietly())
}

func TestOpenToHome(t *testing.T) {
	each(t, func(w *world) {
		h := w.house("")
		s, barts := w.claimed(h.anna, "one"), w.claimed(h.bert, "bert's")
		w.stream(s.ID)
		mia := account.Account{Standing: account.Standing{ID: h.mia.AccountID}}
		groups := func(to server.Server, anna, bert, carl, kid server.Group) {
			w.Helper()
			for who, want := range map[account.Account]server.Group{h.anna: anna, h.bert: bert, h.carl: carl, mia: kid, h.dora: server.Nobody} {
				w.group(to, who, want)
			}
		}
		const owner, house, nobody = server.Owner, server.Household, server.Nobody
		groups(s, owner, nobody, nobody, nobody)
		w.must(w.opens(s, household.WithAll))
		w.told(s.ID, "came-in", "came-in", "came-in")
		groups(s, owner, house, house, house)
		w.must(w.opens(barts, household.WithChosen, h.mia, w.member(h.anna.ID)))
		groups(barts, house, owner, nobody, house)
		// Those who come later are let in where everybody is, and who leaves is let in no more, nowhere.
		emil := w.person("emil")
		w.joins(h.anna, emil)
		w.group(s, emil, house)
		w.group(barts, emil, nobody)
		w.must(w.db.LeaveHome(w.ctx(), emil.ID, w.quietly(), w.quietly()))
		w.group(s, emil, nobody)
		w.must(w.db.RemoveMember(w.ctx(), h.anna.ID, h.mia.ID, w.quietly(), audit.Act{}))
		groups(s, owner, house, house, nobody)
		groups(barts, house, owner, nobody, nobody)
		w.must(w.db.LeaveHome(w.ctx(), h.bert.ID, w.quietly(), w.quietly()))
		groups(s, owner, nobody, house, nobody)
		groups(barts, nobody, owner, nobody, nobody)
		w.count(0, "server_access WHERE server_id = $1", barts.ID)
		// Whoever is a guest besides stays one.
		w.admits(s, "carl")
		w.must(w.come(s, h.carl))
		w.group(s, h.carl, house)
		w.must(w.opens(s, household.WithNobody))
		w.group(s, h.carl, server.Friend)
		w.is(w.opens(barts, household.WithAll), household.ErrNone)
		w.is(w.opens(s, household.WithChosen, household.Member{ID: "x"}), household.ErrNotFound)
		w.is(w.opens(server.Server{ID: "gone", AccountID: h.anna.ID}, household.WithAll), server.ErrNotFound)
		w.is(w.opens(server.Server{ID: barts.ID, AccountID: h.anna.ID}, household.WithAll), server.ErrNotFound)
	})
}

func TestFindSharing(t *testing.T) {
	each(t, func(w *world) {
		h := w.house("")
		s := w.claimed(h.anna, "one")
		is := func(with household.Sharing, members ...string) {
			w.Helper()
			got, err := w.db.FindSharing(w.ctx(), h.anna.ID, s.ID)
			w.must(err)
			slices.Sort(members)
			if got.With != with || !slices.Equal(got.Members, members) {
				w.Errorf("%+v", got)
			}
		}
		is(household.WithNobody)
		w.must(w.opens(s, household.WithChosen, h.mia))
		is(household.WithChosen, h.mia.ID)
		w.must(w.opens(s, household.WithAll))
		is(household.WithAll, h.mia.ID, w.member(h.bert.ID).ID, w.member(h.carl.ID).ID)
		_, err := w.db.FindSharing(w.ctx(), h.bert.ID, s.ID)
		w.is(err, server.ErrNotFound)
	})
}

// A managed member is let in at a server under the name that its owner gave it, and while its owner's account stands.
func TestManagedMembersAtServers(t *testing.T) {
	each(t, func(w *world) {
		h := w.house("")
		s := w.claimed(h.bert, "one")
		w.must(w.opens(s, household.WithAll))
		people := func(want ...string) {
			w.Helper()
			all, err := w.db.ListPeople(w.ctx(), s.ID, w.now)
			w.must(err)
			var names []string
			for _, p := range all {
				names = append(names, p.Name+" "+string(p.Group))
			}
			slices.Sort(names)
			if !slices.Equal(names, want) {
				w.Errorf("%q, want %q", names, want)
			}
		}
		people("Mia household", "The anna household", "The bert owner", "The carl household")
		token := w.switched(h.at, h.mia).Token
		v, err := w.db.FindVisit(w.ctx(), s.ID, w.find(credential.Switched, token).Hash, w.now)
		w.must(err)
		if v.Person.Name != "Mia" || v.Group != server.Household || len(v.Agreed) != 2 || credential.Judge(v.Parent, w.now) != nil {
			t.Errorf("%+v", v)
		}
		w.must(w.db.SetState(w.ctx(), h.anna.ID, account.Active, account.Locked, w.now, w.quietly()))
		people("The bert owner", "The carl household")
	})
}
