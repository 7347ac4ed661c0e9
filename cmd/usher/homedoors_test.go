package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/secret"
)

// managed is a member without address and password in somebody's Home, with a PIN where one is given.
func (d *doors) managed(owner account.Account, name, pin string) household.Member {
	d.Helper()
	m := household.Managed{ID: id.New(d.at), AccountID: id.New(d.at), Name: name}
	d.must(d.db.AddManaged(d.Context(), owner.ID, m, audit.Act{At: d.at}))
	d.must(d.db.SetPIN(d.Context(), owner.ID, m.ID, secret.TokenOf(pin), audit.Act{At: d.at}))
	return d.memberOf(owner, m.AccountID)
}

// memberOf is who of somebody's Home an account is.
func (d *doors) memberOf(owner account.Account, accountID string) household.Member {
	d.Helper()
	home, err := d.db.FindHome(d.Context(), owner.ID)
	d.must(err)
	m, is := home.Of(accountID)
	if !is {
		d.Fatalf("%s is not in the Home", accountID)
	}
	return m
}

// joins makes an account somebody of another one's Home.
func (d *doors) joins(a, owner account.Account) household.Member {
	d.Helper()
	g := household.Guest{ID: id.New(d.at), Label: a.UserName, Handle: account.LoginHandle(a.UserName), At: d.at}
	d.must(d.db.InviteMember(d.Context(), owner.ID, g, audit.Act{At: d.at}))
	d.must(d.db.JoinHome(d.Context(), g.ID, household.Joiner{AccountID: a.ID}, audit.Act{At: d.at}, audit.Act{At: d.at}))
	return d.memberOf(owner, a.ID)
}

// plays is the token of a player that somebody's code let in to an account.
func (h *holder) plays(a account.Account) string {
	h.Helper()
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	now, err := h.db.LoadAccount(h.Context(), a.ID)
	h.must(err)
	in := credential.NewSignIn(a.ID, "link code", device.Client{}, h.at)
	in.Kind, in.Subject, in.Device.Kind, in.Stamp = credential.App, credential.Player, device.App, credential.StampNow(clock, now.Standing)
	h.must(h.db.OpenSignIn(h.Context(), credential.Attempt{At: h.at}, credential.Candidate{}, in, audit.Act{At: h.at}, audit.Act{At: h.at}))
	return in.Token.Reveal()
}

// switches asks through one door to become somebody of the Home.
type switches func(h *holder, m household.Member, token, pin string) *httptest.ResponseRecorder

// everySwitch is every door at which a token switches.
var everySwitch = map[string]switches{
	"JSON API": func(h *holder, m household.Member, token, pin string) *httptest.ResponseRecorder {
		q := asBearer(token)
		if q.object = map[string]string{"member": m.AccountID}; pin != "" {
			q.object["pin"] = pin
		}
		return h.send(http.MethodPost, "/api/v1/home/switch", q)
	},
	"plex.tv, newer": func(h *holder, m household.Member, token, pin string) *httptest.ResponseRecorder {
		return h.send(http.MethodPost, "/api/v2/home/users/"+m.AccountID+"/switch?pin="+pin, asPlex(token))
	},
	"plex.tv, older": func(h *holder, m household.Member, token, pin string) *httptest.ResponseRecorder {
		q := asPlex(token)
		q.form = url.Values{"pin": {pin}}
		return h.send(http.MethodPost, "/api/home/users/"+strconv.FormatInt(device.Number(m.AccountID), 10)+"/switch", q)
	},
	"TV": func(h *holder, m household.Member, token, pin string) *httptest.ResponseRecorder {
		w := h.send(http.MethodPost, "/tv/switch", request{cookies: map[string]string{"usher-tv": token}, form: url.Values{"member": {m.ID}, "pin": {pin}}})
		if given := cookie(w, "usher-tv-home"); given != "" {
			_, _ = w.WriteString(given)
		}
		return w
	},
}

// switched is the token that a door gave for somebody of the Home.
func (h *holder) switched(door string, m household.Member, token, pin string) string {
	h.Helper()
	w := everySwitch[door](h, m, token, pin)
	got := aToken.FindString(w.Body.String())
	if w.Code >= http.StatusBadRequest || got == "" {
		h.Fatalf("%s: %d %s", door, w.Code, w.Body)
	}
	return got
}

