package middleware_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/middleware"
	"usher/internal/request"
)

// service is a chain around a small mux, with everything it says kept.
type service struct {
	handler http.Handler
	log     *syncBuffer
	seen    []observed
	facts   request.Facts
}

type observed struct {
	route, method string
	status        int
	seconds       float64
}

func (s *service) Observe(route, method string, status int, seconds float64) {
	s.seen = append(s.seen, observed{route, method, status, seconds})
}

// syncBuffer may be written from net/http's goroutines.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lines are the JSON lines with the given message.
func (b *syncBuffer) lines(t *testing.T, msg string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(b.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if fields["msg"] == msg {
			found = append(found, fields)
		}
	}
	return found
}

// errorPage shows what a door would: status, kind, and the facts it may use.
func errorPage(w http.ResponseWriter, r *http.Request, status int, kind string) {
	facts := request.From(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "kind=%s id=%s client=%s", kind, facts.ID, facts.Client)
}

func origin(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func newService(t testing.TB, cfg middleware.Settings) *service {
	t.Helper()
	s := &service{log: &syncBuffer{}}
	if cfg.Origin == nil {
		cfg.Origin = origin(t, "http://localhost:8484")
	}
	cfg.ErrorPage = errorPage
	cfg.Observer = s
	mux := http.NewServeMux()
	mux.HandleFunc("GET /facts", func(w http.ResponseWriter, r *http.Request) {
		s.facts = request.From(r.Context())
		io.WriteString(w, "facts")
	})
	mux.HandleFunc("POST /form/{secret}", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			errorPage(w, r, http.StatusBadRequest, "handler")
			return
		}
		http.Redirect(w, r, "/facts", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /static/app.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		io.WriteString(w, "a{}")
	})
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("hunter2 " + t.Name()) })
	mux.HandleFunc("GET /panic/runtime", func(w http.ResponseWriter, r *http.Request) {
		var rows []int
		fmt.Fprint(w, rows[len(r.Method)])
	})
	mux.HandleFunc("GET /panic/prepared", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "half", Value: "done"})
		w.Header().Set("Location", "/elsewhere")
		panic("late")
	})
	mux.HandleFunc("GET /panic/halfway", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half a page")
		panic("later")
	})
	mux.HandleFunc("GET /silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /plain-error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) })
	mux.HandleFunc("GET /headers", func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(r.Header) })
	s.handler = middleware.Chain(cfg, slog.New(slog.NewJSONHandler(s.log, nil)))(mux)
	return s
}

// ask sends a request that a browser on this machine would send, as edit changes it.
func (s *service) ask(method, target string, edit func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost:8484"
	r.RemoteAddr = "127.0.0.1:50000"
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestEveryAnswerCarriesItsHeaders(t *testing.T) {
	s := newService(t, middleware.Settings{Origin: origin(t, "https://usher.example"), TrustedProxies: prefixes("127.0.0.0/8")})
	for _, c := range []struct {
		name, method, target string
		edit                 func(*http.Request)
		status               int
	}{
		{name: "page", method: "GET", target: "/facts", status: 200},
		{name: "head", method: "HEAD", target: "/facts", status: 200},
		{name: "handler that writes nothing", method: "GET", target: "/silent", status: 200},
		{name: "redirect", method: "POST", target: "/form/x", status: 303},
		{name: "cleaned path", method: "GET", target: "//facts", status: 307},
		{name: "malformed target", method: "GET", target: "/facts?a=%00", status: 400},
		{name: "cross-origin", method: "POST", target: "/form/x", status: 403,
			edit: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		{name: "not found", method: "GET", target: "/nowhere", status: 404},
		{name: "wrong method for the route", method: "POST", target: "/facts", status: 405},
		{name: "method for nobody", method: "TRACE", target: "/facts", status: 405},
		{name: "too large", method: "POST", target: "/form/x", status: 413,
			edit: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("")); r.ContentLength = 65 << 10 }},
		{name: "http.Error", method: "GET", target: "/plain-error", status: 418},
		{name: "unknown host", method: "GET", target: "/facts", status: 421, edit: func(r *http.Request) { r.Host = "evil.example" }},
		{name: "panic", method: "GET", target: "/panic", status: 500},
		{name: "panic with a prepared answer", method: "GET", target: "/panic/prepared", status: 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := s.ask(c.method, c.target, func(r *http.Request) {
				r.Host = "usher.example"
				r.Header.Set("X-Forwarded-Proto", "https")
				r.Header.Set("X-Request-Id", "chosen-by-the-client")
				if c.edit != nil {
					c.edit(r)
				}
			})
			if res.StatusCode != c.status {
				t.Errorf("status %d, want %d", res.StatusCode, c.status)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options":       "nosniff",
				"X-Frame-Options":              "DENY",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Strict-Transport-Security":    "max-age=31536000",
				"Cache-Control":                "no-store",
			} {
				if got := res.Header.Values(name); len(got) != 1 || got[0] != want {
					t.Errorf("%s: %q, want %q once", name, got, want)
				}
			}
			checkPolicy(t, res.Header.Get("Content-Security-Policy"))
			if !strings.Contains(res.Header.Get("Permissions-Policy"), "camera=()") {
				t.Errorf("Permissions-Policy: %q", res.Header.Get("Permissions-Policy"))
			}
			if id := res.Header.Get("X-Request-Id"); !requestID(id) {
				t.Errorf("X-Request-Id: %q", id)
			}
			for name := range res.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s is sent", name)
				}
			}
		})
	}
}

