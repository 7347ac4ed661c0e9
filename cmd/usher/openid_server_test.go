package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/grant"
	"usher/internal/incident"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// shows sends an assertion for a token of the client's own.
func (a *app) shows(assertion string, more ...string) *httptest.ResponseRecorder {
	a.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return a.send(http.MethodPost, grant.TokenPath, request{form: form})
}

// A media server proves itself by what it signs: about itself, for us, soon over, and each number once (RFC 7523).
func TestServersProveThemselves(t *testing.T) {
	eachDoors(t, func(d *doors) {
		a, other := d.newApp("attic", aServer), d.newApp("cellar", aServer)
		now := func(ahead time.Duration) int64 { return d.at.Add(ahead).Unix() }
		for name, c := range map[string]struct {
			claim string
			value any
			good  bool
		}{
			"as it is": {"jti", "a number", true}, "for the token endpoint": {"aud", origin + grant.TokenPath, true}, "for us, in a list": {"aud", []string{origin}, true},
			"for two":              {"aud", []string{origin, "https://other.example"}, false},
			"for another":          {"aud", "https://other.example", false},
			"for another endpoint": {"aud", origin + "/oauth/introspect", false},
			"for us, with a slash": {"aud", origin + "/", false},
			"for nobody":           {"aud", nil, false},
			"by another":           {"iss", "cellar", false},
			"about another":        {"sub", "cellar", false},
			"without a number":     {"jti", nil, false},
			"an empty number":      {"jti", "", false},
			"over":                 {"exp", now(0), false},
			"over in a year":       {"exp", now(365 * 24 * time.Hour), false},
			"without an end":       {"exp", nil, false},
			"without a time":       {"iat", nil, false},
			"from the future":      {"iat", now(5 * time.Minute), false},
			"not yet":              {"nbf", now(5 * time.Minute), false},
		} {
			claims := a.claims()
			if claims[c.claim] = c.value; c.value == nil {
				delete(claims, c.claim)
			}
			w := a.shows(a.signed(claims))
			if (w.Code == http.StatusOK) != c.good || !c.good && said(w).Error != "invalid_client" {
				d.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		once := a.signed(a.claims())
		first, second := a.shows(once), a.shows(once)
		if first.Code != http.StatusOK || said(first).Scope != "servers ssf.read" || said(first).Refresh != "" || said(first).Identity != "" || said(second).Error != "invalid_client" {
			d.Errorf("twice: %s %s", first.Body, second.Body)
		}
		for name, w := range map[string]*httptest.ResponseRecorder{
			"another's signature":  a.shows(other.signed(a.claims())),
			"another's name":       a.shows(a.signed(a.claims()), "client_id", "cellar"),
			"a secret besides":     a.shows(a.signed(a.claims()), "client_secret", strings.Repeat("x", 52)),
			"another type":         a.shows(a.signed(a.claims()), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
			"nothing but the name": a.send(http.MethodPost, grant.TokenPath, request{form: url.Values{"grant_type": {"client_credentials"}, "client_id": {"attic"}}}),
		} {
			if said(w).Error != "invalid_client" || w.Code != http.StatusUnauthorized {
				d.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if w := a.shows(a.signed(a.claims()), "scope", "servers"); said(w).Scope != "servers" {
			d.Errorf("less: %s", w.Body)
		}
		for _, scope := range []string{"openid", "servers player", "nothing"} {
			if w := a.shows(a.signed(a.claims()), "scope", scope); said(w).Error != "invalid_scope" {
				d.Errorf("%s: %s", scope, w.Body)
			}
		}
		if w := d.newApp("jellyfin", nil).asks(grant.TokenPath, url.Values{"grant_type": {"client_credentials"}}); said(w).Error != "unauthorized_client" {
			d.Errorf("a client for people: %s", w.Body)
		}
	})
}

// What a media server has for itself stands for nobody: it tells of no person, and ends with the client, its ten minutes and an incident.
func TestServerTokens(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		a, other := d.newApp("attic", aServer), d.newApp("cellar", aServer)
		own := func() string { return said(a.shows(a.signed(a.claims()))).Access }
		token := own()
		if w := a.introspects(token); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"sub":"attic"`) || !strings.Contains(w.Body.String(), `"scope":"servers ssf.read"`) {
			d.Errorf("%s", w.Body)
		}
		if w := other.introspects(token); w.Code == http.StatusOK {
			d.Errorf("another server is told: %s", w.Body)
		}
		for _, path := range []string{"/oauth/userinfo", "/api/v1/me"} {
			if w := d.send(http.MethodGet, path, asBearer(token)); w.Code != http.StatusUnauthorized {
				d.Errorf("%s answers %d", path, w.Code)
			}
		}
		if server, err := d.grants().ClientBearer(d.Context(), secret.TokenOf(token)); err != nil || !server.Has(relyingparty.Servers) || server.Has(relyingparty.Player) {
			d.Errorf("%+v %v", server, err)
		}
		app := d.newApp("jellyfin", nil)
		if _, err := d.grants().ClientBearer(d.Context(), secret.TokenOf(h.tokensFor(app, h.signedIn(h.anna), "openid", "player").AccessToken)); err == nil {
			d.Error("a person's token stands for its client")
		}
		d.at = d.at.Add(10 * time.Minute)
		if w := a.introspects(token); w.Code == http.StatusOK {
			d.Error("it counts after ten minutes")
		}
		token = own()
		h.declare(incident.All)
		if w := a.introspects(token); w.Code == http.StatusOK {
			d.Error("it outlives an incident for all")
		}
		if w := a.introspects(own()); w.Code != http.StatusOK {
			d.Errorf("the server cannot go on: %s", w.Body)
		}
	})
}

// What a media server has for itself ends at once when it revokes it (RFC 7009), when its key is changed, when it may not have such a token any more, and
// with it; nothing brings it back.
func TestServerTokensEnd(t *testing.T) {
	eachDoors(t, func(d *doors) {
		a, other := d.newApp("attic", aServer), d.newApp("cellar", aServer)
		own := func(a *app) string { d.Helper(); return said(a.shows(a.signed(a.claims()))).Access }
		counts := func(token string) bool {
			_, err := d.grants().ClientBearer(d.Context(), secret.TokenOf(token))
			return err == nil
		}
		revokes := func(a *app, token string) {
			d.Helper()
			if w := a.asks("/oauth/revoke", url.Values{"token": {token}}); w.Code != http.StatusOK {
				d.Errorf("%d %s", w.Code, w.Body)
			}
		}
		token, theirs := own(a), own(other)
		revokes(other, token)
		if !counts(token) {
			d.Error("another server ended it")
		}
		revokes(a, token)
		if counts(token) || !counts(theirs) || a.introspects(token).Code == http.StatusOK {
			d.Error("it counts after it was revoked, or another's does not")
		}
		revokes(a, token) // which is nothing to end
		token = own(a)
		if !counts(token) {
			d.Error("the server cannot go on")
		}
		c, err := d.db.FindClient(d.Context(), "attic")
		d.must(err)
		before := c
		c.Keys = other.Keys
		d.must(d.db.ChangeClient(d.Context(), c, audit.Act{At: d.at}))
		if counts(token) {
			d.Error("it outlives its server's key")
		}
		d.must(d.db.ChangeClient(d.Context(), before, audit.Act{At: d.at}))
		if counts(token) {
			d.Error("the key brings it back")
		}
		token = own(a)
		c = before
		c.Grants = []relyingparty.Grant{relyingparty.Code}
		d.must(d.db.ChangeClient(d.Context(), c, audit.Act{At: d.at}))
		if counts(token) {
			d.Error("it counts for a client that may have none")
		}
		d.must(d.db.ChangeClient(d.Context(), before, audit.Act{At: d.at}))
		if !counts(token) {
			d.Error("a change of its grants alone ended it for good")
		}
		d.must(d.db.RemoveClient(d.Context(), "attic", audit.Act{At: d.at}))
		if counts(token) {
			d.Error("it outlives its client")
		}
		d.at = d.at.Add(time.Second)
		before.CreatedAt = d.at
		d.must(d.db.RegisterClient(d.Context(), before, nil, audit.Act{At: d.at}))
		if counts(token) || !counts(own(a)) {
			d.Error("the next client of the id has it, or cannot have one of its own")
		}
	})
}

// An app may sign its person out here too: at once where it shows a token about that very person, after a question else, and back only to where it is
// registered (OA-11, S17). A token proves nothing where the sign-in that it was given for has ended, or goes on in another browser only.
func TestAppsSignOut(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		bert := d.person("bert", h.password, false)
		a, other := d.newApp("jellyfin", nil), d.newApp("other", nil)
		begin := func(pairs ...string) string {
			q := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				q.Set(pairs[i], pairs[i+1])
			}
			w := d.send(http.MethodGet, "/oauth/end-session?"+q.Encode(), request{})
			posted := d.send(http.MethodPost, "/oauth/end-session", request{form: q, header: fromElsewhere})
			if on, _, _ := strings.Cut(posted.Header().Get("Location"), "="); !strings.HasPrefix(w.Header().Get("Location"), on) || posted.Code != http.StatusSeeOther {
				d.Errorf("a form leads to %d %s", posted.Code, on)
			}
			return w.Header().Get("Location")
		}
		browser := h.signedIn(h.anna)
		tokens := h.tokensFor(a, browser, "openid")
		stays := h.tokensFor(a, browser, "openid", "offline_access")
		hint := tokens.Extra("id_token").(string)
		bye := a.PostLogoutURIs[0]
		for name, pairs := range map[string][]string{
			"no client":           {"post_logout_redirect_uri", bye},
			"another's address":   {"client_id", "other", "post_logout_redirect_uri", bye},
			"another address":     {"client_id", "jellyfin", "post_logout_redirect_uri", bye + "?x"},
			"elsewhere":           {"id_token_hint", hint, "post_logout_redirect_uri", "https://evil.example/"},
			"no token":            {"id_token_hint", "x", "post_logout_redirect_uri", bye},
			"an access token":     {"id_token_hint", tokens.AccessToken},
			"another's client":    {"id_token_hint", hint, "client_id", "other"},
			"an unknown client":   {"client_id", "nobody"},
			"a long state":        {"state", strings.Repeat("x", 3000)},
			"two dots and no key": {"id_token_hint", "eyJhbGciOiJub25lIn0.e30."},
		} {
			if on := begin(pairs...); on != "/authorize/refused?reason=logout" {
				d.Errorf("%s leads to %s", name, on)
			}
		}
		signedIn := func(browser string) bool {
			return d.send(http.MethodGet, "/account", request{cookies: map[string]string{"usher": browser}}).Code == http.StatusOK
		}
		show := func(page, browser string) *httptest.ResponseRecorder {
			return d.send(http.MethodGet, page, request{cookies: map[string]string{"usher": browser}})
		}

		// Without a hint, or with another person's, somebody is asked; a page of another site cannot answer.
		for _, page := range []string{begin("client_id", "jellyfin", "post_logout_redirect_uri", bye, "state", "s"), begin()} {
			w := show(page, browser)
			if w.Code != http.StatusOK || !signedIn(browser) {
				d.Fatalf("nobody is asked: %d", w.Code)
			}
			h.is(h.post("/authorize/sign-out", consentForm(w, "stay"), "usher", browser), http.StatusSeeOther)
			form := consentForm(w, "leave")
			q := request{form: form, cookies: map[string]string{"usher": browser}, header: fromElsewhere}
			if d.send(http.MethodPost, "/authorize/sign-out", q); !signedIn(browser) {
				d.Error("another site signs people out")
			}
		}
		second := h.signedIn(bert)
		if w := show(begin("id_token_hint", hint), second); w.Code != http.StatusOK || !signedIn(second) {
			d.Errorf("another person's token signs out: %d", w.Code)
		}

		third := h.signedIn(h.anna)
		if w := show(begin("id_token_hint", hint), third); w.Code != http.StatusOK || !signedIn(third) {
			d.Errorf("a token of another browser signs out: %d", w.Code)
		}
		taken := h.tokensFor(other, third, "openid").Extra("id_token").(string)
		h.is(h.post("/account/apps/remove", url.Values{"id": {other.ID}}, "usher", third), http.StatusSeeOther)
		if w := show(begin("id_token_hint", taken), third); w.Code != http.StatusOK || !signedIn(third) {
			d.Errorf("a token of an app that was removed signs out: %d", w.Code)
		}
		if w := show(begin("id_token_hint", stays.Extra("id_token").(string)), third); w.Code != http.StatusSeeOther || signedIn(third) {
			d.Errorf("a token of an app that stays, in any browser: %d", w.Code)
		}

		d.at = d.at.Add(2 * time.Hour) // the token is long over, and still tells who it was about
		w := show(begin("id_token_hint", hint, "post_logout_redirect_uri", bye, "state", "some state"), browser)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != bye+"?state=some+state" || signedIn(browser) || cookie(w, "usher") != "" {
			d.Errorf("leads to %d %s", w.Code, w.Header().Get("Location"))
		}
		if w := other.introspects(tokens.AccessToken); w.Code == http.StatusOK {
			d.Error("the app's sign-in outlives the browser's")
		}
		if w := a.refresh(stays.RefreshToken, ""); w.Code != http.StatusOK {
			d.Errorf("an app that stays is signed out too: %s", w.Body)
		}
		page := begin("client_id", "jellyfin", "post_logout_redirect_uri", bye)
		if w := show(page, ""); w.Header().Get("Location") != bye { // nobody is signed in any more
			d.Errorf("leads to %d %s", w.Code, w.Header().Get("Location"))
		}
		if w := show(page, ""); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "Nothing was signed out here") || !strings.Contains(w.Body.String(), `href="/account"`) {
			d.Errorf("the same once more: %d", w.Code)
		}
		if w := show(begin(), ""); w.Header().Get("Location") != "/sign-in?why=out" {
			d.Errorf("leads to %d %s", w.Code, w.Header().Get("Location"))
		}
	})
}
