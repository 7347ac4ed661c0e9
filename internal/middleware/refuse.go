package middleware

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"usher/internal/request"
	"usher/internal/response"
)

// knownMethod answers 405 also to methods it has never heard of, where RFC 9110
// section 15.6.2 would let it say 501: a 5xx is an outage of ours, and strangers
// are not to make one.
func (c *chain) knownMethod(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !response.KnownMethod(r.Method) {
			w.Header().Set("Allow", response.Methods)
			c.page(w, r, http.StatusMethodNotAllowed, request.RefusedMethod)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cleanTarget refuses paths and queries that no honest link has and that the parts behind might read differently.
func (c *chain) cleanTarget(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !cleanPath(r.URL.Path) || !cleanQuery(r.URL.RawQuery) {
			c.page(w, r, http.StatusBadRequest, request.RefusedTarget)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func cleanPath(path string) bool {
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(path)
}

// cleanQuery unescapes the query as a whole: where a value ends does not matter to what may stand in it.
func cleanQuery(raw string) bool {
	if raw == "" {
		return true
	}
	text, err := url.QueryUnescape(raw)
	return err == nil && cleanText(text)
}

func cleanText(text string) bool {
	return strings.IndexByte(text, 0) < 0 && utf8.ValidString(text)
}

// sameOrigin refuses what another website's page sends, but to paths where no cookie
// counts: there, a page of another site can do nothing that any program could not.
// What comes of the network that it is in, the flows judge by Facts.Page.
func (c *chain) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.cross.Check(r); err != nil && !c.foreign(r.URL.Path) {
			c.page(w, r, http.StatusForbidden, request.RefusedCrossOrigin)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// pageOf returns Facts.Page. The check that refuses lets GET pass; what is asked here is who sent it, whatever the method.
func (c *chain) pageOf(r *http.Request) string {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return "" // a program, like most that ask
	}
	posted := *r
	posted.Method = http.MethodPost
	if c.cross.Check(&posted) == nil {
		return ""
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || !plainHost(origin.Host) {
		return request.NoHost
	}
	return origin.Host
}

// longestHost bounds what is shown of an Origin: a name of the DNS and a port.
const longestHost = 253 + len(":65535")

// plainHost reports whether a text is a host as browsers write it in an Origin: nothing in it that could look like something else.
func plainHost(host string) bool {
	strange := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-._:[]", c)
	}
	return host != "" && len(host) <= longestHost && strings.IndexFunc(host, strange) < 0
}
