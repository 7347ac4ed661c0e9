package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/secret"
	"usher/internal/signup"
)

// says is what an ID token says about whom it is for.
func (a *app) says(token string) (claims struct{ Sub, Nonce, Email string }) {
	a.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		a.Fatal("there is no ID token")
	}
	a.must(json.Unmarshal([]byte(decoded(parts[1])), &claims))
	return claims
}

// Attack O4: a hundred people sign in to one app at the same time, from the password to the tokens, and each gets what is their own.
func TestAHundredBrowsersStayApart(t *testing.T) {
	eachDoors(t, func(d *doors) {
		a := d.newApp("jellyfin", nil)
		const password = "seven copper kettles sing"
		crowd := make([]account.Account, 100)
		for i := range crowd {
			crowd[i] = d.person(fmt.Sprintf("guest%02d", i), password, false)
		}
		send := func(i int, method, path, browser string, form url.Values) *httptest.ResponseRecorder { // d.send moves the clock, which all of them share
			r := httptest.NewRequest(method, origin+path, strings.NewReader(form.Encode()))
			r.TLS, r.RemoteAddr = nil, fmt.Sprintf("203.0.113.%d:4711", i)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			if browser != "" {
				r.AddCookie(&http.Cookie{Name: "__Host-usher", Value: browser})
			}
			if path == grant.TokenPath {
				r.SetBasicAuth(a.ID, a.secret.Reveal())
			}
			w := httptest.NewRecorder()
			d.every.ServeHTTP(w, r)
			return w
		}
		var all sync.WaitGroup
		for i, who := range crowd {
			all.Go(func() {
				state, verifier := fmt.Sprint("state of ", i), oauth2.GenerateVerifier()
				begun := send(i, http.MethodGet, "/oauth/authorize?"+a.asked("state", state, "nonce", state, "scope", "openid email", "code_challenge", oauth2.S256ChallengeFromVerifier(verifier)).Encode(), "", nil)
				page := begun.Header().Get("Location")
				in := send(i, http.MethodPost, "/sign-in", "", url.Values{"login": {who.Email}, "password": {password}, "next": {page}})
				browser := cookie(in, "usher")
				form := consentForm(send(i, http.MethodGet, page, browser, nil), "allow")
				back, err := url.Parse(send(i, http.MethodPost, "/authorize/consent", browser, form).Header().Get("Location"))
				if err != nil || in.Header().Get("Location") != page || form.Get("holder") != who.ID || back.Query().Get("state") != state {
					d.Errorf("browser %d: signed in on the way to %s, decides as %s, and is back with %q", i, in.Header().Get("Location"), form.Get("holder"), back.Query().Get("state"))
					return
				}
				w := send(i, http.MethodPost, grant.TokenPath, "", url.Values{
					"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "code_verifier": {verifier}, "redirect_uri": a.RedirectURIs,
				})
				if got := a.says(said(w).Identity); got.Sub != who.ID || got.Nonce != state || got.Email != who.Email {
					d.Errorf("browser %d is told about %+v", i, got)
				}
			})
		}
		all.Wait()
	})
}

// Attack O9: an app knows people by an identifier that no change of address moves, and that nobody gets who takes the former address.
func TestTheSubjectOutlivesAddresses(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		a, former := d.newApp("jellyfin", nil), h.anna
		browser := h.signedIn(h.anna)
		h.tokens = map[credential.Kind]string{credential.Browser: browser}
		before := h.tokensFor(a, browser, "openid", "email", "offline_access")
		h.addresses()
		now := said(a.refresh(before.RefreshToken, ""))
		again := h.tokensFor(a, browser, "openid", "email")
		identity, _ := again.Extra("id_token").(string)
		for what, got := range map[string]string{"refreshed": now.Identity, "signed in again": identity} {
			if got := a.says(got); got.Sub != former.ID || got.Email != h.anna.Email || got.Email == former.Email {
				d.Errorf("%s: %+v", what, got)
			}
		}
		info, err := a.provider.UserInfo(d.outside(), oauth2.StaticTokenSource(again))
		if d.must(err); info.Subject != former.ID || info.Email != h.anna.Email {
			d.Errorf("userinfo: %+v", info)
		}
		d.at = d.at.Add(8 * 24 * time.Hour) // and the former address is free
		_, err = d.db.Sweep(d.Context(), d.at)
		d.must(err)
		heir, err := d.founding().Add(d.Context(), signup.NewAccount{Email: former.Email, UserName: "heir", Password: secret.TokenOf(h.password)})
		d.must(err)
		identity, _ = h.tokensFor(a, h.signedIn(heir), "openid", "email").Extra("id_token").(string)
		if got := a.says(identity); got.Sub == former.ID || got.Email != former.Email {
			d.Errorf("who has the former address now: %+v", got)
		}
	})
}

// Attack O13: the form of consent carries which request is answered and for whom, and nothing else counts; whoever changes these gets nothing, neither
// for himself nor for somebody else.
func TestConsentIsNotForged(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		bert := d.person("bert", h.password, false)
		a, other := d.newApp("jellyfin", nil), d.newApp("other", nil)
		browser, his := h.signedIn(h.anna), h.signedIn(bert)
		show := func() url.Values {
			page := a.begun("scope", "openid")
			return consentForm(h.is(h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": browser}}), http.StatusOK), "allow")
		}
		for what, c := range map[string]struct {
			change, value, browser string
			status                 int
		}{
			"for somebody else": {"holder", bert.ID, browser, http.StatusSeeOther}, "for nobody": {"holder", "", browser, http.StatusSeeOther}, "by somebody else": {"", "", his, http.StatusSeeOther},
			"a request that is none": {"request", "x", browser, http.StatusGone}, "no request": {"request", "", browser, http.StatusGone},
			"the app's name": {"request", other.ID, browser, http.StatusGone},
		} {
			form := show()
			if c.change != "" {
				form.Set(c.change, c.value)
			}
			w := h.post("/authorize/consent", form, "usher", c.browser)
			if to := w.Header().Get("Location"); w.Code != c.status || strings.Contains(to, "code=") || to != "" && !strings.HasPrefix(to, "/authorize/consent?request=") {
				d.Errorf("%s: %d %s", what, w.Code, to)
			}
		}
		form := show()
		for name, value := range map[string]string{
			"scope": "openid email offline_access", "client_id": other.ID, "redirect_uri": other.RedirectURIs[0], "state": "another", "code_challenge": strings.Repeat("x", 43), "account": bert.ID,
		} {
			form.Set(name, value)
		}
		w := h.send(http.MethodPost, "/authorize/consent", request{form: form, cookies: map[string]string{"usher": browser}, header: fromElsewhere})
		if w.Code != http.StatusForbidden {
			d.Errorf("sent by another site: %d", w.Code)
		}
		back, err := url.Parse(h.post("/authorize/consent", form, "usher", browser).Header().Get("Location"))
		if d.must(err); back.Scheme+"://"+back.Host+back.Path != a.RedirectURIs[0] || back.Query().Get("state") != "some state" {
			d.Errorf("more in the form leads to %s", back)
		}
		got := said(a.asks(grant.TokenPath, url.Values{
			"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "code_verifier": {someVerifier}, "redirect_uri": a.RedirectURIs,
		}))
		if who := a.says(got.Identity); who.Sub != h.anna.ID || who.Email != "" || got.Refresh != "" {
			d.Errorf("more in the form gets %+v", got)
		}
	})
}
