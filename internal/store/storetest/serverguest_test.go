package storetest

import (
	"errors"
	"testing"
	"time"
	"usher/internal/ratelimit"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/id"
	"usher/internal/server"
	"usher/internal/store"
)

// admits puts somebody on the list of a server and returns the line.
func (w *world) admits(s server.Server, typed string) server.Guest {
	w.Helper()
	return w.admitsAs(s, typed, server.Terms{Role: server.Friend})
}

// admitsAs is admits on some terms.
func (w *world) admitsAs(s server.Server, typed string, on server.Terms) server.Guest {
	w.Helper()
	g := server.Guest{ID: id.New(w.now), Label: typed, Handle: account.LoginHandle(typed), Terms: on, AddedAt: w.now, InvitedAt: w.now}
	w.must(w.db.AdmitGuest(w.ctx(), s.AccountID, s.ID, g, w.act(audit.GuestAdmitted, s.AccountID)))
	return g
}

// group fails the test unless an account is that to a server.
func (w *world) group(s server.Server, a account.Account, want server.Group) {
	w.Helper()
	if got, err := w.db.FindGroup(w.ctx(), s.ID, a, w.now); err != nil || got != want {
		w.Errorf("%s is %q there: %v, want %q", a.UserName, got, err, want)
	}
}

func TestAdmitGuest(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		g := w.admits(s, "Bert@Example.org")
		w.all(func(db *store.DB, _ int) error { // once, whatever happens at the same time
			return db.AdmitGuest(w.ctx(), a.ID, s.ID, server.Guest{ID: id.New(w.now), Label: "bert@example.org", Handle: g.Handle, Terms: g.Terms, AddedAt: w.now, InvitedAt: w.now}, w.act(audit.GuestAdmitted, a.ID))
		})
		w.count(1, "server_access")
		w.recorded(audit.GuestAdmitted, 1+racers)
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
		w.must(w.come(s, other))
		all, err := w.db.ListGuests(w.ctx(), a.ID, s.ID)
		g.Handle, g.Came = account.Handle{}, server.Came{AccountID: other.ID, UserName: "bert"}
		if err != nil || len(all) != 1 || all[0] != g {
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
		w.must(w.come(s, other))
		w.tells(a, audit.GuestCame, other, map[string]string{audit.Device: s.Name, audit.Guest: "bert"}) // by the server's own page, too
		in, _ := w.signedIn(other)
		n, _ := w.granted(credential.Access, in, s.ID)
		w.is(w.db.DismissGuest(w.ctx(), other.ID, s.ID, g.ID, audit.Act{At: w.now}), server.ErrNotFound)
		w.race(server.ErrNotFound, func(db *store.DB, _ int) error {
			return db.DismissGuest(w.ctx(), a.ID, s.ID, g.ID, w.act(audit.GuestDismissed, a.ID))
		})
		w.recorded(audit.GuestDismissed, 1)
		w.tells(other, audit.ServerTakenAway, a, map[string]string{audit.Device: s.Name})
		w.group(s, other, server.Nobody)
		w.must(w.db.DismissGuest(w.ctx(), a.ID, s.ID, w.admits(s, "bert").ID, w.act(audit.GuestDismissed, a.ID)))
		w.recorded(audit.ServerTakenAway, 1) // who never came is told nothing
		w.is(w.resolve(credential.Access, n.Family), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, in.Token))
	})
}

// Who came by two lines goes by either: nothing of them stays that lets them in. Lines of others, and one by which they have not come, stay.
func TestDismissGuestWithEveryLine(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s, beside := w.claimed(a, "one"), w.claimed(a, "beside")
		for _, on := range []server.Server{s, beside} {
			w.admits(on, "bert")
			w.admits(on, "carl")
			w.must(w.come(on, third))
		}
		w.must(w.come(beside, other))
		g := w.admits(s, "bert@example.org")
		w.must(w.come(s, other))
		waiting := w.admits(s, "dora")
		w.must(w.db.DismissGuest(w.ctx(), a.ID, s.ID, g.ID, w.act(audit.GuestDismissed, a.ID)))
		w.group(s, other, server.Nobody)
		w.group(s, third, server.Friend)
		w.group(beside, other, server.Friend)
		w.recorded(audit.ServerTakenAway, 1)
		w.count(1, "server_access WHERE id = $1", waiting.ID)
		w.count(2, "server_access WHERE server_id = $1", s.ID)
	})
}

