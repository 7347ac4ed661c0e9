package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/issuertest"
	"usher/internal/secret"
	"usher/internal/testdb"
)

// abroad is the service with issuers that it knows, honest until a test says otherwise.
type abroad struct {
	*doors
	house *issuertest.House
}

// caller is somebody at a browser without script: it keeps cookies.
type caller struct {
	*abroad
	cookies map[string]string
	there   *issuertest.Browser
}

// eachAbroad runs a test on both databases, with what change makes of the settings.
func eachAbroad(t *testing.T, change func(*config.Config), test func(o *abroad)) {
	t.Helper()
	t.Parallel()
	abroadOn(t, func(*issuertest.House, *config.Config) {}, change, test)
}

// eachAbroadAndPlain is eachAbroad with the two issuers that have no settings of their own besides.
func eachAbroadAndPlain(t *testing.T, test func(o *abroad)) {
	t.Helper()
	t.Parallel()
	abroadOn(t, func(h *issuertest.House, c *config.Config) {
		folder := t.TempDir()
		file := filepath.Join(folder, "usher.toml")
		text, err := furtherIssuers(h, folder)
		if err == nil {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		read, err := config.Load(config.NewFlags(), []string{"USHER_CONFIG=" + file})
		if err != nil {
			t.Fatal(err)
		}
		read.Data, read.Database, read.Origin, read.Argon2Memory, read.Argon2Passes = c.Data, c.Database, c.Origin, c.Argon2Memory, c.Argon2Passes
		*c = read
	}, asTheyAre, test)
}

func abroadOn(t *testing.T, first func(*issuertest.House, *config.Config), change func(*config.Config), test func(o *abroad)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		o := &abroad{house: issuertest.Start(t)}
		o.doors = openDoors(t, databaseURL, func(c *config.Config) {
			h := o.house
			first(h, c)
			c.GoogleClientID, c.GoogleClientSecret, c.GoogleIssuer = h.Google.ClientID, secret.TokenOf(h.Google.ClientSecret), h.Google.URL
			c.AppleClientID, c.AppleTeamID, c.AppleKeyID, c.AppleKey, c.AppleIssuer = h.Apple.ClientID, h.Apple.AppleTeam(), h.Apple.AppleKeyID(), secret.TokenOf(h.Apple.AppleKey(t)), h.Apple.URL
			c.FacebookClientID, c.FacebookClientSecret = h.Facebook.AppID, secret.TokenOf(h.Facebook.AppSecret)
			c.FacebookDialog, c.FacebookGraph = h.Facebook.DialogURL(), strings.TrimSuffix(h.Facebook.ProfileURL(), "/me")
			change(c)
		})
		for _, i := range []*issuertest.Issuer{o.house.Google, o.house.Apple, o.house.Studio} {
			i.Clock(func() time.Time { return o.at })
		}
		test(o)
	})
}

func (o *abroad) caller() *caller {
	return &caller{abroad: o, cookies: map[string]string{}, there: issuertest.NewBrowser()}
}

// does sends a request with the caller's cookies and keeps those that come back.
func (v *caller) does(method, path string, form url.Values, header http.Header) *httptest.ResponseRecorder {
	v.Helper()
	w := v.send(method, path, request{form: form, header: header, cookies: maps.Clone(v.cookies), away: true})
	v.keep(w)
	return w
}

func (v *caller) keep(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		name := strings.TrimPrefix(c.Name, "__Host-")
		if c.MaxAge < 0 {
			delete(v.cookies, name)
			continue
		}
		v.cookies[name] = c.Value
	}
}

// leaves presses the button of a provider, and returns where it leads.
func (v *caller) leaves(provider string) string {
	v.Helper()
	v.unlimited()
	w := v.does(http.MethodPost, "/sign-in/with/"+provider, url.Values{}, nil)
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "http://127.0.0.1:") {
		v.Fatalf("the button of %s leads to %d %q: %s", provider, w.Code, to, w.Body)
	}
	return to
}

// away goes to a provider and signs in there. The answer is not brought yet.
func (v *caller) away(provider string) issuertest.Answer {
	v.Helper()
	answer, err := v.there.Visit(v.leaves(provider))
	v.must(err)
	return answer
}

// brings arrives with an answer as browsers do: from another site, by POST without cookies; what is posted goes on by GET.
func (v *caller) brings(answer issuertest.Answer) *httptest.ResponseRecorder {
	v.Helper()
	to, err := url.Parse(answer.URL)
	v.must(err)
	if answer.Form == nil {
		return v.does(http.MethodGet, to.RequestURI(), nil, http.Header{"Sec-Fetch-Site": {"cross-site"}})
	}
	w := v.send(http.MethodPost, to.RequestURI(), request{form: answer.Form, header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://appleid.apple.com"}}})
	v.keep(w)
	if at := w.Header().Get("Location"); w.Code == http.StatusSeeOther {
		return v.does(http.MethodGet, at, nil, http.Header{"Sec-Fetch-Site": {"cross-site"}})
	}
	return w
}

// comes goes to a provider, signs in there, and arrives.
func (v *caller) comes(provider string) *httptest.ResponseRecorder {
	v.Helper()
	return v.brings(v.away(provider))
}

// standing is everything that a sign-in could have changed, as the database has it: what waits for an answer is left out.
func (o *abroad) standing() (all []string) {
	o.Helper()
	for _, query := range []string{
		"SELECT * FROM account", "SELECT * FROM handle", "SELECT * FROM identity", "SELECT * FROM passkey", "SELECT id, account_id FROM device", "SELECT id FROM mail", "SELECT * FROM confirmation",
		"SELECT hash, kind, account_id FROM credential WHERE kind NOT IN ('outside sign-in', 'parked answer', 'arrival')",
	} {
		rows, err := o.raw.QueryContext(o.Context(), query)
		o.must(err)
		columns, err := rows.Columns()
		o.must(err)
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for n := range values {
				into[n] = &values[n]
			}
			o.must(rows.Scan(into...))
			all = append(all, query+": "+fmt.Sprintf("%s", values))
		}
		o.must(rows.Err())
		o.must(rows.Close())
	}
	slices.Sort(all)
	return all
}

// signedInNow tells whether a browser is.
func (v *caller) signedInNow() bool {
	v.Helper()
	return v.send(http.MethodGet, "/account", request{cookies: v.cookies}).Code == http.StatusOK
}
