package issuertest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is one OpenID issuer on loopback. It answers as oidc-provider does, unless it is told to misbehave.
type Issuer struct {
	URL          string // the issuer as its tokens name it
	ClientID     string
	ClientSecret string // not Apple's: see AppleKey

	name  string
	kind  *kind
	node  *process
	host  string
	bait  *httptest.Server // where redirects lead that nobody should follow
	lured atomic.Int64

	mu       sync.Mutex
	key      jose.JSONWebKey
	redirect string // the one place to which answers go
	account  Account
	asked    []url.Values
	trick    Trick
	obstacle map[Endpoint]Obstacle
	rewrite  func(claims map[string]any)
	document func(metadata map[string]any)
	told     func(claims map[string]any)
	userInfo bool
	now      func() time.Time
	apple    appleTeam
}

// start opens an issuer that ends with the test.
func start(t Test, name string, of *kind) *Issuer {
	t.Helper()
	node, err := shared()
	if err != nil {
		t.Fatalf("starting oidc-provider: %v", err)
	}
	i := &Issuer{name: name, kind: of, node: node, ClientID: name + "-client", ClientSecret: "the-secret-of-our-own-client-at-" + name, obstacle: map[Endpoint]Obstacle{}, now: time.Now}
	if i.key, err = firstKey(name, of.algorithm); err != nil {
		t.Fatalf("making a key: %v", err)
	}
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.bait = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.lured.Add(1)
		r.Host = i.host
		node.proxy.ServeHTTP(w, i.through(r))
	}))
	t.Cleanup(i.bait.Close)
	i.URL, i.host = server.URL, strings.TrimPrefix(server.URL, "http://")
	if err := i.open(); err != nil {
		t.Fatalf("opening an issuer: %v", err)
	}
	t.Cleanup(func() {
		if err := node.tell(opening{Host: i.host, Close: true}); err != nil {
			t.Errorf("closing an issuer: %v", err)
		}
	})
	return i
}

// open has oidc-provider begin this issuer, or begin it again with what has changed. The caller holds mu, or is the only one.
func (i *Issuer) open() error {
	redirect := i.redirect
	if redirect == "" {
		redirect = "https://nobody.invalid/"
	}
	return i.node.tell(opening{
		Host: i.host, URL: i.URL, Keys: []any{i.key}, Algorithm: i.kind.algorithm, Routes: i.kind.routes, Scopes: i.kind.scopes, Claims: i.kind.claims, AtUserInfo: i.userInfo,
		Client: openClient{ID: i.ClientID, Secret: i.ClientSecret, Redirects: []string{redirect}, Method: i.kind.method},
	})
}

// SignIn says who will be signed in by whoever comes from now on, unless their Browser says otherwise.
func (i *Issuer) SignIn(who Account) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.account = who
}

// SayNo has whoever comes from now on change their mind.
func (i *Issuer) SayNo() { i.SignIn(Account{}) }

// Clock has the issuer's tokens tell the time that now does, as stories need it whose service has a clock of its own.
func (i *Issuer) Clock(now func() time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = now
}

// Register fixes the one redirect URI; without it, the first one that is asked for is fixed.
func (i *Issuer) Register(redirect string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.redirect = redirect
	return i.open()
}

// RotateKey gives the issuer another key. It publishes the old one no longer, and whoever has begun to sign in begins again.
func (i *Issuer) RotateKey(t Test) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	var err error
	if i.key, err = newKey(i.kind.algorithm); err != nil {
		t.Fatalf("making a key: %v", err)
	}
	if err := i.open(); err != nil {
		t.Fatalf("opening an issuer with another key: %v", err)
	}
}

// ClaimsAtUserInfo has the issuer put what it knows of a person into no token, as OpenID Connect has it for the code flow, but tell it at its userinfo endpoint.
func (i *Issuer) ClaimsAtUserInfo(t Test) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.userInfo = true
	if err := i.open(); err != nil {
		t.Fatalf("opening an issuer that tells less in its tokens: %v", err)
	}
}

// Asked are the authorization requests so far, oldest first.
func (i *Issuer) Asked() []url.Values {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]url.Values(nil), i.asked...)
}

// Lured counts the requests of those who followed a redirect away from the issuer.
func (i *Issuer) Lured() int { return int(i.lured.Load()) }

// Host is the issuer's host and port.
func (i *Issuer) Host() string { return i.host }

// ServeHTTP stands before oidc-provider: it reads who signs in, and does to requests and answers what the issuer was told to.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err != nil || !net.ParseIP(host).IsLoopback() {
		http.Error(w, "not from there", http.StatusForbidden)
		return
	}
	endpoint := i.endpoint(r.URL.Path)
	i.mu.Lock()
	obstacle := i.obstacle[endpoint]
	i.mu.Unlock()
	if obstacle != "" {
		obstacle.serve(w, r, i.bait.URL)
		return
	}
	if endpoint == Authorization {
		if err := i.begin(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	if endpoint == Tokens && i.kind == apple {
		if err := i.checkAppleSecret(r); err != nil {
			answerJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_client", "error_description": err.Error()})
			return
		}
	}
	if err := i.present(r); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	i.node.proxy.ServeHTTP(w, i.through(r))
}

// begin remembers an authorization request, and its redirect URI when it is the first.
func (i *Issuer) begin(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	if r.Method != http.MethodGet {
		return fmt.Errorf("a browser is sent here by GET, and comes by %s", r.Method)
	}
	if i.kind == apple {
		if err := appleAsked(r.Form); err != nil {
			return err
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked = append(i.asked, r.Form)
	if i.redirect != "" {
		return nil
	}
	i.redirect = r.Form.Get("redirect_uri")
	return i.open()
}

// present names the account that a request signs in, as issuer.mjs wants it.
func (i *Issuer) present(r *http.Request) error {
	who, err := i.before(r)
	if err != nil {
		return err
	}
	forgetSession(r)
	header, err := who.header(i.kind, i.ClientID)
	r.Header.Set(accountHeader, header)
	return err
}

// before is who sits before the browser that sends a request.
func (i *Issuer) before(r *http.Request) (Account, error) {
	if named := r.Header.Get(browserHeader); named != "" {
		var who Account
		err := json.Unmarshal([]byte(named), &who)
		return who, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.account, nil
}

// forgetSession hides who was signed in before: else oidc-provider asks a browser first whether that one should be signed out.
func forgetSession(r *http.Request) {
	cookies := r.Cookies()
	r.Header.Del("Cookie")
	for _, cookie := range cookies {
		if !strings.HasPrefix(cookie.Name, "_session") {
			r.AddCookie(cookie)
		}
	}
}
