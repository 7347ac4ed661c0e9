package door

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/gate/proxytest"
)

// hostile makes up a request from what attackers are known to combine.
func hostile(random *rand.Rand, credentials []string) string {
	pick := func(all ...string) string { return all[random.IntN(len(all))] }
	sometimes := func(n int) bool { return random.IntN(n) == 0 }
	method := pick("GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "PROPFIND")
	target := pick("/", "/films", "/web/index.html", "/fi%6cms", "/films?X-Plex-Token=", "/films?rd=//mallory.example", "/%C3%A9")
	if sometimes(2) {
		target = pick("/a/../films", "/a/%2e%2e/films", "/a/..%2f.usher/auth", "//films", "/.usher/auth", "/.usher/keys", "/.USHER/auth", "/.usher%2fauth", "/.usher;x/auth", "/x/..;/films",
			"/films%00", "/films%0d%0aRemote-User:mallory", "/%2e/films", `/films\..\x`, "/films%5c..", "/identity", "/a;Remote-User=mallory", "/%252e%252e/x", "/./films", "http://mallory.example/films")
	}
	lines := []string{pick("Host: media.example", "Host: media.example", "Host: mallory.example", "Host: 127.0.0.1")}
	for range 1 + random.IntN(4) {
		name := pick("Remote-User", "remote-user", "REMOTE-GROUPS", "Remote-Email", "remote-name", "x-usher-assertion")
		if sometimes(3) {
			name = smuggled[random.IntN(len(smuggled))]
		}
		value := pick("mallory", "mallory", "admin,mallory", "mallory\t", " mallory ", "")
		lines = append(lines, pick(name+": "+value, name+":"+value, name+": "+value+"\r\n"+name+": "+value))
		if sometimes(10) {
			lines = append(lines, name+pick(" ", "\t", "\x00", "\x0b")+": "+value)
		}
	}
	for range random.IntN(2) {
		lines = append(lines, pick(
			"Connection: Remote-User, Remote-Groups", "Connection: keep-alive, X-Usher-Assertion, Remote-Email, Cookie", "Connection: X-Forwarded-Uri, X-Forwarded-Method", "X-Forwarded-Uri: /.usher/keys", "X-Original-Uri: /films",
			"X-Original-URI: /.usher/keys", "X-Original-Method: OPTIONS", "X-Forwarded-Method: OPTIONS", "X-Forwarded-Host: mallory.example", "X-Forwarded-Proto: mallory", "X-Forwarded-For: 127.0.0.1", "X_Forwarded_For: 127.0.0.1",
			"X-Http-Method-Override: OPTIONS", "Cookie: usher-gate=mallory; a=b", "Cookie: __Host-usher-gate=mallory", "User-Agent: kube-probe/1.29", "X-Rewrite-Url: /identity", "Content-Length: 0", "Expect: 100-continue", "TE: trailers",
			"Upgrade: h2c\r\nConnection: Upgrade", "Accept: text/html", "Sec-Fetch-Site: cross-site"))
	}
	if c := credentials[random.IntN(len(credentials))]; c != "" {
		lines = append(lines, c)
	}
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return method + " " + target + " HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// sendText sends a request as it is, and returns the status of the answer; 0 when there was none.
func sendText(t *testing.T, addr, text string) int {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		return 0
	}
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	for err == nil && answer.StatusCode == http.StatusContinue {
		answer, err = http.ReadResponse(in, nil)
	}
	if err != nil {
		return 0
	}
	return answer.StatusCode
}

// listener is a media server that remembers what it received.
type listener struct {
	*httptest.Server
	mu  sync.Mutex
	all []seen
}

func listen(t testing.TB) *listener {
	t.Helper()
	l := new(listener)
	l.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, seen{r.Method, r.RequestURI, r.Host, r.Header, r.Trailer, string(body)})
	}))
	t.Cleanup(l.Close)
	return l
}

// received returns what came in since it was last asked.
func (l *listener) received() []seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

