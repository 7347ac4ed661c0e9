package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/home"
	"usher/internal/linkcode"
	"usher/internal/mfa"
	"usher/internal/middleware"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
	"usher/internal/tvlink"
)

const (
	annPassword = "seven copper kettles"
	testOrigin  = "https://usher.example.org"
)

// house is the service behind the door: real store, real flows, real chain, with a clock the test moves.
type house struct {
	*testing.T
	db      *store.DB
	pool    *argon2id.Pool
	door    *Door
	handler http.Handler
	log     bytes.Buffer
	now     time.Time
	keys    map[string]secret.Token
}

func eachHouse(t *testing.T, test func(h *house)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, databaseURL string) { test(newHouse(t, databaseURL)) })
}

func newHouse(t *testing.T, databaseURL string) *house {
	t.Helper()
	h := &house{T: t, now: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC), keys: map[string]secret.Token{}}
	h.db, h.pool = teststore.Open(t, databaseURL, h.now), teststore.Hasher(t, 8)
	clock := func() time.Time { return h.now }
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	origin, err := url.Parse(testOrigin)
	h.must(err)
	resolver := &credential.Resolver{Store: h.db, Now: clock}
	h.door = &Door{
		SignIn:  teststore.SignIn(h.db, h.pool, clock, log),
		Devices: &signin.Devices{Store: h.db, Now: clock}, Touches: &device.Touches{}, Home: &home.Service{Store: h.db, Now: clock},
		Links: &tvlink.Service{Store: h.db, Resolver: resolver, Pace: &tvlink.Pace{}, Walks: &tvlink.Walks{}, Origin: testOrigin, Longest: linkcode.Longest, Now: clock},
		Place: func(netip.Addr) string { return "" }, Origin: origin, Now: clock, Log: log,
	}
	h.handler = middleware.Chain(middleware.Settings{Origin: origin, ErrorPage: h.door.Refused, Now: clock}, log)(h.door.Handler())
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// person makes an account that has annPassword and, where one is wanted, a second factor.
func (h *house) person(name string, factor bool) account.Account {
	h.Helper()
	h.now = h.now.Add(time.Millisecond)
	a := teststore.Member(h, h.db, h.pool, name, annPassword, h.now)
	if factor {
		h.keys[name] = teststore.TurnOnFactor(h, h.db, a.ID, h.now)
	}
	return a
}

// code is what somebody's authenticator shows, after the code before it has gone.
func (h *house) code(name string) string {
	h.now = h.now.Add(30 * time.Second)
	return mfa.Code(h.keys[name], mfa.Step(h.now)).Reveal()
}

// answer is what came back.
type answer struct {
	*house
	path string
	*httptest.ResponseRecorder
}

// ask sends one request; headers come in pairs.
func (h *house) ask(method, path, body string, headers ...string) answer {
	h.Helper()
	r := httptest.NewRequest(method, testOrigin+path, strings.NewReader(body))
	r.TLS, r.RemoteAddr = nil, "203.0.113.7:4711"
	r.Header.Set("User-Agent", "AtticPlayer/2.1")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	a := answer{h, method + " " + path, w}
	a.check()
	return a
}

// check holds for every answer there is.
func (a answer) check() {
	a.Helper()
	h := a.Header()
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" || h.Get("Access-Control-Allow-Credentials") != "" {
		a.Errorf("%s: headers %v", a.path, h)
	}
	if _, path, _ := strings.Cut(a.path, " "); (h.Get("Access-Control-Allow-Origin") == "*") != FromElsewhere(path) {
		a.Errorf("%s: pages of %q may read it", a.path, h.Get("Access-Control-Allow-Origin"))
	}
	if strings.Contains(a.log.String(), annPassword) || strings.Contains(a.log.String(), "@example.org") {
		a.Errorf("%s: the log has data in it: %s", a.path, a.log.String())
	}
	if a.Code < 400 {
		return
	}
	p := a.problem()
	if h.Get("Content-Type") != "application/problem+json" || p.Status != a.Code || p.Title == "" || p.Detail == "" || !strings.HasPrefix(p.Type, testOrigin+"/api/v1/problems/") || strings.Contains(p.Detail, "ORIGIN") {
		a.Errorf("%s: %d %s", a.path, a.Code, a.Body)
	}
	if (a.Code == http.StatusUnauthorized) != (h.Get("WWW-Authenticate") != "") {
		a.Errorf("%s: %d with challenge %q", a.path, a.Code, h.Get("WWW-Authenticate"))
	}
	if (a.Code == http.StatusTooManyRequests || a.Code == http.StatusServiceUnavailable) != (h.Get("Retry-After") != "") {
		a.Errorf("%s: %d with Retry-After %q", a.path, a.Code, h.Get("Retry-After"))
	}
}

func (a answer) problem() (p body) {
	a.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), &p); err != nil {
		a.Fatalf("%s: %d %q is no problem: %v", a.path, a.Code, a.Body, err)
	}
	return p
}

// is checks the status and, with a name, which problem it is.
func (a answer) is(status int, name string) answer {
	a.Helper()
	if a.Code != status {
		a.Fatalf("%s: status %d, want %d: %s", a.path, a.Code, status, a.Body)
	}
	if name != "" && !strings.HasSuffix(a.problem().Type, "/"+name) {
		a.Errorf("%s: %s, want %s", a.path, a.problem().Type, name)
	}
	return a
}

// signIn signs a program in and returns its token.
func (h *house) signIn(login, password string) string {
	h.Helper()
	raw, err := json.Marshal(map[string]string{"login": login, "password": password})
	h.must(err)
	var got signedIn
	h.must(json.Unmarshal(h.ask(http.MethodPost, "/api/v1/sign-in", string(raw)).is(200, "").Body.Bytes(), &got))
	if got.TokenType != "Bearer" || got.Account.UserName != login {
		h.Errorf("signed in as %+v", got.Account)
	}
	return got.Token
}

func (h *house) me(token string) answer {
	h.Helper()
	return h.ask(http.MethodGet, "/api/v1/me", "", "Authorization", "Bearer "+token)
}

func basic(login, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(login, password)
	return r.Header.Get("Authorization")
}
