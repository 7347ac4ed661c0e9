package door

import (
	"net/http"
	"strings"
	"time"

	"usher/internal/secret"
)

// cookieName is the gate's cookie; over https it stands behind securePrefix (RFC 6265bis §4.1.3). All of the gate's cookies begin with it.
const (
	cookieName   = "usher-gate"
	securePrefix = "__Host-"
)

// cookiePlace binds what is sealed to what it is for.
func (d *Door) cookiePlace(what string) secret.Place {
	return secret.Place{Table: "cookie", Row: d.Server, Column: what}
}

// openCookie returns the token that one of our cookies holds, where the browser uses a scheme.
func (d *Door) openCookie(c *http.Cookie, scheme string) (secret.Token, bool) {
	if c.Name != nameFor(scheme, cookieName) {
		return secret.Token{}, false
	}
	text, err := d.seal.Open(c.Value, d.cookiePlace("sign-in"))
	return secret.TokenOf(text), err == nil
}

// nameFor is the name by which a cookie of ours counts. Over https that is the one that no neighbour can set in our place (RFC 6265bis §4.1.3.2): with another,
// one who is let in could have somebody else come in as them.
func nameFor(scheme, name string) string {
	if scheme == "https" {
		return securePrefix + name
	}
	return name
}

// cookieFor returns one of the gate's cookies for the scheme that the browser uses. Plain http only addresses inside a house have: there a browser refuses the
// prefix and Secure.
func cookieFor(scheme, name, value string, life time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: nameFor(scheme, name), Value: value, Path: "/", Secure: scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(life / time.Second),
	}
	if life <= 0 {
		c.MaxAge = -1
	}
	return c
}

// clearCookies takes every variant of a cookie back.
func clearCookies(w http.ResponseWriter, name string) {
	http.SetCookie(w, cookieFor("https", name, "", 0))
	http.SetCookie(w, cookieFor("http", name, "", 0))
	for _, path := range []string{"/.usher", "/.usher/"} {
		c := cookieFor("http", name, "", 0)
		c.Path = path
		http.SetCookie(w, c)
	}
}

// ours reports whether a cookie, as it stands in a header, is one of the gate's own, in whatever case.
func ours(cookie string) bool {
	name, _, _ := strings.Cut(cookie, "=")
	name = strings.ToLower(strings.Trim(name, " \t\""))
	name = strings.TrimPrefix(strings.TrimPrefix(name, "__host-"), "__secure-")
	return strings.HasPrefix(name, cookieName)
}

// foreignCookies is the Cookie header without the gate's own, in whatever case; the rest as it was.
func foreignCookies(lines []string) string {
	var kept []string
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			part = strings.TrimSpace(part)
			if part != "" && !ours(part) {
				kept = append(kept, part)
			}
		}
	}
	return strings.Join(kept, "; ")
}
