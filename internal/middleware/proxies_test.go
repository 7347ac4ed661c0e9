package middleware_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"usher/internal/middleware"
)

// The spoof matrix: who is believed about what.
func TestClientAddress(t *testing.T) {
	trusted := prefixes("10.0.0.0/8", "fd00::/8", "::ffff:172.16.0.0/108")
	for _, c := range []struct {
		name, peer string
		headers    http.Header
		client     string
	}{
		{"no proxy, no header", "203.0.113.9:1", nil, "203.0.113.9"},
		{"IPv6 peer", "[2001:db8::9]:1", nil, "2001:db8::9"},
		{"mapped peer", "[::ffff:203.0.113.9]:1", nil, "203.0.113.9"},
		{"peer with a zone", "[fe80::1%eth0]:1", nil, "fe80::1"},
		{"stranger claims", "203.0.113.9:1", http.Header{"X-Forwarded-For": {"127.0.0.1"}}, "203.0.113.9"},
		{"proxy speaks", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.7"}}, "198.51.100.7"},
		{"proxy is silent", "10.0.0.1:1", nil, "10.0.0.1"},
		{"mapped proxy", "[::ffff:10.0.0.1]:1", http.Header{"X-Forwarded-For": {"198.51.100.7"}}, "198.51.100.7"},
		{"proxy of a mapped prefix", "172.16.5.5:1", http.Header{"X-Forwarded-For": {"198.51.100.7"}}, "198.51.100.7"},
		{"IPv6 proxy", "[fd00::1]:1", http.Header{"X-Forwarded-For": {"2001:db8::7"}}, "2001:db8::7"},
		{"client prepends", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"127.0.0.1, 198.51.100.7"}}, "198.51.100.7"},
		{"client prepends a proxy's address", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"10.9.9.9, 198.51.100.7"}}, "198.51.100.7"},
		{"client prepends a line", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"127.0.0.1", "198.51.100.7"}}, "198.51.100.7"},
		{"two proxies", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.7, 10.0.0.2"}}, "198.51.100.7"},
		{"two proxies, two lines", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"1.1.1.1, 198.51.100.7", "10.0.0.2"}}, "198.51.100.7"},
		{"all are proxies", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"10.0.0.3, 10.0.0.2"}}, "10.0.0.3"},
		{"port", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.7:5555"}}, "198.51.100.7"},
		{"IPv6 in brackets", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"[2001:db8::7]"}}, "2001:db8::7"},
		{"IPv6 with port", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"[2001:db8::7]:443"}}, "2001:db8::7"},
		{"mapped client", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"::ffff:198.51.100.7"}}, "198.51.100.7"},
		{"empty elements", "10.0.0.1:1", http.Header{"X-Forwarded-For": {" , 198.51.100.7 ,, "}}, "198.51.100.7"},
		{"empty header", "10.0.0.1:1", http.Header{"X-Forwarded-For": {""}}, "10.0.0.1"},
		{"proxy does not know", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"unknown"}}, "10.0.0.1"},
		{"junk behind a proxy", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"junk, 10.0.0.2"}}, "10.0.0.2"},
		{"leading zeros", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.051.100.007"}}, "10.0.0.1"},
		{"short form", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"127.1"}}, "10.0.0.1"},
		{"a number", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"2130706433"}}, "10.0.0.1"},
		{"a name", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"localhost"}}, "10.0.0.1"},
		{"a zone", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"fe80::1%eth0"}}, "10.0.0.1"},
		{"unspecified", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"0.0.0.0"}}, "10.0.0.1"},
		{"multicast", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"ff02::1"}}, "10.0.0.1"},
		{"bad port", "10.0.0.1:1", http.Header{"X-Forwarded-For": {"198.51.100.7:99999"}}, "10.0.0.1"},
		{"quoted", "10.0.0.1:1", http.Header{"X-Forwarded-For": {`"198.51.100.7"`}}, "10.0.0.1"},
		{"Forwarded is not read", "10.0.0.1:1", http.Header{"Forwarded": {"for=198.51.100.7"}}, "10.0.0.1"},
		{"X-Real-IP is not read", "10.0.0.1:1", http.Header{"X-Real-Ip": {"198.51.100.7"}}, "10.0.0.1"},
		{"True-Client-IP is not read", "10.0.0.1:1", http.Header{"True-Client-Ip": {"198.51.100.7"}}, "10.0.0.1"},
		{"X-Client-IP is not read", "10.0.0.1:1", http.Header{"X-Client-Ip": {"198.51.100.7"}}, "10.0.0.1"},
		{"no peer", "@", http.Header{"X-Forwarded-For": {"198.51.100.7"}}, "invalid IP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t, middleware.Settings{TrustedProxies: trusted})
			res := s.ask("GET", "/facts", func(r *http.Request) {
				r.RemoteAddr = c.peer
				for name, values := range c.headers {
					r.Header[name] = values
				}
			})
			if got := s.facts.Client.String(); got != c.client || res.StatusCode != 200 {
				t.Errorf("client %s, want %s (status %d)", got, c.client, res.StatusCode)
			}
		})
	}
}

