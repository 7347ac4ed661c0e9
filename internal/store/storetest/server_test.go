package storetest

import (
	"reflect"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/store"
)

// aboutToClaim is a server with a key of that name, about to be claimed for an account with a new claim token.
func (w *world) aboutToClaim(a account.Account, key string) server.Claim {
	w.Helper()
	token := secret.NewClaim()
	link := w.claimLink(a, token)
	link.Most = 0
	w.must(w.db.Record(w.ctx(), audit.Act{At: w.now}.Linking(link)))
	f := w.find(credential.ServerClaim, token)
	return server.Claim{Server: server.Server{
		ID: id.New(w.now), AccountID: a.ID, Thumbprint: "print of " + key, Public: "public " + key, Stamp: f.Stamp, ClaimedAt: w.now, SeenAt: w.now,
		Facts: server.Facts{
			Name: "Attic " + key, Product: "Gate", Version: "1.2", Addresses: []server.Address{{URL: "https://attic.example"}, {URL: "http://192.168.1.5:32400"}},
			From: device.Seen{Address: "192.0.2.7", Place: "Lyon, France"},
		},
	}, Spends: f.Hash, Most: 3}
}

// claimed claims one.
func (w *world) claimed(a account.Account, key string) server.Server {
	w.Helper()
	c := w.aboutToClaim(a, key)
	got, err := w.db.ClaimServer(w.ctx(), c, w.act(audit.ServerClaimed, a.ID))
	w.must(err)
	if got != c.ID {
		w.Fatalf("it stands as %s, want %s", got, c.ID)
	}
	return c.Server
}

// standing is how a server stands now.
func (w *world) standing(serverID string) server.Standing {
	w.Helper()
	h, err := w.db.FindServer(w.ctx(), serverID)
	w.must(err)
	return h.Standing(w.now)
}

// stampOf is what is about to be proved for an account would carry.
func (w *world) stampOf(a account.Account) credential.Stamp {
	w.Helper()
	return w.signIn(a).Stamp
}

func TestClaimServer(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		one, two := w.aboutToClaim(a, "one"), w.aboutToClaim(a, "two")
		two.Spends = one.Spends
		claims := []server.Claim{one, two}
		w.race(store.ErrSpent, func(db *store.DB, i int) error { // two servers, one token (attack D13)
			c := claims[i%2]
			c.ID = id.New(w.now)
			_, err := db.ClaimServer(w.ctx(), c, w.act(audit.ServerClaimed, a.ID))
			return err
		})
		w.recorded(audit.ServerClaimed, 1)
		w.count(1, "server")
		w.count(1, "client WHERE account_id = $1", a.ID)
		w.tamper("DELETE FROM server")

		s := w.claimed(a, "three")
		c, err := w.db.FindClient(w.ctx(), s.ID)
		w.must(err)
		if !reflect.DeepEqual(c, s.Client()) || c.AccountID != a.ID || c.Auth != relyingparty.PrivateKey || len(c.RedirectURIs) != 0 {
			w.Errorf("its client is %+v", c)
		}
		foreign := w.aboutToClaim(other, "three")
		_, err = w.db.ClaimServer(w.ctx(), foreign, audit.Act{At: w.now}) // attack D15
		w.is(err, server.ErrClaimed)
		w.count(1, "credential WHERE hash = $1", foreign.Spends) // nothing was spent

		// The same account claims it again, by a token and whatever became of its key: it is brought back, with what its owner made of it (attack D14).
		w.must(w.db.ConfirmAddress(w.ctx(), a.ID, s.ID, "https://attic.example", audit.Act{At: w.now}))
		w.must(w.db.SignOutServer(w.ctx(), a.ID, s.ID, audit.Act{At: w.now}))
		again := w.aboutToClaim(a, "three")
		again.Name = "Cellar"
		got, err := w.db.ClaimServer(w.ctx(), again, w.act(audit.ServerClaimed, a.ID))
		h, find := w.db.FindServer(w.ctx(), s.ID)
		if err != nil || find != nil || got != s.ID || h.Name != "Cellar" || h.Standing(w.now).State != server.Good || len(h.Confirmed()) != 1 || !h.Again.Equal(again.ClaimedAt) {
			w.Errorf("it stands as %+v: %v %v", h.Server, err, find)
		}

		w.claimed(a, "four")
		w.claimed(a, "five")
		_, err = w.db.ClaimServer(w.ctx(), w.aboutToClaim(a, "six"), audit.Act{At: w.now})
		w.is(err, server.ErrTooMany)
		late := w.aboutToClaim(other, "seven")
		w.must(w.db.EndEverything(w.ctx(), other.ID, nil, audit.Act{At: w.now}))
		_, err = w.db.ClaimServer(w.ctx(), late, audit.Act{At: w.now})
		w.is(err, store.ErrSpent)
		late.AccountID = "gone"
		_, err = w.db.ClaimServer(w.ctx(), late, audit.Act{At: w.now})
		w.is(err, store.ErrSpent)
	})
}

