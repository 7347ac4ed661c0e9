package main

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// A client proves itself the way it is registered, and no other (O14).
func TestClientsProveThemselves(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
		basic := d.newApp("basic", nil)
		post := d.newApp("post", func(c *relyingparty.Client) { c.Auth = relyingparty.Post })
		d.newApp("public", func(c *relyingparty.Client) { c.Auth = relyingparty.None })
		other := d.newApp("other", nil)
		form := func(pairs ...string) url.Values {
			v := url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}
			for i := 0; i < len(pairs); i += 2 {
				v.Set(pairs[i], pairs[i+1])
			}
			return v
		}
		header := func(id, s string) http.Header { return asBasic(url.QueryEscape(id), s).header }
		for name, c := range map[string]struct {
			form   url.Values
			header http.Header
			good   bool
		}{
			"basic":                {form(), header("basic", basic.secret.Reveal()), true},
			"basic, named twice":   {form("client_id", "basic"), header("basic", basic.secret.Reveal()), true},
			"basic, as post":       {form("client_id", "basic", "client_secret", basic.secret.Reveal()), nil, false},
			"basic, without":       {form("client_id", "basic"), nil, false},
			"basic, empty":         {form(), header("basic", ""), false},
			"basic, other's":       {form(), header("basic", other.secret.Reveal()), false},
			"basic, two names":     {form("client_id", "other"), header("basic", basic.secret.Reveal()), false},
			"basic, both ways":     {form("client_secret", basic.secret.Reveal()), header("basic", basic.secret.Reveal()), false},
			"post":                 {form("client_id", "post", "client_secret", post.secret.Reveal()), nil, true},
			"post, as basic":       {form(), header("post", post.secret.Reveal()), false},
			"public":               {form("client_id", "public"), nil, true},
			"public, with secret":  {form("client_id", "public", "client_secret", other.secret.Reveal()), nil, false},
			"nobody":               {form("client_id", "nobody"), nil, false},
			"nothing":              {form(), nil, false},
			"a bearer":             {form("client_id", "public"), asBearer(other.secret.Reveal()).header, false},
			"an assertion of none": {form("client_id", "basic", "client_assertion", "e30.e30.", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), nil, false},
		} {
			w := d.send(http.MethodPost, grant.TokenPath, request{form: c.form, header: c.header})
			want, status := "invalid_client", http.StatusUnauthorized
			if c.good {
				want, status = "invalid_grant", http.StatusBadRequest
			}
			if said(w).Error != want || w.Code != status || strings.Contains(w.Body.String(), "secret=") {
				d.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		for _, grantType := range []string{"", "password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange"} {
			w := basic.asks(grant.TokenPath, url.Values{"grant_type": {grantType}, "username": {"anna"}, "password": {"seven copper kettles sing"}})
			if e := said(w).Error; e != "unsupported_grant_type" && e != "invalid_request" {
				d.Errorf("%s: %s", grantType, w.Body)
			}
		}
	})
}

// Attack O12 and OA-8: of what is not live, or not the asking client's, introspection says one thing only; revocation says nothing at all, and takes along
// what was made with it.
func TestTokensAreToldToTheirOwn(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		a, other := d.newApp("jellyfin", nil), d.newApp("other", nil)
		public := d.newApp("phone", func(c *relyingparty.Client) { c.Auth = relyingparty.None })
		server := d.newApp("server", func(c *relyingparty.Client) { c.Scopes = append(c.Scopes, relyingparty.Servers) })
		ask := func(by *app, token string) string {
			return strings.TrimSpace(by.asks("/oauth/introspect", url.Values{"token": {token}}).Body.String())
		}
		mine := h.tokensFor(a, browser, "openid", "profile", "offline_access")
		player := h.tokensFor(a, browser, "player")
		const no = `{"active":false}`
		for name, c := range map[string]struct {
			by    *app
			token string
			live  bool
		}{
			"own access": {a, mine.AccessToken, true}, "own refresh": {a, mine.RefreshToken, true}, "a player, to a server": {server, player.AccessToken, true},
			"foreign access": {other, mine.AccessToken, false}, "foreign refresh": {other, mine.RefreshToken, false}, "no player, to a server": {server, mine.AccessToken, false},
			"a refresh token, to a server": {server, mine.RefreshToken, false}, "an ID token": {a, mine.Extra("id_token").(string), false},
			"a made up half": {a, mine.RefreshToken[:secret.TokenLength/2] + secret.NewToken().Reveal()[:secret.TokenLength/2], false},
			"nonsense":       {a, "x", false}, "unknown": {a, secret.NewToken().Reveal(), false}, "a browser": {a, browser, false},
		} {
			if got := ask(c.by, c.token); (got != no) != c.live || c.live && !strings.Contains(got, `"sub":"`+h.anna.ID+`"`) {
				d.Errorf("%s: %s", name, got)
			}
		}
		if w := public.asks("/oauth/introspect", url.Values{"token": {mine.AccessToken}}); said(w).Error != "invalid_client" {
			d.Errorf("a public client: %s", w.Body)
		}
		if w := d.send(http.MethodGet, "/oauth/userinfo", asBearer(player.AccessToken)); w.Code != http.StatusForbidden || !strings.Contains(w.Header().Get("WWW-Authenticate"), "insufficient_scope") {
			d.Errorf("userinfo without openid: %d", w.Code)
		}
		for _, w := range []*httptest.ResponseRecorder{d.send(http.MethodGet, "/oauth/userinfo", request{}), d.send(http.MethodGet, "/oauth/userinfo", request{cookies: map[string]string{"usher": browser}})} {
			if w.Code != http.StatusUnauthorized || strings.Contains(w.Header().Get("WWW-Authenticate"), "error") {
				d.Errorf("userinfo without a token: %d %v", w.Code, w.Header())
			}
		}
		for _, token := range []string{"x", secret.NewToken().Reveal(), browser} {
			if w := a.asks("/oauth/revoke", url.Values{"token": {token}}); w.Code != http.StatusOK || w.Body.Len() != 0 {
				d.Errorf("revoking nothing: %d %s", w.Code, w.Body)
			}
		}
		if w := other.asks("/oauth/revoke", url.Values{"token": {mine.RefreshToken}}); w.Code != http.StatusOK || ask(a, mine.RefreshToken) == no {
			d.Error("another client revokes")
		}
		used := mine.RefreshToken
		if mine.RefreshToken = said(a.refresh(used, "")).Refresh; ask(a, used) != no || ask(a, mine.RefreshToken) == no {
			d.Error("a used refresh token is called live, or the one after it not")
		}
		a.asks("/oauth/revoke", url.Values{"token": {mine.RefreshToken}})
		if ask(a, mine.RefreshToken) != no || ask(a, mine.AccessToken) != no {
			d.Error("revoked, and lives")
		}
		second := h.tokensFor(a, browser, "openid", "offline_access")
		a.asks("/oauth/revoke", url.Values{"token": {second.AccessToken}, "token_type_hint": {"refresh_token"}})
		if ask(a, second.RefreshToken) != no || ask(a, second.AccessToken) != no || ask(a, player.AccessToken) == no {
			d.Error("revoked by the access token, and lives, or took another along")
		}
		list, err := d.db.ListDevices(d.Context(), h.anna.ID)
		if d.must(err); len(list) != 1 {
			d.Errorf("%d devices are left", len(list))
		}
	})
}

func decoded(part string) string {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