func requestID(id string) bool {
	return len(id) == 12 && strings.Trim(id, "0123456789abcdefghjkmnpqrstvwxyz") == ""
}

// checkPolicy reads the policy as a browser does: the first directive of a name counts.
func checkPolicy(t *testing.T, policy string) (nonce string) {
	t.Helper()
	directives := map[string]string{}
	for part := range strings.SplitSeq(policy, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		if _, twice := directives[name]; twice {
			t.Errorf("directive %s stands twice", name)
		}
		directives[name] = value
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "object-src": "'none'", "base-uri": "'none'", "frame-ancestors": "'none'",
		"form-action": "'self'", "style-src": "'self'",
	} {
		if directives[name] != want {
			t.Errorf("%s is %q, want %q", name, directives[name], want)
		}
	}
	nonce, ok := strings.CutPrefix(directives["script-src"], "'nonce-")
	if nonce = strings.TrimSuffix(nonce, "'"); !ok || len(nonce) < 22 {
		t.Errorf("script-src is %q", directives["script-src"])
	}
	for _, loose := range []string{"unsafe-", "*", "http:", "https:"} {
		if strings.Contains(policy, loose) {
			t.Errorf("the policy contains %s: %s", loose, policy)
		}
	}
	return nonce
}

func TestNonceAndIDAreFreshAndSharedWithThePage(t *testing.T) {
	s := newService(t, middleware.Settings{})
	nonces, ids := map[string]bool{}, map[string]bool{}
	for range 50 {
		res := s.ask("GET", "/facts", nil)
		nonce := checkPolicy(t, res.Header.Get("Content-Security-Policy"))
		if nonce != s.facts.Nonce || res.Header.Get("X-Request-Id") != s.facts.ID {
			t.Fatalf("headers %s, %s but facts %+v", nonce, res.Header.Get("X-Request-Id"), s.facts)
		}
		nonces[nonce], ids[s.facts.ID] = true, true
	}
	if len(nonces) != 50 || len(ids) != 50 {
		t.Errorf("%d nonces and %d ids in 50 requests", len(nonces), len(ids))
	}
}

func TestHandlersMayCache(t *testing.T) {
	res := newService(t, middleware.Settings{}).ask("GET", "/static/app.css", nil)
	if got := res.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("Cache-Control: %q", got)
	}
}

