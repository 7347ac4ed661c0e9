package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// A verifier and its challenge, of RFC 7636 Appendix B.
const (
	someVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	someChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// asked is a good request of an app, with some of it changed; an empty value takes a parameter away.
func (a *app) asked(changes ...string) url.Values {
	q := url.Values{
		"client_id": {a.ID}, "redirect_uri": {a.RedirectURIs[0]}, "response_type": {"code"}, "scope": {"openid"}, "state": {"some state"},
		"code_challenge": {someChallenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		if q.Del(changes[i]); changes[i+1] != "" {
			q.Set(changes[i], changes[i+1])
		}
	}
	return q
}

// begun sends a request, and returns where the browser is sent.
func (a *app) begun(changes ...string) *url.URL {
	a.Helper()
	return a.ask("/oauth/authorize?" + a.asked(changes...).Encode())
}

func said(w *httptest.ResponseRecorder) (answer struct {
	Error, Scope string
	Active       *bool
	Access       string `json:"access_token"`
	Refresh      string `json:"refresh_token"`
	Identity     string `json:"id_token"`
}) {
	_ = json.Unmarshal(w.Body.Bytes(), &answer) // what is no JSON says nothing
	return answer
}

// What is wrong with a request is told to the app only when it is certain that it is there; and with issuer and state (O1, O3, O5, RFC 9207).
func TestRequestsThatAreRefused(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
		a := d.newApp("jellyfin", nil)
		for _, c := range []struct{ change, value, want string }{
			{"client_id", "nobody", "client"}, {"client_id", "", "client"}, {"client_id", "jellyfin\u200b", "client"},
			{"redirect_uri", "", "redirect"}, {"redirect_uri", "https://jellyfin.example@evil.example/cb", "redirect"}, {"redirect_uri", "https://jellyfin.example/cb/", "redirect"},
			{"redirect_uri", "https://jellyfin.example/cb?x=1", "redirect"}, {"redirect_uri", "https://jellyfin.example/cb#x", "redirect"}, {"redirect_uri", "https://JELLYFIN.example/cb", "redirect"},
			{"redirect_uri", "https://jellyfin.example/a/../cb", "redirect"}, {"redirect_uri", "https://jellyfin.example:443/cb", "redirect"}, {"redirect_uri", "//jellyfin.example/cb", "redirect"},
			{"redirect_uri", "https://jellyfin.example%2fcb", "redirect"}, {"redirect_uri", "https://jellyfin.example\\cb", "redirect"},

			{"response_type", "", "invalid_request"}, {"response_type", "token", "unsupported_response_type"}, {"response_type", "code id_token", "unsupported_response_type"},
			{"response_mode", "fragment", "invalid_request"}, {"response_mode", "web_message", "invalid_request"},
			{"code_challenge", "", "invalid_request"}, {"code_challenge", "short", "invalid_request"}, {"code_challenge", strings.Repeat("~", 43), "invalid_request"},
			{"code_challenge_method", "", "invalid_request"}, {"code_challenge_method", "plain", "invalid_request"}, {"code_challenge_method", "s256", "invalid_request"},
			{"request", "eyJ", "request_not_supported"}, {"request_uri", "https://evil.example/", "request_uri_not_supported"},
			{"scope", "", "invalid_scope"}, {"scope", "servers", "invalid_scope"}, {"scope", "openid  email", "invalid_scope"}, {"scope", "openid ssf.read", "invalid_scope"}, {"scope", "nothing", "invalid_scope"},
			{"prompt", "none login", "invalid_request"}, {"prompt", "login login", "invalid_request"}, {"prompt", strings.Repeat("login ", 500) + "login", "invalid_request"}, {"prompt", "create", "invalid_request"}, {"max_age", "-1", "invalid_request"}, {"max_age", "soon", "invalid_request"},
			{"nonce", strings.Repeat("x", 3000), "invalid_request"},
		} {
			on := a.begun(c.change, c.value)
			switch {
			case c.want == "client" || c.want == "redirect":
				if on.String() != "/authorize/refused?reason="+c.want {
					d.Errorf("%s=%q leads to %s", c.change, c.value, on)
				}
			case on.Scheme+"://"+on.Host+on.Path != a.RedirectURIs[0] || on.Query().Get("error") != c.want || on.Query().Get("iss") != origin || on.Query().Get("state") != "some state":
				d.Errorf("%s=%q leads to %s, want %s", c.change, c.value, on, c.want)
			}
		}
		less := d.newApp("less", func(c *relyingparty.Client) { c.Scopes = []relyingparty.Scope{relyingparty.OpenID} })
		if on := less.begun("scope", "openid email"); on.Query().Get("error") != "invalid_scope" {
			d.Errorf("a scope that is another client's leads to %s", on.Path)
		}
		for _, twice := range []string{"client_id", "redirect_uri", "state", "scope", "code_challenge"} {
			q := a.asked()
			q.Add(twice, "other")
			if on := d.ask("/oauth/authorize?" + q.Encode()); on.String() != "/authorize/refused?reason=unreadable" {
				d.Errorf("%s twice leads to %s", twice, on)
			}
		}
		for _, sent := range []url.Values{ // what a page posts is kept until then: the refusal, and no more
			a.asked("response_mode", "form_post", "nonce", strings.Repeat("x", 50_000)), a.asked("response_mode", "form_post", "state", strings.Repeat("x", 50_000)),
			a.asked("response_mode", "form_post", "code_challenge", strings.Repeat("x", 50_000)), a.asked("response_mode", "form_post", "code_challenge_method", "plain", "nonce", "some nonce"),
		} {
			w := d.send(http.MethodPost, "/oauth/authorize", request{form: sent})
			_, id, _ := strings.Cut(w.Header().Get("Location"), "?request=")
			f, err := d.db.FindCredential(d.Context(), credential.AuthorizationRequest, secret.TokenOf(id))
			if d.must(err); len(f.Detail) > 2500 || strings.Contains(f.Detail, "some nonce") || strings.Contains(f.Detail, someChallenge) {
				d.Errorf("%d bytes are kept", len(f.Detail))
			}
		}
		q := a.asked("login_hint", "<b>anna", "scope", "openid of-tomorrow offline_access", "ui_locales", "de")
		w := d.send(http.MethodPost, "/oauth/authorize", request{form: q}) // a form says the same
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/authorize/consent?request=") || len(w.Result().Cookies()) > 0 {
			d.Errorf("a form leads to %d %s", w.Code, w.Header().Get("Location"))
		}
		from := request{form: q, header: fromElsewhere} // sent by the app's page
		if w := d.send(http.MethodPost, "/oauth/authorize", from); w.Code != http.StatusSeeOther {
			d.Errorf("a form of another site is answered %d", w.Code)
		}
	})
}

