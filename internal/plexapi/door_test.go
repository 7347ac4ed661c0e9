package plexapi

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
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
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/devicekey"
	"usher/internal/grant"
	"usher/internal/home"
	"usher/internal/linkcode"
	"usher/internal/mediaserver"
	"usher/internal/mfa"
	"usher/internal/middleware"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/signing"
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
	h := &house{T: t, now: start, keys: map[string]secret.Token{}}
	h.db, h.pool = teststore.Open(t, databaseURL, h.now), teststore.Hasher(t, 8)
	clock := func() time.Time { return h.now }
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	origin, err := url.Parse(testOrigin)
	h.must(err)
	ring, err := secret.NewRing()
	h.must(err)
	ring, err = ring.NextSigning(h.now)
	h.must(err)
	resolver := &credential.Resolver{Store: h.db, Now: clock}
	h.door = &Door{
		SignIn:  teststore.SignIn(h.db, h.pool, clock, log),
		Devices: &signin.Devices{Store: h.db, Now: clock}, Servers: &mediaserver.Service{Store: h.db, Resolver: resolver, Issuer: testOrigin, Now: clock}, Touches: &device.Touches{}, Home: &home.Service{Store: h.db, Now: clock},
		Links: &tvlink.Service{Store: h.db, Resolver: resolver, Pace: &tvlink.Pace{}, Walks: &tvlink.Walks{}, Origin: testOrigin, Longest: linkcode.Longest, PollCode: ring.PollCode, Now: clock},
		Keys: &devicekey.Service{
			Store: h.db, Resolver: resolver, Keys: &signing.Keys{Ring: func() *secret.Ring { return ring }, Now: clock}, Host: origin.Host, Now: clock,
		},
		Grants: &grant.Service{
			Store: h.db, Resolver: resolver, Keys: &signing.Keys{Ring: func() *secret.Ring { return ring }, Now: clock}, Ring: func() *secret.Ring { return ring },
			Issuer: testOrigin, Now: clock,
		},
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

// ask sends one request of the client called "attic"; headers come in pairs, and "" takes one away.
func (h *house) ask(method, path, body string, headers ...string) answer {
	h.Helper()
	h.now = h.now.Add(time.Millisecond)
	r := httptest.NewRequest(method, testOrigin+path, strings.NewReader(body))
	r.TLS, r.RemoteAddr = nil, "203.0.113.7:4711"
	r.Header.Set("User-Agent", "AtticPlayer/2.1")
	r.Header.Set("X-Plex-Client-Identifier", "attic")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Del(headers[i]); headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
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
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" ||
		h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		a.Errorf("%s: headers %v", a.path, h)
	}
	var head bytes.Buffer
	_ = h.Write(&head)
	if strings.Contains(head.String()+a.Body.String(), "HTTP") {
		a.Errorf("%s: has the four letters: %s%s", a.path, head.String(), a.Body)
	}
	if strings.Contains(a.log.String(), annPassword) || strings.Contains(a.log.String(), "@example.org") {
		a.Errorf("%s: the log has data in it: %s", a.path, a.log.String())
	}
	switch h.Get("Content-Type") {
	case "application/json":
		if !json.Valid(a.Body.Bytes()) {
			a.Errorf("%s: no JSON: %s", a.path, a.Body)
		}
	case "application/xml":
		if err := wellFormed(a.Body.Bytes()); err != nil {
			a.Errorf("%s: no XML: %v\n%s", a.path, err, a.Body)
		}
	default:
		if a.Code != http.StatusNoContent || a.Body.Len() > 0 {
			a.Errorf("%s: %d of type %q", a.path, a.Code, h.Get("Content-Type"))
		}
	}
	if (a.Code == http.StatusUnauthorized) != (h.Get("WWW-Authenticate") != "") {
		a.Errorf("%s: %d with challenge %q", a.path, a.Code, h.Get("WWW-Authenticate"))
	}
	if (a.Code == http.StatusTooManyRequests || a.Code == http.StatusServiceUnavailable) && h.Get("Retry-After") == "" {
		a.Errorf("%s: %d without Retry-After", a.path, a.Code)
	}
}

func wellFormed(raw []byte) error {
	words := xml.NewDecoder(bytes.NewReader(raw))
	for {
		if _, err := words.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// is checks the status and that the answer has some texts in it.
func (a answer) is(status int, texts ...string) answer {
	a.Helper()
	if a.Code != status {
		a.Fatalf("%s: status %d, want %d: %s", a.path, a.Code, status, a.Body)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body.String(), text) {
			a.Errorf("%s: no %q in %s", a.path, text, a.Body)
		}
	}
	return a
}

// without checks that the answer lacks some texts.
func (a answer) without(texts ...string) answer {
	a.Helper()
	for _, text := range texts {
		if strings.Contains(a.Body.String(), text) {
			a.Errorf("%s: %q is in %s", a.path, text, a.Body)
		}
	}
	return a
}

// jsonBody is a JSON object that was answered.
func (a answer) jsonBody() (object map[string]any) {
	a.Helper()
	a.must(json.Unmarshal(a.Body.Bytes(), &object))
	return object
}

// form is a form's body; fields come in pairs.
func form(fields ...string) string {
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return values.Encode()
}

// signIn signs a client in and returns its token.
func (h *house) signIn(login, password, identifier string) string {
	h.Helper()
	a := h.ask(http.MethodPost, "/api/v2/users/signin", form("login", login, "password", password), "Accept", "application/json", "X-Plex-Client-Identifier", identifier)
	token, _ := a.is(201).jsonBody()["authToken"].(string)
	if len(token) < 22 || strings.Trim(token, "0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		h.Fatalf("the token is %d characters of others than letters and digits", len(token))
	}
	return token
}

// get asks with a token.
func (h *house) get(path, token string, headers ...string) answer {
	h.Helper()
	return h.ask(http.MethodGet, path, "", append([]string{"X-Plex-Token", token}, headers...)...)
}

// apps are the devices of an account that are no browsers.
func (h *house) apps(accountID string) []device.Device {
	h.Helper()
	all, err := h.db.ListDevices(h.Context(), accountID)
	h.must(err)
	return all
}

// start is when every test's clock begins.
var start = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

// request is a bare request of the client called "machine", to be sent beside others.
func (h *house) request(method, path string) *http.Request {
	r := httptest.NewRequest(method, testOrigin+path, nil)
	r.TLS, r.RemoteAddr = nil, "203.0.113.7:4711"
	r.Header.Set("X-Plex-Client-Identifier", "machine")
	return r
}

func (h *house) serve(r *http.Request) int { return h.record(r).Code }

func (h *house) record(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// mailed is how many mails of a kind wait.
func (h *house) mailed(kind notice.Kind) int {
	h.Helper()
	return teststore.Mailed(h, h.db, kind)
}

// recorded is how often an act stands in the record.
func (h *house) recorded(action audit.Action) int {
	h.Helper()
	return teststore.Recorded(h, h.db, "", action)
}

// lock is what an operator does to an account.
func (h *house) beginDeletion(a account.Account) error {
	return h.db.SetState(h.Context(), a.ID, account.Active, account.Deleting, h.now.Add(time.Hour), audit.Act{At: h.now})
}

func (h *house) lock(a account.Account) error {
	return h.db.SetState(h.Context(), a.ID, account.Active, account.Locked, time.Time{}, audit.Act{At: h.now})
}