func TestSecure(t *testing.T) {
	for _, c := range []struct {
		name, peer string
		protos     []string
		tls        bool
		secure     bool
	}{
		{"plain", "203.0.113.9:1", nil, false, false},
		{"our own TLS", "203.0.113.9:1", nil, true, true},
		{"stranger claims https", "203.0.113.9:1", []string{"https"}, false, false},
		{"stranger claims http over TLS", "203.0.113.9:1", []string{"http"}, true, true},
		{"proxy says https", "10.0.0.1:1", []string{"https"}, false, true},
		{"proxy says HTTPS", "10.0.0.1:1", []string{"HTTPS"}, false, true},
		{"proxy says http", "10.0.0.1:1", []string{"http"}, false, false},
		{"proxy says http over TLS", "10.0.0.1:1", []string{"http"}, true, false},
		{"proxy is silent over TLS", "10.0.0.1:1", nil, true, true},
		{"all hops https", "10.0.0.1:1", []string{"https, https"}, false, true},
		{"one hop http", "10.0.0.1:1", []string{"https, http"}, false, false},
		{"two lines", "10.0.0.1:1", []string{"https", "http"}, false, false},
		{"R1: javascript", "10.0.0.1:1", []string{"javascript"}, false, false},
		{"empty", "10.0.0.1:1", []string{""}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t, middleware.Settings{TrustedProxies: prefixes("10.0.0.0/8")})
			s.ask("GET", "/facts", func(r *http.Request) {
				r.RemoteAddr = c.peer
				if c.protos != nil {
					r.Header["X-Forwarded-Proto"] = c.protos
				}
				if c.tls {
					r.TLS = &tls.ConnectionState{}
				}
			})
			if s.facts.Secure != c.secure {
				t.Errorf("secure = %v, want %v", s.facts.Secure, c.secure)
			}
		})
	}
}

func TestAProxyNobodyToldUsOf(t *testing.T) {
	for _, header := range []string{
		"X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Anything",
		"Forwarded", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP",
	} {
		s := newService(t, middleware.Settings{})
		res := s.ask("GET", "/facts", func(r *http.Request) {
			r.RemoteAddr = "172.17.0.1:4444"
			r.Header.Set(header, "198.51.100.7")
		})
		body := text(t, res)
		if res.StatusCode != 500 || !strings.Contains(body, "kind=proxy ") || !strings.HasSuffix(body, "client=172.17.0.1") {
			t.Errorf("%s: %d %s", header, res.StatusCode, body)
		}
	}
	s := newService(t, middleware.Settings{})
	for range 3 {
		s.ask("GET", "/facts", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "198.51.100.7") })
	}
	var hints int
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "trusted_proxies") {
			hints++
		}
	}
	if hints != 1 {
		t.Errorf("the log names the setting %d times, want once", hints)
	}
	if res := s.ask("GET", "/facts", func(r *http.Request) { r.Header.Set("Via", "1.1 squid") }); res.StatusCode != 200 {
		t.Errorf("Via alone: %d", res.StatusCode)
	}
}

// Doors behind the chain cannot even see what a proxy or a stranger said.
func TestForwardingHeadersAreTakenOff(t *testing.T) {
	for _, peer := range []string{"10.0.0.1:1", "203.0.113.9:1"} {
		s := newService(t, middleware.Settings{TrustedProxies: prefixes("10.0.0.0/8")})
		res := s.ask("GET", "/headers", func(r *http.Request) {
			r.RemoteAddr = peer
			for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-Method", "Forwarded", "X-Real-IP", "X-Forwarded"} {
				r.Header.Set(name, "198.51.100.7")
			}
			r.Header.Set("Accept-Language", "de")
		})
		if body := text(t, res); strings.Contains(strings.ToLower(body), "forwarded") || strings.Contains(body, "198.51") || !strings.Contains(body, "Accept-Language") {
			t.Errorf("from %s the handler sees %s", peer, body)
		}
	}
}

func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{
		"198.51.100.7", "127.0.0.1, 198.51.100.7", "[2001:db8::7]:443", "::ffff:10.0.0.1", "unknown", " , ,", "10.0.0.2,10.0.0.3",
		"[::1", "]:80[", "1.2.3.4:80:80", "fe80::1%25eth0", "0x7f.1", "1.2.3.4\x00", strings.Repeat("10.0.0.1,", 100),
	} {
		f.Add(seed, "203.0.113.5")
	}
	trusted := prefixes("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, claimed, appended string) {
		s := newService(t, middleware.Settings{TrustedProxies: trusted})
		ask := func(lines ...string) netip.Addr {
			s.ask("GET", "/facts", func(r *http.Request) {
				r.RemoteAddr = "10.0.0.1:1"
				r.Header["X-Forwarded-For"] = lines
			})
			return s.facts.Client
		}
		client := ask(claimed)
		if !client.IsValid() || client.Is4In6() || client.Zone() != "" {
			t.Errorf("%q gave the client %s", claimed, client)
		}
		// Whatever a client claims, the address its proxy appended wins, in a line of its own or in the same.
		want, err := netip.ParseAddr(appended)
		if err != nil || want.Zone() != "" || want.IsUnspecified() || want.IsMulticast() || trusted[0].Contains(want.Unmap()) ||
			want.Unmap().IsUnspecified() || want.Unmap().IsMulticast() {
			return
		}
		if got := ask(claimed, appended); got != want.Unmap() {
			t.Errorf("line %q then %q: client %s", claimed, appended, got)
		}
		if got := ask(claimed + ", " + appended); got != want.Unmap() {
			t.Errorf("%q, %q: client %s", claimed, appended, got)
		}
	})
}

func BenchmarkChain(b *testing.B) {
	s := newService(b, middleware.Settings{})
	r := httptest.NewRequest("GET", "http://localhost:8484/silent", nil)
	r.RemoteAddr = "127.0.0.1:5000"
	for b.Loop() {
		s.seen = s.seen[:0]
		s.log.text.Reset()
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}
