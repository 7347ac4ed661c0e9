package openid

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"usher/internal/gate/door"
	"usher/internal/gate/proxytest"
	"usher/internal/secret"
)

const server = "srv-4711"

// service is an OpenID provider with one client and one person, which is strict about what the gate has to send.
type service struct {
	*httptest.Server
	key, serverKey ed25519.PrivateKey
	mu             sync.Mutex
	codes          map[string]url.Values
	proofs         map[string]bool
	tokens         map[string]door.Decision
	revoked        []string
	asked          int // for tokens
	revokes        int // what revoking is answered, where that is not 0
	// claims and back may alter what is answered.
	claims func(map[string]any)
	back   func(url.Values)
}

func newService(t *testing.T, serverKey ed25519.PrivateKey) *service {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{key: key, serverKey: serverKey, codes: map[string]url.Values{}, proofs: map[string]bool{}, tokens: map[string]door.Decision{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys", "revocation_endpoint": s.URL + "/revoke",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"EdDSA"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "EdDSA", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("POST /revoke", s.revoke)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *service) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != server || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("nonce")) < 32 || len(q.Get("state")) < 32 ||
		!slices.Contains(strings.Fields(q.Get("scope")), "openid") {
		http.Error(w, "not a proper request", http.StatusBadRequest)
		return
	}
	code := secret.NewToken().Reveal()
	s.mu.Lock()
	s.codes[code] = q
	s.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {s.URL}}
	if s.back != nil {
		s.back(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

func (s *service) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	q, known := s.codes[r.PostFormValue("code")]
	delete(s.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || q.Get("redirect_uri") != r.PostFormValue("redirect_uri") || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || !s.proved(r.PostFormValue("client_assertion")) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
		return
	}
	body, _ := json.Marshal(map[string]string{"aud": server, "jti": secret.NewToken().Reveal()})
	access := "e30." + base64.RawURLEncoding.EncodeToString(body) + ".x"
	s.tokens[access] = door.Decision{Account: "acc-ann", UserName: "ann", Until: time.Now().Add(time.Hour)}
	claims := map[string]any{"iss": s.URL, "aud": server, "sub": "acc-ann", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "nonce": q.Get("nonce")}
	if s.claims != nil {
		s.claims(claims)
	}
	signer, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: s.key, KeyID: "1"}}, nil)
	identity, _ := jwt.Signed(signer).Claims(claims).Serialize()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": identity})
}

func (s *service) revoke(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = append(s.revoked, r.PostFormValue("token"))
	if s.revokes != 0 {
		w.WriteHeader(s.revokes)
		return
	}
	if r.PostFormValue("client_id") != server || !s.proved(r.PostFormValue("client_assertion")) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	delete(s.tokens, r.PostFormValue("token"))
}

// proved takes a proof of the server's key once.
func (s *service) proved(proof string) bool {
	parsed, err := jwt.ParseSigned(proof, []jose.SignatureAlgorithm{jose.EdDSA})
	var c jwt.Claims
	if err != nil || parsed.Claims(s.serverKey.Public(), &c) != nil || s.proofs[c.ID] {
		return false
	}
	s.proofs[c.ID] = true
	return c.Issuer == server && c.Subject == server && slices.Equal(c.Audience, jwt.Audience{s.URL}) && c.Expiry.Time().Sub(c.IssuedAt.Time()) <= 5*time.Minute
}

func (s *service) Ask(_ context.Context, token secret.Token) (door.Decision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.tokens[token.Reveal()]
	if !ok {
		return d, door.ErrRefused
	}
	return d, nil
}

// world is a gate at a service, and a browser before it.
type world struct {
	*service
	media   *httptest.Server
	gate    *httptest.Server
	decider *door.Decider
	browser *http.Client
	logged  bytes.Buffer
}

