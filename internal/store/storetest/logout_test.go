package storetest

import (
	"slices"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/incident"
	"usher/internal/relyingparty"
	"usher/internal/store"
)

// quiet registers a client that is not told of sign-outs.
func (w *world) quiet(id string) relyingparty.Client {
	w.Helper()
	c := w.party(id)
	c.LogoutURI = ""
	w.must(w.db.RegisterClient(w.ctx(), c, nil, audit.Act{At: w.now}))
	return c
}

// given are the hashes of what was made for a client on an account: one grant of an app and one of a browser.
func (w *world) given(clientID string, a account.Account) (app, browser credential.SignIn, grants []string) {
	w.Helper()
	app, browser = w.madeFor(clientID, a)
	for _, d := range []string{app.Device.ID, browser.Device.ID} {
		grants = append(grants, w.text("SELECT hash FROM credential WHERE device_id = $1 AND subject = $2", d, clientID))
	}
	return app, browser, grants
}

// untold fails the test unless these grants, and no other, wait to be told.
func (w *world) untold(want ...string) {
	w.Helper()
	rows, err := w.sql().Query("SELECT grant_hash FROM logout ORDER BY grant_hash")
	w.must(err)
	var got []string
	for rows.Next() {
		var hash string
		w.must(rows.Scan(&hash))
		got = append(got, hash)
	}
	w.must(rows.Err())
	w.must(rows.Close())
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("%d wait to be told, want %d: %v, want %v", len(got), len(want), got, want)
	}
}

// What ends a grant, by itself or with all others of its account, has its client told of it once; other accounts' grants and quiet clients are left alone.
func TestEndsAreTold(t *testing.T) {
	for name, end := range map[string]struct {
		all bool // the browser's grant ends too
		do  func(w *world, a account.Account, app credential.SignIn) error
	}{
		"grant": {false, func(w *world, _ account.Account, app credential.SignIn) error {
			return w.db.EndGrant(w.ctx(), w.find(credential.Refresh, app.Token).Hash, audit.Act{})
		}},
		"consent": {true, func(w *world, a account.Account, _ credential.SignIn) error {
			w.tamper("INSERT INTO consent (account_id, client_id, scopes, granted_at) VALUES ($1, 'jellyfin', 'openid', 1)", a.ID)
			return w.db.RevokeConsent(w.ctx(), a.ID, "jellyfin", audit.Act{})
		}},
		"device": {false, func(w *world, a account.Account, app credential.SignIn) error {
			return w.db.EndDevice(w.ctx(), a.ID, app.Device.ID, audit.Act{})
		}},
		"everything": {true, func(w *world, a account.Account, _ credential.SignIn) error {
			return w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{})
		}},
		"reset needed": {true, func(w *world, a account.Account, _ credential.SignIn) error {
			return w.db.RequireReset(w.ctx(), a.ID, "", audit.Act{At: w.now})
		}},
		"new password": {true, func(w *world, a account.Account, _ credential.SignIn) error {
			return w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(a, "new"), nil, audit.Act{})
		}},
		"locked": {true, func(w *world, a account.Account, _ credential.SignIn) error {
			w.tamper("UPDATE account SET admin = FALSE")
			return w.db.SetState(w.ctx(), a.ID, account.Active, account.Locked, time.Time{}, audit.Act{})
		}},
		"list": {true, func(w *world, a account.Account, _ credential.SignIn) error {
			i, err := w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.List), incident.Console{}, audit.Act{At: w.now})
			w.must(err)
			return w.db.ListIncident(w.ctx(), i.ID, []string{a.ID})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				a, other := w.person("anna"), w.person("bert")
				w.client("jellyfin")
				w.quiet("immich")
				app, _, grants := w.given("jellyfin", a)
				w.given("immich", a)
				w.given("jellyfin", other)
				w.must(end.do(w, a, app))
				want := grants
				if !end.all {
					want = grants[:1]
				}
				w.untold(want...)
				for _, g := range want {
					w.count(0, "credential WHERE hash = $1", g)
					w.must(w.db.LogoutTold(w.ctx(), g))
				}
				w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{})) // what was told is not told again
				w.untold(grants[len(want):]...)
			})
		})
	}
}

