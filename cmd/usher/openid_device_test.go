package main

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"usher/internal/audit"
	"usher/internal/config"
	"usher/internal/credential"
	"usher/internal/device"
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

// pages are what browsers say of requests that pages of other websites send, and apps that are pages, with how the page that asks their person names them.
var pages = []struct {
	header http.Header
	named  string
}{
	{fromElsewhere, "A web page asks, and says that it is one of jellyfin.example."},
	{http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://usher.example.org:8096"}}, "A web page asks, and says that it is one of usher.example.org:8096."},
	{http.Header{"Origin": {"null"}}, "A web page or a TV app asks."},
	{http.Header{"Origin": {"file://"}}, "A web page or a TV app asks."},
}

// codeDoors are where software asks for a code.
func (a *app) codeDoors() map[string]request {
	return map[string]request{
		"/oauth/device": {form: url.Values{"client_id": {a.ID}, "scope": {"openid player"}}}, "/api/v1/link": {object: map[string]string{"device": "TV", "client": "attic"}},
		"/api/v2/pins.json": asPlex(""), "/pins.json": asPlex(""),
	}
}

// with is the request with more headers.
func (q request) with(more http.Header) request {
	all := q.header.Clone()
	if all == nil {
		all = http.Header{}
	}
	maps.Copy(all, more)
	q.header = all
	return q
}

var codeShown = regexp.MustCompile(`"(?:user_)?code":\s?"([^"]+)"`)

// codeAt is the code that a request for one is answered with.
func (d *doors) codeAt(path string, q request) string {
	d.Helper()
	w := d.send(http.MethodPost, path, q)
	code := codeShown.FindStringSubmatch(w.Body.String())
	if code == nil {
		d.Fatalf("%s shows no code: %d %s", path, w.Code, w.Body)
	}
	return code[1]
}

// Pages of other websites may ask for a code, since some apps are pages, and a page of one is open in whoever's browser: so its request is from nowhere (D16).
// Wherever its person is, the page that asks is red, says that a page asks, waits, and wants a proof; no software lets it in.
func TestPagesOfOtherSitesAskFromNowhere(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		a := d.newApp("tv", aTV)
		browser := h.signedIn(h.anna)
		tool := h.is(d.send(http.MethodPost, "/api/v2/users/signin.json", request{form: url.Values{"login": {"anna"}, "password": {h.password}}, header: asPlex("").header}), http.StatusCreated)
		token := regexp.MustCompile(`"authToken":"([^"]+)"`).FindStringSubmatch(tool.Body.String())[1]
		for path, q := range a.codeDoors() {
			for _, from := range pages {
				header := from.header
				d.do("DELETE FROM link_request")
				d.unlimited()
				before := d.send(http.MethodOptions, path, request{header: http.Header{"Origin": {"https://jellyfin.example"}, "Access-Control-Request-Method": {"POST"}}})
				if h := before.Header(); before.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
					h.Get("Access-Control-Allow-Headers") == "" || h.Get("Access-Control-Allow-Credentials") != "" {
					d.Errorf("%s: a browser would not send it: %d %v", path, before.Code, h)
				}
				if w := d.send(http.MethodPost, path, q.with(header)); w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
					d.Errorf("%s: a page would not read it: %v", path, w.Header())
				}
				code := d.codeAt(path, q.with(header))
				if w := d.send(http.MethodPut, "/api/v2/pins/link", request{form: url.Values{"code": {code}}, header: asPlex(token).header}.with(http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})); w.Code == http.StatusNoContent {
					d.Errorf("%s: software lets it in", path)
				}
				ticket := cookie(h.is(h.post("/link", url.Values{"user_code": {code}}, "usher", browser), http.StatusSeeOther), "usher-link")
				looks := func() *httptest.ResponseRecorder {
					return h.is(h.send(http.MethodGet, "/link/confirm", request{cookies: map[string]string{"usher": browser, "usher-link": ticket}}), http.StatusOK)
				}
				lets := func(form url.Values) int {
					return h.post("/link/confirm", form, "usher", browser, "usher-link", ticket).Code
				}
				page := looks()
				text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page.Body.String(), "")
				for _, want := range []string{"Somebody else’s TV?", from.named, "We cannot tell where it is", "a web page or a TV app · asked"} {
					if !strings.Contains(text, want) {
						d.Errorf("%s, %v: the page does not say %q", path, header, want)
					}
				}
				form := asked(page)
				form.Set("password", h.password)
				if got := lets(form); got != http.StatusUnprocessableEntity {
					d.Errorf("%s: let in before the pause: %d", path, got)
				}
				d.at = d.at.Add(10 * time.Second)
				form.Set("password", "")
				if got := lets(form); got != http.StatusUnprocessableEntity {
					d.Errorf("%s: let in without a proof: %d", path, got)
				}
				form.Set("password", h.password)
				if got := lets(form); got != http.StatusSeeOther {
					d.Errorf("%s: not let in with a proof: %d", path, got)
				}
			}
		}
		waits := request{object: map[string]string{"device_code": "x"}, header: fromElsewhere}
		if w := d.send(http.MethodPost, "/api/v1/link/token", waits); !strings.Contains(w.Body.String(), "expired-token") || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			d.Errorf("a page may not poll: %d %s", w.Code, w.Body)
		}
		before := d.send(http.MethodOptions, "/api/v1/link/token", request{header: fromElsewhere}).Header()
		if before.Get("Access-Control-Allow-Origin") != "*" || before.Get("Access-Control-Allow-Headers") != "Content-Type" || before.Get("Access-Control-Allow-Credentials") != "" {
			d.Errorf("a browser would not poll: %v", before)
		}
		for path, q := range map[string]request{ // what stays closed to them
			"/tv": {form: url.Values{}}, "/link": {form: url.Values{"user_code": {"7RQZ"}}}, "/sign-out": {form: url.Values{}},
			"/api/v1/sign-in": {object: map[string]string{"login": "anna", "password": h.password}}, "/api/v1/sign-out": asBearer("x"), "/api/v2/users/signin.json": asPlex(""),
			"/users/sign_in.json": asBasic("anna", h.password), "/api/v2/auth/token": asPlex(""), "/api/claim/exchange": asPlex(""),
		} {
			if w := d.send(http.MethodPost, path, q.with(fromElsewhere)); w.Code != http.StatusForbidden {
				d.Errorf("%s: %d", path, w.Code)
			}
		}
		if w := d.send(http.MethodPut, "/api/v2/pins/link", asPlex(token).with(fromElsewhere)); w.Code != http.StatusForbidden {
			d.Errorf("a page lets something in: %d", w.Code)
		}
		gate := request{form: url.Values{"client_id": {relyingparty.GateID}, "scope": {"claim"}}}
		if w := d.send(http.MethodPost, "/oauth/device", gate); w.Code != http.StatusOK {
			d.Errorf("a gate: %d %s", w.Code, w.Body)
		}
		if w := d.send(http.MethodPost, "/oauth/device", gate.with(fromElsewhere)); said(w).Error != "unauthorized_client" {
			d.Errorf("a page claims a media server: %d %s", w.Code, w.Body)
		}
	})
}

