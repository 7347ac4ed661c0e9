package storetest

import (
	"errors"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/secret"
	"usher/internal/store"
)

// appPassword is an app password that is about to be made, one of two at most.
func (w *world) appPassword(a account.Account) credential.SignIn {
	w.Helper()
	s := w.signIn(a)
	s.Kind, s.Token, s.Most, s.FreshAt = credential.AppPassword, secret.NewAppPassword(), 2, time.Time{}
	s.Device.Kind, s.Device.Name, s.Device.Product, s.Device.Purpose, s.Device.Method = device.App, "Attic TV", "App password", "Films", device.ByAppPassword
	return s
}

func TestAddDevice(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.appPassword(a)
		w.must(w.db.AddDevice(w.ctx(), s, w.act(audit.AppPasswordMade, a.ID)))
		w.recorded(audit.AppPasswordMade, 1)
		w.must(w.resolve(credential.AppPassword, s.Token))
		w.is(w.resolve(credential.App, s.Token), credential.ErrUnknown)
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrUnknown)
		list, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		if len(list) != 1 || list[0].Purpose != "Films" || list[0].Method != device.ByAppPassword || list[0].Kind != device.App {
			t.Errorf("listed as %+v", list)
		}
		w.must(w.db.AddDevice(w.ctx(), w.appPassword(other), w.act(audit.AppPasswordMade, other.ID)))
		w.race(device.ErrTooMany, func(db *store.DB, _ int) error { // one place is left
			return db.AddDevice(w.ctx(), w.appPassword(a), w.act(audit.AppPasswordMade, a.ID))
		})
		w.recorded(audit.AppPasswordMade, 3)
		w.openSignIn(w.signIn(a)) // what is no app password is not counted, nor limited
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		w.is(w.resolve(credential.AppPassword, s.Token), credential.ErrEnded)
		w.must(w.db.AddDevice(w.ctx(), w.appPassword(a), w.act(audit.AppPasswordMade, a.ID))) // dead ones take no place
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", audit.Act{At: w.now}))
		w.must(w.db.AddDevice(w.ctx(), w.appPassword(a), w.act(audit.AppPasswordMade, a.ID)))
		gone := w.appPassword(a)
		gone.Device.AccountID = "nobody"
		w.is(w.db.AddDevice(w.ctx(), gone, audit.Act{}), account.ErrNotFound)
	})
}

func TestSpendFactor(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		key := mfa.NewKey()
		w.must(w.db.TurnOnFactor(w.ctx(), credential.NewFactor{AccountID: a.ID, Key: key}, audit.Act{At: w.now}))
		checker := mfa.Checker{Store: w.db, Now: func() time.Time { return w.now }}
		f, err := checker.Check(w.ctx(), a, mfa.Try{Typed: mfa.Code(key, mfa.Step(w.now))})
		w.must(err)
		w.count(1, "failure")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error { return db.SpendFactor(w.ctx(), f, w.act(audit.SignedIn, a.ID)) })
		w.recorded(audit.SignedIn, 1)
		w.count(0, "failure") // given back
		_, err = checker.Check(w.ctx(), a, mfa.Try{Typed: mfa.Code(key, mfa.Step(w.now))})
		if !errors.Is(err, mfa.ErrReplayed) {
			t.Errorf("a second time: %v", err)
		}
	})
}

// named is an app that calls itself by a lasting name and is about to be signed in.
func (w *world) named(a account.Account, kind device.Kind, name string) credential.SignIn {
	w.Helper()
	s := w.signIn(a)
	s.Kind, s.FreshAt, s.Device.Kind, s.Device.Claim = credential.App, time.Time{}, kind, device.Claim{Identifier: name, Provides: "player"}
	if kind == device.Server {
		s.Kind = credential.Server
	}
	return s
}

// Software that signs in again under its name for itself takes its own place: no other account's, no other name's, and a media server no app's.
func TestTwinsAreReplaced(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		first := w.named(a, device.App, "attic")
		w.openSignIn(first)
		var kept []credential.SignIn
		for _, s := range []credential.SignIn{w.named(other, device.App, "attic"), w.named(a, device.App, "shed"), w.named(a, device.Server, "attic"), w.named(a, device.App, "")} {
			w.openSignIn(s)
			kept = append(kept, s)
		}
		w.openSignIn(w.named(a, device.App, ""))
		w.must(w.resolve(credential.App, first.Token))
		again := w.named(a, device.App, "attic")
		w.replace(w.keys.Ring().BeginRotation()) // the name is found under an older key
		w.openSignIn(again)
		w.is(w.resolve(credential.App, first.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.App, again.Token))
		for _, s := range kept {
			w.must(w.resolve(s.Kind, s.Token))
		}
		w.all(func(db *store.DB, i int) error {
			s := w.named(a, device.App, "cellar")
			return db.OpenSignIn(w.ctx(), credential.Attempt{At: w.now}, credential.Candidate{}, s, w.act(audit.SignedIn, a.ID), audit.Act{})
		})
		list, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		n := 0
		for _, d := range list {
			if d.Claim == (device.Claim{Identifier: "cellar", Provides: "player"}) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d of one name, of %d devices", n, len(list))
		}
		w.count(0, "device WHERE client LIKE '%attic%' OR facts LIKE '%attic%'")
	})
}

// A media server spends the claim token that lets it in: once, and only while no epoch has ended it.
func TestClaimIsSpent(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		server := func(hash string) credential.SignIn {
			s := w.named(a, device.Server, "")
			s.Spends = hash
			return s
		}
		hash := w.claim(a)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.AddDevice(w.ctx(), server(hash), w.act(audit.ServerClaimed, a.ID))
		})
		w.count(1, "device")
		w.recorded(audit.ServerClaimed, 1)
		hash = w.claim(a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		w.is(w.db.AddDevice(w.ctx(), server(hash), w.act(audit.ServerClaimed, a.ID)), store.ErrSpent)
		w.recorded(audit.ServerClaimed, 1)
	})
}

func (w *world) claim(a account.Account) (hash string) {
	w.Helper()
	token := secret.NewClaim()
	w.must(w.db.Record(w.ctx(), w.act(audit.ClaimTokenMade, a.ID).Linking(w.claimLink(a, token))))
	return w.find(credential.ServerClaim, token).Hash
}

func (w *world) claimLink(a account.Account, token secret.Token) credential.Link {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	a, err = w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	return credential.Link{Kind: credential.ServerClaim, Token: token, AccountID: a.ID, Stamp: credential.StampNow(clock, a.Standing), Most: 2}
}

// So many of a kind wait at once, however many ask; what is over does not count.
func TestLinksAreFew(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		failed := w.all(func(db *store.DB, _ int) error {
			return db.Record(w.ctx(), w.act(audit.ClaimTokenMade, a.ID).Linking(w.claimLink(a, secret.NewClaim())))
		}, credential.ErrTooMany)
		if failed != racers-2 {
			t.Errorf("%d of %d were too many", failed, racers)
		}
		w.recorded(audit.ClaimTokenMade, 2)
		w.claim(w.person("bert"))
		w.now = w.now.Add(4 * time.Minute)
		w.claim(a)
		first := w.now
		w.now = w.now.Add(time.Minute)
		w.claim(a)
		many, err := new(credential.TooManyError), w.db.Record(w.ctx(), w.act(audit.ClaimTokenMade, a.ID).Linking(w.claimLink(a, secret.NewClaim())))
		if w.is(err, credential.ErrTooMany); !errors.As(err, &many) || !many.Until.Equal(first.Add(4*time.Minute)) {
			w.Errorf("until %v", many.Until)
		}
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		w.claim(a)
	})
}
