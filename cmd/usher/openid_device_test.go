package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"usher/internal/audit"
	"usher/internal/config"
	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/incident"
	"usher/internal/relyingparty"
	"usher/internal/testdb"
	"usher/internal/tvlink"
)

// aTV is a client without a secret that signs people in by a code.
func aTV(c *relyingparty.Client) {
	c.Auth, c.RedirectURIs, c.PostLogoutURIs = relyingparty.None, nil, nil
	c.Grants = []relyingparty.Grant{relyingparty.DeviceCode, relyingparty.Refresh}
}

// lets types a code, and lets in or sends away what asks.
func (h *holder) lets(code, browser, answer string) *httptest.ResponseRecorder {
	h.Helper()
	ticket := cookie(h.is(h.post("/link", url.Values{"user_code": {code}}, "usher", browser), http.StatusSeeOther), "usher-link")
	page := h.is(h.send(http.MethodGet, "/link/confirm", request{cookies: map[string]string{"usher": browser, "usher-link": ticket}}), http.StatusOK)
	h.is(h.post("/link/"+answer, asked(page), "usher", browser, "usher-link", ticket), http.StatusSeeOther)
	return page
}

// asked is the form of a page that asks whether a device is let in.
func asked(page *httptest.ResponseRecorder) url.Values {
	found := regexp.MustCompile(`name="request" value="([^"]*)"`).FindStringSubmatch(page.Body.String())
	if found == nil {
		return nil
	}
	return url.Values{"request": {found[1]}}
}

// A page of another website may not have the browser it is open in ask for a code: that would come from its person's own network (D16).
func TestOtherSitesAskForNoCode(t *testing.T) {
	eachDoors(t, func(d *doors) {
		a := d.newApp("tv", aTV)
		form := url.Values{"client_id": {a.ID}, "scope": {"openid player"}}
		w := d.send(http.MethodPost, "/oauth/device", request{form: form, header: fromElsewhere})
		if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "user_code") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := d.send(http.MethodPost, "/oauth/device", request{form: form}); w.Code != http.StatusOK {
			t.Errorf("a program: %d %s", w.Code, w.Body)
		}
		for _, path := range []string{"/api/v1/link", "/api/v2/pins.json", "/tv"} {
			if w := d.send(http.MethodPost, path, request{form: form, header: fromElsewhere}); w.Code != http.StatusForbidden {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	})
}

// staysWords are on the page that asks where the app may refresh.
const staysWords = "until 90 days without use"

// An app that may not refresh is not said to stay.
func TestThePageSaysWhoStays(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		a := d.newApp("tv", func(c *relyingparty.Client) {
			aTV(c)
			c.Grants, c.Scopes = []relyingparty.Grant{relyingparty.DeviceCode}, []relyingparty.Scope{relyingparty.OpenID}
		})
		a.config.Scopes = []string{"openid"}
		asked, err := a.config.DeviceAuth(d.outside())
		d.must(err)
		if page := h.lets(asked.UserCode, browser, "confirm").Body.String(); !strings.Contains(page, "registered here") || strings.Contains(page, staysWords) {
			d.Error("the page says that it stays")
		}
	})
}

// Where the operator says so, no code of another network lets anything in, at any door, and one of the own network does.
func TestLinkSameNetwork(t *testing.T) {
	t.Parallel()
	d := openDoors(t, testdb.SQLite(t), func(c *config.Config) { c.LinkSameNetwork = config.On })
	h := d.people()
	a := d.newApp("tv", aTV)
	browser := h.signedIn(h.anna)
	for from, want := range map[string]int{"198.51.100.7:4711": http.StatusUnprocessableEntity, "203.0.113.7:4711": http.StatusSeeOther} {
		for path, q := range map[string]request{
			"/api/v1/link": {object: map[string]string{"device": "TV"}}, "/oauth/device": {form: url.Values{"client_id": {a.ID}, "scope": {"openid player"}}}, "/api/v2/pins.json": asPlex(""),
		} {
			q.from = from
			code := regexp.MustCompile(`"(?:user_)?code":\s?"([^"]+)"`).FindStringSubmatch(d.send(http.MethodPost, path, q).Body.String())
			if code == nil {
				d.Fatalf("%s shows no code", path)
			}
			if w := h.post("/link", url.Values{"user_code": {code[1]}}, "usher", browser); w.Code != want {
				d.Errorf("%s from %s: %d, want %d", path, from, w.Code, want)
			}
		}
	}
}