// A page of another website that shows a token of its maker's in somebody's browser does not make that network the maker's own.
func TestPagesMakeNoNetworkOnesOwn(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser, away := h.signedIn(h.anna), "198.51.100.7:4711"
		tool := h.is(d.send(http.MethodPost, "/api/v2/users/signin.json", request{form: url.Values{"login": {"anna"}, "password": {h.password}}, header: asPlex("").header}), http.StatusCreated)
		token := asPlex(regexp.MustCompile(`"authToken":"([^"]+)"`).FindStringSubmatch(tool.Body.String())[1])
		token.from = away
		for name, c := range map[string]struct {
			header http.Header
			title  string
		}{"a page": {fromElsewhere, "Somebody else’s TV?"}, "an image of a page": {http.Header{"Sec-Fetch-Site": {"cross-site"}}, "Somebody else’s TV?"}, "a program": {nil, "Is this your TV?"}} {
			d.at = d.at.Add(device.TouchEvery)
			h.is(d.send(http.MethodGet, "/api/v2/user", token.with(c.header)), http.StatusOK)
			d.must(d.touches.Flush(d.Context(), d.db))
			code := d.codeAt("/api/v1/link", request{object: map[string]string{"device": "TV"}, from: away})
			ticket := cookie(h.is(h.post("/link", url.Values{"user_code": {code}}, "usher", browser), http.StatusSeeOther), "usher-link")
			page := h.is(h.send(http.MethodGet, "/link/confirm", request{cookies: map[string]string{"usher": browser, "usher-link": ticket}}), http.StatusOK)
			if !strings.Contains(page.Body.String(), c.title) {
				d.Errorf("%s: the page does not ask %q", name, c.title)
			}
		}
	})
}

