package storetest

import (
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/store"
	"usher/internal/stream"
)

// serverPassword is an app password of a server that is about to be made, one of two at most.
func (w *world) serverPassword(s server.Server, a account.Account) credential.SignIn {
	w.Helper()
	in := w.signIn(a)
	in.Kind, in.Token, in.Most, in.FreshAt, in.Subject, in.Detail = credential.ServerPassword, secret.NewServerPassword(), 2, time.Time{}, s.ID, credential.Directory
	in.Device.Kind, in.Device.Name, in.Device.Product, in.Device.Method = device.App, "Attic TV", "App password of one", device.ByServerPassword
	return in
}

func TestAddServerPassword(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		g := w.admits(s, "bert")
		made := func(in credential.SignIn) error {
			return w.db.AddServerPassword(w.ctx(), in, w.act(audit.AppPasswordMade, in.Device.AccountID))
		}
		w.is(made(w.serverPassword(s, other)), server.ErrNotFound) // who has not come in yet
		gone := s
		gone.ID = "gone"
		w.is(made(w.serverPassword(gone, a)), server.ErrNotFound)
		w.client("jellyfin")
		gone.ID = "jellyfin"
		w.is(made(w.serverPassword(gone, a)), server.ErrNotFound) // a client that is no server is nobody's
		w.must(w.come(s, other))
		w.must(made(w.serverPassword(s, other)))
		w.race(device.ErrTooMany, func(db *store.DB, _ int) error { // one place is left
			return db.AddServerPassword(w.ctx(), w.serverPassword(s, other), w.act(audit.AppPasswordMade, other.ID))
		})
		w.recorded(audit.AppPasswordMade, 2)
		w.must(made(w.serverPassword(s, a)))
		w.must(w.db.DismissGuest(w.ctx(), a.ID, s.ID, g.ID, audit.Act{At: w.now}))
		w.count(1, "device WHERE method = $1", device.ByServerPassword)
		w.count(1, "credential WHERE kind = $1", string(credential.ServerPassword))
		w.must(w.db.UnclaimServer(w.ctx(), a.ID, s.ID, audit.Act{At: w.now}))
		w.is(made(w.serverPassword(s, a)), server.ErrNotFound)
		w.count(0, "device WHERE method = $1", device.ByServerPassword)
	})
}

// No app password is made past a dismissal, nor past the moment when its person takes back what was agreed to.
func TestNoPasswordIsMadePastADismissal(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		for round := range 24 {
			w.admits(s, "bert")
			w.tamper("DELETE FROM rate") // he may come as often as that
			w.must(w.come(s, other))
			lines, err := w.db.ListGuests(w.ctx(), a.ID, s.ID) // the one that was freed a round before, or a new one
			w.must(err)
			w.all(func(db *store.DB, i int) error {
				switch {
				case i != racers/2:
					in := w.serverPassword(s, other)
					in.Most = racers
					return db.AddServerPassword(w.ctx(), in, w.act(audit.AppPasswordMade, other.ID))
				case round%2 == 0:
					return db.RevokeConsent(w.ctx(), other.ID, s.ID, audit.Act{At: w.now})
				}
				return db.DismissGuest(w.ctx(), a.ID, s.ID, lines[0].ID, w.act(audit.GuestDismissed, a.ID))
			}, server.ErrNotFound)
			w.count(0, "credential WHERE kind = $1", string(credential.ServerPassword))
			w.count(0, "device WHERE method = $1", device.ByServerPassword)
		}
	})
}

