package storetest

import (
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/server"
	"usher/internal/store"
)

// admits puts somebody on the list of a server and returns the line.
func (w *world) admits(s server.Server, typed string) server.Guest {
	w.Helper()
	g := server.Guest{ID: id.New(w.now), Label: typed, Handle: account.LoginHandle(typed), AddedAt: w.now}
	w.must(w.db.AdmitGuest(w.ctx(), s.AccountID, s.ID, g, w.act(audit.GuestAdmitted, s.AccountID)))
	return g
}

// group fails the test unless an account is that to a server.
func (w *world) group(s server.Server, a account.Account, want server.Group) {
	w.Helper()
	if got, err := w.db.FindGroup(w.ctx(), s.ID, a); err != nil || got != want {
		w.Errorf("%s is %q there: %v, want %q", a.UserName, got, err, want)
	}
}

func TestAdmitGuest(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		g := w.admits(s, "Bert@Example.org")
		w.all(func(db *store.DB, _ int) error { // once, whatever happens at the same time
			g.ID = id.New(w.now)
			return db.AdmitGuest(w.ctx(), a.ID, s.ID, server.Guest{ID: id.New(w.now), Label: "bert@example.org", Handle: g.Handle, AddedAt: w.now}, w.act(audit.GuestAdmitted, a.ID))
		})
		w.count(1, "server_access")
		w.recorded(audit.GuestAdmitted, 1)
		w.is(w.db.AdmitGuest(w.ctx(), other.ID, s.ID, g, audit.Act{At: w.now}), server.ErrNotFound)
		w.admits(s, "nobody.has.this@example.org") // it cannot be told from one that somebody has
		for i := range server.MostGuests - 2 {
			w.admits(s, label(i))
		}
		g.ID, g.Handle = id.New(w.now), account.LoginHandle("one.more")
		w.is(w.db.AdmitGuest(w.ctx(), a.ID, s.ID, g, audit.Act{At: w.now}), server.ErrTooMany)
	})
}

func TestListGuests(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		g := w.admits(s, "Bert@Example.org")
		w.group(s, other, server.Friend)
		all, err := w.db.ListGuests(w.ctx(), a.ID, s.ID)
		if err != nil || len(all) != 1 || all[0] != (server.Guest{ID: g.ID, Label: g.Label, AddedAt: g.AddedAt}) {
			w.Errorf("%+v %v", all, err)
		}
		_, err = w.db.ListGuests(w.ctx(), other.ID, s.ID)
		w.is(err, server.ErrNotFound)
	})
}

func TestDismissGuest(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		g := w.admits(s, "bert")
		w.group(s, other, server.Friend)
		in, _ := w.signedIn(other)
		n, _ := w.granted(credential.Access, in, s.ID)
		w.is(w.db.DismissGuest(w.ctx(), other.ID, s.ID, g.ID, audit.Act{At: w.now}), server.ErrNotFound)
		w.race(server.ErrNotFound, func(db *store.DB, _ int) error {
			return db.DismissGuest(w.ctx(), a.ID, s.ID, g.ID, w.act(audit.GuestDismissed, a.ID))
		})
		w.recorded(audit.GuestDismissed, 1)
		w.group(s, other, server.Nobody)
		w.is(w.resolve(credential.Access, n.Family), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, in.Token))
	})
}

// A line on the list is the first one's who came by it: a user name or an address may be another's later.
func TestFindGroup(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s := w.claimed(a, "one")
		w.group(s, a, server.Owner)
		w.group(s, other, server.Nobody)
		w.admits(s, "bert")
		w.group(s, other, server.Friend)
		w.must(w.db.SetUserName(w.ctx(), other.ID, "robert", w.name("robert"), audit.Act{At: w.now}))
		w.must(w.db.SetUserName(w.ctx(), third.ID, "bert", w.name("bert"), audit.Act{At: w.now}))
		third.UserName, other.UserName = "bert", "robert"
		w.group(s, third, server.Nobody)
		w.group(s, other, server.Friend)
		if got, err := w.db.FindGroup(w.ctx(), "gone", a); err != nil || got != server.Nobody {
			w.Errorf("%q at a server that is gone: %v", got, err)
		}

		// Two accounts that come by one line at once: it is one's.
		w.admits(s, "fresh")
		come := []account.Account{w.person("dora"), w.person("emil")}
		come[0].UserName, come[1].UserName = "fresh", "fresh"
		groups := make([]server.Group, len(come))
		for _, err := range w.parallel(len(come), func(db *store.DB, i int) (err error) {
			groups[i], err = db.FindGroup(w.ctx(), s.ID, come[i])
			return err
		}) {
			w.must(err)
		}
		if (groups[0] == server.Friend) == (groups[1] == server.Friend) {
			w.Errorf("they are %q", groups)
		}
	})
}

// Who takes back what was agreed to is as unknown to the server as before.
func TestRevokedConsentFreesTheLine(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.admits(s, "bert")
		w.group(s, other, server.Friend)
		w.tamper("INSERT INTO consent (account_id, client_id, scopes, granted_at) VALUES ($1, $2, 'openid', 1)", other.ID, s.ID)
		w.must(w.db.RevokeConsent(w.ctx(), other.ID, s.ID, audit.Act{At: w.now}))
		if all, err := w.db.ListServersFor(w.ctx(), other.ID); err != nil || len(all) != 0 {
			w.Errorf("%+v %v", all, err)
		}
		w.group(s, other, server.Friend)
	})
}
