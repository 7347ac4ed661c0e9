package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/relyingparty"
)

// An app that stays is a device, told by mail, and ends as one; what an app has never opens a page or the account's own API (SE-5).
func TestAppsAreDevices(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		a := d.newApp("jellyfin", nil)
		tokens := h.tokensFor(a, browser, "openid", "offline_access")
		page := h.send(http.MethodGet, "/account/devices", request{cookies: map[string]string{"usher": browser}}).Body.String()
		if !strings.Contains(page, a.Name) {
			d.Error("the app is no device")
		}
		h.mailed(h.anna.Email, "link", "/not-me/")
		for _, token := range []string{tokens.AccessToken, tokens.RefreshToken} {
			if w := d.send(http.MethodGet, "/api/v1/me", asBearer(token)); w.Code != http.StatusUnauthorized {
				d.Errorf("the account's API answers %d", w.Code)
			}
			if w := d.send(http.MethodGet, "/account", request{cookies: map[string]string{"usher": token}}); w.Code != http.StatusSeeOther {
				d.Errorf("a page answers %d", w.Code)
			}
		}
		mine := h.send(http.MethodGet, "/account/data/download", request{cookies: map[string]string{"usher": browser}}).Body.String()
		if !strings.Contains(mine, `"client_id": "jellyfin"`) || !strings.Contains(mine, `"signed_in_by": "OpenID Connect"`) {
			d.Errorf("the download leaves the app out: %s", mine)
		}
		apps := h.send(http.MethodGet, "/account/apps", request{cookies: map[string]string{"usher": browser}}).Body.String()
		if !strings.Contains(apps, a.Name) {
			d.Error("the app is not among the connected ones")
		}
		h.is(h.post("/account/apps/remove", url.Values{"id": {"other"}}, "usher", browser), http.StatusNotFound)
		h.is(h.post("/account/apps/remove", url.Values{"id": {a.ID}}, "usher", browser), http.StatusSeeOther)
		if w := a.refresh(tokens.RefreshToken, ""); said(w).Error != "invalid_grant" {
			d.Errorf("taken back: %s", w.Body)
		}
		if w := h.send(http.MethodGet, a.begun().RequestURI(), request{cookies: map[string]string{"usher": browser}}); w.Code != http.StatusOK {
			d.Errorf("nobody is asked again: %d", w.Code)
		}
		devices, err := d.db.ListDevices(d.Context(), h.anna.ID)
		if d.must(err); len(devices) != 1 {
			d.Errorf("%d devices are left", len(devices))
		}
	})
}

// Clients of the house are not asked about, and everybody else is not spared by prompt=none.
func TestTheHouseIsNotAskedAbout(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		house := d.newApp("house", func(c *relyingparty.Client) { c.FirstParty = true })
		w := h.send(http.MethodGet, house.begun("prompt", "none").RequestURI(), request{cookies: map[string]string{"usher": browser}})
		if !strings.Contains(w.Header().Get("Location"), "code=") {
			d.Errorf("the house's own: %d %s", w.Code, w.Header().Get("Location"))
		}
		if w := h.send(http.MethodGet, house.begun("prompt", "consent").RequestURI(), request{cookies: map[string]string{"usher": browser}}); w.Code != http.StatusOK {
			d.Errorf("the house's own, when it asks: %d", w.Code)
		}
		phone := d.newApp("phone", func(c *relyingparty.Client) {
			c.Auth, c.RedirectURIs = relyingparty.None, []string{"http://127.0.0.1/cb", "com.example.app:/cb"}
		})
		for redirect, policy := range map[string]string{"http://127.0.0.1:49152/cb": "http://127.0.0.1:49152", "com.example.app:/cb": "com.example.app:"} {
			w := h.is(h.send(http.MethodGet, phone.begun("redirect_uri", redirect).RequestURI(), request{cookies: map[string]string{"usher": browser}}), http.StatusOK)
			if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+policy) {
				d.Errorf("%s: %s", redirect, csp)
			}
			if on := h.post("/authorize/consent", consentForm(w, "deny"), "usher", browser).Header().Get("Location"); !strings.HasPrefix(on, redirect+"?error=access_denied") {
				d.Errorf("%s leads to %s", redirect, on)
			}
		}
	})
}