// Nothing that is made at the moment of a dismissal stays: no code, no grant, no consent.
func TestNobodyComesInPastADismissal(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		in, _ := w.signedIn(other)
		handles, err := other.ProvedAddress()
		w.must(err)
		for round := range 24 {
			g := w.admits(s, "bert")
			w.tamper("DELETE FROM rate") // he may come as often as that
			first, second := w.answering(in, s.ID), w.answering(in, s.ID)
			first.Address, second.Address = handles, handles
			w.must(w.db.GrantCode(w.ctx(), first, w.act(audit.AppAllowed, other.ID)))
			n := w.newGrant(credential.Access, in, w.find(credential.AuthorizationCode, first.Code).Hash, s.ID)
			w.all(func(db *store.DB, i int) error {
				switch {
				case i == racers/2:
					return db.DismissGuest(w.ctx(), a.ID, s.ID, g.ID, w.act(audit.GuestDismissed, a.ID))
				case round%2 == 0:
					return db.GrantCode(w.ctx(), second, w.act(audit.AppAllowed, other.ID))
				}
				_, err := db.RedeemCode(w.ctx(), n, audit.Act{At: w.now}, w.act(audit.DevicesTrimmed, other.ID))
				return err
			}, store.ErrSpent)
			w.count(0, "credential WHERE subject = $1 AND kind <> 'authorization request'", s.ID)
			w.count(0, "consent WHERE client_id = $1", s.ID)
		}
	})
}

// A code turns into nothing once the line is gone by which it was given, whatever else was forgotten.
func TestCodesOfTheDismissedTurnIntoNothing(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.admits(s, "bert")
		in, _ := w.signedIn(other)
		answer := w.answering(in, s.ID)
		var err error
		answer.Address, err = other.ProvedAddress()
		w.must(err)
		w.must(w.db.GrantCode(w.ctx(), answer, w.act(audit.AppAllowed, other.ID)))
		n := w.newGrant(credential.Access, in, w.find(credential.AuthorizationCode, answer.Code).Hash, s.ID)
		w.tamper("DELETE FROM server_access")
		_, err = w.db.RedeemCode(w.ctx(), n, audit.Act{At: w.now}, w.act(audit.DevicesTrimmed, other.ID))
		w.is(err, store.ErrSpent)
	})
}

func TestFindGroup(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.group(s, a, server.Owner)
		w.group(s, other, server.Nobody)
		w.admits(s, "bert")
		w.group(s, other, server.Friend)
		w.count(1, "server_access WHERE account_id = ''") // asking changes nothing
		if got, err := w.db.FindGroup(w.ctx(), "gone", a, w.now); err != nil || got != server.Nobody {
			w.Errorf("%q at a server that is gone: %v", got, err)
		}
	})
}

// come lets somebody in at a server, by the page that asks.
func (w *world) come(s server.Server, a account.Account) error {
	w.Helper()
	in, _ := w.signedIn(a)
	answer := w.answering(in, s.ID)
	var err error
	answer.Address, err = a.ProvedAddress()
	w.must(err)
	return w.db.GrantCode(w.ctx(), answer, w.act(audit.AppAllowed, a.ID))
}

