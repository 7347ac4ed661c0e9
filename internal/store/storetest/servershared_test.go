package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
	"usher/internal/teststore"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/server"
	"usher/internal/store"
)

// shares fails the test unless an account may use another's server on these terms, or, where they are zero, not at all.
func (w *world) shares(s server.Server, a account.Account, want server.Terms) {
	w.Helper()
	one, err := w.db.FindShared(w.ctx(), a.ID, s.ID, w.now)
	all, listed := w.db.ListShared(w.ctx(), a.ID, w.now)
	w.must(listed)
	if want == (server.Terms{}) {
		w.is(err, server.ErrNotFound)
		if len(all) != 0 {
			w.Errorf("shared: %+v", all)
		}
		return
	}
	if err != nil || one.ID != s.ID || one.Owner != "anna" || one.Terms != want || one.Standing(w.now).State != server.Good {
		w.Errorf("%+v %v, want %+v", one, err, want)
	}
	if len(all) != 1 || all[0].ID != s.ID || all[0].Terms != want {
		w.Errorf("shared: %+v", all)
	}
}

func TestListShared(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.claimed(other, "its own is not shared with it")
		w.admits(s, "bert")
		w.shares(s, other, server.Terms{}) // who was never there is told of nothing
		w.must(w.come(s, other))
		w.shares(s, other, server.Terms{Role: server.Friend})
		w.shares(s, a, server.Terms{})
		if all, err := w.db.ListShared(w.ctx(), "", w.now); err != nil || len(all) != 0 {
			w.Errorf("nobody has %+v %v", all, err)
		}
	})
}

// However many invite somebody, a page of it can be read.
func TestListsOfSharedServersEnd(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		first := w.claimed(a, "first")
		line := w.admits(first, "bert")
		for i := range server.MostShared {
			c := w.aboutToClaim(a, fmt.Sprint(i))
			c.Most = server.MostShared + 1
			_, err := w.db.ClaimServer(w.ctx(), c, w.act(audit.ServerClaimed, a.ID))
			w.must(err)
		}
		w.tamper(`INSERT INTO server_access (id, server_id, handle, meant, label, account_id, added_at, invited_at)
			SELECT s.id, s.id, l.handle, l.meant, '', '', l.added_at, l.invited_at FROM server s, server_access l WHERE l.id = $1 AND s.id <> l.server_id`, line.ID)
		if all, err := w.db.ListInvitations(w.ctx(), other, w.now); err != nil || len(all) != server.MostInvitations {
			w.Errorf("%d invitations of one owner are listed, %v", len(all), err)
		}
		w.tamper(`UPDATE server_access SET account_id = $1, taken_at = 1`, other.ID)
		if all, err := w.db.ListShared(w.ctx(), other.ID, w.now); err != nil || len(all) != server.MostShared {
			w.Errorf("%d are listed, %v", len(all), err)
		}
	})
}

// Whoever invites somebody to many servers hides no invitation of anybody else's, whichever was first; and the one sent last is the first of the list, by whichever
// line.
func TestNobodyHidesAnothersInvitation(t *testing.T) {
	each(t, func(w *world) {
		a, many, other := w.person("anna"), w.person("mallory"), w.person("bert")
		var sent []server.Server
		invites := func(owner account.Account, name, who string) {
			w.now = w.now.Add(time.Minute)
			c := w.aboutToClaim(owner, name)
			c.Most = server.MostShared
			id, err := w.db.ClaimServer(w.ctx(), c, w.act(audit.ServerClaimed, owner.ID))
			w.must(err)
			s := server.Server{ID: id, AccountID: owner.ID}
			w.admits(s, who)
			sent = append([]server.Server{s}, sent...)
		}
		lists := func(want []server.Server) {
			w.Helper()
			all, err := w.db.ListInvitations(w.ctx(), other, w.now)
			w.must(err)
			same := func(one server.Shared, s server.Server) bool { return one.ID == s.ID && one.AccountID == s.AccountID }
			if !slices.EqualFunc(all, want, same) {
				w.Errorf("%d are listed, want %d: %+v", len(all), len(want), all)
			}
		}
		invites(a, "old", "bert")
		for i := range server.MostInvitations + 2 {
			invites(many, fmt.Sprint(i), "bert@example.org")
		}
		lists(append(slices.Clone(sent[:server.MostInvitations]), sent[len(sent)-1]))
		invites(a, "new", "bert")
		lists(slices.Concat(sent[:1+server.MostInvitations], sent[len(sent)-1:]))
		w.now = w.now.Add(time.Minute)
		w.admits(sent[len(sent)-1], "bert@example.org") // by another line
		lists(slices.Concat(sent[len(sent)-1:], sent[:1+server.MostInvitations]))
	})
}

