package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"usher/internal/testdb"
)

// party is an app, on a machine of its own, that lets people sign in with their account here.
type party struct {
	*httptest.Server
	mu  sync.Mutex
	got url.Values // with which the browser came back
}

func newParty(t *testing.T) *party {
	t.Helper()
	p := &party{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/cb" {
			p.mu.Lock()
			p.got = r.Form
			p.mu.Unlock()
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><title>App</title><link rel="icon" href="data:,"><p>Back in the app</p></html>`)
	}))
	t.Cleanup(p.Close)
	return p
}

// asks is the address that begins a sign-in to the app.
func (p *party) asks(more url.Values) string {
	q := url.Values{
		"client_id": {"jellyfin"}, "redirect_uri": {p.URL + "/cb"}, "response_type": {"code"}, "scope": {"openid profile email offline_access"}, "state": {"xyz"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	for name, values := range more {
		q[name] = values
	}
	return "/oauth/authorize?" + q.Encode()
}

// back waits until the browser is back in the app with a parameter.
func (b *tab) back(p *party, name string) string {
	b.t.Helper()
	value := ""
	b.soon("the app has no "+name, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		value = p.got.Get(name)
		return value != "" && p.got.Get("state") == "xyz" && p.got.Get("iss") == b.service.origin
	})
	b.sees("Back in the app")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = nil
	return value
}

// An app sends people here and gets them back, through forms and redirects that Chromium holds against each page's policy.
func tourApps(t *testing.T, seen *visits) {
	s, app := serve(t, testdb.SQLite(t)), newParty(t)
	operator := seen.watch(s.browser(t, scriptOn))
	operator.setsUp()
	s.does(t, "client", "add", "Jellyfin in the attic", "--id", "jellyfin", "--redirect-uri", app.URL+"/cb", "--post-logout-uri", app.URL+"/bye", "--grant", "authorization_code", "--grant", "refresh_token",
		"--scope", "openid", "--scope", "profile", "--scope", "email", "--scope", "offline_access")

	b := seen.watch(s.browser(t, scriptOn))
	b.open(app.asks(nil))
	b.at("/sign-in", http.StatusOK)
	b.write("E-mail or user name", operatorAddress)
	b.write("Password", operatorPassword)
	b.press("Sign in")
	b.at("/authorize/consent", http.StatusOK)
	b.look("consent")
	b.press("Not now")
	if why := b.back(app, "error"); why != "access_denied" {
		t.Errorf("the app is told %q", why)
	}
	b.open(app.asks(nil))
	b.press("Allow")
	b.back(app, "code")
	b.open(app.asks(nil)) // known by now
	b.back(app, "code")
	b.open(app.asks(url.Values{"response_mode": {"form_post"}}))
	b.back(app, "code")
	b.open(app.asks(url.Values{"prompt": {"login"}}))
	b.at("/sign-in/again", http.StatusOK)
	b.write("Password", operatorPassword)
	b.press("Continue") // one form, and a chain of redirects out of the house
	b.back(app, "code")

	late := seen.watch(s.browser(t, scriptOn))
	late.open(app.asks(nil))
	late.write("E-mail or user name", operatorAddress)
	late.write("Password", operatorPassword)
	late.press("Sign in")
	late.back(app, "code")

	plain := seen.watch(s.browser(t, scriptOff))
	plain.signIn(operatorAddress, operatorPassword)
	plain.open(app.asks(url.Values{"response_mode": {"form_post"}}))
	plain.sees("Press the button if nothing happens by itself.")
	plain.picture("return.png")
	plain.press("Continue")
	plain.back(app, "code")

	b.open("/authorize/consent?request=0")
	b.at("/authorize/consent", http.StatusGone)
	b.look("consent-late")
	b.open(app.asks(url.Values{"redirect_uri": {"https://elsewhere.example/cb"}}))
	b.at("/authorize/refused", http.StatusBadRequest)
	b.look("app-refused")

	b.open("/account/apps")
	b.tap("Remove Jellyfin in the attic")
	b.look("apps")
	b.press("Remove Jellyfin in the attic")
	b.sees("The app is removed.")
	b.look("apps-empty")
	b.open(app.asks(nil))
	b.at("/authorize/consent", http.StatusOK)

	leaving := "/oauth/end-session?" + url.Values{"client_id": {"jellyfin"}, "post_logout_redirect_uri": {app.URL + "/bye"}}.Encode()
	b.open(leaving)
	b.at("/authorize/sign-out", http.StatusOK)
	b.look("app-sign-out")
	b.press("Stay signed in")
	b.at("/account", http.StatusOK)
	b.open(leaving)
	b.press("Sign out")
	b.sees("Back in the app")
	b.open("/account")
	b.at("/sign-in", http.StatusOK)
}