// A line on the list is the first one's who comes by it: a user name or an address may be another's later.
func TestLinesBelongToWhoCame(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s := w.claimed(a, "one")
		w.is(w.come(s, other), store.ErrSpent) // who is not on the list gets no code, whatever is pressed
		w.must(w.come(s, a))
		w.admits(s, "bert")
		w.must(w.come(s, other))
		w.must(w.db.SetUserName(w.ctx(), other.ID, "robert", w.name("robert"), audit.Act{At: w.now}))
		w.must(w.db.SetUserName(w.ctx(), third.ID, "bert", w.name("bert"), audit.Act{At: w.now}))
		third.UserName, other.UserName = "bert", "robert"
		w.group(s, third, server.Nobody)
		w.is(w.come(s, third), store.ErrSpent)
		w.group(s, other, server.Friend)
		w.must(w.come(s, other))

		w.admits(s, "fresh@example.org")
		var answers []grant.Approval
		for _, name := range []string{"dora", "emil"} {
			in, _ := w.signedIn(w.person(name))
			answer := w.answering(in, s.ID)
			answer.Address = []account.Handle{account.LoginHandle("fresh@example.org")}
			answers = append(answers, answer)
		}
		won := 0
		for _, err := range w.parallel(len(answers), func(db *store.DB, i int) error { return db.GrantCode(w.ctx(), answers[i], audit.Act{At: w.now}) }) {
			if err == nil {
				won++
			} else {
				w.is(err, store.ErrSpent)
			}
		}
		if won != 1 {
			w.Errorf("%d came by one line at once", won)
		}
	})
}

// A line with a user name is for the account that has the name when it is written, under whatever name it comes, and for nobody who takes the name later:
// neither from nobody, nor from somebody who was renamed or erased. Written once more, it counts for whoever has the name by then.
func TestUserNamesAreMeantForWhoHasThem(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s := w.claimed(a, "one")
		called := func(who *account.Account, name string) {
			w.Helper()
			w.must(w.db.SetUserName(w.ctx(), who.ID, name, w.name(name), audit.Act{At: w.now}))
			who.UserName = name
		}
		w.admits(s, "bert")
		w.admits(s, "nobody")
		called(&other, "robert")
		called(&third, "bert")
		w.group(s, third, server.Nobody)
		called(&third, "nobody")
		w.group(s, third, server.Nobody)
		w.is(w.come(s, third), store.ErrSpent)
		w.group(s, other, server.Friend)
		w.must(w.come(s, other))
		w.count(1, "server_access WHERE account_id = $1", other.ID)

		w.admits(s, "nobody")
		w.count(2, "server_access")
		w.recorded(audit.GuestAdmitted, 3)
		w.group(s, third, server.Friend)
		w.admits(s, "bert") // whoever has come by it keeps it
		called(&third, "bert")
		w.must(w.come(s, third))
		w.count(1, "server_access WHERE account_id = $1", third.ID)
		w.admits(s, "dora")
		w.group(s, w.person("dora"), server.Nobody)
	})
}

// An address that only an operator has named is nobody's on a list, nor is the server in what its players are told.
func TestUnconfirmedAddressesCountOnNoList(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.admits(s, other.Email)
		other.EmailProved = false
		w.group(s, other, server.Nobody)
		w.is(w.come(s, other), store.ErrSpent)
		if all, err := w.db.ListShared(w.ctx(), other.ID, w.now); err != nil || len(all) != 0 {
			w.Errorf("%+v %v", all, err)
		}
		w.count(1, "server_access WHERE account_id = ''")
		other.EmailProved = true
		w.must(w.come(s, other))
	})
}

