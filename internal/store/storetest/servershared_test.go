package storetest

import (
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
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

// Somebody by whom two lines were taken is there what the better one says, for as long as that lasts.
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
		if all, err := w.db.ListServersFor(w.ctx(), other.ID, w.now); err != nil || len(all) != 1 {
			w.Errorf("%+v %v", all, err)
		}

		w.now = ends.EndsAt
		w.group(s, other, server.Nobody)
		w.group(s, late, server.Nobody)
		w.shares(s, other, server.Terms{})
		_, err = w.db.FindVisit(w.ctx(), s.ID, hash, w.now)
		w.is(err, credential.ErrUnknown)
		if all, err := w.db.ListServersFor(w.ctx(), other.ID, w.now); err != nil || len(all) != 0 {
			w.Errorf("%+v %v", all, err)
		}
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