// Two accounts that claim one key at once: one has it.
func TestClaimServerRacesForTheKey(t *testing.T) {
	each(t, func(w *world) {
		var claims []server.Claim
		for i := range racers {
			claims = append(claims, w.aboutToClaim(w.person(label(i)), "one"))
		}
		w.race(server.ErrClaimed, func(db *store.DB, i int) error {
			_, err := db.ClaimServer(w.ctx(), claims[i], audit.Act{At: w.now})
			return err
		})
		w.count(1, "server")
		w.count(1, "client")
	})
}

func TestFindServer(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s := w.claimed(a, "one")
		h, err := w.db.FindServer(w.ctx(), s.ID)
		if err != nil || !reflect.DeepEqual(h.Server, s) || h.Found.Subject != s.ID || h.Found.Account.ID != a.ID {
			w.Errorf("it stands as %+v: %v", h, err)
		}
		_, err = w.db.FindServer(w.ctx(), "gone")
		w.is(err, server.ErrNotFound)
		for name, c := range map[string]struct {
			does, undoes string
			want         server.Reason
		}{
			"locked":   {"UPDATE account SET state = 'locked'", "UPDATE account SET state = 'active'", server.Locked},
			"deleting": {"UPDATE account SET state = 'deleting'", "UPDATE account SET state = 'active'", server.Deleting},
			"epoch":    {"UPDATE account SET epoch = epoch + 1", "UPDATE account SET epoch = epoch - 1", server.SignedOut},
			"reset":    {"UPDATE account SET secured = secured - 10, incident = secured - 5", "UPDATE account SET secured = secured + 10, incident = 0", server.ResetRequired},
			"restored": {"UPDATE instance SET floor = epoch + 5", "UPDATE instance SET floor = 0", server.Incident},
		} {
			w.tamper(c.does)
			if got := w.standing(s.ID); got.State != server.Suspended || got.Reason != c.want {
				w.Errorf("%s: %+v", name, got)
			}
			w.tamper(c.undoes)
			if got := w.standing(s.ID); got.State != server.Good {
				w.Errorf("after %s: %+v", name, got)
			}
		}
	})
}

func TestListServers(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		one := w.claimed(a, "one")
		w.now = w.now.Add(time.Second)
		two := w.claimed(a, "two")
		w.claimed(other, "three")
		all, err := w.db.ListServers(w.ctx(), a.ID)
		if err != nil || len(all) != 2 || !reflect.DeepEqual(all[0].Server, one) || !reflect.DeepEqual(all[1].Server, two) {
			w.Errorf("%+v %v", all, err)
		}
	})
}

