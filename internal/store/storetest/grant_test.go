package storetest

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/id"
	"usher/internal/linkcode"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/store"
)

// requested keeps an authorization request of a client and returns its hash.
func (w *world) requested(clientID string) (secret.Token, string) {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	l := credential.Link{
		Kind: credential.AuthorizationRequest, Token: secret.NewToken(), Subject: clientID, Detail: "asked at jf.household.example", Stamp: credential.Stamp{Born: clock.Epoch},
	}
	w.must(w.db.Record(w.ctx(), audit.Act{At: w.now}.Linking(l)))
	return l.Token, w.find(credential.AuthorizationRequest, l.Token).Hash
}

// answering answers a new request of a client for somebody who is signed in.
func (w *world) answering(s credential.SignIn, clientID string) grant.Approval {
	w.Helper()
	_, hash := w.requested(clientID)
	return grant.Approval{
		Spends: hash, Code: secret.NewToken(), AccountID: s.Device.AccountID, DeviceID: s.Device.ID, ClientID: clientID, Detail: "promised by Jellyfin", Stamp: s.Stamp,
		FreshAt: w.now, Consent: []relyingparty.Scope{relyingparty.OpenID},
	}
}

// code is a code for somebody who is signed in, with its hash.
func (w *world) code(s credential.SignIn, clientID string) (secret.Token, string) {
	w.Helper()
	a := w.answering(s, clientID)
	w.must(w.db.GrantCode(w.ctx(), a, w.act(audit.AppAllowed, a.AccountID)))
	return a.Code, w.find(credential.AuthorizationCode, a.Code).Hash
}

// newGrant is what a code is about to turn into: an app of its own with a refresh token, or something that ends with the browser.
func (w *world) newGrant(kind credential.Kind, s credential.SignIn, spends, clientID string) grant.New {
	n := grant.New{
		Spends: spends, Kind: kind, Family: secret.TokenOf(secret.NewToken().Reveal()[:26]), Device: s.Device, ClientID: clientID, Detail: "granted to Jellyfin",
		Stamp: s.Stamp, FreshAt: w.now, Expires: w.now.Add(credential.Rules[kind].Life),
	}
	if kind == credential.Refresh {
		n.Secret = secret.TokenOf(secret.NewToken().Reveal()[:26])
		n.Device = device.Device{ID: id.New(w.now), AccountID: s.Device.AccountID, Kind: device.App, Name: "Jellyfin", Product: "Jellyfin", Method: device.ByConsent}
	}
	return n
}

// granted turns a new code into a grant.
func (w *world) granted(kind credential.Kind, s credential.SignIn, clientID string) (grant.New, credential.Found) {
	w.Helper()
	_, code := w.code(s, clientID)
	n := w.newGrant(kind, s, code, clientID)
	hash, err := w.db.RedeemCode(w.ctx(), n, audit.Act{At: w.now}, w.act(audit.DevicesTrimmed, s.Device.AccountID))
	w.must(err)
	f := w.find(kind, n.Family)
	if f.Hash != hash {
		w.Errorf("the grant is found as %s, not as %s", f.Hash, hash)
	}
	return n, f
}

func TestEndRequest(t *testing.T) {
	each(t, func(w *world) {
		w.client("jf")
		token, hash := w.requested("jf")
		w.must(w.resolve(credential.AuthorizationRequest, token))
		w.race(store.ErrSpent, func(db *store.DB, _ int) error { return db.EndRequest(w.ctx(), hash) })
		w.is(w.resolve(credential.AuthorizationRequest, token), credential.ErrUnknown)
	})
}