func TestFindShared(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s, more := w.claimed(a, "one"), w.claimed(a, "more")
		w.admits(s, "bert")
		w.must(w.come(s, other))
		w.admits(more, "bert")
		w.shares(s, other, server.Terms{Role: server.Friend})
		w.shares(s, third, server.Terms{})
		_, err := w.db.FindShared(w.ctx(), other.ID, more.ID, w.now)
		w.is(err, server.ErrNotFound)
		_, err = w.db.FindShared(w.ctx(), "", s.ID, w.now)
		w.is(err, server.ErrNotFound)
	})
}

// Somebody who came by two lines is there what the better one says, for as long as that lasts.
func TestTheBetterLineCounts(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		summer := server.Terms{Role: server.Household, EndsAt: w.now.Add(time.Hour)}
		w.admits(s, "bert")
		w.admitsAs(s, "bert@example.org", summer)
		w.group(s, other, server.Household)
		w.must(w.come(s, other))
		w.count(2, "server_access WHERE account_id = $1", other.ID)
		w.shares(s, other, summer)
		w.now = summer.EndsAt
		w.shares(s, other, server.Terms{Role: server.Friend})
		w.group(s, other, server.Friend)
	})
}

// An end is exact, to the millisecond, wherever a list is asked (L11).
func TestNobodyIsLetInPastTheEnd(t *testing.T) {
	each(t, func(w *world) {
		a, other, late := w.person("anna"), w.person("bert"), w.person("carl")
		s := w.claimed(a, "one")
		ends := server.Terms{Role: server.Friend, EndsAt: w.now.Add(time.Hour)}
		line := w.admitsAs(s, "bert", ends)
		w.admitsAs(s, "carl", ends)
		w.must(w.come(s, other))
		app := w.named(other, device.App, "app")
		w.openSignIn(app)
		in, _ := w.signedIn(other)
		coming, redeeming := w.answering(in, s.ID), w.answering(in, s.ID)
		coming.Consent, redeeming.Consent = nil, nil
		w.must(w.db.GrantCode(w.ctx(), redeeming, w.act(audit.AppAllowed, other.ID)))
		n := w.newGrant(credential.Access, in, w.find(credential.AuthorizationCode, redeeming.Code).Hash, s.ID)
		hash := w.find(credential.App, app.Token).Hash

		w.now = ends.EndsAt.Add(-time.Millisecond)
		w.group(s, other, server.Friend)
		w.group(s, late, server.Friend)
		w.shares(s, other, ends)
		v, err := w.db.FindVisit(w.ctx(), s.ID, hash, w.now)
		if w.must(err); !v.EndsAt.Equal(ends.EndsAt) || v.Group != server.Friend {
			w.Errorf("until %s as %q", v.EndsAt, v.Group)
		}

		w.now = ends.EndsAt
		w.group(s, other, server.Nobody)
		w.group(s, late, server.Nobody)
		w.shares(s, other, server.Terms{})
		_, err = w.db.FindVisit(w.ctx(), s.ID, hash, w.now)
		w.is(err, credential.ErrUnknown)
		w.is(w.come(s, late), store.ErrSpent)
		w.is(w.db.GrantCode(w.ctx(), coming, w.act(audit.AppAllowed, other.ID)), store.ErrSpent)
		_, err = w.db.RedeemCode(w.ctx(), n, audit.Act{At: w.now}, w.act(audit.DevicesTrimmed, other.ID))
		w.is(err, store.ErrSpent)

		w.must(w.db.ChangeGuest(w.ctx(), a.ID, s.ID, line.ID, server.Terms{Role: server.Friend}, w.act(audit.GuestChanged, a.ID)))
		w.shares(s, other, server.Terms{Role: server.Friend})
	})
}

// An invitation lapses, to the millisecond, where nobody came by it, and lets in again when it was sent again (L11).
func TestInvitationsLapse(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s := w.claimed(a, "one")
		w.admits(s, "bert")
		w.admits(s, "carl@example.org")
		w.must(w.come(s, other))
		w.now = w.now.Add(server.InvitationLife - time.Millisecond)
		w.group(s, third, server.Friend)
		w.now = w.now.Add(time.Millisecond)
		w.group(s, third, server.Nobody)
		w.is(w.come(s, third), store.ErrSpent)
		w.group(s, other, server.Friend) // who came stays
		w.admits(s, "carl@example.org")
		w.group(s, third, server.Friend)
		w.now = w.now.Add(server.InvitationLife)
		w.is(w.come(s, third), store.ErrSpent)
		w.count(2, "server_access")
	})
}

