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