func TestGrantCode(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.client("jf")
		first := w.answering(s, "jf")
		winner := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			mine := first
			if i != 0 {
				mine.Code = secret.NewToken()
			}
			return db.GrantCode(w.ctx(), mine, w.act(audit.AppAllowed, a.ID))
		})
		w.recorded(audit.AppAllowed, 1)
		w.count(1, "credential WHERE kind = 'authorization code' AND subject = 'jf'")
		if winner == 0 {
			w.must(w.resolve(credential.AuthorizationCode, first.Code))
		}
		code, _ := w.code(s, "jf")
		f := w.find(credential.AuthorizationCode, code)
		if f.DeviceID != s.Device.ID || f.AccountID != a.ID || f.Detail != "promised by Jellyfin" || !f.FreshAt.Equal(w.now) {
			t.Errorf("%+v", f)
		}
		w.must(w.db.EndDevice(w.ctx(), a.ID, s.Device.ID, audit.Act{At: w.now}))
		w.is(w.resolve(credential.AuthorizationCode, code), credential.ErrUnknown)
	})
}

func TestRedeemCode(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.client("jf")
		_, code := w.code(s, "jf")
		w.race(store.ErrSpent, func(db *store.DB, i int) error {
			kind := []credential.Kind{credential.Access, credential.Refresh}[i%2]
			_, err := db.RedeemCode(w.ctx(), w.newGrant(kind, s, code, "jf"), audit.Act{At: w.now}, audit.Act{})
			return err
		})
		w.count(1, "credential WHERE kind IN ('access token', 'refresh token')")
		_, late := w.code(s, "jf")
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		_, err := w.db.RedeemCode(w.ctx(), w.newGrant(credential.Access, s, late, "jf"), audit.Act{At: w.now}, audit.Act{})
		w.is(err, store.ErrSpent)

		s, _ = w.signedIn(a)
		for i := range device.Most + 1 {
			w.now = w.now.Add(time.Millisecond)
			client := fmt.Sprintf("jf%d", i/grant.MostAlike)
			if i%grant.MostAlike == 0 {
				w.client(client)
			}
			w.granted(credential.Refresh, s, client)
		}
		w.count(device.Most, "device WHERE kind = 'app' AND account_epoch = 2")
		w.recorded(audit.DevicesTrimmed, 1)
		w.must(w.resolve(credential.Browser, s.Token))
	})
}

// However often a page sends a browser to and fro, one client has grant.MostAlike sign-ins in it, and as many apps on the account; the rest ends, and is
// told. Other clients, other browsers and what was let in by a code are left alone.
func TestSignInsAlikeAreTrimmed(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		second, _ := w.signedIn(a)
		w.client("jf")
		w.quiet("nd")
		_, code := w.code(s, "jf")
		tv := w.newGrant(credential.Refresh, s, code, "jf")
		tv.Device.Kind, tv.Device.Method = device.TV, device.ByCode
		_, err := w.db.CollectGrant(w.ctx(), "nothing waits", tv, nil, audit.Act{At: w.now}, audit.Act{At: w.now})
		w.must(err)
		for _, kind := range []credential.Kind{credential.Access, credential.Refresh} {
			var old, late []string
			for i := range grant.MostAlike + 5 {
				w.now = w.now.Add(time.Second)
				_, f := w.granted(kind, s, "jf")
				if i < 5 {
					old = append(old, f.Hash)
				} else {
					late = append(late, f.Hash)
				}
			}
			w.granted(kind, second, "nd")
			for _, hash := range old {
				w.count(0, "credential WHERE hash = $1", hash)
			}
			for _, hash := range late {
				w.count(1, "credential WHERE hash = $1", hash)
			}
			w.untold(old...)
			w.tamper(`DELETE FROM logout`)
		}
		w.recorded(audit.DevicesTrimmed, 5)
		w.granted(credential.Access, second, "jf")
		w.count(grant.MostAlike+1, "credential WHERE kind = 'access token' AND subject = 'jf'")
		w.count(grant.MostAlike, "device WHERE kind = 'app' AND id IN (SELECT device_id FROM credential WHERE subject = 'jf')")
		w.find(credential.Refresh, tv.Family)
		w.count(2, "credential WHERE subject = 'nd' AND kind IN ('access token', 'refresh token')")
	})
}

