package door

import (
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"testing"

	"usher/internal/secret"
)

// Attacks G2 and G5: the question counts only when a configured proxy asks it, whole and in one voice.
func TestForwardAuth(t *testing.T) {
	g := open(t, echo(t).URL, func(s *Settings) { s.Proxies = loopback() })
	stranger := open(t, echo(t).URL, func(s *Settings) { s.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	stranger.registry.known = g.registry.known
	token, nameless := g.let(ann()), g.let(Decision{Account: "ann"})
	whole := func(change http.Header) http.Header {
		h := http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/films?x=1"}, "X-Forwarded-Host": {"media.example"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"203.0.113.1"}}
		maps.Copy(h, bearer(token))
		maps.Copy(h, change)
		maps.DeleteFunc(h, func(_ string, v []string) bool { return v == nil })
		return h
	}
	for name, c := range map[string]struct {
		query  string
		header http.Header
		status int
	}{
		"let in":                 {"", nil, 200},
		"nginx' names":           {"", http.Header{"X-Forwarded-Method": nil, "X-Forwarded-Uri": nil, "X-Original-Method": {"GET"}, "X-Original-Uri": {"/films"}}, 200},
		"both names":             {"", http.Header{"X-Original-Uri": {"/films?x=1"}}, 200},
		"both names, two things": {"", http.Header{"X-Original-Uri": {"/other"}}, 403},
		"two lines":              {"", http.Header{"X-Forwarded-Uri": {"/films", "/other"}}, 403},
		"no method":              {"", http.Header{"X-Forwarded-Method": nil}, 403},
		"no path":                {"", http.Header{"X-Forwarded-Uri": nil}, 403},
		"no host":                {"", http.Header{"X-Forwarded-Host": nil}, 403},
		"no scheme":              {"", http.Header{"X-Forwarded-Proto": nil}, 403},
		"two schemes":            {"", http.Header{"X-Forwarded-Proto": {"https, http"}}, 403},
		"absolute":               {"", http.Header{"X-Forwarded-Uri": {"http://other/x"}}, 403},
		"dots":                   {"", http.Header{"X-Forwarded-Uri": {"/a/..%2f.usher"}}, 403},
		"gate's own":             {"", http.Header{"X-Forwarded-Uri": {"/.usher/keys"}}, 403},
		"trace":                  {"", http.Header{"X-Forwarded-Method": {"TRACE"}}, 403},
		"underscores":            {"", http.Header{"Remote_User": {"mallory"}}, 403},
		"another service's":      {"", http.Header{"X-Auth-Request-User": {"mallory"}}, 403},
		"forwarded user":         {"", http.Header{"X-Forwarded-User": {"mallory"}}, 403},
		"the header itself":      {"", http.Header{"Remote-User": {"mallory"}}, 200},
		"nothing to say":         {"", bearer(nameless), 200},
		"a name of its own":      {"", http.Header{"Authorization": bearer(nameless)["Authorization"], "Remote-Name": {"mallory"}}, 403},
		"an address of its own":  {"", http.Header{"Authorization": bearer(nameless)["Authorization"], "Remote-Email": {"mallory"}}, 403},
		"groups of its own":      {"", http.Header{"Authorization": bearer(nameless)["Authorization"], "Remote-Groups": {""}}, 403},
		"nobody":                 {"", http.Header{"Authorization": nil}, 401},
		"nobody, a browser":      {"?redirect=yes", http.Header{"Authorization": nil, "Accept": {"text/html"}}, 302},
		"nobody, a form":         {"?redirect=yes", http.Header{"Authorization": nil, "Accept": {"text/html"}, "X-Forwarded-Method": {"POST"}}, 401},
		"another server's":       {"", bearer(tokenFor("srv-2")), 401},
		"query token":            {"", http.Header{"Authorization": nil, "X-Forwarded-Uri": {"/x?X-Plex-Token=" + token.Reveal()}}, 200},
		"cookie":                 {"", http.Header{"Authorization": nil, "Cookie": {"a=b; " + g.cookieOf(t, token, "https")}}, 200},
		"own page":               {"", http.Header{"Authorization": nil, "Cookie": {g.cookieOf(t, token, "https")}, "Origin": {"https://media.example"}}, 200},
		"other page":             {"", http.Header{"Authorization": nil, "Cookie": {g.cookieOf(t, token, "https")}, "Origin": {"https://evil.example"}}, 403},
		"other website":          {"", http.Header{"Authorization": nil, "Cookie": {g.cookieOf(t, token, "https")}, "X-Forwarded-Method": {"POST"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := g.ask(t, http.MethodGet, "/.usher/auth"+c.query, whole(c.header))
			if answer.StatusCode != c.status || body != "" || answer.Header.Get("Content-Length") != "0" {
				t.Errorf("%s, %q, %v", answer.Status, body, answer.Header)
			}
			all := []string{UserHeader, NameHeader, EmailHeader, GroupsHeader, AssertionHeader, "Cookie"}
			if has := slices.IndexFunc(all, func(name string) bool { return len(answer.Header[name]) != 1 }) < 0; has != (c.status == 200) {
				t.Errorf("%s says %v", answer.Status, answer.Header)
			}
			if c.status == 200 && (answer.Header.Get(UserHeader) != "ann" || answer.Header.Get("Cookie") != map[bool]string{true: "a=b"}[name == "cookie"]) {
				t.Errorf("it says %v", answer.Header)
			}
			if c.status == 302 && answer.Header.Get("Location") != SignInPath+"?rd=%2Ffilms%3Fx%3D1" {
				t.Errorf("it leads to %s", answer.Header.Get("Location"))
			}
			if answer, _ := stranger.ask(t, http.MethodGet, "/.usher/auth"+c.query, whole(c.header)); answer.StatusCode != http.StatusForbidden {
				t.Errorf("a stranger is answered %s", answer.Status)
			}
		})
	}
}

// Why somebody is turned away decides what a player does next: it signs out on 401, and never because of an outage. A browser is led to the gate's page.
func TestForwardAuthSaysWhy(t *testing.T) {
	g := open(t, echo(t).URL, func(s *Settings) { s.Proxies = loopback() })
	ask := func(name string, token secret.Token, status int, why Refusal, page string) {
		t.Helper()
		for _, query := range []string{"", "?redirect=yes"} {
			for accept, location := range map[string]string{"application/json": "", "text/html": page} {
				want := status
				if location != "" && query != "" {
					want = http.StatusFound
				}
				h := http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/films?x=1&X-Plex-Token=" + token.Reveal()}, "X-Forwarded-Host": {"media.example"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"203.0.113.1"}}
				h.Set("Accept", accept)
				answer, body := g.ask(t, http.MethodGet, "/.usher/auth"+query, h)
				if answer.StatusCode != want || answer.Header.Get(ReasonHeader) != string(why) || answer.Header.Get("Location") != location || body != "" {
					t.Errorf("%s: %s %v", name, answer.Status, answer.Header)
				}
			}
		}
	}
	const page = SignInPath + "?rd=%2Ffilms%3Fx%3D1"
	ask("not let in", tokenFor(serverID), http.StatusUnauthorized, NotLetIn, "")
	token := g.let(ann())
	g.breaks(ErrAway)
	ask("outage", token, http.StatusServiceUnavailable, ServiceAway, page)
	g.breaks(nil)
	g.pass(afterFailure)
	for range mostAsked {
		g.decider.asks[byToken] <- struct{}{}
	}
	ask("busy", token, http.StatusServiceUnavailable, Busy, page)
	g.decider.Suspend(Suspension{})
	ask("signed out", token, http.StatusForbidden, Suspended, page)
}