func TestHSTSOnlyOnTheHTTPSPort(t *testing.T) {
	for _, c := range []struct {
		origin, host, proto string
		want                bool
	}{
		{"https://usher.example", "usher.example", "https", true},
		{"https://usher.example:443", "usher.example", "https", true},
		{"https://usher.example", "usher.example", "http", false},
		{"https://usher.example", "usher.example", "", false},
		{"https://usher.example:8443", "usher.example:8443", "https", false},
		{"http://localhost:8484", "localhost:8484", "https", false},
		{"http://localhost:8484", "localhost:8484", "", false},
	} {
		s := newService(t, middleware.Settings{Origin: origin(t, c.origin), TrustedProxies: prefixes("127.0.0.1/32")})
		res := s.ask("GET", "/facts", func(r *http.Request) {
			r.Host = c.host
			if c.proto != "" {
				r.Header.Set("X-Forwarded-Proto", c.proto)
			}
		})
		if got := res.Header.Get("Strict-Transport-Security") != ""; got != c.want || res.StatusCode != 200 {
			t.Errorf("%+v: HSTS sent = %v, status %d", c, got, res.StatusCode)
		}
	}
}

// Chromium 156 was asked: with no-referrer a form on http://localhost arrives with Sec-Fetch-Site: same-origin and
// Origin: null, on http://192.0.2.2 with Origin: null alone, which has to be refused.
func TestReferrerPolicyLetsFormsThrough(t *testing.T) {
	for _, c := range []struct{ origin, host, want string }{
		{"https://usher.example", "usher.example", "no-referrer"},
		{"http://localhost:8484", "localhost:8484", "no-referrer"},
		{"http://localhost:8484", "127.0.0.1:8484", "no-referrer"},
		{"http://localhost:8484", "[::1]:8484", "no-referrer"},
		{"http://192.168.1.5:8484", "192.168.1.5:8484", "same-origin"},
	} {
		s := newService(t, middleware.Settings{Origin: origin(t, c.origin), Hosts: []string{c.host}})
		res := s.ask("GET", "/facts", func(r *http.Request) { r.Host = c.host })
		if got := res.Header.Get("Referrer-Policy"); got != c.want {
			t.Errorf("%s at %s: %q, want %q", c.origin, c.host, got, c.want)
		}
	}
}

func TestCrossOriginRequestsAreRefused(t *testing.T) {
	s := newService(t, middleware.Settings{Origin: origin(t, "https://usher.example")})
	for _, c := range []struct {
		name, method string
		headers      map[string]string
		refused      bool
	}{
		{"our own form", "POST", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "https://usher.example"}, false},
		{"our own form under no-referrer", "POST", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, false},
		{"typed by hand", "POST", map[string]string{"Sec-Fetch-Site": "none"}, false},
		{"a program", "POST", nil, false},
		{"an old browser, our form", "POST", map[string]string{"Origin": "https://usher.example"}, false},
		{"another site", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, true},
		{"a neighbour subdomain", "POST", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://blog.usher.example"}, true},
		{"another port", "POST", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://usher.example:8443"}, true},
		{"http twin", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://usher.example"}, true},
		{"a sandboxed frame", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "null"}, true},
		{"an old browser, another site", "POST", map[string]string{"Origin": "https://evil.example"}, true},
		{"an old browser, null", "POST", map[string]string{"Origin": "null"}, true},
		{"two answers in one header", "POST", map[string]string{"Sec-Fetch-Site": "same-origin, cross-site"}, true},
		{"delete", "DELETE", map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		{"put", "PUT", map[string]string{"Sec-Fetch-Site": "same-site"}, true},
		{"a link from elsewhere", "GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := s.ask(c.method, "/form/x", func(r *http.Request) {
				r.Host = "usher.example"
				for name, value := range c.headers {
					r.Header.Set(name, value)
				}
			})
			page := strings.Contains(text(t, res), "kind=cross-origin ")
			if refused := res.StatusCode == http.StatusForbidden; refused != c.refused || page != c.refused {
				t.Errorf("status %d, page %v; want refused = %v", res.StatusCode, page, c.refused)
			}
		})
	}
}