func TestFindGrant(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, browser := w.signedIn(a)
		w.client("jf")
		for _, kind := range []credential.Kind{credential.Access, credential.Refresh} {
			_, made := w.granted(kind, s, "jf")
			f, who, err := w.db.FindGrant(w.ctx(), made.Hash)
			w.must(err)
			if f.Kind != kind || f.Subject != "jf" || f.Detail != "granted to Jellyfin" || who.Email != a.Email || f.Stamp != s.Stamp || (f.DeviceID == s.Device.ID) != (kind == credential.Access) {
				t.Errorf("%s: %+v", kind, f)
			}
		}
		_, ended := w.granted(credential.Access, s, "jf")
		w.tamper(`UPDATE client SET removed_at = 1`) // what was made for it is being ended, in portions
		_, _, err := w.db.FindGrant(w.ctx(), ended.Hash)
		w.is(err, credential.ErrUnknown)
		for _, hash := range []string{"", browser, "nothing", "a\x00b"} { // what is no grant is none
			_, _, err := w.db.FindGrant(w.ctx(), hash)
			w.is(err, credential.ErrUnknown)
		}
	})
}

func TestEndGrant(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, browser := w.signedIn(a)
		w.client("jf")
		for _, kind := range []credential.Kind{credential.Access, credential.Refresh} {
			n, f := w.granted(kind, s, "jf")
			w.race(store.ErrSpent, func(db *store.DB, _ int) error { return db.EndGrant(w.ctx(), f.Hash, w.act(audit.AppReused, a.ID)) })
			_, err := w.db.FindCredential(w.ctx(), kind, n.Family)
			w.is(err, credential.ErrUnknown)
		}
		w.recorded(audit.AppReused, 2)
		w.count(1, "device") // the browser
		w.is(w.db.EndGrant(w.ctx(), browser, audit.Act{At: w.now}), store.ErrSpent)
		w.must(w.resolve(credential.Browser, s.Token))
	})
}

// An app that goes on from its maker's servers makes no network the account's own for longer than its owner was there.
func TestRefreshesKeepNoNetworkOwn(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.client("jf")
		_, code := w.code(s, "jf")
		n := w.newGrant(credential.Refresh, s, code, "jf")
		n.Device.Seen.Address, n.Device.CreatedAt = "198.51.100.9", w.now
		_, err := w.db.RedeemCode(w.ctx(), n, audit.Act{At: w.now}, audit.Act{})
		w.must(err)
		own := func() bool {
			devices, err := w.db.ListDevices(w.ctx(), a.ID)
			w.must(err)
			return slices.Contains(linkcode.Networks{}.Own(w.now, netip.Addr{}, devices), faraway)
		}
		if !own() {
			w.Error("where it was agreed to is no network of hers")
		}
		w.now = w.now.Add(40 * 24 * time.Hour)
		_, err = w.db.RotateRefresh(w.ctx(), w.find(credential.Refresh, n.Family), grant.Rotation{Secret: n.Secret, Next: halfToken(), At: w.now})
		w.must(err)
		if own() {
			w.Error("a refresh keeps the network hers")
		}
	})
}

// halfToken is one more secret of a refresh token.
func halfToken() secret.Token { return secret.TokenOf(secret.NewToken().Reveal()[:26]) }