// Attacks RFC 6749 §10.2 and RFC 8252 §8.6: where any program on a person's device could get the answer, what was agreed to before answers nothing by
// itself. And whatever stays signed in is recorded and told, whether somebody was asked or not.
func TestProgramsOnADeviceAreAskedAbout(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		const stays = "openid offline_access"
		phone := d.newApp("phone", func(c *relyingparty.Client) {
			c.Auth, c.RedirectURIs = relyingparty.None, []string{"http://127.0.0.1/cb", "com.example.app:/cb", "https://phone.example/cb"}
		})
		show := func(page *url.URL) *httptest.ResponseRecorder {
			return h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": browser}})
		}
		for _, redirect := range []string{"http://127.0.0.1:1000/cb", "com.example.app:/cb", "https://phone.example/cb"} {
			if on := h.allow(phone.begun("redirect_uri", redirect, "scope", stays), browser); on.Query().Get("code") == "" {
				d.Fatalf("agreed, and led to %s", on)
			}
		}
		d.do(`DELETE FROM mail`)
		for _, redirect := range []string{"http://127.0.0.1:1000/cb", "http://127.0.0.1:6666/cb", "com.example.app:/cb"} {
			if w := show(phone.begun("redirect_uri", redirect, "scope", stays)); w.Code != http.StatusOK {
				d.Errorf("%s: nobody is asked: %d %s", redirect, w.Code, w.Header().Get("Location"))
			}
			if w := show(phone.begun("redirect_uri", redirect, "scope", "openid", "prompt", "none")); !strings.Contains(w.Header().Get("Location"), "error=consent_required") {
				d.Errorf("%s: nobody is asked, in silence: %s", redirect, w.Header().Get("Location"))
			}
		}
		signIns := func() int {
			all, err := d.db.ListAudit(d.Context(), audit.Filter{AccountID: h.anna.ID, Action: audit.SignedIn, Limit: 100})
			d.must(err)
			return len(all)
		}
		before := signIns()
		house := d.newApp("house", func(c *relyingparty.Client) { c.FirstParty = true })
		for _, page := range []*url.URL{
			phone.begun("redirect_uri", "https://phone.example/cb", "scope", stays, "prompt", "none"), house.begun("scope", stays), house.begun(), // the last one does not stay
		} {
			if w := show(page); !strings.Contains(w.Header().Get("Location"), "code=") {
				d.Errorf("what is known is asked about: %d %s", w.Code, w.Header().Get("Location"))
			}
		}
		if n := signIns() - before; n != 2 {
			d.Errorf("%d are recorded, want 2", n)
		}
		h.mailed(h.anna.Email, "link", "/not-me/")
	})
}

// Whoever holds the token of somebody's app lets no client of OpenID Connect in by its word, though it stands next to its owner: what such a client gets is
// agreed to on the page that says so, and nowhere else (D6).
func TestAppsDoNotConsentForTheirOwners(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		a := d.newApp("tv", aTV)
		object := map[string]string{"login": h.anna.Email, "password": h.password, "code": h.code(h.anna)}
		app := aToken.FindString(h.is(h.send(http.MethodPost, "/api/v1/sign-in", request{object: object}), http.StatusOK).Body.String())
		link := func(code string) *httptest.ResponseRecorder {
			q := asPlex(app)
			q.header.Set("Content-Type", "application/x-www-form-urlencoded")
			return d.send(http.MethodPut, "/api/v2/pins/link.json?code="+code, q)
		}
		var told struct {
			Device string `json:"device_code"`
			User   string `json:"user_code"`
			Short  string `json:"user_code_short"`
		}
		d.must(json.Unmarshal(a.asks("/oauth/device", url.Values{"scope": {"openid email player"}}).Body.Bytes(), &told))
		for _, code := range []string{told.Short, told.User} {
			if w := link(code); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "/link") {
				d.Errorf("%d %s", w.Code, w.Body)
			}
		}
		if w := a.polls(told.Device); said(w).Error != "authorization_pending" {
			d.Errorf("it is told %s", w.Body)
		}
		w := d.send(http.MethodPost, "/api/v2/pins.json", asPlex("")) // by the same word a player is let in
		code := regexp.MustCompile(`"code":"([^"]+)"`).FindStringSubmatch(w.Body.String())
		if w := link(code[1]); w.Code != http.StatusNoContent {
			d.Errorf("a player: %d %s", w.Code, w.Body)
		}
	})
}

// Attack F19: whatever closes an account between the page that lets a device in and its next poll, the device gets nothing, and is told that somebody said no.
func TestDevicesOfClosedAccountsGetNothing(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
		h := d.people()
		a := d.newApp("tv", aTV)
		state := func(to account.State, until time.Duration) func(account.Account) error {
			return func(who account.Account) error {
				return d.db.SetState(d.Context(), who.ID, account.Active, to, d.at.Add(until), audit.Act{At: d.at})
			}
		}
		for name, end := range map[string]func(account.Account) error{
			"locked": state(account.Locked, 0), "deleting": state(account.Deleting, time.Hour),
			"required": func(who account.Account) error {
				return d.db.RequireReset(d.Context(), who.ID, "", audit.Act{At: d.at})
			},
			"out": func(who account.Account) error {
				return d.db.EndEverything(d.Context(), who.ID, nil, audit.Act{At: d.at})
			},
			"open": func(account.Account) error { return nil },
		} {
			who := d.person(name, h.password, false)
			var told struct {
				Device string `json:"device_code"`
				User   string `json:"user_code"`
			}
			d.unlimited()
			d.must(json.Unmarshal(a.asks("/oauth/device", url.Values{"scope": {"openid player"}}).Body.Bytes(), &told))
			h.lets(told.User, h.signedIn(who), "confirm")
			d.must(end(who))
			want := "access_denied"
			if name == "open" {
				want = ""
			}
			if w := a.polls(told.Device); said(w).Error != want || (said(w).Access == "") != (want != "") {
				d.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	})
}