func TestDescribeServer(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s := w.claimed(a, "one")
		w.must(w.db.ConfirmAddress(w.ctx(), a.ID, s.ID, "https://attic.example", audit.Act{At: w.now}))
		says := server.Facts{Version: "2", Addresses: []server.Address{{URL: "https://new.example", Confirmed: true}}}
		w.must(w.db.DescribeServer(w.ctx(), a.ID, s.ID, says))
		h, err := w.db.FindServer(w.ctx(), s.ID)
		want := []server.Address{{URL: "https://attic.example", Confirmed: true}, {URL: "https://new.example"}} // only the owner confirms
		if err != nil || h.Version != "2" || h.Name != s.Name || !reflect.DeepEqual(h.Addresses, want) {
			w.Errorf("it stands as %+v: %v", h.Server, err)
		}
		says.Name = "Cellar"
		w.must(w.db.DescribeServer(w.ctx(), a.ID, s.ID, says))
		if c, err := w.db.FindClient(w.ctx(), s.ID); err != nil || c.Name != "Cellar" || len(c.RedirectURIs) != 1 {
			w.Errorf("its client is %+v: %v", c, err)
		}
		w.is(w.db.DescribeServer(w.ctx(), w.person("bert").ID, s.ID, says), server.ErrNotFound)
		w.is(w.db.DescribeServer(w.ctx(), "gone", s.ID, says), server.ErrNotFound)
	})
}

func TestTouchServer(t *testing.T) {
	each(t, func(w *world) {
		s := w.claimed(w.person("anna"), "one")
		w.must(w.db.TouchServer(w.ctx(), s.ID, w.now.Add(time.Hour)))
		w.must(w.db.TouchServer(w.ctx(), s.ID, w.now)) // of another node, late
		w.must(w.db.TouchServer(w.ctx(), "gone", w.now))
		if h, err := w.db.FindServer(w.ctx(), s.ID); err != nil || !h.SeenAt.Equal(w.now.Add(time.Hour)) {
			w.Errorf("seen at %v: %v", h.SeenAt, err)
		}
	})
}

func TestConfirmAddress(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.claimed(a, "one")
		w.must(w.db.ConfirmAddress(w.ctx(), a.ID, s.ID, "http://192.168.1.5:32400", w.act(audit.ServerAddressOn, a.ID)))
		w.recorded(audit.ServerAddressOn, 1)
		if c, err := w.db.FindClient(w.ctx(), s.ID); err != nil || !c.AllowsRedirect("http://192.168.1.5:32400/.usher/callback") || len(c.RedirectURIs) != 1 {
			w.Errorf("people come back to %v: %v", c.RedirectURIs, err)
		}
		w.is(w.db.ConfirmAddress(w.ctx(), other.ID, s.ID, "https://evil.example", audit.Act{At: w.now}), server.ErrNotFound)
		w.all(func(db *store.DB, i int) error {
			return db.ConfirmAddress(w.ctx(), a.ID, s.ID, "https://"+label(i)+".example", audit.Act{At: w.now})
		})
		w.must(w.db.ConfirmAddress(w.ctx(), a.ID, s.ID, "https://tenth.example", audit.Act{At: w.now}))
		w.is(w.db.ConfirmAddress(w.ctx(), a.ID, s.ID, "https://eleventh.example", audit.Act{At: w.now}), server.ErrTooMany)
		if h, err := w.db.FindServer(w.ctx(), s.ID); err != nil || len(h.Confirmed()) != server.MostAddresses {
			w.Errorf("%d are confirmed: %v", len(h.Confirmed()), err)
		}
	})
}

func TestRemoveAddress(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s := w.claimed(a, "one")
		w.must(w.db.ConfirmAddress(w.ctx(), a.ID, s.ID, "https://attic.example", audit.Act{At: w.now}))
		w.is(w.db.RemoveAddress(w.ctx(), w.person("bert").ID, s.ID, "https://attic.example", audit.Act{At: w.now}), server.ErrNotFound)
		w.must(w.db.RemoveAddress(w.ctx(), a.ID, s.ID, "https://attic.example", w.act(audit.ServerAddressOff, a.ID)))
		w.recorded(audit.ServerAddressOff, 1)
		if c, err := w.db.FindClient(w.ctx(), s.ID); err != nil || len(c.RedirectURIs) != 0 {
			w.Errorf("people come back to %v: %v", c.RedirectURIs, err)
		}
	})
}