func TestChangeGuest(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, more := w.claimed(a, "one"), w.claimed(a, "more")
		g := w.admits(s, "bert")
		w.must(w.come(s, other))
		to := server.Terms{Role: server.Household, EndsAt: w.now.Add(time.Hour)}
		w.is(w.db.ChangeGuest(w.ctx(), other.ID, s.ID, g.ID, to, audit.Act{At: w.now}), server.ErrNotFound)
		w.is(w.db.ChangeGuest(w.ctx(), a.ID, more.ID, g.ID, to, audit.Act{At: w.now}), server.ErrNotFound)
		w.is(w.db.ChangeGuest(w.ctx(), a.ID, s.ID, "gone", to, audit.Act{At: w.now}), server.ErrNotFound)
		w.shares(s, other, g.Terms)
		w.must(w.db.ChangeGuest(w.ctx(), a.ID, s.ID, g.ID, to, w.act(audit.GuestChanged, a.ID)))
		w.recorded(audit.GuestChanged, 1)
		w.shares(s, other, to)
		w.group(s, other, server.Household)
	})
}

// awaits fails the test unless an account can come in at a server, and the server waits for it where it is listed.
func (w *world) awaits(s server.Server, a account.Account, can, listed bool) {
	w.Helper()
	one, err := w.db.FindInvitation(w.ctx(), s.ID, a, w.now)
	if !can {
		w.is(err, server.ErrNotFound)
	} else if err != nil || one.ID != s.ID || one.Owner != "anna" {
		w.Errorf("%+v %v", one, err)
	}
	all, err := w.db.ListInvitations(w.ctx(), a, w.now)
	if w.must(err); listed != (len(all) == 1 && all[0].ID == s.ID) || !listed && len(all) != 0 {
		w.Errorf("%s is invited to %+v", a.UserName, all)
	}
}

// accepts has an account come in by an invitation.
func (w *world) accepts(db *store.DB, s server.Server, a account.Account) error {
	w.Helper()
	address, err := a.ProvedAddress()
	w.must(err)
	by := server.Acceptance{AccountID: a.ID, Address: address, Scopes: []relyingparty.Scope{relyingparty.OpenID, relyingparty.Email}}
	return db.AcceptInvitation(w.ctx(), s.ID, by, w.act(audit.ServerJoined, a.ID))
}

func TestListInvitations(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.claimed(other, "its own")
		w.awaits(s, other, false, false)
		w.admits(s, "anna") // herself
		w.awaits(s, a, false, false)
		w.admits(s, "bert")
		w.admits(s, "bert@example.org")
		w.awaits(s, other, true, true) // once
		w.awaits(s, w.person("carl"), false, false)
		w.must(w.accepts(w.db, s, other))
		if all, err := w.db.ListInvitations(w.ctx(), other, w.now); err != nil || len(all) != 0 {
			w.Errorf("%+v %v", all, err)
		}
	})
}

func TestFindInvitation(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s, more := w.claimed(a, "one"), w.claimed(a, "more")
		w.admitsAs(s, "bert@example.org", server.Terms{Role: server.Household, EndsAt: w.now.Add(time.Hour)})
		w.admits(more, "carl")
		w.awaits(s, other, true, true)
		if one, err := w.db.FindInvitation(w.ctx(), more.ID, third, w.now); err != nil || one.Terms != (server.Terms{Role: server.Friend}) {
			w.Errorf("%+v %v", one, err)
		}
		_, err := w.db.FindInvitation(w.ctx(), s.ID, third, w.now) // to the other one
		w.is(err, server.ErrNotFound)
		unproved := other
		unproved.EmailProved = false
		w.awaits(s, unproved, false, false)
		w.now = w.now.Add(time.Hour)
		w.awaits(s, other, false, false)
	})
}