func TestRotateRefresh(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.client("jf")
		n, f := w.granted(credential.Refresh, s, "jf")
		w.now = w.now.Add(time.Hour)
		began := w.now
		second, third := halfToken(), halfToken()
		use := func(now, next secret.Token, request string) grant.Rotation {
			return grant.Rotation{Secret: now, Next: next, Request: request, At: w.now, Reuse: w.act(audit.AppReused, a.ID)}
		}
		// The very same request, many times at once: every one gets the same answer, and the secret moves on once.
		for i, err := range w.parallel(racers, func(db *store.DB, _ int) error {
			at, err := db.RotateRefresh(w.ctx(), f, use(n.Secret, second, "openid"))
			if err == nil && !at.Equal(began) {
				t.Errorf("rotated at %v", at)
			}
			return err
		}) {
			if err != nil {
				t.Errorf("racer %d: %v", i, err)
			}
		}
		if used := w.find(credential.Refresh, n.Family).DeviceUsedAt; !used.Equal(began) {
			t.Errorf("the app was used at %v", used)
		}
		w.now = w.now.Add(grant.RefreshGrace)
		at, err := w.db.RotateRefresh(w.ctx(), f, use(n.Secret, second, "openid"))
		if err != nil || !at.Equal(began) {
			t.Errorf("within the grace: %v %v", at, err)
		}
		w.must(func() error { _, err := w.db.RotateRefresh(w.ctx(), f, use(second, third, "openid")); return err }())
		w.recorded(audit.AppReused, 0)

		for name, reuse := range map[string]func(n grant.New, f credential.Found){
			"an older one": func(n grant.New, f credential.Found) {
				w.must(func() error { _, err := w.db.RotateRefresh(w.ctx(), f, use(n.Secret, second, "")); return err }())
				w.must(func() error { _, err := w.db.RotateRefresh(w.ctx(), f, use(second, third, "")); return err }())
			},
			"after the grace": func(n grant.New, f credential.Found) {
				w.must(func() error { _, err := w.db.RotateRefresh(w.ctx(), f, use(n.Secret, second, "")); return err }())
				w.now = w.now.Add(grant.RefreshGrace + time.Millisecond)
			},
			"another request": func(n grant.New, f credential.Found) {
				w.must(func() error { _, err := w.db.RotateRefresh(w.ctx(), f, use(n.Secret, second, "openid")); return err }())
			},
		} {
			n, f := w.granted(credential.Refresh, s, "jf")
			reuse(n, f)
			_, err := w.db.RotateRefresh(w.ctx(), f, use(n.Secret, second, ""))
			if w.is(err, grant.ErrReused); t.Failed() {
				t.Fatal(name)
			}
			_, err = w.db.RotateRefresh(w.ctx(), f, use(second, third, ""))
			w.is(err, store.ErrSpent)
			_, err = w.db.FindCredential(w.ctx(), credential.Refresh, n.Family)
			w.is(err, credential.ErrUnknown)
		}
		w.recorded(audit.AppReused, 3)
		n, f = w.granted(credential.Refresh, s, "jf")
		_, err = w.db.RotateRefresh(w.ctx(), f, use(halfToken(), second, "")) // who knows the family and not the secret had one once
		w.is(err, grant.ErrReused)
		w.must(w.resolve(credential.Browser, s.Token))
	})
}

// A node that has not read the newest ring takes no good refresh token for a copy: it says that it cannot tell, and ends nothing.
func TestRefreshAtANodeWithAnOlderRing(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.client("jf")
		n, f := w.granted(credential.Refresh, s, "jf")
		older, err := store.Open(w.ctx(), store.Options{URL: w.url, Keys: secret.KeeperOf(w.keys.Ring())}, w.now)
		w.must(err)
		defer func() { _ = older.Close() }()
		w.replace(w.keys.Ring().BeginRotation())
		second, third := halfToken(), halfToken()
		rotate := func(db *store.DB, now, next secret.Token) error {
			_, err := db.RotateRefresh(w.ctx(), f, grant.Rotation{Secret: now, Next: next, At: w.now, Reuse: w.act(audit.AppReused, a.ID)})
			return err
		}
		w.must(rotate(w.db, n.Secret, second))
		w.is(rotate(older, second, third), store.ErrUnavailable)
		_, err = older.CheckRefresh(w.ctx(), f.Hash, second)
		w.is(err, store.ErrUnavailable)
		w.must(rotate(w.db, second, third))
		w.recorded(audit.AppReused, 0)
		w.is(rotate(w.db, n.Secret, halfToken()), grant.ErrReused) // a copy is one still
	})
}