// counts reports whether a switched token is somebody at the doors that take one; where they disagree, that is an error.
func (h *holder) counts(token string) bool {
	h.Helper()
	var open []bool
	for path, q := range map[string]request{"/api/v1/me": asBearer(token), "/api/v1/home": asBearer(token), "/api/v1/servers": asBearer(token), "/api/v2/user": asPlex(token), "/users/account": asPlex(token), "/api/v2/home/users": asPlex(token)} {
		w := h.send(http.MethodGet, path, q)
		if w.Code != http.StatusOK && w.Code != http.StatusUnauthorized && w.Code != http.StatusUnprocessableEntity {
			h.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		open = append(open, w.Code == http.StatusOK)
	}
	if slices.Contains(open, true) && slices.Contains(open, false) {
		h.Errorf("the doors disagree: %v", open)
	}
	return open[0]
}

// Attack L24: whoever guesses at a PIN shares one counter, through every door and with every token.
func TestEveryDoorCountsTheSamePINs(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		kim, bert := d.managed(h.anna, "Kim", "0417"), d.joins(h.bert, h.anna)
		d.must(d.db.SetPIN(d.Context(), h.anna.ID, bert.ID, secret.TokenOf("2600"), audit.Act{At: d.at}))
		anna, berts := h.plays(h.anna), h.plays(h.bert)
		names := []string{"JSON API", "plex.tv, newer", "plex.tv, older", "TV"}
		guess := func(n int) *httptest.ResponseRecorder {
			return everySwitch[names[n%len(names)]](h, kim, []string{anna, berts}[n%2], strconv.Itoa(1000+n))
		}
		for n := range household.FreeTries {
			if w := guess(n); w.Code != http.StatusForbidden && w.Code != http.StatusUnprocessableEntity {
				t.Fatalf("guess %d: %d %s", n, w.Code, w.Body)
			}
		}
		for _, name := range names {
			for _, token := range []string{anna, berts} {
				w := everySwitch[name](h, kim, token, "0417")
				if wait, err := strconv.Atoi(w.Header().Get("Retry-After")); w.Code != http.StatusTooManyRequests || err != nil || wait < 890 || wait > 900 || aToken.MatchString(w.Body.String()) {
					t.Errorf("%s goes on guessing: %d, after %q", name, w.Code, w.Header().Get("Retry-After"))
				}
			}
		}
		h.switched("TV", bert, anna, "2600") // another member's is another counter
		d.at = d.at.Add(household.Pause)
		for n := household.FreeTries; n < household.MostTries; n++ {
			guess(n)
		}
		d.at = d.at.Add(100 * household.Pause)
		for _, name := range names {
			if w := everySwitch[name](h, kim, anna, "0417"); w.Code != http.StatusForbidden && w.Code != http.StatusUnprocessableEntity || aToken.MatchString(w.Body.String()) {
				t.Errorf("%s lets in what is locked: %d", name, w.Code)
			}
		}
		d.must(d.db.UnlockMember(d.Context(), h.anna.ID, kim.ID, audit.Act{At: d.at}))
		h.switched("JSON API", kim, anna, "0417")
	})
}

// What was switched to, at whichever door, dies at all of them: with the device it came from, with the member, and with a reset of whoever it is or it came from.
func TestSwitchedTokensDieAtEveryDoor(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		kim, bert := d.managed(h.anna, "Kim", ""), d.joins(h.bert, h.anna)
		incident := func(a account.Account) func() {
			return func() {
				d.do(`UPDATE instance SET epoch = epoch + 1`)
				d.do(`UPDATE account SET incident = (SELECT epoch FROM instance WHERE id = 1) WHERE id = $1`, a.ID)
			}
		}
		for door := range everySwitch {
			for end, ends := range map[string]struct {
				do         func(origin string)
				kims, bert bool // whose tokens end
			}{
				"signing the device out": {func(origin string) {
					h.is(h.send(http.MethodPost, "/api/v1/sign-out", asBearer(origin)), http.StatusNoContent)
				}, true, true},
				"a reset of the member": {func(string) { incident(h.bert)() }, false, true},
				"a reset of the owner":  {func(string) { incident(h.anna)() }, true, true},
			} {
				d.do(`UPDATE account SET incident = 0`)
				origin := h.plays(h.anna)
				kims, berts := h.switched(door, kim, origin, ""), h.switched(door, bert, origin, "")
				if !h.counts(kims) || !h.counts(berts) {
					t.Fatalf("%s gives what counts nowhere", door)
				}
				ends.do(origin)
				if h.counts(kims) == ends.kims || h.counts(berts) == ends.bert {
					t.Errorf("%s, %s: the managed member's counts: %t, the other's: %t", door, end, h.counts(kims), h.counts(berts))
				}
				d.do(`UPDATE account SET incident = 0`)
			}
		}
		origin := h.plays(h.anna)
		all := map[string][]string{}
		for door := range everySwitch {
			all["kim"], all["bert"] = append(all["kim"], h.switched(door, kim, origin, "")), append(all["bert"], h.switched(door, bert, origin, ""))
		}
		d.must(d.db.RemoveMember(d.Context(), h.anna.ID, kim.ID, audit.Act{At: d.at}, audit.Act{At: d.at}))
		d.must(d.db.LeaveHome(d.Context(), h.bert.ID, audit.Act{At: d.at}, audit.Act{At: d.at}))
		for who, tokens := range all {
			for _, token := range tokens {
				if h.counts(token) {
					t.Errorf("%s has left, and plays", who)
				}
			}
		}
	})
}