func TestSignOutServer(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, beside := w.claimed(a, "one"), w.claimed(a, "two")
		w.is(w.db.SignOutServer(w.ctx(), other.ID, s.ID, audit.Act{At: w.now}), server.ErrNotFound)
		w.race(server.ErrNotFound, func(db *store.DB, _ int) error {
			return db.SignOutServer(w.ctx(), a.ID, s.ID, w.act(audit.ServerSignedOut, a.ID))
		})
		w.recorded(audit.ServerSignedOut, 1)
		if got := w.standing(s.ID); got.State != server.Suspended || got.Reason != server.ServerSignedOut || !got.Since.Equal(w.now) {
			w.Errorf("it stands as %+v", got)
		}
		if w.standing(beside.ID).State != server.Good {
			w.Error("the one beside it is suspended, too")
		}
	})
}

func TestBringServersBack(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		one, two := w.claimed(a, "one"), w.claimed(a, "two")
		before := w.stampOf(a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		w.must(w.db.BringServersBack(w.ctx(), a.ID, []string{one.ID}, before, audit.Act{At: w.now})) // by who was signed out meanwhile
		if w.standing(one.ID).Reason != server.SignedOut {
			w.Error("a stamp from before the sign-out brought it back")
		}
		stamp := w.stampOf(a)
		w.is(w.db.BringServersBack(w.ctx(), other.ID, []string{one.ID}, w.stampOf(other), audit.Act{At: w.now}), server.ErrNotFound)
		w.is(w.db.BringServersBack(w.ctx(), a.ID, []string{one.ID, "gone"}, stamp, audit.Act{At: w.now}), server.ErrNotFound) // all or none
		if w.standing(one.ID).State != server.Suspended {
			w.Error("it is back by an act that failed")
		}
		w.must(w.db.SignOutServer(w.ctx(), a.ID, two.ID, audit.Act{At: w.now}))
		failed := w.all(func(db *store.DB, _ int) error {
			return db.BringServersBack(w.ctx(), a.ID, []string{one.ID, two.ID}, stamp, w.act(audit.ServerBack, a.ID))
		})
		if failed > 0 || w.standing(one.ID).State != server.Good || w.standing(two.ID).State != server.Good {
			w.Error("they are not back")
		}
		w.recorded(audit.ServerBack, racers)
	})
}

func TestUnclaimServer(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, beside := w.claimed(a, "one"), w.claimed(a, "two")
		w.admits(s, "bert")
		w.admits(beside, "bert")
		w.is(w.db.UnclaimServer(w.ctx(), other.ID, s.ID, audit.Act{At: w.now}), server.ErrNotFound)
		w.race(server.ErrNotFound, func(db *store.DB, _ int) error {
			return db.UnclaimServer(w.ctx(), a.ID, s.ID, w.act(audit.ServerUnclaimed, a.ID))
		})
		w.recorded(audit.ServerUnclaimed, 1)
		_, err := w.db.FindServer(w.ctx(), s.ID)
		w.is(err, server.ErrNotFound)
		_, err = w.db.FindClient(w.ctx(), s.ID)
		w.is(err, relyingparty.ErrNotFound)
		w.count(1, "server_access")
		w.claimed(other, "one") // and anybody may have it now
	})
}

// With an account go its servers, and its lines on the lists of others.
func TestErasedAccountsLeaveNoServer(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		w.admits(w.claimed(a, "one"), "bert")
		theirs := w.claimed(other, "two")
		w.admits(theirs, "anna")
		w.must(w.come(theirs, a))
		w.tamper("UPDATE account SET state = 'deleting', delete_at = 1 WHERE id = $1", a.ID)
		w.must(w.db.EraseAccount(w.ctx(), a.ID, w.act(audit.AccountErased, "")))
		w.count(1, "server")
		w.count(1, "client")
		w.count(0, "server_access")
	})
}

func TestFindServerByKey(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, other := w.claimed(a, "one"), w.claimed(a, "two")
		h, err := w.db.FindServerByKey(w.ctx(), s.ID, s.Thumbprint)
		if err != nil || h.ID != s.ID || h.Name != s.Name {
			w.Errorf("%+v %v", h, err)
		}
		for id, print := range map[string]string{s.ID: other.Thumbprint, "none": s.Thumbprint} {
			_, err := w.db.FindServerByKey(w.ctx(), id, print)
			w.is(err, server.ErrNotFound)
		}
	})
}