func begin(t *testing.T) *world {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{service: newService(t, key)}
	w.media = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "film for "+r.Header.Get("Remote-User")+" at "+r.RequestURI+" "+r.Header.Get("Cookie"))
	}))
	t.Cleanup(w.media.Close)
	target, _ := url.Parse(w.media.URL)
	w.decider = door.NewDecider(w.service, w.URL, server, 12*time.Hour, nil)
	d, err := door.New(door.Settings{Decider: w.decider, Server: server, Issuer: w.URL, Key: key, CookieKey: bytes.Repeat([]byte{7}, 32), Upstream: target, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Provider: &Client{Issuer: w.URL, Server: server, Key: key, HTTP: http.DefaultClient, Now: time.Now}, Log: slog.New(slog.NewTextHandler(&w.logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	w.gate = httptest.NewServer(d)
	t.Cleanup(w.gate.Close)
	w.browser = browser(t)
	return w
}

func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func (w *world) visit(t *testing.T, b *http.Client, target string) (int, string) {
	t.Helper()
	return read(t, b, must(http.NewRequest(http.MethodGet, target, nil)))
}

func must(r *http.Request, err error) *http.Request {
	if err != nil {
		panic(err)
	}
	r.Header.Set("Accept", "text/html")
	return r
}

func read(t *testing.T, b *http.Client, r *http.Request) (int, string) {
	t.Helper()
	answer, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestABrowserSignsInAndOut(t *testing.T) {
	w := begin(t)
	if status, body := w.visit(t, w.browser, w.gate.URL+"/films/1?a=b"); status != http.StatusOK || body != "film for ann at /films/1?a=b " {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := w.visit(t, w.browser, w.gate.URL+"/.usher/sign-in?rd=/films/2"); status != http.StatusOK || !strings.Contains(body, "at /films/2") {
		t.Errorf("who is in already gets %d %s", status, body)
	}
	if status, body := w.visit(t, w.browser, w.gate.URL+door.SignOutPath); status != http.StatusOK || !strings.Contains(body, `<form method="post"`) {
		t.Errorf("%d %s", status, body)
	}
	foreign := must(http.NewRequest(http.MethodPost, w.gate.URL+door.SignOutPath, nil))
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	if status, _ := read(t, w.browser, foreign); status != http.StatusForbidden {
		t.Errorf("another website signs people out: %d", status)
	}
	if status, _ := read(t, w.browser, must(http.NewRequest(http.MethodPost, w.gate.URL+door.SignOutPath, nil))); status != http.StatusOK {
		t.Errorf("signing out: %d", status)
	}
	here, _ := url.Parse(w.gate.URL)
	if left := w.browser.Jar.Cookies(here); len(left) != 0 {
		t.Errorf("it keeps %v", left)
	}
}

// Through each proxy a browser signs in and comes back to where it was, by the proxy's address alone; signed out, it is let in no more.
func TestABrowserSignsInThroughEveryProxy(t *testing.T) {
	for _, name := range proxytest.Names() {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			addr := proxytest.Start(t, name, w.gate.Listener.Addr().String(), w.media.Listener.Addr().String())
			var ways []string
			w.browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
				ways = append(ways, "http://"+r.URL.Host+r.URL.Path)
				return nil
			}
			at := "http://" + addr
			const want = "film for ann at /films/1?a=b&c=%2Fd "
			if status, body := w.visit(t, w.browser, at+"/films/1?a=b&c=%2Fd"); status != http.StatusOK || body != want {
				t.Fatalf("%d %s, by way of %s", status, body, ways)
			}
			if want := []string{at + door.SignInPath, w.URL + "/authorize", at + door.CallbackPath, at + "/films/1"}; !slices.Equal(ways, want) {
				t.Errorf("it came by way of %s", ways)
			}
			ways = nil
			if status, body := w.visit(t, w.browser, at+"/films/1?a=b&c=%2Fd"); status != http.StatusOK || body != want || len(ways) > 0 {
				t.Errorf("the second time: %d %s, by way of %s", status, body, ways)
			}
			if status, _ := read(t, w.browser, must(http.NewRequest(http.MethodPost, at+door.SignOutPath, nil))); status != http.StatusOK {
				t.Errorf("signing out: %d", status)
			}
			program := must(http.NewRequest(http.MethodGet, at+"/films/1", nil))
			program.Header.Del("Accept")
			if status, body := read(t, w.browser, program); status != http.StatusUnauthorized {
				t.Errorf("signed out it gets %d %s", status, body)
			}
		})
	}
}

// A copy of the cookie that a browser had is worth nothing once its person has signed out here; the service has ended what it stood for.
func TestSigningOutEndsTheCookie(t *testing.T) {
	w := begin(t)
	for _, told := range []bool{true, false} {
		b := browser(t)
		if status, _ := w.visit(t, b, w.gate.URL+"/films"); status != http.StatusOK {
			t.Fatal(status)
		}
		here, _ := url.Parse(w.gate.URL)
		kept := b.Jar.Cookies(here)
		if !told { // then the gate alone knows
			w.mu.Lock()
			w.serverKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
			w.mu.Unlock()
		}
		if status, _ := read(t, b, must(http.NewRequest(http.MethodPost, w.gate.URL+door.SignOutPath, nil))); status != http.StatusOK {
			t.Errorf("signing out: %d", status)
		}
		if left := len(w.tokens); left != map[bool]int{true: 0, false: 1}[told] || len(w.revoked) == 0 {
			t.Errorf("the service has %d tokens, and was told of %d", left, len(w.revoked))
		}
		thief := must(http.NewRequest(http.MethodGet, w.gate.URL+"/films", nil))
		thief.Header.Del("Accept")
		for _, c := range kept {
			thief.AddCookie(c)
		}
		if status, body := read(t, http.DefaultClient, thief); status != http.StatusUnauthorized {
			t.Errorf("the copy gets %d %s", status, body)
		}
	}
}

// A service that says no, as it does to a server that is signed out, is not taken for one that is away.
func TestASignOutThatIsRefusedIsNoOutage(t *testing.T) {
	for status, level := range map[int]string{http.StatusBadRequest: "INFO", http.StatusUnauthorized: "INFO", http.StatusTooManyRequests: "WARN", http.StatusServiceUnavailable: "WARN", http.StatusOK: ""} {
		w := begin(t)
		w.revokes = status
		w.visit(t, w.browser, w.gate.URL+"/films")
		if answer, _ := read(t, w.browser, must(http.NewRequest(http.MethodPost, w.gate.URL+door.SignOutPath, nil))); answer != http.StatusOK {
			t.Errorf("%d: signing out: %d", status, answer)
		}
		logged := w.logged.String()
		if len(w.revoked) != 1 || (level == "") != (logged == "") || !strings.Contains(logged, level) || (level == "WARN") != strings.Contains(logged, door.ErrAway.Error()) {
			t.Errorf("%d, asked %d times: %s", status, len(w.revoked), logged)
		}
	}
}

// A neighbouring site that has a browser begin sign-ins without end does not fill it with cookies, which would make its requests too long.
func TestSignInsThatAreNotFinishedAreFew(t *testing.T) {
	w := begin(t)
	b := browser(t)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	here, _ := url.Parse(w.gate.URL)
	for range 50 {
		if status, _ := w.visit(t, b, w.gate.URL+door.SignInPath); status != http.StatusSeeOther {
			t.Fatal(status)
		}
		if n := len(b.Jar.Cookies(here)); n > 8 {
			t.Fatalf("it keeps %d cookies", n)
		}
	}
	b.CheckRedirect = nil
	if status, _ := w.visit(t, b, w.gate.URL+"/films"); status != http.StatusOK {
		t.Errorf("in the end it gets %d", status)
	}
}

// Whoever has begun a sign-in can make codes up; the service is asked about few of them.
func TestCodesThatAreMadeUpHaveABudget(t *testing.T) {
	w := begin(t)
	b := browser(t)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := b.Do(must(http.NewRequest(http.MethodGet, w.gate.URL+door.SignInPath, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		t.Fatal(err)
	}
	made := w.gate.URL + door.CallbackPath + "?" + url.Values{"state": {to.Query().Get("state")}, "iss": {w.URL}, "code": {"x"}}.Encode()
	busy := 0
	for range 40 {
		r := must(http.NewRequest(http.MethodGet, made, nil))
		for _, c := range answer.Cookies() {
			r.AddCookie(c)
		}
		if status, _ := read(t, http.DefaultClient, r); status == http.StatusServiceUnavailable {
			busy++
		}
	}
	if w.asked > 15 || busy < 25 {
		t.Errorf("the service was asked %d times, and %d were told to wait", w.asked, busy)
	}
}

// Who was signed out here is asked by the service, which may know them still; whom it does not let in here is told so, and not sent around in circles.
func TestABrowserThatWasSignedOutComesBack(t *testing.T) {
	w := begin(t)
	if status, _ := w.visit(t, w.browser, w.gate.URL+"/films"); status != http.StatusOK {
		t.Fatal(status)
	}
	forget := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		clear(w.tokens)
		w.decider.End(door.Ended{Account: "acc-ann"})
	}
	forget()
	if status, body := w.visit(t, w.browser, w.gate.URL+"/films/3"); status != http.StatusOK || !strings.Contains(body, "at /films/3") {
		t.Errorf("it gets %d %s", status, body)
	}
	forget()
	w.claims = func(map[string]any) { clear(w.tokens) } // the owner has taken it back: what is issued opens nothing here
	if status, body := w.visit(t, w.browser, w.gate.URL+"/films/3"); status != http.StatusUnauthorized || !strings.Contains(body, "not open to you") {
		t.Errorf("it gets %d %s", status, body)
	}
}

// Attack G9: a browser forgets every variant of the cookie.
func TestSignOutClearsEveryVariant(t *testing.T) {
	w := begin(t)
	answer, err := http.DefaultClient.Do(must(http.NewRequest(http.MethodPost, w.gate.URL+door.SignOutPath, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	all := strings.Join(answer.Header.Values("Set-Cookie"), "\n")
	for _, want := range []string{"__Host-usher-gate=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax", "usher-gate=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax", "usher-gate=; Path=/.usher;", "usher-gate=; Path=/.usher/;"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
}

// Attack G10: nobody is sent anywhere but to this server.
func TestReturnStaysHere(t *testing.T) {
	w := begin(t)
	for _, rd := range []string{"//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/", "evil.example", "/%5cevil.example", "/%2f%2fevil.example", "\t//evil.example", "/.usher/sign-out", "///evil.example",
		"/.usher/sign-in?rd=/", "javascript:alert(1)", "@evil.example", ".evil.example", "/\r\nLocation: https://evil.example", "/x\n", ""} {
		b := browser(t)
		var last *url.URL
		b.CheckRedirect = func(r *http.Request, _ []*http.Request) error { last = r.URL; return nil }
		status, _ := w.visit(t, b, w.gate.URL+door.SignInPath+"?rd="+url.QueryEscape(rd))
		if last == nil || "http://"+last.Host != w.gate.URL || status != http.StatusOK || strings.HasPrefix(last.Path, "//") || strings.HasPrefix(last.Path, "/.usher") {
			t.Errorf("%q leads to %v (%d)", rd, last, status)
		}
	}
}

func TestAnAnswerToAnotherSignIn(t *testing.T) {
	for name, change := range map[string]any{
		"nonce":          func(c map[string]any) { c["nonce"] = "other" },
		"no nonce":       func(c map[string]any) { delete(c, "nonce") },
		"audience":       func(c map[string]any) { c["aud"] = "srv-2" },
		"issuer":         func(c map[string]any) { c["iss"] = "https://evil.example" },
		"ended":          func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() },
		"state":          func(b url.Values) { b.Set("state", secret.NewToken().Reveal()) },
		"no state":       func(b url.Values) { b.Del("state") },
		"other service":  func(b url.Values) { b.Set("iss", "https://evil.example") },
		"no service":     func(b url.Values) { b.Del("iss") },
		"code made up":   func(b url.Values) { b.Set("code", "x") },
		"no code":        func(b url.Values) { b.Del("code") },
		"two codes":      func(b url.Values) { b.Add("code", "x") },
		"refused":        func(b url.Values) { b.Del("code"); b.Set("error", "invalid_request") },
		"another person": func(b url.Values) { b.Del("code"); b.Set("error", "access_denied") },
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			switch change := change.(type) {
			case func(map[string]any):
				w.claims = change
			case func(url.Values):
				w.back = change
			}
			status, body := w.visit(t, w.browser, w.gate.URL+"/films")
			here, _ := url.Parse(w.gate.URL)
			if want := map[bool]int{true: http.StatusForbidden, false: http.StatusBadRequest}[name == "another person"]; status != want || strings.Contains(body, "film") {
				t.Errorf("%d %s", status, body)
			}
			for _, c := range w.browser.Jar.Cookies(here) {
				if c.Name == "usher-gate" {
					t.Error("the browser is let in")
				}
			}
		})
	}
}

// A link to a finished sign-in of the attacker's own signs nobody in: it is bound to the browser that began it, and counts once.
func TestASignInIsBoundToItsBrowser(t *testing.T) {
	w := begin(t)
	attacker, victim := browser(t), browser(t)
	stop := errors.New("stop")
	var back *url.URL
	attacker.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasSuffix(r.URL.Path, door.CallbackPath) {
			back = r.URL
			return stop
		}
		return nil
	}
	if _, err := attacker.Do(must(http.NewRequest(http.MethodGet, w.gate.URL+"/films", nil))); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if status, body := w.visit(t, victim, back.String()); status != http.StatusBadRequest || strings.Contains(body, "film") {
		t.Errorf("the victim gets %d %s", status, body)
	}
	attacker.CheckRedirect = nil
	if status, _ := w.visit(t, attacker, back.String()); status != http.StatusOK {
		t.Errorf("the browser that began gets %d", status)
	}
	if status, _ := w.visit(t, attacker, back.String()); status != http.StatusBadRequest {
		t.Errorf("it counts twice: %d", status)
	}
}

func TestASignedOutServerSendsNobodyToSignIn(t *testing.T) {
	w := begin(t)
	w.decider.Suspend(door.Suspension{})
	for _, path := range []string{"/films", door.SignInPath} {
		if status, body := w.visit(t, w.browser, w.gate.URL+path); status != http.StatusForbidden || !strings.Contains(body, "This server is signed out") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	w.decider.Resume()
	if status, _ := w.visit(t, w.browser, w.gate.URL+"/films"); status != http.StatusOK {
		t.Errorf("after it was brought back: %d", status)
	}
}

// Nobody is sent to a service that does not answer, also when the gate knows well where that would be; who is in stays in, and once it answers again people come
// in as before.
func TestServiceAwayWhileSigningIn(t *testing.T) {
	w := begin(t)
	w.service.Close()
	away := func(b *http.Client) {
		t.Helper()
		if status, body := w.visit(t, b, w.gate.URL+"/films"); status != http.StatusServiceUnavailable || !strings.Contains(body, "Nobody new can come in right now") || !strings.Contains(body, "Try again") {
			t.Errorf("%d %s", status, body)
		}
	}
	away(w.browser)

	w = begin(t)
	kept := 0 // by the browser, in seconds
	w.browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		for _, c := range r.Response.Cookies() {
			if c.Name == "usher-gate" {
				kept = c.MaxAge
			}
		}
		return nil
	}
	if status, _ := w.visit(t, w.browser, w.gate.URL+"/films"); status != http.StatusOK {
		t.Fatal(status)
	}
	if least := int(12 * time.Hour.Seconds()); kept <= least {
		t.Errorf("its cookie is kept for %d seconds, and it may stay in for %d more than its token", kept, least)
	}
	w.decider.Unanswered()
	away(browser(t))
	if status, _ := w.visit(t, w.browser, w.gate.URL+door.SignInPath+"?rd=/films"); status != http.StatusOK {
		t.Errorf("who is in gets %d", status)
	}
	w.decider.Answered()
	if status, _ := w.visit(t, browser(t), w.gate.URL+"/films"); status != http.StatusOK {
		t.Errorf("when it is back a new one gets %d", status)
	}
}

// A service that takes the question for its addresses and does not answer keeps nobody queueing: it is asked once for all who sign in, none of whom waits longer
// than one question may take, and who leaves is not waited for.
func TestNobodyQueuesToSignInWhileTheServiceHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := &Client{Issuer: "https://accounts.example", Server: server, Now: time.Now, HTTP: &http.Client{Timeout: 30 * time.Second, Transport: hanging(func() { asked++ })}}
		began := time.Now()
		begins := func(ctx context.Context, most time.Duration) {
			if _, err := c.Begin(ctx, door.Flow{}); !errors.Is(err, door.ErrAway) {
				t.Errorf("it says %v", err)
			}
			if took := time.Since(began); took > most {
				t.Errorf("somebody waited for %s", took)
			}
		}
		first, leaves := context.WithTimeout(t.Context(), time.Second)
		defer leaves()
		var all sync.WaitGroup
		all.Go(func() { begins(first, 2*time.Second) })
		for range 20 {
			all.Go(func() { begins(t.Context(), 10*time.Second) })
		}
		all.Wait()
		if asked != 1 {
			t.Errorf("the service was asked %d times", asked)
		}
		began = time.Now()
		begins(t.Context(), 10*time.Second)
		if asked != 2 {
			t.Error("it is not asked again")
		}
	})
}

// hanging is a way to a service that takes questions and does not answer.
type hanging func()

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h()
	<-r.Context().Done()
	return nil, r.Context().Err()
}
