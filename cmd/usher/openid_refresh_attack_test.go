package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// refresh uses a refresh token.
func (a *app) refresh(token, scope string) *httptest.ResponseRecorder {
	a.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	if scope != "" {
		form.Set("scope", scope)
	}
	return a.asks(grant.TokenPath, form)
}

// Attack S6: a refresh token rotates; the very same request gets the very same answer for ten seconds; anything else that is old ends the family.
func TestRefreshRotates(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		a, other := d.newApp("jellyfin", nil), d.newApp("other", nil)
		fresh := func() string { return h.tokensFor(a, browser, "openid", "email", "offline_access").RefreshToken }
		first := fresh()
		one := a.refresh(first, "")
		two := a.refresh(first, "")
		if one.Code != http.StatusOK || one.Body.String() != two.Body.String() {
			d.Errorf("the same request has two answers: %s %s", one.Body, two.Body)
		}
		next := said(one).Refresh
		if next == first || len(next) != secret.TokenLength || said(one).Identity == "" {
			d.Errorf("%s", one.Body)
		}
		if w := other.refresh(next, ""); said(w).Error != "invalid_grant" {
			d.Errorf("another client: %s", w.Body)
		}
		if w := a.refresh(next, "openid player"); said(w).Error != "invalid_scope" {
			d.Errorf("more than was granted: %s", w.Body)
		}
		bare := said(a.refresh(next, "email")) // without openid, there is nothing to sign slowly
		if bare.Access == "" || bare.Identity != "" || bare.Scope != "email" {
			d.Errorf("without openid: %+v", bare)
		}
		narrow := a.refresh(bare.Refresh, "openid")
		if narrow.Code != http.StatusOK || said(narrow).Scope != "openid" {
			d.Errorf("less than was granted: %s", narrow.Body)
		}
		if w := a.refresh(first, ""); said(w).Error != "invalid_grant" { // three uses ago
			d.Errorf("an old one: %s", w.Body)
		}
		if w := a.refresh(said(narrow).Refresh, ""); said(w).Error != "invalid_grant" {
			d.Errorf("the family lives on: %s", w.Body)
		}
		if w := a.asks("/oauth/introspect", url.Values{"token": {said(narrow).Access}}); *said(w).Active {
			d.Error("an access token of the family lives on")
		}
		for name, reuse := range map[string]func(token string){
			"late":    func(token string) { a.refresh(token, ""); d.at = d.at.Add(grant.RefreshGrace + time.Second) },
			"differs": func(token string) { a.refresh(token, "openid") },
		} {
			token := fresh()
			reuse(token)
			if w := a.refresh(token, ""); said(w).Error != "invalid_grant" {
				d.Errorf("%s: %s", name, w.Body)
			}
		}
		token := fresh()
		for name, bad := range map[string]string{"cut": token[1:], "upper": strings.ToUpper(token), "longer": token + "0", "empty": "", "a stranger's": secret.NewToken().Reveal()} {
			if w := a.refresh(bad, ""); said(w).Error != "invalid_grant" {
				d.Errorf("%s: %s", name, w.Body)
			}
		}
		for range 4 { // 90 days without use end it, and every use counts
			d.at = d.at.Add(80 * 24 * time.Hour)
			w := a.refresh(token, "")
			if w.Code != http.StatusOK {
				d.Fatalf("in use: %s", w.Body)
			}
			token = said(w).Refresh
		}
		d.at = d.at.Add(90 * 24 * time.Hour)
		if w := a.refresh(token, ""); said(w).Error != "invalid_grant" {
			d.Errorf("unused for 90 days: %s", w.Body)
		}
	})
}