// A player that signed in by OpenID Connect, on a device of its own, switches as any other does: by an access token with the scope player. What it gets is a player's, outlives that
// token, and dies with the sign-in, however that ends. An app that is bound to somebody's browser, or may not play, switches nobody.
func TestPlayersByOpenIDSwitch(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.couple()
		kim, bert := d.managed(h.anna, "Kim", "0417"), d.joins(h.bert, h.anna)
		tv := d.newApp("tv", aTV)
		letIn := func(scope string) (access, refresh string) {
			d.unlimited()
			var told struct {
				Device string `json:"device_code"`
				Short  string `json:"user_code_short"`
			}
			d.must(json.Unmarshal(tv.asks("/oauth/device", url.Values{"scope": {scope}}).Body.Bytes(), &told))
			h.lets(told.Short, h.signedIn(h.anna), "confirm")
			got := said(tv.polls(told.Device))
			if got.Access == "" || got.Refresh == "" {
				t.Fatalf("not let in: %+v", got)
			}
			return got.Access, got.Refresh
		}
		refuses := func(why, token string, m household.Member) {
			h.Helper()
			if w := everySwitch["JSON API"](h, m, token, ""); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "no-say") || aToken.MatchString(w.Body.String()) {
				t.Errorf("%s: %d %s", why, w.Code, w.Body)
			}
		}
		access, refresh := letIn("openid player")
		if w := everySwitch["JSON API"](h, kim, access, "0000"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "wrong-pin") {
			t.Errorf("a wrong PIN: %d %s", w.Code, w.Body)
		}
		kims, berts := h.switched("JSON API", kim, access, "0417"), h.switched("JSON API", bert, access, "")
		if !h.counts(kims) || !h.counts(berts) {
			t.Error("what it got counts nowhere")
		}
		h.is(h.send(http.MethodGet, "/api/v1/devices", asBearer(berts)), http.StatusForbidden)
		h.is(h.send(http.MethodGet, "/oauth/userinfo", asBearer(kims)), http.StatusUnauthorized) // it is nobody's access token
		if w := tv.asks("/oauth/introspect", url.Values{"token": {kims}}); strings.Contains(w.Body.String(), `"active":true`) {
			t.Errorf("the app is told of it: %s", w.Body)
		}
		d.at = d.at.Add(time.Hour) // the access token is over, the sign-in is not
		if w := everySwitch["JSON API"](h, bert, access, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("an access token that is over: %d %s", w.Code, w.Body)
		}
		got := said(tv.asks("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}))
		if !h.counts(kims) || !h.counts(h.switched("JSON API", bert, got.Access, "")) {
			t.Error("refreshing has ended what was switched")
		}
		for _, path := range []string{"/api/v2/home/users/" + bert.AccountID + "/switch", "/api/v2/home/users"} {
			if w := h.send(http.MethodPost, path, asPlex(got.Access)); w.Code < http.StatusBadRequest {
				t.Errorf("%s takes an access token: %d", path, w.Code)
			}
		}
		h.is(everySwitch["JSON API"](h, bert, refresh, ""), http.StatusUnauthorized)

		access, _ = letIn("openid")
		refuses("without the scope player", access, bert)
		web := d.newApp("web", nil)
		refuses("bound to a browser", h.tokensFor(web, h.signedIn(h.anna), "openid", "player").AccessToken, bert)
		if !h.counts(h.switched("JSON API", bert, h.tokensFor(web, h.signedIn(h.anna), "openid", "player", "offline_access").AccessToken, "")) {
			t.Error("what an app got that stays signed in counts nowhere")
		}

		for end, does := range map[string]func(access, refresh string){
			"revoking": func(_, refresh string) {
				h.is(tv.asks("/oauth/revoke", url.Values{"token": {refresh}}), http.StatusOK)
			},
			"a refresh token that is used twice": func(_, refresh string) {
				for range 3 {
					d.at = d.at.Add(time.Hour)
					tv.asks("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
				}
			},
			"the app taken away": func(string, string) {
				d.must(d.db.RevokeConsent(d.Context(), h.anna.ID, tv.ID, audit.Act{At: d.at}))
			},
			"everything signed out": func(string, string) {
				d.must(d.db.EndEverything(d.Context(), h.anna.ID, nil, audit.Act{At: d.at}))
			},
			"a reset of the owner": func(string, string) {
				d.do(`UPDATE instance SET epoch = epoch + 1`)
				d.do(`UPDATE account SET incident = (SELECT epoch FROM instance WHERE id = 1) WHERE id = $1`, h.anna.ID)
			},
		} {
			d.do(`UPDATE account SET incident = 0`)
			access, refresh := letIn("openid player")
			berts := h.switched("JSON API", bert, access, "")
			if !h.counts(berts) {
				t.Fatalf("before %s it counts nowhere", end)
			}
			if does(access, refresh); h.counts(berts) {
				t.Errorf("%s leaves what was switched", end)
			}
		}
	})
}

