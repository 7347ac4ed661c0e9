package main

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/grant"
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
	eachDoors(t, func(d *doors) {
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

// Every single thing that does not fit makes a code worth nothing, and burns it (O2, O3; Pocket ID CVE-2026-28513).
func TestCodesFitOneExchange(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		a, other := d.newApp("jellyfin", nil), d.newApp("other", nil)
		public := d.newApp("phone", func(c *relyingparty.Client) { c.Auth = relyingparty.None })
		good := func(a *app, code string) url.Values {
			return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {someVerifier}, "redirect_uri": {a.RedirectURIs[0]}}
		}
		code := func(a *app) string { return h.allow(a.begun(), browser).Query().Get("code") }
		for name, c := range map[string]struct {
			by     *app
			change url.Values
		}{
			"another client":       {other, nil},
			"a public client":      {public, nil},
			"another redirect":     {a, url.Values{"redirect_uri": {"https://jellyfin.example/other"}}},
			"the other's redirect": {a, url.Values{"redirect_uri": other.RedirectURIs}},
			"no redirect":          {a, url.Values{"redirect_uri": nil}},
			"another verifier":     {a, url.Values{"code_verifier": {strings.Repeat("x", 43)}}},
			"no verifier":          {a, url.Values{"code_verifier": nil}},
			"the challenge itself": {a, url.Values{"code_verifier": {someChallenge}}},
			"a short verifier":     {a, url.Values{"code_verifier": {someVerifier[:42]}}},
			"a verifier with air":  {a, url.Values{"code_verifier": {someVerifier + " "}}},
		} {
			mine := code(a)
			form := good(a, mine)
			maps.Copy(form, c.change)
			if w := c.by.asks(grant.TokenPath, form); w.Code != http.StatusBadRequest || said(w).Error != "invalid_grant" {
				d.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			if w := a.asks(grant.TokenPath, good(a, mine)); w.Code != http.StatusBadRequest || said(w).Error != "invalid_grant" {
				d.Errorf("%s: the code is not burnt: %d %s", name, w.Code, w.Body)
			}
		}
		for _, nothing := range []string{"", "x", secret.NewToken().Reveal(), strings.ToUpper(code(a))} {
			if w := a.asks(grant.TokenPath, good(a, nothing)); said(w).Error != "invalid_grant" {
				d.Errorf("%q: %s", nothing, w.Body)
			}
		}
		mine := code(a)
		d.at = d.at.Add(time.Minute)
		if w := a.asks(grant.TokenPath, good(a, mine)); said(w).Error != "invalid_grant" {
			d.Errorf("after a minute: %s", w.Body)
		}
		if w := a.asks(grant.TokenPath, good(a, code(a))); w.Code != http.StatusOK || said(w).Refresh != "" {
			d.Errorf("what fits does not count: %s", w.Body)
		}
	})
}

// A code counts once, raced too; and a second time ends what the first one got, with or without an app of its own. By another client it ends nothing.
func TestCodesCountOnce(t *testing.T) {
	eachDoors(t, func(d *doors) {
		h := d.people()
		browser := h.signedIn(h.anna)
		a := d.newApp("jellyfin", nil)
		for _, scope := range []string{"openid", "openid offline_access"} {
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {h.allow(a.begun("scope", scope), browser).Query().Get("code")}, "code_verifier": {someVerifier},
				"redirect_uri": a.RedirectURIs,
			}
			var mu sync.Mutex
			var got []string
			var wg sync.WaitGroup
			for range 20 {
				r := httptest.NewRequest(http.MethodPost, origin+grant.TokenPath, strings.NewReader(form.Encode()))
				r.TLS = nil
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.SetBasicAuth(a.ID, a.secret.Reveal())
				wg.Go(func() {
					w := httptest.NewRecorder()
					d.every.ServeHTTP(w, r)
					mu.Lock()
					defer mu.Unlock()
					if w.Code == http.StatusOK {
						got = append(got, said(w).Access)
					} else if said(w).Error != "invalid_grant" {
						d.Errorf("%d %s", w.Code, w.Body)
					}
				})
			}
			if wg.Wait(); len(got) != 1 {
				d.Fatalf("%s: %d of 20 were given tokens", scope, len(got))
			}
			if w := a.asks("/oauth/introspect", url.Values{"token": {got[0]}}); *said(w).Active {
				d.Errorf("%s: what the code got still counts", scope)
			}
		}
		other := d.newApp("phone", func(c *relyingparty.Client) { c.Auth = relyingparty.None })
		form := url.Values{
			"grant_type": {"authorization_code"}, "code": {h.allow(a.begun("scope", "openid offline_access"), browser).Query().Get("code")}, "code_verifier": {someVerifier},
			"redirect_uri": a.RedirectURIs,
		}
		tokens := said(a.asks(grant.TokenPath, form))
		if w := other.asks(grant.TokenPath, form); said(w).Error != "invalid_grant" {
			d.Errorf("another client: %s", w.Body)
		}
		if w := a.asks("/oauth/introspect", url.Values{"token": {tokens.Access}}); !*said(w).Active {
			d.Error("another client ends what a used code got")
		}
		reused, err := d.db.ListAudit(d.Context(), audit.Filter{Action: audit.AppReused, Limit: 10})
		if d.must(err); len(reused) != 2 || reused[0].AccountID != h.anna.ID || reused[0].Detail[audit.App] != a.Name {
			d.Errorf("recorded: %+v", reused)
		}
		if w := d.send(http.MethodGet, "/account", request{cookies: map[string]string{"usher": browser}}); w.Code != http.StatusOK {
			d.Error("the browser is signed out too")
		}
	})
}

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
	eachDoors(t, func(d *doors) {
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
		narrow := a.refresh(next, "openid")
		if narrow.Code != http.StatusOK || said(narrow).Scope != "openid" {
			d.Errorf("less than was granted: %s", narrow.Body)
		}
		if w := a.refresh(first, ""); said(w).Error != "invalid_grant" { // two uses ago
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
	eachDoors(t, func(d *doors) {
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
	eachDoors(t, func(d *doors) {
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
	})
}

// A client proves itself the way it is registered, and no other (O14).
func TestClientsProveThemselves(t *testing.T) {
	eachDoors(t, func(d *doors) {
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
	eachDoors(t, func(d *doors) {
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

func decoded(part string) string {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
