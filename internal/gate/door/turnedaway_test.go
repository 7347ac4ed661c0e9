package door

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"usher/internal/gate/proxytest"
)

// Whoever is turned away behind the guides' proxies learns why: a browser from the gate's own page, a player from a status on which it signs out when its token
// does not count, and never because of an outage.
func TestTurnedAwayThroughEveryProxy(t *testing.T) {
	upstream := listen(t)
	for _, name := range proxytest.Names() {
		t.Run(name, func(t *testing.T) {
			g := open(t, upstream.URL, func(s *Settings) { s.Proxies, s.Provider = loopback(), elsewhereProvider{} })
			addr := proxytest.Start(t, name, g.Listener.Addr().String(), strings.TrimPrefix(upstream.URL, "http://"))
			token, fresh := g.let(ann()), g.let(bob())
			client := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
				to := r.Response.Header.Get("Location")
				if r.URL.Host != addr {
					return http.ErrUseLastResponse
				}
				if !strings.HasPrefix(to, SignInPath+"?") { // what stands before it is the browser's to know
					t.Errorf("a browser is led to %s", to)
				}
				return nil
			}}
			get := func(method, target string, header http.Header) (*http.Response, string) {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+target, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header = header
				answer, err := client.Do(r)
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
			player := func(what string, header http.Header, want int) {
				t.Helper()
				for accept, method := range map[string]string{"application/json": http.MethodGet, "text/html": http.MethodPost} {
					header.Set("Accept", accept)
					if answer, _ := get(method, "/films", header); answer.StatusCode != want || answer.Header.Get("Location") != "" {
						t.Errorf("%s: %s %s", what, answer.Status, answer.Header.Get("Location"))
					}
				}
			}
			browser := func(what string, header http.Header, status int, words ...string) {
				t.Helper()
				header.Set("Accept", "text/html,application/xhtml+xml")
				answer, body := get(http.MethodGet, "/films?a=b", header)
				if at := answer.Request.URL; answer.StatusCode != status || at.Path != SignInPath || at.Query().Get("rd") != "/films?a=b" {
					t.Errorf("%s: %s at %s", what, answer.Status, at)
				}
				for _, word := range words {
					if !strings.Contains(body, word) {
						t.Errorf("%s: no %q in %s", what, word, body)
					}
				}
			}
			cookie := func() http.Header { return http.Header{"Cookie": {g.cookieOf(t, token, "http")}} }
			player("nobody", http.Header{}, 401)
			player("a token that does not count", bearer(tokenFor(serverID)), 401)
			browser("nobody", http.Header{}, 303)
			g.breaks(ErrAway)
			player("a new token in an outage", bearer(fresh), 503)
			browser("a new one in an outage", http.Header{}, 503, "Nobody new can come in right now", "Try again")
			browser("a cookie that is not known, in an outage", cookie(), 503, "Nobody new can come in right now")
			g.breaks(nil)
			g.decider.Suspend(Suspension{Reason: "incident", Servers: "https://accounts.example/servers"})
			player("at a server that is signed out", bearer(token), 403)
			browser("at a server that is signed out", cookie(), 403, "This server is signed out", "To be safe", `href="https://accounts.example/servers"`)
			g.CloseClientConnections()
			g.Close()
			if answer, _ := get(http.MethodGet, "/films", bearer(token)); answer.StatusCode < 500 {
				t.Errorf("when the gate does not run: %s", answer.Status)
			}
			if got := upstream.received(); len(got) != 0 {
				t.Errorf("the media server received %v", got)
			}
		})
	}
}