// Attacks G1 to G5, G12: the same hostile requests through nginx, Caddy, HAProxy and the gate itself. Nobody gets to the media server without a token that
// counts, and nothing at the media server says that it is anybody else; and no proxy lets a path through that the gate does not.
func TestHostileRequestsThroughEveryProxy(t *testing.T) {
	upstream := listen(t)
	g := open(t, upstream.URL, func(s *Settings) { s.Proxies = loopback() })
	direct := open(t, upstream.URL, func(s *Settings) { s.Decider, s.Now = g.decider, g.now })
	annToken, bobToken := g.let(ann()), g.let(bob())
	g.decider.Heard(g.now())
	credentials := []string{"", "Authorization: Bearer " + tokenFor(serverID).Reveal(), "Authorization: Bearer " + tokenFor("srv-2").Reveal(),
		"Authorization: Bearer " + annToken.Reveal(), "X-Plex-Token: " + bobToken.Reveal(), "Cookie: " + g.cookieOf(t, annToken, "http") + "; theme=dark"}
	whose := []*Decision{nil, nil, nil, new(ann()), new(bob()), new(ann())}

	media := strings.TrimPrefix(upstream.URL, "http://")
	ways := map[string]string{"gate": direct.Listener.Addr().String()}
	for _, name := range proxytest.Names() {
		ways[name] = proxytest.Start(t, name, g.Listener.Addr().String(), media)
	}
	send := func(name, text string) (int, *seen) {
		status := sendText(t, ways[name], text)
		switch all := upstream.received(); len(all) {
		case 0:
			return status, nil
		case 1:
			return status, &all[0]
		default:
			t.Fatalf("through %s the media server received %d requests:\n%s", name, len(all), text)
			return 0, nil
		}
	}
	for name := range ways { // each lets somebody in at all, and nobody in without
		if status, got := send(name, "GET /films HTTP/1.1\r\nHost: media.example\r\n"+credentials[3]+"\r\n\r\n"); got == nil || status != 200 {
			t.Fatalf("%s lets nobody in: %d", name, status)
		}
		if status, got := send(name, "GET /films HTTP/1.1\r\nHost: media.example\r\nAccept: text/html\r\n\r\n"); got != nil || status != 401 && status != 302 {
			t.Fatalf("%s answers a stranger %d", name, status)
		}
	}

	const requests = 2000
	random := rand.New(rand.NewPCG(5, 11))
	arrived := map[string]int{}
	for range requests {
		which := random.IntN(len(credentials))
		text := hostile(random, credentials[which:which+1])
		_, inGate := send("gate", text)
		for name := range ways {
			_, got := send(name, text)
			if got == nil {
				continue
			}
			arrived[name]++
			if whose[which] == nil {
				t.Fatalf("%s let a stranger through:\n%s", name, text)
			}
			assertedBy(t, name, text, *got, *whose[which])
			if inGate == nil && !(name == "traefik" && cleaned(*got)) {
				t.Errorf("%s let through what the gate refuses, as %s:\n%s", name, got.Target, text)
			}
		}
		if t.Failed() {
			return
		}
	}
	for name := range ways {
		if arrived[name] < requests/50 {
			t.Errorf("only %d requests came through %s: nothing is proved", arrived[name], name)
		}
	}
	t.Logf("of %d requests there came through %v", requests, arrived)
}

// cleaned reports whether a proxy has brought a path into the one spelling, before it asked the gate about it.
func cleaned(got seen) bool {
	path, _, _ := strings.Cut(got.Target, "?")
	p, err := CanonicalPath(path)
	return err == nil && !p.Own()
}

// What the gate has nothing to say about, the client cannot fill in; and who brings no cookie but the gate's brings none to the media server.
func TestEmptyAnswersThroughEveryProxy(t *testing.T) {
	upstream := listen(t)
	g := open(t, upstream.URL, func(s *Settings) { s.Proxies = loopback() })
	nameless := g.let(Decision{Account: "acc-x"})
	for _, name := range proxytest.Names() {
		addr := proxytest.Start(t, name, g.Listener.Addr().String(), strings.TrimPrefix(upstream.URL, "http://"))
		request := "GET /films HTTP/1.1\r\nHost: media.example\r\nConnection: close\r\nCookie: " + g.cookieOf(t, nameless, "http") + "\r\nRemote-User: mallory\r\n"
		if status := sendText(t, addr, request+"Remote-Name: mallory\r\nRemote-Email: mallory\r\nRemote-Groups: mallory\r\n\r\n"); status != http.StatusForbidden || len(upstream.received()) != 0 {
			t.Errorf("who fills in what we leave empty is answered %d by %s", status, name)
		}
		status := sendText(t, addr, request+"\r\n")
		all := upstream.received()
		if status != http.StatusOK || len(all) != 1 {
			t.Fatalf("%s answers %d, and the media server received %d requests", name, status, len(all))
		}
		h := all[0].Header
		if h.Get(UserHeader) != "acc-x" || h.Get(NameHeader) != "" || h.Get(EmailHeader) != "" || h.Get(GroupsHeader) != "" || strings.Contains(fmt.Sprint(h), "mallory") || h.Get("Cookie") != "" {
			t.Errorf("through %s the media server received %v", name, h)
		}
	}
}