func TestFindPasswordVisit(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, beside := w.claimed(a, "one"), w.claimed(a, "two")
		in, theirs := w.serverPassword(s, a), w.serverPassword(s, other)
		w.must(w.db.AddServerPassword(w.ctx(), in, audit.Act{At: w.now}))
		w.admits(s, "bert")
		w.admits(beside, "bert")
		w.must(w.come(s, other))
		w.must(w.come(beside, other))
		w.must(w.db.AddServerPassword(w.ctx(), theirs, audit.Act{At: w.now}))
		w.replace(w.keys.Ring().BeginRotation()) // it is found under an older key
		for _, who := range []struct {
			in   credential.SignIn
			want server.Group
			a    account.Account
		}{{in, server.Owner, a}, {theirs, server.Friend, other}} {
			v, err := w.db.FindPasswordVisit(w.ctx(), s.ID, who.in.Token, w.now)
			if err != nil || v.Group != who.want || v.Person.ID != who.a.ID || v.Person.Email == "" || v.Held.ID != s.ID || v.AtServer() || v.Parent.Detail != credential.Directory {
				w.Errorf("%+v %v", v, err)
			}
			_, err = w.db.FindPasswordVisit(w.ctx(), beside.ID, who.in.Token, w.now)
			w.is(err, credential.ErrUnknown)
			_, err = w.db.FindVisit(w.ctx(), s.ID, v.Parent.Hash, w.now) // no token is made from it
			w.is(err, credential.ErrUnknown)
		}
		_, err := w.db.FindPasswordVisit(w.ctx(), s.ID, secret.NewServerPassword(), w.now)
		w.is(err, credential.ErrUnknown)
	})
}

func TestFindTerms(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		ends := w.now.Add(time.Hour)
		is := func(accountID string, want server.Terms) {
			w.Helper()
			if on, err := w.db.FindTerms(w.ctx(), s.ID, accountID, w.now); err != nil || on.Role != want.Role || !on.EndsAt.Equal(want.EndsAt) {
				w.Errorf("%+v %v, want %+v", on, err, want)
			}
		}
		is(a.ID, server.Terms{Role: server.Owner})
		w.admitsAs(s, "bert", server.Terms{Role: server.Household, EndsAt: ends})
		for _, nobody := range []string{other.ID, "", "nobody"} { // who has not come in is as unknown as nobody
			is(nobody, server.Terms{})
		}
		w.must(w.come(s, other))
		is(other.ID, server.Terms{Role: server.Household, EndsAt: ends})
		w.now = ends
		is(other.ID, server.Terms{})
		s.ID = "gone"
		is(a.ID, server.Terms{})
	})
}

// Turning it off ends at the server what was typed there, of its owner and its household; turning it on changes nothing for anybody else.
func TestLetType(t *testing.T) {
	each(t, func(w *world) {
		a, other, third := w.person("anna"), w.person("bert"), w.person("carl")
		s := w.claimed(a, "one")
		w.admitsAs(s, "bert", server.Terms{Role: server.Household})
		w.admits(s, "carl")
		w.must(w.come(s, other))
		w.must(w.come(s, third))
		w.must(w.db.CreateStream(w.ctx(), stream.Stream{ID: "reader", ClientID: s.ID, Events: stream.Every(), Status: stream.Enabled}))
		w.is(w.db.LetType(w.ctx(), other.ID, s.ID, server.AccountPasswords, audit.Act{At: w.now}), server.ErrNotFound)
		w.all(func(db *store.DB, _ int) error {
			return db.LetType(w.ctx(), a.ID, s.ID, server.AccountPasswords, w.act(audit.ServerTypesOn, a.ID))
		})
		w.recorded(audit.ServerTypesOn, 1)
		h, err := w.db.FindServer(w.ctx(), s.ID)
		if err != nil || h.Types != server.AccountPasswords {
			w.Errorf("%+v %v", h.Facts, err)
		}
		w.must(w.db.DescribeServer(w.ctx(), a.ID, s.ID, server.Facts{Version: "2"}))
		w.tamper("DELETE FROM signal")
		w.must(w.db.LetType(w.ctx(), a.ID, s.ID, server.OnlyAppPasswords, w.act(audit.ServerTypesOff, a.ID)))
		w.recorded(audit.ServerTypesOff, 1)
		w.count(2, "signal WHERE stream_id = 'reader' AND account_id IN ($1, $2)", a.ID, other.ID)
		w.count(2, "signal")
	})
}
