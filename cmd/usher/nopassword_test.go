package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/teststore"
)

// withoutPassword makes an account whose owner comes in by another service, and signs a browser in to it.
func (d *doors) withoutPassword(name string) (a account.Account, cookie map[string]string) {
	d.Helper()
	a = teststore.Person(d, d.db, name, d.at, func(a *account.Account) { a.Password, a.PasswordVersion = "", 0 })
	in := credential.NewSignIn(a.ID, "Google", device.Client{}, d.at)
	in.Stamp, in.Subject = credential.Stamp{Born: a.Secured, Account: a.Epoch}, string(credential.ByOutside)
	d.must(d.db.AddDevice(d.Context(), in, audit.Act{At: d.at}))
	return a, map[string]string{"usher": in.Token.Reveal()}
}

// Who has no password is led to set one before anything that asks for it, and from there back (F14).
func TestNoPasswordIsLedToSetOne(t *testing.T) {
	eachDoors(t, func(d *doors) {
		anna, cookie := d.withoutPassword("anna")
		leads := func(method, path, want string, form url.Values) {
			d.Helper()
			w := d.send(method, path, request{cookies: cookie, form: form})
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
				d.Errorf("%s %s: %d to %q, want %q", method, path, w.Code, w.Header().Get("Location"), want)
			}
		}
		for _, path := range []string{"/account/email", "/account/notice-address", "/account/app-passwords/new"} {
			leads(http.MethodGet, path, "/account/password?next="+url.QueryEscape(path), nil)
			leads(http.MethodPost, path, "/account/password?next="+url.QueryEscape(path), url.Values{"email": {"new@example.org"}, "name": {"an app"}})
		}
		leads(http.MethodPost, "/account/second-step/begin", "/account/password?next=%2Faccount%2Fsecond-step", nil)
		if w := d.send(http.MethodGet, "/account/second-step", request{cookies: cookie}); !strings.Contains(w.Body.String(), "/account/password?next=/account/second-step") {
			d.Error("the page of the second step does not lead to a password")
		}

		w := d.send(http.MethodGet, "/account/password?next=/account/email", request{cookies: cookie})
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "Current password") {
			d.Errorf("the page for the first password: %d", w.Code)
		}
		d.at = d.at.Add(credential.Fresh + time.Second)
		leads(http.MethodGet, "/account/password", "/sign-in/again?next=%2Faccount%2Fpassword", nil)
		leads(http.MethodPost, "/account/password", "/sign-in/again?next=%2Faccount%2Fpassword", url.Values{"password": {"correct horse battery staple"}})
		d.at = d.at.Add(-credential.Fresh)
		leads(http.MethodPost, "/account/password", "/account/email", url.Values{"password": {"correct horse battery staple"}, "next": {"/account/email"}})
		if a, err := d.db.LoadAccount(d.Context(), anna.ID); err != nil || a.NoPassword {
			d.Errorf("there is no password still: %v", err)
		}
	})
}

// No text is the password of an account that has none, at any door, an empty one least of all (F17).
func TestNoPasswordIsNoPassword(t *testing.T) {
	eachDoors(t, func(d *doors) {
		d.withoutPassword("anna")
		for _, typed := range []string{"", " ", "123456", "correct horse battery staple"} {
			d.unlimited()
			for name, send := range map[string]func() int{
				"the page": func() int {
					return d.send(http.MethodPost, "/sign-in", request{form: url.Values{"login": {"anna"}, "password": {typed}}}).Code
				},
				"the API": func() int {
					return d.send(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": "anna", "password": typed}}).Code
				},
				"Basic": func() int {
					return d.send(http.MethodGet, "/api/v1/me", asBasic("anna", typed)).Code
				},
				"plex": func() int {
					q := asPlex("")
					q.form = url.Values{"login": {"anna"}, "password": {typed}}
					return d.send(http.MethodPost, "/api/v2/users/signin", q).Code
				},
			} {
				if code := send(); code < 400 || code >= 500 {
					d.Errorf("%s with %q: %d", name, typed, code)
				}
			}
		}
	})
}