// Attack O4 and S2: two requests of two apps in two tabs of one browser stay two, and one person's page does not decide for another.
func TestTwoTabsStayTwo(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		one, two := d.newApp("one", nil), d.newApp("two", nil)
		first, second := one.begun("state", "first"), two.begun("state", "second")
		show := func(page *url.URL, browser string) *httptest.ResponseRecorder {
			return h.is(h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": browser}}), http.StatusOK)
		}
		pageOne, pageTwo := show(first, browser), show(second, browser)
		if !strings.Contains(pageOne.Body.String(), one.Name) || !strings.Contains(pageTwo.Body.String(), two.Name) {
			d.Error("a page names another app")
		}
		for _, c := range []struct {
			page        *httptest.ResponseRecorder
			app         *app
			state, code string
		}{{pageOne, one, "first", ""}, {pageTwo, two, "second", ""}} {
			w := h.is(h.post("/authorize/consent", consentForm(c.page, "allow"), "usher", browser), http.StatusSeeOther)
			if on, _ := url.Parse(w.Header().Get("Location")); !strings.HasPrefix(on.String(), c.app.RedirectURIs[0]) || on.Query().Get("state") != c.state {
				d.Errorf("%s leads to %s", c.state, on)
			}
			h.is(h.post("/authorize/consent", consentForm(c.page, "allow"), "usher", browser), http.StatusGone)
		}
		bert := d.person("bert", h.password, false)
		page := show(d.newApp("three", nil).begun(), browser)
		w := h.post("/authorize/consent", consentForm(page, "allow"), "usher", h.signedIn(bert))
		if !strings.HasPrefix(w.Header().Get("Location"), "/authorize/consent?request=") {
			d.Errorf("one person's page decides for another: %d %s", w.Code, w.Header().Get("Location"))
		}
	})
}

