package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/grant"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// Every single thing that does not fit makes a code worth nothing, and burns it (O2, O3; Pocket ID CVE-2026-28513).
func TestCodesFitOneExchange(t *testing.T) {
	eachDoorsAndBuilt(t, func(d *doors) {
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