// The lattice at the doors: at every route, shown in every way there is, what was switched to is let do no more than a player of the same account is, and nothing of it
// changes who can get into an account, who is in a Home, or whose a server is.
func TestSwitchedTokensDoNoMoreThanPlayers(t *testing.T) {
	every := routes(t)
	eachDoors(t, func(d *doors) {
		h := d.couple()
		kim, bert := d.managed(h.anna, "Kim", ""), d.joins(h.bert, h.anna)
		gate := h.newGate(h.offer(h.anna))
		fill := func(rt route) string {
			device := d.rows(`SELECT id FROM device WHERE account_id = '` + h.anna.ID + `' ORDER BY id`)[0]
			of := h.anna.ID
			switch {
			case strings.Contains(rt.path, "/devices/"):
				of = device
			case strings.Contains(rt.path, "/servers/"):
				of = gate.ID
			case strings.Contains(rt.path, "/home/users/"):
				of = kim.AccountID
			}
			return strings.NewReplacer("{$}", "", "{id}", of, "{act}", "switch", "{token}", secret.NewToken().Reveal(), "{name}", "wrong", "{code}", "7RQZ").Replace(rt.path)
		}
		power := func() string {
			return strings.Join(d.rows(`SELECT id || state || email || user_name || notice_email || password || password_version || epoch || totp || home_owner FROM account
				UNION ALL SELECT id || home_id || account_id || facts FROM home_member UNION ALL SELECT id || account_id || home FROM server
				UNION ALL SELECT server_id || account_id FROM server_access UNION ALL SELECT id FROM device WHERE origin = '' ORDER BY 1`), "\n")
		}
		h.plays(h.anna) // a device to be signed out
		origin, before := h.plays(h.anna), power()
		members := map[string]household.Member{"a managed member": kim, "another account": bert, "the owner": d.memberOf(h.anna, h.anna.ID)}
		held := map[string]string{}
		holds := func(who string) string { // one that counts: most requests leave it alive
			if _, err := d.resolver.Resolve(d.Context(), credential.Switched, secret.TokenOf(held[who])); err != nil {
				held[who] = h.switched("JSON API", members[who], origin, "")
			}
			return held[who]
		}
		for _, rt := range every {
			if rt.door == "web" && rt.handler == "follow" || rt.door == "signals" {
				continue
			}
			method, path := rt.method, fill(rt)
			if method == "" {
				method = http.MethodGet
			}
			shows := map[string]func(token string) request{
				"bearer": asBearer, "plex": asPlex, "form": func(token string) request {
					return request{form: url.Values{"token": {token}, "X-Plex-Token": {token}}}
				},
				"cookie": func(token string) request { return request{cookies: map[string]string{"usher": token}} },
			}
			for way, show := range shows {
				h.unlimited()
				for who := range members {
					got := h.send(method, path, show(holds(who)))
					if got.Code == http.StatusTooManyRequests {
						h.unlimited()
						got = h.send(method, path, show(holds(who)))
					}
					if power() != before {
						t.Fatalf("%s as %s changes something by the token of %s", rt.pattern(), way, who)
					}
					if got.Code >= http.StatusMultipleChoices {
						continue
					}
					player := h.plays(h.anna)
					if w := h.send(method, path, show(player)); w.Code >= http.StatusMultipleChoices {
						t.Errorf("%s as %s: %s may (%d), and a player may not (%d)", rt.pattern(), way, who, got.Code, w.Code)
					}
					h.send(http.MethodPost, "/api/v1/sign-out", asBearer(player))
					before = power() // a player may sign others out
				}
			}
		}
	})
}