// An incident for everybody is declared by one write, however many grants it ends; a job finds them in portions, and may be stopped between any two.
func TestDeriveLogouts(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		w.quiet("immich")
		_, _, grants := w.given("jellyfin", a)
		w.given("immich", a)
		w.tamper(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO credential (hash, kind, account_id, device_id, subject, detail, born, account_epoch, fresh_at, created_at, expires_at)
			SELECT 'x' || (100000 + i), 'refresh token', $1, '', 'jellyfin', '', 0, 0, 0, 0, 0 FROM n`, a.ID)
		more, err := w.db.DeriveLogouts(w.ctx())
		w.must(err)
		if more {
			t.Error("there is something to go through before an incident")
		}
		_, err = w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.All), incident.Console{}, audit.Act{At: w.now})
		w.must(err)
		w.untold()
		s, err := w.db.ReadClock(w.ctx())
		w.must(err)
		fresh := w.signIn(a) // of after it
		fresh.Stamp.Born = s.Epoch
		w.openSignIn(fresh)
		rounds := 0
		for more = true; more; rounds++ {
			more, err = w.open().DeriveLogouts(w.ctx())
			w.must(err)
		}
		if rounds != 2 {
			t.Errorf("%d rounds", rounds)
		}
		w.count(1502, "logout")
		w.count(2, "logout WHERE grant_hash IN ($1, $2)", grants[0], grants[1])
		w.count(0, "credential WHERE subject = 'jellyfin'")
		w.count(2, "credential WHERE subject = 'immich'")
		w.count(1, "credential WHERE device_id = $1", fresh.Device.ID)
		w.tamper("DELETE FROM logout")
		w.now = w.now.Add(time.Second)
		_, err = w.db.DeclareIncident(w.ctx(), w.incident(incident.Require, incident.All), incident.Console{}, audit.Act{At: w.now})
		w.must(err)
		for more = true; more; {
			more, err = w.db.DeriveLogouts(w.ctx())
			w.must(err)
		}
		w.untold() // each once
	})
}

func TestClientsToTell(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		c := w.client("jellyfin")
		w.client("idle")
		told := func(want ...string) {
			t.Helper()
			all, err := w.db.ClientsToTell(w.ctx(), w.now)
			w.must(err)
			var got []string
			for _, c := range all {
				got = append(got, c.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v are told, want %v", got, want)
			}
		}
		told()
		_, _, grants := w.given("jellyfin", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		told("jellyfin")
		for _, g := range grants {
			w.must(w.db.LogoutFailed(w.ctx(), g, w.now.Add(time.Minute)))
		}
		told()
		w.now = w.now.Add(time.Minute)
		told("jellyfin")
		c.LogoutURI = ""
		w.must(w.db.ChangeClient(w.ctx(), c, audit.Act{At: w.now}))
		told()
		w.must(w.db.RemoveClient(w.ctx(), "jellyfin", audit.Act{At: w.now}))
		w.untold() // and nothing of it is told to another client of that id
	})
}

// Every logout is handed to one node at a time, and comes again when its lease ends.
func TestLeaseLogouts(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		_, _, grants := w.given("jellyfin", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		leased := make([][]relyingparty.Logout, racers)
		for _, err := range w.parallel(racers, func(db *store.DB, i int) (err error) {
			leased[i], err = db.LeaseLogouts(w.ctx(), "jellyfin", w.now, time.Minute, 1)
			return err
		}) {
			w.must(err)
		}
		var got []string
		for _, some := range leased {
			for _, l := range some {
				got = append(got, l.Grant)
				if l.AccountID != a.ID || l.ClientID != "jellyfin" || l.Attempts != 0 || l.CreatedAt.IsZero() {
					t.Errorf("%+v", l)
				}
			}
		}
		slices.Sort(got)
		slices.Sort(grants)
		if len(got) > len(grants) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("leased %v of %v", got, grants)
		}
		w.now = w.now.Add(time.Minute)
		again, err := w.db.LeaseLogouts(w.ctx(), "jellyfin", w.now, time.Minute, 9)
		w.must(err)
		if len(again) != len(grants) {
			t.Errorf("%d come again", len(again))
		}
		none, err := w.db.LeaseLogouts(w.ctx(), "immich", w.now, time.Minute, 9)
		w.must(err)
		if len(none) != 0 {
			t.Error("another client's")
		}
	})
}

func TestLogoutTold(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		_, _, grants := w.given("jellyfin", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		w.must(w.db.LogoutTold(w.ctx(), grants[0]))
		w.must(w.db.LogoutTold(w.ctx(), grants[0])) // told twice is forgotten once
		w.untold(grants[1])
	})
}

func TestLogoutFailed(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		w.given("jellyfin", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		first, err := w.db.LeaseLogouts(w.ctx(), "jellyfin", w.now, time.Minute, 1)
		w.must(err)
		w.must(w.db.LogoutFailed(w.ctx(), first[0].Grant, w.now.Add(10*time.Second)))
		w.now = w.now.Add(10 * time.Second)
		again, err := w.db.LeaseLogouts(w.ctx(), "jellyfin", w.now, time.Minute, 9)
		w.must(err)
		i := slices.IndexFunc(again, func(l relyingparty.Logout) bool { return l.Grant == first[0].Grant })
		if i < 0 || again[i].Attempts != 1 {
			t.Errorf("%+v", again)
		}
		w.sweep(start.Add(relyingparty.LogoutLife - time.Millisecond))
		w.count(2, "logout")
		w.sweep(start.Add(relyingparty.LogoutLife))
		w.count(0, "logout") // after a day nobody is told any more
	})
}

func TestCountLogouts(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.client("jellyfin")
		w.client("immich")
		w.given("jellyfin", a)
		w.given("jellyfin", a)
		w.given("immich", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		for most, want := range map[int]int{100: 4, 3: 3} {
			n, err := w.db.CountLogouts(w.ctx(), "jellyfin", most)
			w.must(err)
			if n != want {
				t.Errorf("%d of at most %d", n, most)
			}
		}
	})
}

// What has waited longer is told first: neither what ends later nor how much of it that is keeps a client's other sign-outs waiting.
func TestSignOutsAreToldInTurn(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("anna"), w.person("bert")
		w.client("jellyfin")
		_, _, first := w.given("jellyfin", a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		for _, g := range first {
			w.must(w.db.LogoutFailed(w.ctx(), g, w.now.Add(time.Minute)))
		}
		w.now = w.now.Add(time.Hour)
		_, err := w.db.TickInstance(w.ctx(), w.now)
		w.must(err)
		for range 5 {
			w.given("jellyfin", b)
		}
		w.must(w.db.EndEverything(w.ctx(), b.ID, nil, audit.Act{At: w.now}))
		some, err := w.db.LeaseLogouts(w.ctx(), "jellyfin", w.now, time.Minute, 2)
		w.must(err)
		for _, l := range some {
			if l.AccountID != a.ID {
				t.Error("what ended later is told before")
			}
		}
		if len(some) != 2 {
			t.Errorf("%d are told", len(some))
		}
	})
}
