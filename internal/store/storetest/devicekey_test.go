package storetest

import (
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
	"usher/internal/store"
)

// withKey is an app that is signed in and the key it is about to be known by.
func (w *world) withKey(a account.Account, name string) (credential.SignIn, credential.DeviceKeyOf) {
	w.Helper()
	app := w.named(a, device.App, "app "+name)
	w.openSignIn(app)
	return app, credential.DeviceKeyOf{PublicKey: credential.PublicKey{Name: secret.TokenOf(name), Public: "public"}, AccountID: a.ID, DeviceID: app.Device.ID, Subject: credential.Player, Stamp: app.Stamp}
}

func (w *world) nonce() string {
	w.Helper()
	l := credential.Link{Kind: credential.DeviceNonce, Token: secret.NewToken(), Detail: "attic"}
	w.must(w.db.Record(w.ctx(), audit.Act{At: w.now}.Linking(l)))
	f := w.find(credential.DeviceNonce, l.Token)
	if f.Detail != "attic" {
		w.Errorf("it was given to %q", f.Detail)
	}
	return f.Hash
}

func TestSetDeviceKey(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		_, k := w.withKey(a, "one")
		w.must(w.db.SetDeviceKey(w.ctx(), k, w.act(audit.DeviceKeySet, a.ID)))
		f := w.find(credential.DeviceKey, k.Name)
		if f.AccountID != a.ID || f.DeviceID != k.DeviceID || f.Detail != "public" || f.Subject != credential.Player || f.Stamp != k.Stamp {
			t.Errorf("it stands as %+v", f.Credential)
		}
		_, foreign := w.withKey(other, "one")
		w.is(w.db.SetDeviceKey(w.ctx(), foreign, w.act(audit.DeviceKeySet, other.ID)), credential.ErrKeyTaken)
		w.recorded(audit.DeviceKeySet, 1)
		next := k
		next.Name = secret.TokenOf("two")
		w.must(w.db.SetDeviceKey(w.ctx(), next, w.act(audit.DeviceKeySet, a.ID))) // in the place of the first
		w.must(w.db.SetDeviceKey(w.ctx(), next, w.act(audit.DeviceKeySet, a.ID)))
		w.is(w.resolve(credential.DeviceKey, k.Name), credential.ErrUnknown)
		w.must(w.resolve(credential.DeviceKey, next.Name))
		w.must(w.db.SetDeviceKey(w.ctx(), foreign, w.act(audit.DeviceKeySet, other.ID)))
		w.must(w.db.EndDevice(w.ctx(), a.ID, k.DeviceID, audit.Act{}))
		w.is(w.resolve(credential.DeviceKey, next.Name), credential.ErrUnknown)
		w.is(w.db.SetDeviceKey(w.ctx(), k, audit.Act{At: w.now}), store.ErrSpent)
	})
}

// A key lives no longer than its device may, however often it is changed; and one that was signed out, or has run out, gives its name up.
func TestKeysEndWithTheirDevice(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		_, k := w.withKey(a, "one")
		for range 4 {
			w.now = w.now.Add(credential.Rules[credential.DeviceKey].Life / 4)
			k.Name = secret.TokenOf(k.Name.Reveal() + "x")
			w.must(w.db.SetDeviceKey(w.ctx(), k, audit.Act{At: w.now}))
		}
		w.is(w.resolve(credential.DeviceKey, k.Name), credential.ErrUnknown)
		_, theirs := w.withKey(other, "two")
		theirs.Name = k.Name
		w.must(w.db.SetDeviceKey(w.ctx(), theirs, audit.Act{At: w.now}))
		_, mine := w.withKey(a, "three")
		mine.Name = k.Name
		w.is(w.db.SetDeviceKey(w.ctx(), mine, audit.Act{At: w.now}), credential.ErrKeyTaken)
		w.must(w.db.EndEverything(w.ctx(), other.ID, nil, audit.Act{}))
		w.must(w.db.SetDeviceKey(w.ctx(), mine, audit.Act{At: w.now}))
		w.must(w.resolve(credential.DeviceKey, mine.Name))
	})
}

func TestRenewByKey(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		app, k := w.withKey(a, "one")
		other, _ := w.withKey(a, "two")
		w.must(w.db.SetDeviceKey(w.ctx(), k, audit.Act{At: w.now}))
		key := w.find(credential.DeviceKey, k.Name).Credential
		renewal := func(nonce string) credential.KeyRenewal {
			return credential.KeyRenewal{Key: key, Nonce: nonce, ID: secret.NewToken()}
		}
		first, nonce := renewal(""), w.nonce()
		winner := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			r := renewal(nonce)
			if i == 0 {
				first = r
			}
			return db.RenewByKey(w.ctx(), r, w.now)
		})
		w.is(w.resolve(credential.App, app.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.App, other.Token))
		w.count(1, "credential WHERE kind = 'device token'")
		if winner == 0 {
			w.must(w.resolve(credential.DeviceToken, first.ID))
		}
		second := renewal(w.nonce())
		w.must(w.db.RenewByKey(w.ctx(), second, w.now))
		w.count(1, "credential WHERE kind = 'device token'")
		if f := w.find(credential.DeviceToken, second.ID); !f.IsPlayer() || f.DeviceID != k.DeviceID || f.Stamp != k.Stamp {
			t.Errorf("it stands as %+v", f.Credential)
		}
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		w.is(w.resolve(credential.DeviceToken, second.ID), credential.ErrEnded)
		w.is(w.db.RenewByKey(w.ctx(), renewal(w.nonce()), w.now), store.ErrSpent)
		w.count(1, "credential WHERE kind = 'device nonce'") // what opened nothing is not spent
	})
}

// Renewals at once, each with a nonce of its own, leave one token that counts: the others have been replaced like the one that was there before.
func TestRenewByKeyRaced(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		app, k := w.withKey(a, "one")
		w.must(w.db.SetDeviceKey(w.ctx(), k, audit.Act{At: w.now}))
		key := w.find(credential.DeviceKey, k.Name).Credential
		for range 5 {
			var all [racers]credential.KeyRenewal
			for i := range all {
				all[i] = credential.KeyRenewal{Key: key, Nonce: w.nonce(), ID: secret.NewToken()}
			}
			if failed := w.all(func(db *store.DB, i int) error { return db.RenewByKey(w.ctx(), all[i], w.now) }); failed > 0 {
				t.Errorf("%d renewals failed", failed)
			}
			live := 0
			for _, r := range all {
				if w.resolve(credential.DeviceToken, r.ID) == nil {
					live++
				}
			}
			if live != 1 {
				t.Errorf("%d tokens of one device count", live)
			}
		}
		w.is(w.resolve(credential.App, app.Token), credential.ErrUnknown)
	})
}