func TestCheckRefresh(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.client("jf")
		n, f := w.granted(credential.Refresh, s, "jf")
		_, bound := w.granted(credential.Access, s, "jf")
		second := halfToken()
		checks := func(hash string, presented secret.Token, want bool) {
			w.Helper()
			counts, err := w.db.CheckRefresh(w.ctx(), hash, presented)
			if w.must(err); counts != want {
				w.Errorf("%s: %t", hash, counts)
			}
		}
		checks(f.Hash, n.Secret, true)
		checks(f.Hash, second, false)
		w.must(func() error {
			_, err := w.db.RotateRefresh(w.ctx(), f, grant.Rotation{Secret: n.Secret, Next: second, At: w.now})
			return err
		}())
		checks(f.Hash, n.Secret, false)
		checks(f.Hash, second, true)
		checks(bound.Hash, secret.Token{}, false)
		checks("nothing", second, false)
		w.find(credential.Refresh, n.Family) // asking ends nothing
	})
}

func TestFindConsent(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, _ := w.signedIn(a)
		w.client("jf")
		for _, agreed := range [][]relyingparty.Scope{{relyingparty.OpenID}, nil, {relyingparty.OpenID, relyingparty.Email}, {relyingparty.Profile}} {
			ap := w.answering(s, "jf")
			ap.Consent = agreed
			w.must(w.db.GrantCode(w.ctx(), ap, audit.Act{At: w.now}))
		}
		have, err := w.db.FindConsent(w.ctx(), a.ID, "jf")
		w.must(err)
		if want := []relyingparty.Scope{relyingparty.OpenID, relyingparty.Email, relyingparty.Profile}; !slices.Equal(have, want) {
			t.Errorf("%v", have)
		}
		for _, nobody := range [][2]string{{other.ID, "jf"}, {a.ID, "other"}} {
			have, err := w.db.FindConsent(w.ctx(), nobody[0], nobody[1])
			if w.must(err); len(have) != 0 {
				t.Errorf("%v", have)
			}
		}
		w.must(w.db.RemoveClient(w.ctx(), "jf", w.act(audit.ClientRemoved, "")))
		w.count(0, "consent")
	})
}

func TestListConsents(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, _ := w.signedIn(a)
		o, _ := w.signedIn(other)
		for _, client := range []string{"one", "two"} {
			w.client(client)
			w.now = w.now.Add(time.Second)
			w.code(s, client)
		}
		w.code(o, "one")
		list, err := w.db.ListConsents(w.ctx(), a.ID)
		w.must(err)
		if len(list) != 2 || list[0].ClientID != "two" || list[1].ClientID != "one" || !list[0].At.Equal(w.now) || !slices.Equal(list[0].Scopes, []relyingparty.Scope{relyingparty.OpenID}) {
			t.Errorf("%+v", list)
		}
	})
}

func TestRevokeConsent(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, _ := w.signedIn(a)
		o, _ := w.signedIn(other)
		w.client("jf")
		w.client("nd")
		kept, _ := w.granted(credential.Refresh, s, "nd")
		theirs, _ := w.granted(credential.Refresh, o, "jf")
		refresh, _ := w.granted(credential.Refresh, s, "jf")
		access, _ := w.granted(credential.Access, s, "jf")
		code, _ := w.code(s, "jf")
		w.race(grant.ErrNoConsent, func(db *store.DB, _ int) error {
			return db.RevokeConsent(w.ctx(), a.ID, "jf", w.act(audit.AppRemoved, a.ID))
		})
		w.recorded(audit.AppRemoved, 1)
		for kind, token := range map[credential.Kind]secret.Token{credential.Refresh: refresh.Family, credential.Access: access.Family, credential.AuthorizationCode: code} {
			_, err := w.db.FindCredential(w.ctx(), kind, token)
			w.is(err, credential.ErrUnknown)
		}
		w.find(credential.Refresh, kept.Family)
		w.find(credential.Refresh, theirs.Family)
		w.must(w.resolve(credential.Browser, s.Token))
		w.count(4, "device")
		list, err := w.db.ListConsents(w.ctx(), a.ID)
		if w.must(err); len(list) != 1 || list[0].ClientID != "nd" {
			t.Errorf("%+v", list)
		}
	})
}