// Whose page had a browser send a request is known of every method; a program says nothing, and what cannot be a host is none.
func TestWhosePageSent(t *testing.T) {
	s := newService(t, middleware.Settings{Origin: origin(t, "https://usher.example")})
	for _, c := range []struct {
		site, origin, want string
	}{
		{"", "", ""}, {"none", "", ""}, {"same-origin", "https://usher.example", ""}, {"same-origin", "null", ""}, {"", "https://usher.example", ""},
		{"cross-site", "https://player.example", "player.example"}, {"same-site", "https://tv.usher.example:8443", "tv.usher.example:8443"},
		{"", "http://[2001:db8::7]:8096", "[2001:db8::7]:8096"}, {"", "https://evil.example", "evil.example"},
		{"cross-site", "", request.NoHost}, {"cross-site", "null", request.NoHost}, {"", "null", request.NoHost}, {"", "file://", request.NoHost},
		{"", "https://a b", request.NoHost}, {"", "https://usher.example\u202e", request.NoHost}, {"", "https://\u0443sher.example", request.NoHost},
		{"", "https://" + strings.Repeat("a", 300), request.NoHost},
	} {
		s.facts = request.Facts{}
		s.ask("GET", "/facts", func(r *http.Request) {
			r.Host = "usher.example"
			for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
		})
		if s.facts.ID == "" || s.facts.Page != c.want {
			t.Errorf("Sec-Fetch-Site %q, Origin %q: %q, want %q", c.site, c.origin, s.facts.Page, c.want)
		}
	}
}

func TestPanicShowsAPageAndLogsTheStack(t *testing.T) {
	s := newService(t, middleware.Settings{})
	res := s.ask("GET", "/panic", nil)
	body := text(t, res)
	id := res.Header.Get("X-Request-Id")
	if !strings.Contains(body, "kind=internal id="+id) {
		t.Errorf("body %q", body)
	}
	for _, inside := range []string{"hunter2", "goroutine", ".go"} {
		if strings.Contains(body, inside) {
			t.Errorf("the page shows %q", inside)
		}
	}
	lines := s.log.lines(t, "panic")
	if len(lines) != 1 || lines[0]["request_id"] != id || lines[0]["route"] != "/panic" || lines[0]["cause"] != "string" {
		t.Fatalf("panic lines: %v", lines)
	}
	if stack := lines[0]["stack"].(string); !strings.Contains(stack, "chain_test.go") {
		t.Errorf("the stack does not lead here: %s", stack)
	}
	if strings.Contains(s.log.String(), "hunter2") {
		t.Error("the log quotes what was panicked with")
	}
	s.ask("GET", "/panic/runtime", nil)
	if lines := s.log.lines(t, "panic"); !strings.Contains(lines[1]["cause"].(string), "index out of range") {
		t.Errorf("cause %v", lines[1]["cause"])
	}
}

func TestPanicForgetsWhatWasPrepared(t *testing.T) {
	res := newService(t, middleware.Settings{}).ask("GET", "/panic/prepared", nil)
	if res.Header.Get("Set-Cookie") != "" || res.Header.Get("Location") != "" {
		t.Errorf("headers %v", res.Header)
	}
}

func TestPanicHalfwayCutsTheConnection(t *testing.T) {
	s := newService(t, middleware.Settings{})
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("recovered %v, want http.ErrAbortHandler", got)
		}
		if len(s.seen) != 1 || s.seen[0].status != 500 {
			t.Errorf("observed %v", s.seen)
		}
	}()
	s.ask("GET", "/panic/halfway", nil)
}