// What a token made for a server is judged by: what it was made from, the server, and its list.
func TestFindVisit(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		app, theirs := w.named(a, device.App, "app"), w.named(other, device.App, "theirs")
		w.openSignIn(app)
		w.openSignIn(theirs)
		visit := func(parent string, want server.Group) {
			w.Helper()
			v, err := w.db.FindVisit(w.ctx(), s.ID, parent, w.now)
			if want == server.Nobody {
				w.is(err, credential.ErrUnknown)
			} else if err != nil || v.Group != want || v.Parent.Hash != parent || v.Person.ID != v.Parent.AccountID || v.Person.Email == "" || v.Held.ID != s.ID || v.Held.Name != s.Name || v.Held.Standing(w.now).State != server.Good {
				w.Errorf("%+v %v", v, err)
			}
		}
		mine, hash := w.find(credential.App, app.Token).Hash, w.find(credential.App, theirs.Token).Hash
		visit(mine, server.Owner)
		visit(hash, server.Nobody)
		g := w.admits(s, "bert")
		visit(hash, server.Nobody) // who was never there is not told of, and has nothing to show
		w.must(w.come(s, other))
		visit(hash, server.Friend)
		in, _ := w.signedIn(other)
		visit(w.find(credential.Browser, in.Token).Hash, server.Nobody) // no token is made from it
		w.client("jellyfin")
		n, f := w.granted(credential.Refresh, in, "jellyfin")
		visit(f.Hash, server.Friend)
		w.must(w.db.RemoveClient(w.ctx(), "jellyfin", audit.Act{At: w.now}))
		visit(f.Hash, server.Nobody)
		w.is(w.resolve(credential.Refresh, n.Family), credential.ErrUnknown)
		w.must(w.db.DismissGuest(w.ctx(), a.ID, s.ID, g.ID, audit.Act{At: w.now}))
		visit(hash, server.Nobody)
		w.must(w.db.UnclaimServer(w.ctx(), a.ID, s.ID, audit.Act{At: w.now}))
		visit(mine, server.Nobody)
	})
}

// Who takes back what was agreed to is as unknown to the server as before.
func TestRevokedConsentFreesTheLine(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.admits(s, "bert")
		w.must(w.come(s, other))
		w.must(w.db.RevokeConsent(w.ctx(), other.ID, s.ID, audit.Act{At: w.now}))
		if all, err := w.db.ListShared(w.ctx(), other.ID, w.now); err != nil || len(all) != 0 {
			w.Errorf("%+v %v", all, err)
		}
		w.group(s, other, server.Friend)
	})
}

// Who came by a name or an address stays what they are when it is somebody else's, whom the owner invites by it.
func TestInvitingAnotherOfTheSameName(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s := w.claimed(a, "one")
		w.admitsAs(s, "bert", server.Terms{Role: server.Friend, EndsAt: w.now.Add(time.Hour)})
		w.must(w.come(s, other))
		w.must(w.db.SetUserName(w.ctx(), other.ID, "robert", w.name("robert"), audit.Act{At: w.now}))
		w.must(w.db.SetUserName(w.ctx(), third.ID, "bert", w.name("bert"), audit.Act{At: w.now}))
		third.UserName, other.UserName = "bert", "robert"
		w.admitsAs(s, "bert", server.Terms{Role: server.Household})
		w.group(s, other, server.Friend)
		w.group(s, third, server.Household)
		w.must(w.come(s, third))
		w.admitsAs(s, "bert", server.Terms{Role: server.Friend}) // their own line, once more
		w.group(s, third, server.Friend)
		w.count(2, "server_access")
	})
}

// What an invitation counts against is counted where it is written, and nowhere else.
func TestInvitationsCountWhereTheyAreWritten(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s := w.claimed(a, "one")
		for i := range server.MostGuests {
			w.admits(s, label(i))
		}
		mails := ratelimit.InvitationMails.For("bert@example.org")
		g := server.Guest{ID: id.New(w.now), Label: "bert", Handle: account.LoginHandle("bert"), Terms: server.Terms{Role: server.Friend}, AddedAt: w.now, InvitedAt: w.now}
		act := w.act(audit.GuestAdmitted, a.ID).Counting(mails)
		for range 2 * ratelimit.InvitationMails.Limit {
			w.is(w.db.AdmitGuest(w.ctx(), a.ID, s.ID, g, act), server.ErrTooMany)
		}
		w.tamper("DELETE FROM server_access")
		for range ratelimit.InvitationMails.Limit {
			w.must(w.db.AdmitGuest(w.ctx(), a.ID, s.ID, g, act))
		}
		w.tamper("DELETE FROM server_access")
		if err := w.db.AdmitGuest(w.ctx(), a.ID, s.ID, g, act); !errors.As(err, new(*ratelimit.LimitedError)) {
			w.Error(err)
		}
		w.count(0, "server_access")
	})
}