// Attack D5: who lets something in at the last moment makes it live no longer. It is there to be collected until its fifteen minutes are over, and then never.
func TestLateApprovalsExtendNothing(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		a := d.newApp("tv", aTV)
		type waits struct {
			ID     int64
			Code   string
			User   string `json:"user_code"`
			Device string `json:"device_code"`
		}
		var told waits
		polls := map[string]struct {
			poll func() *httptest.ResponseRecorder
			over string
		}{
			"/oauth/device": {func() *httptest.ResponseRecorder {
				return a.asks(grant.TokenPath, url.Values{"grant_type": {string(relyingparty.DeviceCode)}, "device_code": {told.Device}})
			}, "expired_token"},
			"/api/v1/link": {func() *httptest.ResponseRecorder {
				return d.send(http.MethodPost, "/api/v1/link/token", request{object: map[string]string{"device_code": told.Device}})
			}, "expired-token"},
			"/api/v2/pins.json": {func() *httptest.ResponseRecorder {
				return d.send(http.MethodGet, "/api/v2/pins/"+strconv.FormatInt(told.ID, 10)+".json", asPlex(""))
			}, `"code":1020`},
		}
		for path, p := range polls {
			for left, in := range map[time.Duration]bool{time.Second: true, 0: false} {
				d.unlimited()
				d.do("DELETE FROM link_request")
				w := d.send(http.MethodPost, path, a.codeDoors()[path])
				told = waits{}
				ends := d.at.Add(credential.Rules[credential.DeviceCode].Life)
				d.must(json.Unmarshal(w.Body.Bytes(), &told))
				d.at = ends.Add(-2 * time.Second)
				h.lets(cmp.Or(told.User, told.Code), h.signedIn(h.anna), "confirm")
				d.at = ends.Add(-left - time.Millisecond) // a request takes one
				w = p.poll()
				if got := !strings.Contains(w.Body.String(), p.over); got != in || in && w.Code != http.StatusOK {
					d.Errorf("%s, %s before its end: %d %s", path, left, w.Code, w.Body)
				}
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
		for path, q := range a.codeDoors() {
			q.from = from
			if w := h.post("/link", url.Values{"user_code": {d.codeAt(path, q)}}, "usher", browser); w.Code != want {
				d.Errorf("%s from %s: %d, want %d", path, from, w.Code, want)
			}
			for _, by := range pages { // of which nobody knows where they are
				d.unlimited()
				d.do("DELETE FROM link_request")
				if w := h.post("/link", url.Values{"user_code": {d.codeAt(path, q.with(by.header))}}, "usher", browser); w.Code != http.StatusUnprocessableEntity {
					d.Errorf("%s from %s by a page: %d", path, from, w.Code)
				}
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
