package browsertest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"usher/internal/testdb"
)

// policy is the content security policy of every answer; the nonce is 128 bits or more and never the same twice.
var policy = regexp.MustCompile(`^default-src 'none'; script-src 'nonce-([A-Za-z0-9+/_-]{22,}={0,2})'; style-src 'self'; img-src 'self'; ` +
	`connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'$`)

// TestHeadersOfEveryRoute asks for every route, signed out and signed in as an administrator, and for what is no route.
func TestHeadersOfEveryRoute(t *testing.T) {
	t.Parallel()
	s := serve(t, testdb.SQLite(t))
	guest, operator := s.client(t), s.client(t)
	operator.foundsService()
	for _, pattern := range routes(t) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{$}", "", "{token}", "no-such-token", "{id}", "no-such-id", "{act}", "lock").Replace(path)
		guest.judge(method, path, nil)
		if pattern != "POST /sign-out" { // last, for the operator has to stay signed in
			operator.judge(method, path, nil)
		}
	}
	for _, c := range []*client{guest, operator} {
		for _, path := range []string{"/help", "/help/devices", "/help/nothing", "/static/usher.css", "/static/nothing", "/favicon.ico", "/robots.txt", "/nothing", "/.well-known/nothing"} {
			c.judge(http.MethodGet, path, nil)
			c.judge(http.MethodPost, path, nil)
		}
		c.judge(http.MethodPost, "/sign-in", http.Header{"Sec-Fetch-Site": {"cross-site"}})
		c.judge(http.MethodPost, "/sign-in", http.Header{"Content-Type": {"text/plain"}})
		c.judge(http.MethodGet, "/sign-in", http.Header{"Host": {"another.example.org"}})
		c.judge("BREW", "/sign-in", nil)
	}
	operator.judge(http.MethodPost, "/sign-out", nil)
}

// client is a browser as far as headers go. It follows nothing.
type client struct {
	*http.Client
	t       *testing.T
	service *service
	nonces  map[string]bool
	numbers map[string]bool
}

func (s *service) client(t *testing.T) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	follow := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{&http.Client{Jar: jar, CheckRedirect: follow, Timeout: patience}, t, s, map[string]bool{}, map[string]bool{}}
}

func (c *client) ask(method, target string, form url.Values, header http.Header) *http.Response {
	c.t.Helper()
	var body io.Reader = http.NoBody
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, values := range header {
		r.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	answer, err := c.Do(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, r.URL.Path, err)
	}
	c.t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// foundsService makes the first administrator and stays signed in as that.
func (c *client) foundsService() {
	c.t.Helper()
	c.ask(http.MethodGet, c.service.setUp, nil, nil)
	answer := c.ask(http.MethodPost, c.service.origin+"/setup", url.Values{"email": {operatorAddress}, "password": {operatorPassword}}, nil)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/welcome" {
		c.t.Fatalf("the set-up answers %d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
}

// judge asks and reads the answer's headers.
func (c *client) judge(method, path string, header http.Header) {
	c.t.Helper()
	answer := c.ask(method, c.service.origin+path, url.Values{}, header)
	h, about := answer.Header, method+" "+path
	referrer := "no-referrer"
	if header.Get("Host") != "" {
		referrer = "same-origin" // plain http to another machine: no-referrer would make the Origin of its forms null
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": referrer,
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Server": "", "X-Powered-By": "", "Access-Control-Allow-Origin": "", "Strict-Transport-Security": "",
	} {
		if got := h.Get(name); got != want {
			c.t.Errorf("%s: %s is %q, want %q", about, name, got, want)
		}
	}
	if features := h.Get("Permissions-Policy"); !strings.Contains(features, "camera=()") || !strings.Contains(features, "geolocation=()") {
		c.t.Errorf("%s: Permissions-Policy is %q", about, features)
	}
	found := policy.FindStringSubmatch(h.Get("Content-Security-Policy"))
	if found == nil {
		c.t.Fatalf("%s: Content-Security-Policy is %q", about, h.Get("Content-Security-Policy"))
	}
	c.fresh(c.nonces, found[1], about+": nonce")
	c.fresh(c.numbers, h.Get("X-Request-Id"), about+": X-Request-Id")
	c.judgeCaching(answer, about)
	c.judgeCookies(answer, about)
	if answer.StatusCode >= http.StatusInternalServerError {
		c.t.Errorf("%s answers %d", about, answer.StatusCode)
	}
	if kind := h.Get("Content-Type"); strings.HasPrefix(kind, "text/") && !strings.HasSuffix(kind, "; charset=utf-8") {
		c.t.Errorf("%s: Content-Type is %q", about, kind)
	}
}

func (c *client) fresh(seen map[string]bool, value, about string) {
	c.t.Helper()
	if value == "" || seen[value] {
		c.t.Errorf("%s %q is missing or not new", about, value)
	}
	seen[value] = true
}

func (c *client) judgeCaching(answer *http.Response, about string) {
	c.t.Helper()
	got := answer.Header.Get("Cache-Control")
	want := []string{"no-store"}
	if strings.HasPrefix(answer.Request.URL.Path, "/static/") && answer.StatusCode == http.StatusOK {
		want = []string{"no-cache"} // an address without the file's hash
	}
	if !slices.Contains(want, got) {
		c.t.Errorf("%s: Cache-Control is %q, want %q", about, got, want)
	}
}

func (c *client) judgeCookies(answer *http.Response, about string) {
	c.t.Helper()
	for _, cookie := range answer.Cookies() {
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode && cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" {
			c.t.Errorf("%s: the cookie %s: HttpOnly %v, SameSite %v, Path %q, Domain %q", about, cookie.Name, cookie.HttpOnly, cookie.SameSite, cookie.Path, cookie.Domain)
		}
	}
}