// A consent that was withdrawn gives nothing any more: to a silent approval that was decided before, nor to a device that was let in and has not collected.
func TestWithdrawnConsentsGiveNothing(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		c := w.party("jf")
		c.FirstParty = false
		w.must(w.db.RegisterClient(w.ctx(), c, nil, audit.Act{At: w.now}))
		w.code(s, "jf")
		silent := w.answering(s, "jf")
		silent.Consent, silent.Scopes = nil, []relyingparty.Scope{relyingparty.OpenID, relyingparty.Email}
		w.is(w.db.GrantCode(w.ctx(), silent, audit.Act{At: w.now}), store.ErrSpent) // more than was agreed to
		silent.Scopes = silent.Scopes[:1]
		w.must(w.db.GrantCode(w.ctx(), silent, audit.Act{At: w.now}))
		silent = w.answering(s, "jf")
		silent.Consent, silent.Scopes = nil, []relyingparty.Scope{relyingparty.OpenID}

		letIn := func(client, short string) linkcode.New {
			n := w.asking(short)
			n.Party.Client = client
			w.must(w.db.BeginLink(w.ctx(), n))
			w.must(w.db.ApproveLink(w.ctx(), w.approval(a, n, w.entered(a, n.Short, livingRoom)), audit.Act{At: w.now}))
			return n
		}
		tv, other := letIn("jf", "AAAA"), letIn("nd", "BBBB")
		polled := w.find(credential.DeviceCode, tv.Poll)
		w.must(w.db.RevokeConsent(w.ctx(), a.ID, "jf", audit.Act{At: w.now}))
		w.is(w.db.GrantCode(w.ctx(), silent, audit.Act{At: w.now}), store.ErrSpent)
		_, err := w.db.CollectGrant(w.ctx(), tv.ID, w.newGrant(credential.Refresh, s, polled.Hash, "jf"), silent.Scopes, audit.Act{At: w.now}, audit.Act{At: w.now})
		w.is(err, store.ErrSpent)
		w.is(w.resolve(credential.DeviceCode, tv.Poll), credential.ErrUnknown)
		w.must(w.resolve(credential.DeviceCode, other.Poll))
		w.count(0, "consent")
		w.count(1, "link_request")
	})
}

// Whatever comes first, a withdrawal and an exchange leave either nothing, or nothing withdrawn.
func TestWithdrawalsBesideExchanges(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.client("jf")
		for range 60 {
			_, code := w.code(s, "jf")
			n := w.newGrant(credential.Refresh, s, code, "jf")
			errs := w.parallel(2, func(db *store.DB, i int) error {
				if i == 0 {
					return db.RevokeConsent(w.ctx(), a.ID, "jf", audit.Act{At: w.now})
				}
				_, err := db.RedeemCode(w.ctx(), n, audit.Act{At: w.now}, audit.Act{At: w.now})
				return err
			})
			if w.must(errs[0]); errs[1] != nil {
				w.is(errs[1], store.ErrSpent)
			}
			w.count(0, "credential WHERE subject = 'jf' AND kind = 'refresh token'")
			w.count(0, "device WHERE kind = 'app'")
		}
	})
}

// A browser that is signed out while its app exchanges a code: the app got nothing, or is told.
func TestSignOutsBesideExchanges(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jf")
		for range 60 {
			s, _ := w.signedIn(a)
			_, code := w.code(s, "jf")
			n := w.newGrant(credential.Access, s, code, "jf")
			hash := ""
			errs := w.parallel(2, func(db *store.DB, i int) (err error) {
				if i == 0 {
					return db.EndDevice(w.ctx(), a.ID, s.Device.ID, audit.Act{At: w.now})
				}
				hash, err = db.RedeemCode(w.ctx(), n, audit.Act{At: w.now}, audit.Act{At: w.now})
				return err
			})
			if w.must(errs[0]); errs[1] != nil {
				w.is(errs[1], store.ErrSpent)
				continue
			}
			w.count(1, "logout WHERE grant_hash = $1", hash)
			w.count(0, "credential WHERE hash = $1", hash)
		}
	})
}