// An invitation is accepted once: by one of the accounts that come at once, and before or after it is taken back, never beside that (L11).
func TestAcceptInvitation(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.is(w.db.AcceptInvitation(w.ctx(), s.ID, server.Acceptance{AccountID: other.ID}, w.act(audit.ServerJoined, other.ID)), server.ErrNotFound)
		w.count(0, "consent")
		w.admits(s, "bert")
		w.race(server.ErrNotFound, func(db *store.DB, _ int) error { return w.accepts(db, s, other) })
		w.recorded(audit.ServerJoined, 1)
		w.tells(a, audit.GuestCame, other, map[string]string{audit.Device: s.Name, audit.Guest: "bert"})
		w.shares(s, other, server.Terms{Role: server.Friend})
		if scopes, err := w.db.FindConsent(w.ctx(), other.ID, s.ID); err != nil || len(scopes) != 2 {
			w.Errorf("agreed to %v %v", scopes, err)
		}

		w.admits(s, "fresh@example.org")
		names := []string{"carl", "dora", "emil", "fritz"}
		var all []account.Account
		for _, name := range names {
			one := w.person(name)
			one.Email = "fresh@example.org"
			all = append(all, one)
		}
		won := 0
		for _, err := range w.parallel(len(all), func(db *store.DB, i int) error { return w.accepts(db, s, all[i]) }) {
			if err == nil {
				won++
			} else {
				w.is(err, server.ErrNotFound)
			}
		}
		if won != 1 {
			w.Errorf("%d came by one invitation", won)
		}
		w.count(2, "consent")

		late := w.person("gerd")
		for range 12 {
			g := w.admits(s, "gerd")
			w.tamper("DELETE FROM rate") // he may come as often as that
			w.all(func(db *store.DB, i int) error {
				if i == racers/2 {
					return db.DismissGuest(w.ctx(), a.ID, s.ID, g.ID, w.act(audit.GuestDismissed, a.ID))
				}
				return w.accepts(db, s, late)
			}, server.ErrNotFound)
			w.count(0, "consent WHERE account_id = $1", late.ID)
			w.shares(s, late, server.Terms{})
		}
	})
}

// Who said no is not asked again until they are invited again, can still change their mind, and the owner sees nothing of it.
func TestDeclineInvitation(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.is(w.db.DeclineInvitation(w.ctx(), s.ID, other, audit.Act{At: w.now}), server.ErrNotFound)
		w.admits(s, "bert")
		before, err := w.db.ListGuests(w.ctx(), a.ID, s.ID)
		w.must(err)
		w.must(w.db.DeclineInvitation(w.ctx(), s.ID, other, w.act(audit.ServerDeclined, other.ID)))
		w.recorded(audit.ServerDeclined, 1)
		w.awaits(s, other, true, false)
		after, err := w.db.ListGuests(w.ctx(), a.ID, s.ID)
		if w.must(err); !slices.Equal(before, after) {
			w.Errorf("the owner sees %+v, and saw %+v", after, before)
		}
		w.must(w.accepts(w.db, s, other))
		w.is(w.db.DeclineInvitation(w.ctx(), s.ID, other, audit.Act{At: w.now}), server.ErrNotFound)
		w.shares(s, other, server.Terms{Role: server.Friend})
	})
}

// A no lasts: whatever the same owner does, to the line or with another server, asks no more for a while; what was sent before waits on, and so does what others
// send. The owner is told nothing, and a yes ends it.
func TestANoLasts(t *testing.T) {
	each(t, func(w *world) {
		a, third, other := w.person("anna"), w.person("carl"), w.person("bert")
		s, before, later, theirs := w.claimed(a, "one"), w.claimed(a, "before"), w.claimed(a, "later"), w.claimed(third, "theirs")
		lists := func(want ...server.Server) {
			w.Helper()
			all, err := w.db.ListInvitations(w.ctx(), other, w.now)
			w.must(err)
			if !slices.EqualFunc(all, want, func(one server.Shared, s server.Server) bool { return one.ID == s.ID }) {
				w.Errorf("listed: %+v", all)
			}
		}
		g := w.admits(s, "bert")
		w.admits(before, "bert")
		w.now = w.now.Add(time.Minute)
		w.all(func(db *store.DB, _ int) error {
			return db.DeclineInvitation(w.ctx(), s.ID, other, w.act(audit.ServerDeclined, other.ID))
		})
		said := w.now
		lists(before)
		w.now = w.now.Add(time.Minute)
		w.admits(s, "bert")
		lists(before)
		w.must(w.db.DismissGuest(w.ctx(), a.ID, s.ID, g.ID, w.act(audit.GuestDismissed, a.ID)))
		w.admits(s, "bert")
		w.admits(later, "bert@example.org")
		lists(before)
		if _, err := w.db.FindInvitation(w.ctx(), later.ID, other, w.now); err != nil { // its page is there, for who has the mail
			w.Error(err)
		}
		w.now = w.now.Add(time.Minute)
		w.admits(theirs, "bert")
		lists(theirs, before)

		w.now = said.Add(server.DeclineLife - time.Millisecond)
		w.admits(s, "bert")
		lists(theirs)
		w.now = said.Add(server.DeclineLife)
		lists(s, theirs, later)

		w.must(w.db.DeclineInvitation(w.ctx(), s.ID, other, w.act(audit.ServerDeclined, other.ID)))
		w.count(1, "declined")
		w.must(w.accepts(w.db, later, other))
		w.count(0, "declined")
		w.must(w.db.DeclineInvitation(w.ctx(), s.ID, other, w.act(audit.ServerDeclined, other.ID)))
		w.must(w.db.DeclineInvitation(w.ctx(), theirs.ID, other, w.act(audit.ServerDeclined, other.ID)))
		w.count(2, "declined")
		w.now = w.now.Add(server.DeclineLife)
		_, err := w.db.Sweep(w.ctx(), w.now)
		w.must(err)
		w.count(0, "declined")
	})
}