// assertedBy is asserted, where a proxy may leave an empty header out and passes the client's own path, token and host on.
func assertedBy(t *testing.T, way, text string, got seen, want Decision) {
	t.Helper()
	for name, value := range map[string]string{UserHeader: want.UserName, NameHeader: want.Name, EmailHeader: want.Email, GroupsHeader: strings.Join(want.Groups, ",")} {
		if !slices.Equal(got.Header[name], []string{value}) {
			t.Errorf("through %s %s is %q, want %q:\n%s", way, name, got.Header[name], value, text)
		}
	}
	assertion := got.Header[AssertionHeader]
	if len(assertion) != 1 || !strings.Contains(assertionBody(assertion[0]), `"sub":"`+want.Account+`"`) {
		t.Errorf("through %s the assertion is %q:\n%s", way, assertion, text)
	}
	for name, values := range got.Header {
		switch name {
		case UserHeader, NameHeader, EmailHeader, GroupsHeader, AssertionHeader:
		default:
			if identifies(name) {
				t.Errorf("through %s the media server received %s: %q:\n%s", way, name, values, text)
			}
		}
	}
	if strings.Contains(fmt.Sprint(got.Header["Cookie"]), cookieName) {
		t.Errorf("through %s the media server received the gate's cookie:\n%s", way, text)
	}
	if len(got.Trailer) > 0 {
		t.Errorf("through %s the media server received a trailer:\n%s", way, text)
	}
	if u, err := url.ParseRequestURI(got.Target); err != nil || strings.Contains(u.Path, "/.usher") {
		t.Errorf("through %s the media server received %s:\n%s", way, got.Target, text)
	}
}

func assertionBody(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	body, _ := encoding.DecodeString(parts[1])
	return string(body)
}

// The guides' proxies carry websockets, and send a browser that is not signed in to the sign-in.
func TestWebsocketsAndSignInThroughEveryProxy(t *testing.T) {
	upstream := websocketEcho(t)
	g := open(t, upstream.URL, func(s *Settings) { s.Proxies = loopback() })
	token := g.let(ann())
	for _, name := range proxytest.Names() {
		t.Run(name, func(t *testing.T) {
			addr := proxytest.Start(t, name, g.Listener.Addr().String(), strings.TrimPrefix(upstream.URL, "http://"))
			status, conn, in := upgradeAt(t, addr, http.Header{"Cookie": {g.cookieOf(t, token, "http")}, "Origin": {"http://" + addr}})
			if status != http.StatusSwitchingProtocols {
				t.Fatalf("a websocket is answered %d", status)
			}
			_, _ = io.WriteString(conn, "hello")
			if _, err := io.ReadFull(in, make([]byte, 5)); err != nil {
				t.Error(err)
			}
			for what, c := range map[string]struct {
				header http.Header
				status []int
			}{
				"another page": {http.Header{"Cookie": {g.cookieOf(t, token, "http")}, "Origin": {"http://evil.example"}}, []int{403}},
				"a stranger":   {http.Header{"Origin": {"http://" + addr}}, []int{401, 302}},
			} {
				if status, _, _ := upgradeAt(t, addr, c.header); !slices.Contains(c.status, status) {
					t.Errorf("the websocket of %s is answered %d", what, status)
				}
			}
			for _, path := range []string{"/.usher/auth", "/.usher/%61uth", "/.usher//auth", "/.usher/auth?x", "/x/../.usher/auth", "/.usher/./auth", "/.USHER/auth"} { // the question is the proxy's alone
				text := "GET " + path + " HTTP/1.1\r\nHost: media.example\r\nCookie: " + g.cookieOf(t, token, "http") + "\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /films\r\nConnection: close\r\n\r\n"
				if status := sendText(t, addr, text); status < 400 {
					t.Errorf("somebody who asks for %s in a proxy's place is answered %d", path, status)
				}
			}
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/films?a=b", nil)
			r.Header.Set("Accept", "text/html")
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			to, err := answer.Location()
			if err != nil || answer.StatusCode != http.StatusFound || to.Host != addr || to.Path != SignInPath || name != "nginx" && to.Query().Get("rd") != "/films?a=b" {
				t.Errorf("a browser gets %s to %v", answer.Status, to)
			}
		})
	}
}