func TestAnErrorPageThatPanicsIsReplaced(t *testing.T) {
	cfg := middleware.Settings{
		Origin: origin(t, "http://localhost:8484"),
		ErrorPage: func(w http.ResponseWriter, _ *http.Request, _ int, _ string) {
			w.Header().Set("X-Half", "done")
			panic("the template is broken")
		},
	}
	h := middleware.Chain(cfg, slog.New(slog.DiscardHandler))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("first") }))
	r := httptest.NewRequest("GET", "http://localhost:8484/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), w.Header().Get("X-Request-Id")) || w.Header().Get("X-Half") != "" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestAccessLogHasItsKeysAndNoPath(t *testing.T) {
	clock := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	s := newService(t, middleware.Settings{Now: func() time.Time {
		clock = clock.Add(1500 * time.Microsecond)
		return clock
	}})
	res := s.ask("POST", "/form/s3cret-in-the-path?token=s3cret-in-the-query", func(r *http.Request) {
		r.RemoteAddr = "203.0.113.77:1234"
		r.Header.Set("User-Agent", "\x1b[31mred\r\nlevel=ERROR s3cret")
		r.Header.Set("Referer", "http://localhost:8484/s3cret")
	})
	lines := s.log.lines(t, "request")
	if len(lines) != 1 {
		t.Fatalf("%d lines: %s", len(lines), s.log)
	}
	want := map[string]any{
		"level": "INFO", "msg": "request", "request_id": res.Header.Get("X-Request-Id"), "method": "POST",
		"route": "/form/{secret}", "status": 303.0, "bytes": 0.0, "duration_ms": 1.5, "client": "203.0.113.0/24",
	}
	line := lines[0]
	delete(line, "time")
	for key, value := range want {
		if line[key] != value {
			t.Errorf("%s is %v, want %v", key, line[key], value)
		}
	}
	if len(line) != len(want) {
		t.Errorf("keys: %v", line)
	}
	if strings.Contains(s.log.String(), "s3cret") || strings.Contains(s.log.String(), "red") {
		t.Errorf("the log quotes the client: %s", s.log)
	}
	if want := (observed{"/form/{secret}", "POST", 303, 0.0015}); len(s.seen) != 1 || s.seen[0] != want {
		t.Errorf("observed %v, want %v", s.seen, want)
	}
}

func TestStrangersCannotWidenTheLabels(t *testing.T) {
	s := newService(t, middleware.Settings{})
	s.ask("GET", "/nowhere/at/all", nil)
	s.ask("BREW", "/facts", nil)
	s.ask("GET", "/facts", func(r *http.Request) { r.RemoteAddr = "[2001:db8:1:2:3:4:5:6]:1" })
	want := []observed{{"-", "GET", 404, 0}, {"-", "other", 405, 0}, {"/facts", "GET", 200, 0}}
	for i, o := range s.seen {
		o.seconds = 0
		if o != want[i] {
			t.Errorf("observed %v, want %v", o, want[i])
		}
	}
	lines := s.log.lines(t, "request")
	if len(lines) != 3 || lines[1]["method"] != "other" || lines[2]["client"] != "2001:db8:1::/48" || lines[2]["bytes"] != 5.0 {
		t.Errorf("lines: %v", lines)
	}
}

func TestOddTargetsAreRefused(t *testing.T) {
	s := newService(t, middleware.Settings{})
	for target, refused := range map[string]bool{
		"/facts?name=J%C3%BCrgen&note=a%0D%0Ab": false,
		"/facts?name=%E2%80%AE":                 false,
		"/facts?plain=ok+ok":                    false,
		"/facts?a=%00":                          true,
		"/facts?%00=a":                          true,
		"/facts?a=%ff":                          true,
		"/facts?a=%c0%af":                       true,
		"/facts?a=%ed%a0%80":                    true,
		"/facts?a=%zz":                          true,
		"/facts?a=%":                            true,
		"/facts%00":                             true,
		"/facts%0d%0aSet-Cookie:a=b":            true,
		"/facts%1b[31m":                         true,
		"/facts%7f":                             true,
		"/facts%ff":                             true,
	} {
		res := s.ask("GET", target, nil)
		page := strings.Contains(text(t, res), "kind=target ")
		if got := res.StatusCode == 400; got != refused || page != refused {
			t.Errorf("%s: status %d, page %v; want refused = %v", target, res.StatusCode, page, refused)
		}
	}
}

func TestMethodsNobodyUses(t *testing.T) {
	s := newService(t, middleware.Settings{})
	for _, method := range []string{"TRACE", "CONNECT", "PROPFIND", "get", "BREW"} {
		res := s.ask("GET", "/facts", func(r *http.Request) { r.Method = method })
		if res.StatusCode != 405 || res.Header.Get("Allow") == "" || !strings.Contains(text(t, res), "kind=method ") {
			t.Errorf("%s: %d %v", method, res.StatusCode, res.Header)
		}
	}
}

func TestChainRefusesAnOriginThatIsNone(t *testing.T) {
	for _, bad := range []*url.URL{nil, {}, {Scheme: "https"}, {Host: "usher.example"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("origin %v was accepted", bad)
				}
			}()
			middleware.Chain(middleware.Settings{Origin: bad}, slog.New(slog.DiscardHandler))
		}()
	}
}