func TestLeaveServer(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.stream(s.ID)
		w.is(w.db.LeaveServer(w.ctx(), other.ID, s.ID, audit.Act{At: w.now}), server.ErrNotFound)
		w.admits(s, "bert")
		w.must(w.accepts(w.db, s, other))
		in, _ := w.signedIn(other)
		n, _ := w.granted(credential.Access, in, s.ID)
		w.must(w.db.LeaveServer(w.ctx(), other.ID, s.ID, w.act(audit.ServerLeft, other.ID)))
		w.recorded(audit.ServerLeft, 1)
		w.shares(s, other, server.Terms{})
		w.awaits(s, other, true, false) // it does not wait for who has just left
		w.is(w.resolve(credential.Access, n.Family), credential.ErrUnknown)
		w.told(s.ID, "came-in", "all-ended", "session-ended")

		w.must(w.accepts(w.db, s, other))
		w.tamper("DELETE FROM consent") // a line stands without one
		w.must(w.db.LeaveServer(w.ctx(), other.ID, s.ID, w.act(audit.ServerLeft, other.ID)))
		w.shares(s, other, server.Terms{})
		w.count(0, "server_access WHERE account_id = $1", other.ID)
		w.is(w.db.LeaveServer(w.ctx(), other.ID, s.ID, w.act(audit.ServerLeft, other.ID)), server.ErrNotFound)
	})
}

// Who comes and leaves again and again fills neither the owner's record nor what waits for the server, by whichever of the doors.
func TestComingAndLeavingEnds(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s, beside := w.claimed(a, "one"), w.claimed(a, "beside")
		w.admits(s, "bert")
		w.admits(s, "carl")
		w.admits(beside, "bert")
		limited := new(ratelimit.LimitedError)
		for i := range ratelimit.ServerArrivals.Limit {
			if i%2 == 0 {
				w.must(w.come(s, other))
			} else {
				w.must(w.accepts(w.db, s, other))
			}
			w.must(w.db.LeaveServer(w.ctx(), other.ID, s.ID, w.act(audit.ServerLeft, other.ID)))
		}
		for _, err := range []error{w.come(s, other), w.accepts(w.db, s, other)} {
			if !errors.As(err, &limited) {
				w.Errorf("one more: %v", err)
			}
		}
		w.recorded(audit.GuestCame, int(ratelimit.ServerArrivals.Limit))
		w.shares(s, other, server.Terms{})
		w.count(0, "consent")
		w.must(w.accepts(w.db, s, third))
		w.must(w.accepts(w.db, beside, other))
		w.now = limited.Until
		w.must(w.accepts(w.db, s, other))
	})
}

// An owner who has chosen no user name is not told about by the address.
func TestAnOwnersAddressIsNotTold(t *testing.T) {
	each(t, func(w *world) {
		other := w.person("bert")
		a := teststore.Draft(w, w.db, "anna", w.now)
		a.UserName = ""
		handles, err := a.Handles()
		w.must(err)
		w.must(w.db.CreateAccount(w.ctx(), a, handles, audit.Act{At: w.now}))
		s := w.claimed(a, "one")
		w.admits(s, "bert")
		w.must(w.come(s, other))
		if one, err := w.db.FindShared(w.ctx(), other.ID, s.ID, w.now); err != nil || one.Owner != "" {
			w.Errorf("%q %v", one.Owner, err)
		}
	})
}
