package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/store"
)

// party is a client that is about to be registered.
func (w *world) party(id string) relyingparty.Client {
	w.Helper()
	c := relyingparty.Client{
		ID: id, Name: "Jellyfin of " + id, RedirectURIs: []string{"https://jf.household.example/cb"}, PostLogoutURIs: []string{"https://jf.household.example/"},
		Scopes: []relyingparty.Scope{relyingparty.OpenID}, Grants: []relyingparty.Grant{relyingparty.Code}, Auth: relyingparty.Basic,
		LogoutURI: "https://jf.household.example/out", FirstParty: true, CreatedAt: w.now,
	}
	if problems := c.Check(); problems != nil {
		w.Fatal(problems)
	}
	return c
}

// client registers one.
func (w *world) client(id string, secrets ...secret.Token) relyingparty.Client {
	w.Helper()
	c := w.party(id)
	w.must(w.db.RegisterClient(w.ctx(), c, secrets, w.act(audit.ClientRegistered, "")))
	return c
}

// proves fails the test unless the secret proves that client, or nothing when the client is "".
func (w *world) proves(s secret.Token, clientID string) {
	w.Helper()
	r := credential.Resolver{Store: w.db, Now: func() time.Time { return w.now }}
	f, err := r.Resolve(w.ctx(), credential.ClientSecret, s)
	if clientID == "" {
		w.is(err, credential.ErrUnknown)
	} else if err != nil || f.Subject != clientID || f.AccountID != "" {
		w.Errorf("%q is proved: %v, want %q", f.Subject, err, clientID)
	}
}