// A library that is not ours signs a TV in by a code (RFC 8628).
func TestForeignClientsSignInByACode(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		a := d.newApp("tv", aTV)
		a.config.Scopes = []string{"openid", "profile", "player"}
		asked, err := a.config.DeviceAuth(d.outside())
		d.must(err)
		if asked.VerificationURI != origin+"/link" || !strings.HasSuffix(asked.VerificationURIComplete, url.QueryEscape(asked.UserCode)) || asked.Interval != 5 {
			d.Errorf("%+v", asked)
		}
		page := h.lets(asked.UserCode, browser, "confirm").Body.String()
		if !strings.Contains(page, a.Name) || !strings.Contains(page, "registered here") || !strings.Contains(page, "plays from media servers") || !strings.Contains(page, staysWords) {
			d.Error("the page does not say what asks, or for what")
		}
		tokens, err := a.config.DeviceAccessToken(d.outside(), asked)
		d.must(err)
		id, err := a.provider.VerifierContext(d.outside(), &oidc.Config{ClientID: a.ID, Now: d.now}).Verify(d.outside(), tokens.Extra("id_token").(string))
		d.must(err)
		d.must(id.VerifyAccessToken(tokens.AccessToken))
		if id.Subject != h.anna.ID {
			d.Errorf("%+v", id)
		}
		tokens.Expiry = d.at.Add(-1)
		if _, err := a.config.TokenSource(d.outside(), tokens).Token(); err != nil {
			d.Error(err)
		}
		devices, err := d.db.ListDevices(d.Context(), h.anna.ID)
		d.must(err)
		if len(devices) != 2 || !strings.Contains(devices[0].Name+devices[1].Name, a.Name) {
			d.Errorf("%+v", devices)
		}
		h.mailed(h.anna.Email, "link", "/remove-device/")
	})
}

// polls asks once more, when it may.
func (a *app) polls(code string) *httptest.ResponseRecorder {
	a.Helper()
	a.doors.at = a.doors.at.Add(tvlink.Interval)
	return a.asks(grant.TokenPath, url.Values{"grant_type": {string(relyingparty.DeviceCode)}, "device_code": {code}})
}

// Attacks D8 to D10: a device is told exactly what RFC 8628 says, gets what it gets once, and only the client that asked does; account and client are
// judged when it is collected, too.
func TestDevicesAreLetInOnce(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
		h := d.people()
		a, other := d.newApp("tv", aTV), d.newApp("other", aTV)
		ask := func() (code, short, long string) {
			d.unlimited()
			d.do("DELETE FROM link_request")
			w := a.asks("/oauth/device", url.Values{"scope": {"openid player"}})
			var told struct {
				Device string `json:"device_code"`
				User   string `json:"user_code"`
				Short  string `json:"user_code_short"`
			}
			d.must(json.Unmarshal(w.Body.Bytes(), &told))
			return told.Device, told.Short, told.User
		}
		wants := func(what string, w *httptest.ResponseRecorder, code string) {
			d.Helper()
			if w.Code != http.StatusBadRequest || said(w).Error != code {
				d.Errorf("%s: %d %s, want %s", what, w.Code, w.Body, code)
			}
		}
		browser := h.signedIn(h.anna)
		code, short, _ := ask()
		wants("waiting", a.polls(code), "authorization_pending")
		wants("too soon", a.asks(grant.TokenPath, url.Values{"grant_type": {string(relyingparty.DeviceCode)}, "device_code": {code}}), "slow_down")
		d.at = d.at.Add(2 * tvlink.Interval)
		wants("another client", other.polls(code), "expired_token")
		h.lets(short, browser, "confirm")
		d.at = d.at.Add(4 * tvlink.Interval)
		wants("another client, let in", other.polls(code), "expired_token")
		d.at = d.at.Add(4 * tvlink.Interval)
		if w := d.send(http.MethodPost, "/api/v1/link/token", request{object: map[string]string{"device_code": code}}); w.Code == http.StatusOK {
			d.Errorf("another door collects it: %s", w.Body)
		}
		d.at = d.at.Add(4 * tvlink.Interval)
		if w := a.polls(code); w.Code != http.StatusOK || said(w).Refresh == "" {
			d.Errorf("let in: %d %s", w.Code, w.Body)
		}
		d.at = d.at.Add(4 * tvlink.Interval)
		wants("twice", a.polls(code), "expired_token")

		code, _, long := ask()
		h.lets(long, browser, "deny")
		wants("denied", a.polls(code), "access_denied")
		code, _, _ = ask()
		d.at = d.at.Add(credential.Rules[credential.DeviceCode].Life)
		wants("expired", a.polls(code), "expired_token")
		wants("unknown", a.polls("x"), "expired_token")

		for name, w := range map[string]*httptest.ResponseRecorder{
			"unauthorized_client": d.newApp("jellyfin", nil).asks("/oauth/device", url.Values{"scope": {"openid"}}),
			"invalid_scope":       a.asks("/oauth/device", url.Values{"scope": {"servers"}}),
		} {
			if said(w).Error != name {
				d.Errorf("%s: %s", name, w.Body)
			}
		}

		code, _, long = ask()
		h.lets(long, h.signedIn(h.anna), "confirm")
		less := a.Client
		less.Scopes = []relyingparty.Scope{relyingparty.OpenID}
		d.must(d.db.ChangeClient(d.Context(), less, audit.New(d.at, audit.ClientChanged, audit.CLI, "")))
		wants("a scope was taken away", a.polls(code), "invalid_grant")
		d.must(d.db.ChangeClient(d.Context(), a.Client, audit.New(d.at, audit.ClientChanged, audit.CLI, "")))

		code, _, long = ask()
		h.lets(long, h.signedIn(h.anna), "confirm")
		h.declare(incident.All)
		wants("an incident", a.polls(code), "access_denied")
	})
}