func TestCollectGrant(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.client("jf")
		_, code := w.code(s, "jf") // anything that is spent will do
		w.tamper(`DELETE FROM consent`)
		collected := make([]string, racers)
		winner := w.race(store.ErrSpent, func(db *store.DB, i int) (err error) {
			n := w.newGrant(credential.Refresh, s, code, "jf")
			n.Device.Kind = device.TV
			collected[i], err = db.CollectGrant(w.ctx(), "nothing waits", n, []relyingparty.Scope{relyingparty.OpenID}, w.act(audit.SignedIn, a.ID), w.act(audit.DevicesTrimmed, a.ID))
			return err
		})
		w.count(1, "device WHERE kind = 'tv'")
		w.count(1, "credential WHERE kind = 'refresh token' AND hash = $1", collected[winner])
		w.count(1, "consent WHERE account_id = $1 AND client_id = 'jf' AND scopes = 'openid'", a.ID)
		w.recorded(audit.SignedIn, 2)
		w.must(w.db.RemoveClient(w.ctx(), "jf", w.act(audit.ClientRemoved, "")))
		w.count(0, "device WHERE kind = 'tv'")
	})
}

func TestFindClientBySecret(t *testing.T) {
	each(t, func(w *world) {
		mine, other := secret.NewToken(), secret.NewToken()
		c := w.client("jf", mine)
		w.client("nd", other)
		a := w.person("anna")
		s, browser := w.signedIn(a)
		_, bound := w.granted(credential.Access, s, "nd")
		n, app := w.granted(credential.Refresh, s, "nd")
		finds := func(shown grant.Presented, want credential.Found) {
			w.Helper()
			shown.Secret = mine
			in, err := w.db.FindClientBySecret(w.ctx(), shown)
			w.must(err)
			if in.Secret.Kind != credential.ClientSecret || in.Secret.Subject != "jf" || !reflect.DeepEqual(in.Client, c) {
				t.Errorf("%+v %+v", in.Secret, in.Client)
			}
			if want.Hash != "" {
				var err error
				var who account.Account
				want, who, err = w.db.FindGrant(w.ctx(), want.Hash) // both questions have the same answer
				if w.must(err); !reflect.DeepEqual(in.Person, who) {
					t.Errorf("%+v", in.Person)
				}
			}
			if in.Grant != want {
				t.Errorf("found %+v, want %+v", in.Grant, want)
			}
		}
		finds(grant.Presented{}, credential.Found{})
		finds(grant.Presented{Grant: bound.Hash}, bound)
		finds(grant.Presented{Grant: app.Hash}, app)
		finds(grant.Presented{Family: n.Family}, app)
		in, err := w.db.FindClientBySecret(w.ctx(), grant.Presented{Secret: other})
		w.must(err)
		for _, none := range []grant.Presented{{Grant: browser}, {Grant: in.Secret.Hash}, {Grant: "nothing"}, {Family: halfToken()}, {Family: s.Token}} {
			finds(none, credential.Found{})
		}
		_, err = w.db.FindClientBySecret(w.ctx(), grant.Presented{Secret: secret.NewToken(), Grant: bound.Hash})
		w.is(err, credential.ErrUnknown)
		_, err = w.db.FindClientBySecret(w.ctx(), grant.Presented{Secret: secret.NewToken(), Grant: in.Secret.Hash}) // a secret's hash is no secret
		w.is(err, credential.ErrUnknown)
		w.tamper(`UPDATE client SET created_at = created_at + 1 WHERE id = 'nd'`) // a later one of that id
		finds(grant.Presented{Grant: bound.Hash}, credential.Found{})
		w.tamper(`UPDATE client SET created_at = created_at - 1, removed_at = 1 WHERE id = 'nd'`) // in the moment before its grants go
		finds(grant.Presented{Family: n.Family}, credential.Found{})
		w.tamper(`UPDATE client SET removed_at = 1 WHERE id = 'jf'`)
		_, err = w.db.FindClientBySecret(w.ctx(), grant.Presented{Secret: mine})
		w.is(err, credential.ErrUnknown)
	})
}