// same fails the test unless the client stands as wanted.
func (w *world) same(want relyingparty.Client) {
	w.Helper()
	got, err := w.db.FindClient(w.ctx(), want.ID)
	w.must(err)
	if !reflect.DeepEqual(got, want) {
		w.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRegisterClient(t *testing.T) {
	each(t, func(w *world) {
		one, other := secret.NewToken(), secret.NewToken()
		c := w.client("jellyfin", one)
		w.same(c)
		w.proves(one, "jellyfin")
		w.recorded(audit.ClientRegistered, 1)
		w.is(w.db.RegisterClient(w.ctx(), c, []secret.Token{other}, audit.Act{At: w.now}), relyingparty.ErrTaken)
		w.proves(other, "")
		w.is(w.db.RegisterClient(w.ctx(), w.party("immich"), []secret.Token{one}, audit.Act{At: w.now}), relyingparty.ErrSecretUsed)
		w.count(1, "client")
		won := w.race(relyingparty.ErrTaken, func(db *store.DB, i int) error {
			c := w.party("raced")
			c.Name = label(i)
			return db.RegisterClient(w.ctx(), c, nil, audit.Act{At: w.now})
		})
		if got, err := w.db.FindClient(w.ctx(), "raced"); err != nil || got.Name != label(won) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestFindClient(t *testing.T) {
	each(t, func(w *world) {
		w.client("jellyfin")
		for _, id := range []string{"", "Jellyfin", "jellyfin ", "x", "\x00", "\xff"} {
			_, err := w.db.FindClient(w.ctx(), id)
			w.is(err, relyingparty.ErrNotFound)
		}
		w.tamper("UPDATE client SET id = 'immich'") // whoever writes to the database cannot give a client's facts to another
		_, err := w.db.FindClient(w.ctx(), "immich")
		w.is(err, secret.ErrOpen)
	})
}

// What a node remembers of a client counts for no other text than the one it was opened from.
func TestChangedClientsAreSeenByEveryNode(t *testing.T) {
	each(t, func(w *world) {
		c := w.client("jf")
		w.same(c)
		other := w.open()
		c.RedirectURIs, c.Scopes = []string{"https://new.example/cb"}, append(c.Scopes, relyingparty.Servers)
		w.must(other.ChangeClient(w.ctx(), c, w.act(audit.ClientChanged, "")))
		w.same(c)
		w.tamper(`UPDATE client SET facts = 'x' || facts`)
		if _, err := w.db.FindClient(w.ctx(), "jf"); err == nil {
			t.Error("what cannot be opened was opened")
		}
	})
}

func TestListClients(t *testing.T) {
	each(t, func(w *world) {
		for i := range 7 {
			w.client(fmt.Sprintf("c%d", (i*3)%7))
		}
		w.must(w.db.RemoveClient(w.ctx(), "c3", audit.Act{At: w.now}))
		var ids []string
		for after := ""; ; {
			page, err := w.db.ListClients(w.ctx(), after, 4)
			w.must(err)
			for _, c := range page {
				ids = append(ids, c.ID)
			}
			if len(page) < 4 {
				break
			}
			after = page[len(page)-1].ID
		}
		if !slices.Equal(ids, []string{"c0", "c1", "c2", "c4", "c5", "c6"}) {
			t.Errorf("listed %v", ids)
		}
	})
}

func TestChangeClient(t *testing.T) {
	each(t, func(w *world) {
		s := secret.NewToken()
		c := w.client("jellyfin", s)
		kept := c.CreatedAt
		c.Name, c.RedirectURIs, c.FirstParty, c.CreatedAt = "Other", []string{"https://other.example/cb"}, false, w.now.Add(time.Hour)
		w.must(w.db.ChangeClient(w.ctx(), c, w.act(audit.ClientChanged, "")))
		c.CreatedAt = kept
		w.same(c)
		w.proves(s, "jellyfin")
		w.recorded(audit.ClientChanged, 1)
		c.Auth = relyingparty.None // and never again by the secret of before
		w.must(w.db.ChangeClient(w.ctx(), c, audit.Act{At: w.now}))
		w.proves(s, "")
		w.is(w.db.ChangeClient(w.ctx(), w.party("immich"), audit.Act{At: w.now}), relyingparty.ErrNotFound)
		w.count(1, "client")
	})
}

// What a client has for itself ends once for each generation, with its keys and with its way of proving itself, and comes back with no later client.
func TestEndClientTokens(t *testing.T) {
	each(t, func(w *world) {
		w.client("jellyfin")
		seen := map[int64]bool{}
		now := func() relyingparty.Client {
			t.Helper()
			c, err := w.db.FindClient(w.ctx(), "jellyfin")
			w.must(err)
			return c
		}
		another := func(want bool) {
			t.Helper()
			if g := now().Generation(); seen[g] == want {
				t.Errorf("another generation: %t, want %t", !want, want)
			} else {
				seen[g] = true
			}
		}
		another(true)
		c := now()
		w.all(func(db *store.DB, _ int) error {
			return db.EndClientTokens(w.ctx(), c, w.act(audit.ClientTokensEnded, ""))
		})
		w.recorded(audit.ClientTokensEnded, 1)
		another(true)
		c = now()
		c.Name = "Other"
		w.must(w.db.ChangeClient(w.ctx(), c, audit.Act{At: w.now}))
		another(false)
		c.Auth, c.Keys = relyingparty.PrivateKey, "some keys"
		w.must(w.db.ChangeClient(w.ctx(), c, audit.Act{At: w.now}))
		another(true)
		c.Keys = "other keys"
		w.must(w.db.ApplyClient(w.ctx(), c, nil, audit.Act{At: w.now}))
		another(true)
		w.must(w.db.RemoveClient(w.ctx(), "jellyfin", audit.Act{At: w.now}))
		w.now = w.now.Add(time.Second)
		w.client("jellyfin")
		another(true)
	})
}

func TestApplyClient(t *testing.T) {
	each(t, func(w *world) {
		one, two, three := secret.NewToken(), secret.NewToken(), secret.NewToken()
		c := w.party("jellyfin")
		c.Configured = true
		apply := func(c relyingparty.Client, recorded int, secrets ...secret.Token) {
			t.Helper()
			w.must(w.db.ApplyClient(w.ctx(), c, secrets, w.act(audit.ClientChanged, "")))
			w.recorded(audit.ClientChanged, recorded)
		}
		apply(c, 1, one)
		w.same(c)
		again := c
		again.CreatedAt = w.now.Add(time.Hour)
		apply(again, 1, one) // the next start finds everything as it should be
		w.same(c)
		apply(c, 2, one, two)
		w.proves(one, "jellyfin")
		w.proves(two, "jellyfin")
		apply(c, 3, two)
		w.proves(one, "")
		w.proves(two, "jellyfin")
		c.Name = "Jellyfin elsewhere"
		apply(c, 4, two)
		w.same(c)

		own := w.client("immich", three)
		own.Configured = true
		w.is(w.db.ApplyClient(w.ctx(), own, []secret.Token{two}, audit.Act{At: w.now}), relyingparty.ErrSecretUsed)
		w.proves(three, "immich")
		apply(own, 5) // what an administrator registered is the configuration's from now on
		w.same(own)
		w.proves(three, "")

		for _, err := range w.parallel(racers, func(db *store.DB, _ int) error { // nodes that start together
			c := w.party("together")
			return db.ApplyClient(w.ctx(), c, []secret.Token{three}, w.act(audit.ClientChanged, ""))
		}) {
			if err != nil {
				w.is(err, relyingparty.ErrTaken) // another was first
			}
		}
		w.must(w.db.ApplyClient(w.ctx(), w.party("together"), []secret.Token{three}, w.act(audit.ClientChanged, "")))
		w.recorded(audit.ClientChanged, 6)
		w.proves(three, "together")
	})
}

func TestAddClientSecret(t *testing.T) {
	each(t, func(w *world) {
		first := secret.NewToken()
		c := w.client("jellyfin", first)
		all := make([]secret.Token, racers)
		for i := range all {
			all[i] = secret.NewToken()
		}
		failed := w.all(func(db *store.DB, i int) error {
			return db.AddClientSecret(w.ctx(), "jellyfin", all[i], w.act(audit.ClientSecretMade, ""))
		}, relyingparty.ErrManySecrets)
		if failed != racers-relyingparty.MostSecrets+1 {
			t.Errorf("%d of %d were too many", failed, racers)
		}
		w.recorded(audit.ClientSecretMade, racers-failed)
		w.proves(first, "jellyfin") // the old one counts until somebody ends it
		w.is(w.db.AddClientSecret(w.ctx(), "immich", secret.NewToken(), audit.Act{At: w.now}), relyingparty.ErrNotFound)
		c.Auth = relyingparty.None
		w.must(w.db.ChangeClient(w.ctx(), c, audit.Act{At: w.now}))
		w.is(w.db.AddClientSecret(w.ctx(), "jellyfin", secret.NewToken(), audit.Act{At: w.now}), relyingparty.ErrNoSecret)
	})
}

func TestRetireClientSecrets(t *testing.T) {
	each(t, func(w *world) {
		old, newest, foreign := secret.NewToken(), secret.NewToken(), secret.NewToken()
		w.client("jellyfin", old)
		w.client("immich", foreign)
		w.is(w.db.RetireClientSecrets(w.ctx(), "jellyfin", audit.Act{At: w.now}), store.ErrSpent)
		w.now = w.now.Add(time.Second)
		w.must(w.db.AddClientSecret(w.ctx(), "jellyfin", newest, audit.Act{At: w.now}))
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RetireClientSecrets(w.ctx(), "jellyfin", w.act(audit.ClientSecretEnded, ""))
		})
		w.recorded(audit.ClientSecretEnded, 1)
		w.proves(old, "")
		w.proves(newest, "jellyfin")
		w.proves(foreign, "immich")
		w.is(w.db.RetireClientSecrets(w.ctx(), "gone", audit.Act{At: w.now}), relyingparty.ErrNotFound)
	})
}

func TestListClientSecrets(t *testing.T) {
	each(t, func(w *world) {
		w.client("jellyfin", secret.NewToken())
		w.client("immich", secret.NewToken())
		w.now = w.now.Add(time.Second)
		w.must(w.db.AddClientSecret(w.ctx(), "jellyfin", secret.NewToken(), audit.Act{At: w.now}))
		made, err := w.db.ListClientSecrets(w.ctx(), "jellyfin")
		w.must(err)
		if len(made) != 2 || !made[0].CreatedAt.Equal(w.now) || !made[1].CreatedAt.Equal(start) {
			t.Errorf("%+v", made)
		}
	})
}

// Neither an incident that covers everybody nor a restored backup takes an app's secret away, which no copy of the database tells.
func TestClientSecretsOutliveIncidents(t *testing.T) {
	each(t, func(w *world) {
		s := secret.NewToken()
		w.client("jellyfin", s)
		w.tamper("UPDATE instance SET epoch = epoch + 9, floor = epoch + 9, incident = epoch + 9")
		w.proves(s, "jellyfin")
	})
}

// madeFor signs an app in that was made for a client, and gives a browser something made for it.
func (w *world) madeFor(clientID string, a account.Account) (app, browser credential.SignIn) {
	w.Helper()
	app, browser = w.signIn(a), w.signIn(a)
	app.Kind, app.Subject, app.Device.Kind = credential.Refresh, clientID, device.App
	w.must(w.db.AddDevice(w.ctx(), app, audit.Act{At: w.now}))
	w.openSignIn(browser)
	w.tamper(`INSERT INTO credential (hash, kind, account_id, device_id, subject, detail, born, account_epoch, fresh_at, created_at, expires_at)
		SELECT 'of ' || hash, 'access token', account_id, device_id, $1, '', born, account_epoch, 0, created_at, expires_at FROM credential WHERE device_id = $2`, clientID, browser.Device.ID)
	return app, browser
}

func TestRemoveClient(t *testing.T) {
	each(t, func(w *world) {
		a, s := w.person("anna"), secret.NewToken()
		w.client("jellyfin", s)
		w.client("immich")
		app, browser := w.madeFor("jellyfin", a)
		other, _ := w.madeFor("immich", a)
		w.race(relyingparty.ErrNotFound, func(db *store.DB, _ int) error {
			return db.RemoveClient(w.ctx(), "jellyfin", w.act(audit.ClientRemoved, ""))
		})
		w.recorded(audit.ClientRemoved, 1)
		_, err := w.db.FindClient(w.ctx(), "jellyfin")
		w.is(err, relyingparty.ErrNotFound)
		w.proves(s, "")
		w.is(w.resolve(credential.Refresh, app.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.Refresh, other.Token))
		w.must(w.resolve(credential.Browser, browser.Token)) // the browser was there before the client
		w.count(0, "credential WHERE subject = 'jellyfin'")
		w.count(0, "device WHERE id = $1", app.Device.ID)
		w.count(1, "client")
		w.client("jellyfin", s) // another one, to which nothing of the former attaches
		for _, id := range []string{"gone", "", "\x00"} {
			w.is(w.db.RemoveClient(w.ctx(), id, audit.Act{At: w.now}), relyingparty.ErrNotFound)
		}
	})
}

// Ending what was made for a removed client goes on in portions, wherever it was interrupted, and until then nobody gets its id.
func TestEndRemovedClient(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		w.client("immich")
		w.tamper(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO device (id, account_id, kind, method, facts, seen, born, account_epoch, created_at, used_at)
			SELECT 'd' || i, $1, 'app', '', '', '', 0, 0, 0, 0 FROM n`, a.ID)
		w.tamper(`INSERT INTO credential (hash, kind, account_id, device_id, subject, detail, born, account_epoch, fresh_at, created_at, expires_at)
			SELECT 'c' || id, 'app', account_id, id, 'jellyfin', '', 0, 0, 0, 0, 0 FROM device`)
		w.tamper(`INSERT INTO consent (account_id, client_id, scopes, granted_at) SELECT id, 'jellyfin', '', 0 FROM device`)
		w.must(w.db.RemoveClient(w.ctx(), "jellyfin", audit.Act{At: w.now}))
		w.count(700, "device")
		w.count(700, "consent")
		w.is(w.db.RegisterClient(w.ctx(), w.party("jellyfin"), nil, audit.Act{At: w.now}), relyingparty.ErrTaken)
		w.is(w.db.ApplyClient(w.ctx(), w.party("jellyfin"), nil, audit.Act{At: w.now}), relyingparty.ErrTaken)
		_, err := w.db.FindClient(w.ctx(), "jellyfin")
		w.is(err, relyingparty.ErrNotFound)
		rounds := 0
		for more := true; more; rounds++ {
			more, err = w.open().EndRemovedClient(w.ctx())
			w.must(err)
		}
		if rounds != 3 { // two with portions, one that finds nothing
			t.Errorf("%d rounds", rounds)
		}
		w.count(0, "device")
		w.count(0, "consent")
		w.count(0, "credential WHERE subject = 'jellyfin'")
		w.count(1, "client")
		w.must(w.db.RegisterClient(w.ctx(), w.party("jellyfin"), nil, audit.Act{At: w.now}))
	})
}

// manyMadeFor gives an account so many apps of a client.
func (w *world) manyMadeFor(clientID string, a account.Account, n int) {
	w.Helper()
	w.tamper(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) INSERT INTO device (id, account_id, kind, method, facts, seen, born, account_epoch, created_at, used_at)
		SELECT 'd' || i, $1, 'app', '', '', '', 0, 0, 0, 0 FROM n`, a.ID, n)
	w.tamper(`INSERT INTO credential (hash, kind, account_id, device_id, subject, detail, born, account_epoch, fresh_at, created_at, expires_at)
		SELECT 'c' || id, 'refresh token', account_id, id, $1, '', 0, 0, 0, 0, 0 FROM device`, clientID)
}

// endRemoved ends what was made for removed clients, to the end.
func (w *world) endRemoved(db *store.DB) error {
	for more := true; more; {
		var err error
		if more, err = db.EndRemovedClient(w.ctx()); err != nil {
			return err
		}
	}
	return nil
}

// Attack S14: an id is not free before the last thing made for it has ended, though nodes end it at the same time and people sign out beside them.
func TestRemovedClientsAreEndedByAll(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		w.manyMadeFor("jellyfin", a, 3000)
		w.must(w.db.RemoveClient(w.ctx(), "jellyfin", audit.Act{At: w.now}))
		for i, err := range w.parallel(4, func(db *store.DB, i int) error {
			if i < 2 {
				return w.endRemoved(db)
			}
			for n := 500 + i; n <= 3000; n += 20 {
				if err := db.EndDevice(w.ctx(), a.ID, fmt.Sprintf("d%d", n), audit.Act{At: w.now}); err != nil && !errors.Is(err, device.ErrNotFound) {
					return err
				}
			}
			return nil
		}) {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		w.count(0, "credential WHERE subject = 'jellyfin'")
		w.count(0, "client")
	})
}

// A client that is removed while it exchanges codes keeps nothing, and neither does the next one of its id, which also gets nothing for codes of the former.
func TestRemovedClientsKeepNothing(t *testing.T) {
	each(t, func(w *world) {
		s, _ := w.signedIn(w.person("anna"))
		for range 40 {
			w.client("jf")
			_, code := w.code(s, "jf")
			n, late := w.newGrant(credential.Refresh, s, code, "jf"), w.answering(s, "jf")
			for i, err := range w.parallel(3, func(db *store.DB, i int) error {
				switch i {
				case 0:
					_, err := db.RedeemCode(w.ctx(), n, audit.Act{At: w.now}, audit.Act{At: w.now})
					return err
				case 1:
					return db.GrantCode(w.ctx(), late, audit.Act{At: w.now})
				}
				return db.RemoveClient(w.ctx(), "jf", audit.Act{At: w.now})
			}) {
				if err != nil && !errors.Is(err, store.ErrSpent) {
					t.Errorf("%d: %v", i, err)
				}
			}
			w.must(w.endRemoved(w.db))
			w.count(0, "client")
			w.count(0, "credential WHERE subject = 'jf' AND kind <> 'authorization request'")
			w.count(0, "consent")
			w.tamper(`DELETE FROM credential WHERE subject = 'jf'`)
		}
		w.client("jf")
		_, code := w.code(s, "jf")
		asked := w.answering(s, "jf")
		_, made := w.granted(credential.Access, s, "jf")
		w.tamper(`UPDATE client SET created_at = created_at + 1`) // the next one of that id
		_, err := w.db.RedeemCode(w.ctx(), w.newGrant(credential.Refresh, s, code, "jf"), audit.Act{At: w.now}, audit.Act{At: w.now})
		w.is(err, store.ErrSpent)
		w.is(w.db.GrantCode(w.ctx(), asked, audit.Act{At: w.now}), store.ErrSpent)
		_, _, err = w.db.FindGrant(w.ctx(), made.Hash)
		w.is(err, credential.ErrUnknown)
	})
}
