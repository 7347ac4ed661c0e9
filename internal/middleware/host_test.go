package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"usher/internal/middleware"
)

func TestHostAllowList(t *testing.T) {
	for _, c := range []struct {
		origin string
		hosts  []string
		host   string
		known  bool
	}{
		{"https://usher.example", nil, "usher.example", true},
		{"https://usher.example", nil, "USHER.Example", true},
		{"https://Usher.Example", nil, "usher.example", true},
		{"https://usher.example", nil, "usher.example:443", true},
		{"https://usher.example:443", nil, "usher.example", true},
		{"https://usher.example", nil, "usher.example:80", false},
		{"https://usher.example", nil, "usher.example:8443", false},
		{"https://usher.example", nil, "usher.example.", false},
		{"https://usher.example", nil, "usher.example:", false},
		{"https://usher.example", nil, "", false},
		{"https://usher.example", nil, "evil.example", false},
		{"https://usher.example", nil, "usher.example.evil.example", false},
		{"https://usher.example", nil, "evilusher.example", false},
		{"https://usher.example", nil, "admin@usher.example", false},
		{"https://usher.example", nil, "usher.example@evil.example", false},
		{"https://usher.example", nil, "usher.example, evil.example", false},
		{"https://usher.example", nil, "usher.example/", false},
		{"https://usher.example", nil, "localhost", false},
		{"https://usher.example", nil, "127.0.0.1", false},
		{"https://kelvin.example", nil, "\u212aelvin.example", false},
		{"https://usher.example:8443", nil, "usher.example:8443", true},
		{"https://usher.example:8443", nil, "usher.example", false},
		{"https://usher.example:8443", nil, "usher.example:443", false},
		{"http://localhost:8484", []string{"127.0.0.1:8484", "[::1]:8484"}, "127.0.0.1:8484", true},
		{"http://localhost:8484", []string{"127.0.0.1:8484", "[::1]:8484"}, "[::1]:8484", true},
		{"http://localhost:8484", []string{"127.0.0.1:8484"}, "[::1]:8484", false},
		{"http://localhost:8484", []string{"127.0.0.1:8484"}, "127.0.0.2:8484", false},
		{"http://localhost:8484", nil, "localhost", false},
		{"http://localhost", nil, "localhost:80", true},
		{"http://[::1]", nil, "[::1]:80", true},
		{"https://usher.example", []string{"", "Accounts.Example"}, "accounts.example:443", true},
		{"https://usher.example", []string{""}, ":443", false},
	} {
		s := newService(t, middleware.Settings{Origin: origin(t, c.origin), Hosts: c.hosts})
		res := s.ask("GET", "/facts", func(r *http.Request) { r.Host = c.host })
		want := http.StatusMisdirectedRequest
		if c.known {
			want = http.StatusOK
		}
		if page := strings.Contains(text(t, res), "kind=host "); res.StatusCode != want || page == c.known {
			t.Errorf("origin %s, further %q, Host %q: %d, want %d", c.origin, c.hosts, c.host, res.StatusCode, want)
		}
	}
}

// R1: what a stranger claims about the host never counts.
func TestForwardedHostIsNeverAHost(t *testing.T) {
	for _, header := range []string{"X-Forwarded-Host", "X-Host", "Forwarded", "X-Forwarded-Server", "X-Original-Host"} {
		s := newService(t, middleware.Settings{TrustedProxies: prefixes("127.0.0.1/32")})
		res := s.ask("GET", "/facts", func(r *http.Request) {
			r.Host = "evil.example"
			r.Header.Set(header, "localhost:8484")
		})
		if res.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s made a foreign Host ours: %d", header, res.StatusCode)
		}
	}
}

func FuzzHost(f *testing.F) {
	for _, seed := range []string{
		"usher.example", "USHER.EXAMPLE:443", "usher.example.", "[::1]:8484", "usher.example\x00", "a@usher.example",
		"usher.example:0443", "\u212aelvin", "usher.example\r\nX: y", "xn--usher.example", ":443", "[usher.example]",
	} {
		f.Add(seed)
	}
	s := newService(f, middleware.Settings{Origin: origin(f, "https://usher.example"), Hosts: []string{"[2001:db8::1]"}})
	ours := map[string]bool{"usher.example": true, "usher.example:443": true, "[2001:db8::1]": true, "[2001:db8::1]:443": true}
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest("GET", "/facts", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		// The reading of the rule that owes nothing to the code: equal but for ASCII case.
		known := false
		for name := range ours {
			known = known || (len(name) == len(host) && strings.EqualFold(name, host))
		}
		if (w.Code == http.StatusOK) != known {
			t.Errorf("Host %q: status %d, want known = %v", host, w.Code, known)
		}
		if !known && w.Code != http.StatusMisdirectedRequest {
			t.Errorf("Host %q: status %d", host, w.Code)
		}
	})
}
