package door

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/secret"
)

const serverID = "srv-4711"

// registry is a service that knows some tokens; the clock is its own too. It counts what it is asked.
type registry struct {
	mu    sync.Mutex
	known map[string]Decision
	own   map[string]Decision // by name and password; those that are once go with their use
	takes bool                // accounts' own passwords
	fails error
	asked atomic.Int64
	typed atomic.Int64  // of those, about accounts' own passwords
	hold  chan struct{} // not nil: answers wait for it
	at    atomic.Int64
}

func newRegistry() *registry {
	r := &registry{known: map[string]Decision{}, own: map[string]Decision{}}
	r.at.Store(time.Now().UnixMilli())
	return r
}

func (r *registry) now() time.Time        { return time.UnixMilli(r.at.Load()) }
func (r *registry) pass(d time.Duration)  { r.at.Add(d.Milliseconds()) }
func (r *registry) set(f func(*registry)) { r.mu.Lock(); defer r.mu.Unlock(); f(r) }
func (r *registry) revoke(t secret.Token) { r.set(func(r *registry) { delete(r.known, t.Reveal()) }) }
func (r *registry) breaks(err error)      { r.set(func(r *registry) { r.fails = err }) }

func (r *registry) Ask(ctx context.Context, token secret.Token) (Decision, error) {
	return r.answer(ctx, r.known, token.Reveal())
}

func (r *registry) SignIn(ctx context.Context, login string, password secret.Token) (Decision, error) {
	if on, err := r.TakesPasswords(ctx); err == nil && !on {
		return Decision{}, ErrOff
	}
	r.typed.Add(1)
	return r.answer(ctx, r.own, login+" "+password.Reveal())
}

func (r *registry) TakesPasswords(context.Context) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.takes, r.fails
}

func (r *registry) answer(ctx context.Context, known map[string]Decision, shown string) (Decision, error) {
	r.asked.Add(1)
	r.mu.Lock()
	decision, ok := known[shown]
	fails, hold := r.fails, r.hold
	if decision.Once && fails == nil {
		delete(known, shown)
	}
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return Decision{}, ctx.Err()
		}
	}
	if fails != nil {
		return Decision{}, fails
	}
	if !ok {
		return Decision{}, ErrRefused
	}
	return decision, nil
}

// awaitQuestion returns when something was asked.
func (r *registry) awaitQuestion(t *testing.T) {
	t.Helper()
	for range 5000 {
		if r.asked.Load() > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("nothing was asked")
}

// tokenFor is a text of a token's shape for a server.
func tokenFor(server string) secret.Token {
	body, _ := json.Marshal(map[string]string{"aud": server, "jti": secret.NewToken().Reveal()})
	return secret.TokenOf("e30." + encoding.EncodeToString(body) + "." + secret.NewToken().Reveal())
}

// let makes a token that lets somebody in.
func (r *registry) let(who Decision) secret.Token {
	t := tokenFor(serverID)
	if who.Until.IsZero() {
		who.Until = r.now().Add(24 * time.Hour)
	}
	r.set(func(r *registry) { r.known[t.Reveal()] = who })
	return t
}

// make makes an app password of the server.
func (r *registry) make(who Decision) secret.Token {
	t := secret.NewServerPassword()
	who.AppPassword = true
	if who.Until.IsZero() {
		who.Until = r.now().Add(365 * 24 * time.Hour)
	}
	r.set(func(r *registry) { r.known[t.Reveal()] = who })
	return t
}

// choose gives an account a password; once, its last digits are a code.
func (r *registry) choose(login, password string, who Decision) {
	who.Session, who.Until = "", r.now().Add(time.Hour)
	r.set(func(r *registry) { r.own[login+" "+password] = who })
}

func ann() Decision {
	return Decision{Account: "acc-ann", Session: "sid-1", UserName: "ann", Name: "Ännchen", Email: "ann@example.org", Groups: []string{"owner"}}
}

func bob() Decision {
	return Decision{Account: "acc-bob", Session: "sid-2", UserName: "bob", Name: "Bob", Email: "bob@example.org", Groups: []string{"guest"}}
}

// seen is a request as a media server received it.
type seen struct {
	Method, Target, Host string
	Header               http.Header
	Trailer              http.Header
	Body                 string
}

// echo is a media server that says what it received.
func echo(t testing.TB) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(seen{r.Method, r.RequestURI, r.Host, r.Header, r.Trailer, string(body)})
	}))
	t.Cleanup(s.Close)
	return s
}

type gate struct {
	*registry
	*httptest.Server
	decider *Decider
	door    *Door
}

// outageLimit is for how long those who were let in stay in here.
const outageLimit = 12 * time.Hour

// open returns a gate before a media server, with whatever else is set.
func open(t testing.TB, upstream string, more func(*Settings)) *gate {
	t.Helper()
	g := &gate{registry: newRegistry()}
	g.decider = g.registry.decider()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Decider: g.decider, Server: serverID, Issuer: "https://accounts.example", Key: key, CookieKey: make([]byte, 32), Upstream: target, Now: g.now}
	if more != nil {
		more(&s)
	}
	if g.door, err = New(s); err != nil {
		t.Fatal(err)
	}
	g.Server = httptest.NewServer(g.door)
	t.Cleanup(g.Server.Close)
	return g
}

// ask sends a request and returns the answer with its body.
func (g *gate) ask(t testing.TB, method, target string, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, g.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// through sends a request that gets through, and returns what the media server received.
func (g *gate) through(t testing.TB, method, target string, header http.Header) seen {
	t.Helper()
	answer, body := g.ask(t, method, target, header)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s", method, target, answer.Status, body)
	}
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func bearer(t secret.Token) http.Header {
	return http.Header{"Authorization": {"Bearer " + t.Reveal()}}
}

func basicAuth(login, password string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))}}
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// cookieOf is the cookie of a browser that signed in.
func (g *gate) cookieOf(t testing.TB, token secret.Token, scheme string) string {
	t.Helper()
	c := cookieFor(scheme, cookieName, g.door.seal.Seal(token.Reveal(), g.door.cookiePlace("sign-in")), time.Hour)
	return fmt.Sprintf("%s=%s", c.Name, c.Value)
}

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