// Attack S7 and section 2.7 of the requirements: whatever ends or stops an account stops its apps at their next request, for each thing anew; prompt=none
// opens nothing either.
func TestAppsEndWithTheirAccount(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
		a := d.newApp("jellyfin", nil)
		for name, stop := range map[string]func(h *holder){
			"locked": func(h *holder) { h.must(h.admin().Lock(h.Context(), admin.Actor(audit.CLI), h.anna.ID)) },
			"reset":  func(h *holder) { h.must(h.passwords().Require(h.Context(), h.anna.ID, audit.CLI)) },
			"deleting": func(h *holder) {
				_, err := h.admin().Delete(h.Context(), admin.Actor(audit.CLI), h.anna.ID)
				h.must(err)
			},
			"everything signed out": func(h *holder) {
				h.is(h.post("/account/devices/sign-out-all", nil, "usher", h.signedIn(h.anna)), http.StatusSeeOther)
			},
		} {
			h := &holder{doors: d, name: name, password: "seven copper kettles sing"}
			h.anna = d.person("anna."+strings.ReplaceAll(name, " ", "-"), h.password, false)
			browser := h.signedIn(h.anna)
			tokens := h.tokensFor(a, browser, "openid", "offline_access")
			code := h.allow(a.begun(), browser).Query().Get("code")
			waiting := a.begun("prompt", "none")
			stop(h)
			for what, w := range map[string]*httptest.ResponseRecorder{
				"refresh": a.refresh(tokens.RefreshToken, ""),
				"code": a.asks(grant.TokenPath, url.Values{
					"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {someVerifier}, "redirect_uri": a.RedirectURIs,
				}),
			} {
				if said(w).Error != "invalid_grant" {
					d.Errorf("%s: %s: %d %s", name, what, w.Code, w.Body)
				}
			}
			if w := a.asks("/oauth/introspect", url.Values{"token": {tokens.AccessToken}}); strings.TrimSpace(w.Body.String()) != `{"active":false}` {
				d.Errorf("%s: introspection: %s", name, w.Body)
			}
			if w := d.send(http.MethodGet, "/oauth/userinfo", asBearer(tokens.AccessToken)); w.Code != http.StatusUnauthorized || !strings.Contains(w.Header().Get("WWW-Authenticate"), "invalid_token") {
				d.Errorf("%s: userinfo: %d", name, w.Code)
			}
			w := d.send(http.MethodGet, waiting.RequestURI(), request{cookies: map[string]string{"usher": browser}})
			if on, err := url.Parse(w.Header().Get("Location")); err != nil || on.Query().Get("error") != "login_required" {
				d.Errorf("%s: prompt=none leads to %d %s", name, w.Code, w.Header().Get("Location"))
			}
		}
	})
}

// What the client is changed to, or removed, counts at once.
func TestAppsEndWithTheirClient(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		a := d.newApp("jellyfin", nil)
		tokens := h.tokensFor(a, browser, "openid", "email", "offline_access")
		less := a.Client
		less.Scopes = []relyingparty.Scope{relyingparty.OpenID, relyingparty.OfflineAccess}
		d.must(d.db.ChangeClient(d.Context(), less, audit.New(d.at, audit.ClientChanged, audit.CLI, "")))
		if w := a.refresh(tokens.RefreshToken, ""); said(w).Error != "invalid_grant" {
			d.Errorf("a scope was taken away: %s", w.Body)
		}
		waiting := a.begun()
		less.RedirectURIs = []string{"https://moved.example/cb"}
		d.must(d.db.ChangeClient(d.Context(), less, audit.New(d.at, audit.ClientChanged, audit.CLI, "")))
		if w := d.send(http.MethodGet, waiting.RequestURI(), request{cookies: map[string]string{"usher": browser}}); w.Code != http.StatusGone {
			d.Errorf("the redirect URI was taken away: %d", w.Code)
		}
		d.must(d.db.RemoveClient(d.Context(), a.ID, audit.New(d.at, audit.ClientRemoved, audit.CLI, "")))
		if w := a.refresh(tokens.RefreshToken, ""); w.Code != http.StatusUnauthorized || said(w).Error != "invalid_client" || w.Header().Get("WWW-Authenticate") == "" {
			d.Errorf("removed: %d %s", w.Code, w.Body)
		}
		if w := d.send(http.MethodGet, "/oauth/userinfo", asBearer(tokens.AccessToken)); w.Code != http.StatusUnauthorized {
			d.Errorf("removed: userinfo answers %d", w.Code)
		}
	})
}
