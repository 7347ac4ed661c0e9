package storetest

import (
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/store"
)

func TestOpenSignIn(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		at := credential.Attempt{Handle: w.mail(a.Email), Network: ratelimit.SignInFailures.From(source), At: w.now}
		c, err := w.db.BeginAttempt(w.ctx(), at)
		w.must(err)
		s := w.signIn(a)
		s.Known = secret.NewToken()
		w.must(w.db.OpenSignIn(w.ctx(), at, c, s, w.act(audit.SignedIn, a.ID), w.act(audit.DevicesTrimmed, a.ID)))
		f := w.find(credential.Browser, s.Token)
		if f.AccountID != a.ID || f.DeviceID != s.Device.ID || f.Account != a.Standing || !f.FreshAt.Equal(w.now) || f.Stamp != s.Stamp || !f.DeviceUsedAt.Equal(w.now) {
			t.Errorf("found %+v", f)
		}
		w.must(w.resolve(credential.Browser, s.Token))
		w.must(w.resolve(credential.Known, s.Known))
		w.count(0, "failure")
		w.recorded(audit.SignedIn, 1)
		w.recorded(audit.DevicesTrimmed, 0)
		for _, column := range []string{"facts", "seen"} {
			if v := w.text("SELECT " + column + " FROM device"); strings.Contains(v, "Firefox") || strings.Contains(v, "192.0.2.7") {
				t.Errorf("%s stands open in the database", column)
			}
		}
		w.count(0, "credential WHERE hash LIKE $1", "%"+s.Token.Reveal()+"%")
	})
}

func TestOpenSignInTrimsTheOldest(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		ended, _ := w.signedIn(a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		_ = ended
		password, tv, server := w.appPassword(a), w.signIn(a), w.named(a, device.Server, "") // unused for longest, and no browsers
		w.must(w.db.AddDevice(w.ctx(), password, audit.Act{At: w.now}))
		w.must(w.db.AddDevice(w.ctx(), server, audit.Act{At: w.now}))
		tv.Kind, tv.Device.Kind = credential.App, device.App
		w.openSignIn(tv)
		first, _ := w.signedIn(a)
		for range device.Most - 1 {
			w.now = w.now.Add(time.Second)
			w.openSignIn(w.signIn(a))
		}
		w.recorded(audit.DevicesTrimmed, 0) // those that "sign out everything" ended do not count
		w.must(w.resolve(credential.Browser, first.Token))
		w.now = w.now.Add(time.Second)
		last, _ := w.signedIn(a)
		w.recorded(audit.DevicesTrimmed, 1)
		w.is(w.resolve(credential.Browser, first.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, last.Token))
		w.must(w.resolve(credential.App, tv.Token))
		w.must(w.resolve(credential.AppPassword, password.Token))
		w.must(w.resolve(credential.Server, server.Token))
		w.count(int64(device.Most)+3, "device")
		w.count(int64(device.Most)+3, "credential")
	})
}

func TestEndEverything(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		one, _ := w.signedIn(a)
		two, hash := w.signedIn(a)
		reset, _ := w.link(credential.Reset, a)
		undo, _ := w.link(credential.Undo, a)
		foreign, _ := w.signedIn(other)
		keep := w.signIn(a)
		keep.Replaces = hash
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.EndEverything(w.ctx(), a.ID, &keep, w.act(audit.SignedOutAll, a.ID))
		})
		w.recorded(audit.SignedOutAll, 1)
		w.is(w.resolve(credential.Browser, one.Token), credential.ErrEnded)
		w.is(w.resolve(credential.Browser, two.Token), credential.ErrUnknown) // the browser that asked: its old sign-in is spent
		w.is(w.resolve(credential.Reset, reset), credential.ErrEnded)
		w.must(w.resolve(credential.Browser, keep.Token))
		w.must(w.resolve(credential.Undo, undo)) // protective
		w.must(w.resolve(credential.Browser, foreign.Token))
		devices, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		if len(devices) != 1 || devices[0].ID != keep.Device.ID {
			t.Errorf("%d devices", len(devices))
		}
		w.is(w.db.EndEverything(w.ctx(), "gone", nil, audit.Act{}), account.ErrNotFound)

		late := w.signIn(a) // whose own sign-in is ended before it comes to its turn
		late.Replaces = w.find(credential.Browser, keep.Token).Hash
		w.must(w.db.EndDevice(w.ctx(), a.ID, keep.Device.ID, audit.Act{}))
		w.is(w.db.EndEverything(w.ctx(), a.ID, &late, audit.Act{}), store.ErrSpent)
		w.is(w.resolve(credential.Browser, late.Token), credential.ErrUnknown)
	})
}

// A sign-in whose proof began before "sign out everything" is dead when it is written after.
func TestStampIsReadBeforeTheProof(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		late := w.signIn(a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		w.openSignIn(late)
		w.is(w.resolve(credential.Browser, late.Token), credential.ErrUnknown) // trimmed with what else has ended

		late = w.signIn(a)
		w.tamper("UPDATE instance SET epoch = epoch + 1, incident = epoch + 1")
		w.openSignIn(late)
		w.is(w.resolve(credential.Browser, late.Token), credential.ErrEnded)
	})
}

func TestRenewSignIn(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, hash := w.signedIn(a)
		var tokens [racers]secret.Token
		for i := range tokens {
			tokens[i] = secret.NewToken()
		}
		w.now = w.now.Add(time.Hour)
		winner := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			return db.RenewSignIn(w.ctx(), credential.Renewal{Replaces: hash, Token: tokens[i], FreshAt: w.now}, w.act(audit.ProvedAgain, a.ID))
		})
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrUnknown)
		for i, token := range tokens {
			if i != winner {
				w.is(w.resolve(credential.Browser, token), credential.ErrUnknown)
				continue
			}
			f := w.find(credential.Browser, token)
			if f.DeviceID != s.Device.ID || !f.FreshAt.Equal(w.now) || !f.CreatedAt.Equal(start) || f.Stamp != s.Stamp {
				t.Errorf("renewed into %+v", f)
			}
		}
		w.recorded(audit.ProvedAgain, 1)
	})
}
