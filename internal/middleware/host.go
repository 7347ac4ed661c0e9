package middleware

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"usher/internal/request"
)

// knownHost answers 421 (RFC 9110 section 15.5.20) to every Host that is not
// ours, before anything is routed. The rules: upper and lower case are the same
// (ASCII only); the port must be the configured one, and only the scheme's own
// port may be left out or added; a trailing dot, an empty port and user info are
// not ours, because browsers keep such origins apart. For an absolute-form
// request line net/http has put that line's host here already (RFC 9112 section
// 3.2.2), and refused two Host headers.
func (c *chain) knownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.hosts[lower(r.Host)] {
			c.page(w, r, http.StatusMisdirectedRequest, request.RefusedHost)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func answeredHosts(origin *url.URL, further []string) map[string]bool {
	port := defaultPort(origin.Scheme)
	hosts := make(map[string]bool, 2+2*len(further))
	for _, host := range append([]string{origin.Host}, further...) {
		host = lower(host)
		if host == "" {
			continue
		}
		hosts[host] = true
		if bare, ok := strings.CutSuffix(host, ":"+port); ok {
			hosts[bare] = true
		} else if portless(host) {
			hosts[host+":"+port] = true
		}
	}
	return hosts
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

func portless(host string) bool {
	return strings.HasSuffix(host, "]") || !strings.Contains(host, ":")
}

// lower folds ASCII letters only: Unicode folding would make K (the Kelvin sign) a k.
func lower(host string) string {
	for i := range len(host) {
		if 'A' <= host[i] && host[i] <= 'Z' {
			return foldASCII(host)
		}
	}
	return host
}

func foldASCII(text string) string {
	folded := []byte(text)
	for i, b := range folded {
		if 'A' <= b && b <= 'Z' {
			folded[i] = b + 'a' - 'A'
		}
	}
	return string(folded)
}

// loopbackHost tells whether a browser reaches host only on its own machine.
func loopbackHost(host string) bool {
	name := lower(host)
	if bare, _, err := net.SplitHostPort(name); err == nil {
		name = bare
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && addr.IsLoopback()
}