// SE-8 and Pocket ID GO-2026-6117: what asks for a new proof gets one, made after it asked, with the second step where it asks for that.
func TestPromptsProveAnew(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		a := d.newApp("jellyfin", nil)
		browser := h.signedIn(h.anna)
		h.allow(a.begun(), browser)
		leads := func(browser string, changes ...string) string {
			page := a.begun(changes...)
			w := h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": browser}})
			on, err := url.Parse(w.Header().Get("Location"))
			h.must(err)
			switch {
			case w.Code == http.StatusOK:
				return "asked"
			case strings.HasPrefix(on.Path, "/sign-in"):
				return on.Path
			case on.Query().Get("error") != "":
				return on.Query().Get("error")
			}
			return "code"
		}
		d.at = d.at.Add(time.Minute)
		for _, c := range []struct {
			browser       string
			change, value string
			want          string
		}{
			{browser, "prompt", "", "code"}, {browser, "prompt", "none", "code"}, {browser, "prompt", "consent", "asked"}, {browser, "prompt", "select_account", "asked"},
			{browser, "prompt", "login", "/sign-in/again"}, {browser, "max_age", "30", "/sign-in/again"}, {browser, "max_age", "3600", "code"},
			{browser, "acr_values", "urn:usher:second-step", "code"}, // there is none to ask for, and acr says so
			{browser, "scope", "openid email", "asked"},
			{"", "prompt", "", "/sign-in"}, {"", "prompt", "none", "login_required"},
		} {
			if got := leads(c.browser, c.change, c.value); got != c.want {
				d.Errorf("%s=%s leads to %s, want %s", c.change, c.value, got, c.want)
			}
		}
		for change, want := range map[string]string{"prompt=none&max_age=1": "login_required", "prompt=none&scope=openid email": "consent_required"} {
			q, err := url.ParseQuery(change)
			h.must(err)
			var changes []string
			for name := range q {
				changes = append(changes, name, q.Get(name))
			}
			if got := leads(browser, changes...); got != want {
				d.Errorf("%s leads to %s, want %s", change, got, want)
			}
		}

		page := a.begun("prompt", "login")
		w := h.post("/sign-in/again", url.Values{"password": {h.password}, "next": {page.RequestURI()}}, "usher", browser)
		browser = cookie(w, "usher")
		if w := h.send(http.MethodGet, page.RequestURI(), request{cookies: map[string]string{"usher": browser}}); !strings.Contains(w.Header().Get("Location"), "code=") {
			d.Errorf("after a new proof: %d %s", w.Code, w.Header().Get("Location"))
		}

		d.turnOnFactor(h.anna) // since now; what was proved before was proved without it
		d.at = d.at.Add(time.Second)
		if got := leads(browser, "acr_values", "urn:usher:second-step"); got != "/sign-in/again" {
			d.Errorf("without the second step: %s", got)
		}
		w = h.post("/sign-in/again", url.Values{"password": {h.password}, "code": {h.code(h.anna)}}, "usher", browser)
		browser = cookie(w, "usher")
		if got := leads(browser, "acr_values", "urn:usher:second-step"); got != "code" {
			d.Errorf("with the second step: %s", got)
		}
		stepped := h.tokensFor(a, browser, "openid")
		if claims := strings.Split(stepped.Extra("id_token").(string), "."); !strings.Contains(decoded(claims[1]), `"acr":"urn:usher:second-step","amr":["pwd","otp","mfa"]`) {
			d.Errorf("%s", decoded(claims[1]))
		}

		for way, want := range map[credential.Way]string{ // F13: an app learns how somebody came in
			credential.ByOutside:        `"acr":"urn:usher:outside","amr":["fed"]`,
			credential.ByOutsideAndCode: `"acr":"urn:usher:second-step","amr":["fed","otp","mfa"]`,
			credential.ByPasskey:        `"acr":"urn:usher:second-step","amr":["pop","user","mfa"]`,

			credential.ByPasswordAndPasskey: `"acr":"urn:usher:second-step","amr":["pwd","pop","mfa"]`,
		} {
			d.do(`UPDATE credential SET subject = $1 WHERE kind = 'browser'`, string(way))
			claims := strings.Split(h.tokensFor(a, browser, "openid").Extra("id_token").(string), ".")
			if !strings.Contains(decoded(claims[1]), want) {
				d.Errorf("%s: %s", way, decoded(claims[1]))
			}
			if got, asked := leads(browser, "acr_values", "urn:usher:second-step"), way == credential.ByOutside; (got == "/sign-in/again") != asked {
				d.Errorf("%s: %s", way, got)
			}
		}
	})
}
