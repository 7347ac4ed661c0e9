package door

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/secret"
)

// Attacks G4, G5, G13 and G14: no query, header, method or address is an exemption, and what a media server itself would take for a right opens nothing here.
func TestNobodyGetsThroughWithoutAToken(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	account := secret.NewToken() // made for a whole account
	for name, header := range map[string]http.Header{
		"nothing": {}, "health check": {"User-Agent": {"kube-probe/1.29"}}, "Google's": {"User-Agent": {"GoogleHC/1.0"}}, "proxy's word": {"X-Forwarded-User": {"ann"}, "X-Forwarded-For": {"127.0.0.1"}},
		"original": {"X-Original-Uri": {"/.usher/keys"}, "X-Rewrite-Url": {"/.usher/keys"}, "X-Forwarded-Uri": {"/identity"}}, "method": {"X-Http-Method-Override": {"OPTIONS"}},
		"account's": bearer(account), "account's as Plex": {plexToken: {account.Reveal()}}, "another server's": bearer(tokenFor("srv-2")), "forged": bearer(tokenFor(serverID)),
		"basic": {"Authorization": {"Basic YTpi"}}, "cookie": {"Cookie": {cookieName + "=x; " + securePrefix + cookieName + "=y"}}, "bare token as cookie": {"Cookie": {cookieName + "=" + g.let(ann()).Reveal()}},
	} {
		for _, target := range []string{"/", "/x?a=/.usher/keys", "/health", "/favicon.ico", "/x#/.usher/keys", "/robots.txt", "/System/Info/Public?/identity", "/x/.usher/keys", "/x?#/identity",
			"/rest/ping.view?u=ann&t=26719a1196d2a940705a59634eb18eab&s=c19b2d&apiKey=x", "/QuickConnect/Connect?secret=x&api_key=y"} {
			for _, method := range []string{http.MethodGet, http.MethodOptions, http.MethodHead, http.MethodPost, "PROPFIND"} {
				if answer, _ := g.ask(t, method, strings.ReplaceAll(target, "#", "%23"), header); answer.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s: %s %s is answered %s", name, method, target, answer.Status)
				}
			}
		}
	}
}

func TestWaysToPresentAToken(t *testing.T) {
	g := open(t, echo(t).URL, func(s *Settings) { s.Proxies = loopback() })
	token, other := g.let(ann()).Reveal(), g.let(bob()).Reveal()
	for name, c := range map[string]struct {
		target string
		header http.Header
		who    string // or "", and the status
		status int
	}{
		"bearer":                 {"/", http.Header{"Authorization": {"Bearer " + token}}, "ann", 200},
		"bearer in lower case":   {"/", http.Header{"Authorization": {"bearer " + token}}, "ann", 200},
		"Plex header":            {"/", http.Header{plexToken: {token}}, "ann", 200},
		"query":                  {"/?X-Plex-Token=" + token, nil, "ann", 200},
		"query in lower case":    {"/?a=b&x-plex-token=" + token + "&c=d", nil, "ann", 200},
		"query in disguise":      {"/?X%2DPlex-Token=" + token, nil, "ann", 200},
		"both, equal":            {"/?X-Plex-Token=" + token, http.Header{plexToken: {token}}, "ann", 200},
		"both, different":        {"/?X-Plex-Token=" + other, http.Header{plexToken: {token}}, "", 400},
		"query, different":       {"/?X-Plex-Token=" + other + "&X-Plex-Token=" + token, nil, "", 400},
		"two headers":            {"/", http.Header{plexToken: {token, other}}, "", 400},
		"two bearers":            {"/", http.Header{"Authorization": {"Bearer " + token, "Bearer " + other}}, "", 400},
		"cookie":                 {"/", http.Header{"Cookie": {g.cookieOf(t, secret.TokenOf(token), "http")}}, "ann", 200},
		"secure cookie":          {"/", http.Header{"Cookie": {"a=b; " + g.cookieOf(t, secret.TokenOf(token), "https")}, "X-Forwarded-Proto": {"https"}}, "ann", 200},
		"one set by a neighbour": {"/", http.Header{"Cookie": {g.cookieOf(t, secret.TokenOf(other), "http")}, "X-Forwarded-Proto": {"https"}}, "", 401},
		"both, over https":       {"/", http.Header{"Cookie": {g.cookieOf(t, secret.TokenOf(other), "http") + "; " + g.cookieOf(t, secret.TokenOf(token), "https")}, "X-Forwarded-Proto": {"https"}}, "ann", 200},
		"cookie and dead token":  {"/?X-Plex-Token=" + tokenFor(serverID).Reveal(), http.Header{"Cookie": {g.cookieOf(t, secret.TokenOf(token), "http")}}, "", 401},
		"cookie, and a bearer of the media server's": {"/", http.Header{"Cookie": {g.cookieOf(t, secret.TokenOf(token), "http")}, "Authorization": {"Bearer " + secret.NewToken().Reveal()}}, "ann", 200},
		"X-Emby-Token": {"/", http.Header{"X-Emby-Token": {token}}, "", 401},
	} {
		answer, body := g.ask(t, http.MethodGet, c.target, c.header)
		if answer.StatusCode != c.status || c.who != "" && !strings.Contains(body, `"Remote-User":["`+c.who+`"]`) {
			t.Errorf("%s: %s %s", name, answer.Status, body)
		}
	}
}

// The gate's own cookie and what stood in the query do not reach the media server; its own do.
func TestWhatTheMediaServerGets(t *testing.T) {
	g := open(t, echo(t).URL+"/base/", nil)
	token := g.let(ann())
	cookie := g.cookieOf(t, token, "http")
	got := g.through(t, http.MethodGet, "/a%20b//c?x=%2F&y", http.Header{"Cookie": {"first=1; " + cookie + "; USHER-GATE-flow=2", "__Host-usher-gate=3; last=\"a b\""}, "Authorization": {"MediaBrowser Token=\"t\""}})
	if got.Target != "/base/a%20b/c?x=%2F&y" || !slices.Equal(got.Header["Cookie"], []string{`first=1; last="a b"`}) || got.Header.Get("Authorization") != `MediaBrowser Token="t"` {
		t.Errorf("it received %s %v", got.Target, got.Header)
	}
	if got := g.through(t, http.MethodGet, "/", http.Header{"Cookie": {cookie}}); got.Header["Cookie"] != nil {
		t.Errorf("it received %v", got.Header)
	}
	got = g.through(t, http.MethodGet, "/x?a=1&X-Plex-Token="+token.Reveal()+"&b=2", nil)
	if got.Target != "/base/x?a=1&b=2" || got.Header.Get(plexToken) != token.Reveal() {
		t.Errorf("it received %s %v", got.Target, got.Header)
	}
}

// Attack G2: what a stranger says about where it comes from is not passed on.
func TestForwardedHeaders(t *testing.T) {
	lies := http.Header{"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"other.example"}, "Forwarded": {"for=192.0.2.1"}, "X-Real-Ip": {"192.0.2.1"}, "X-Forwarded-Uri": {"/y"},
		"X-Forwarded-Method": {"PUT"}, "X-Forwarded-Prefix": {"/y"}, "X_Forwarded_For": {"192.0.2.1"}, "True-Client-Ip": {"192.0.2.1"}}
	for name, c := range map[string]struct {
		proxies             []netip.Prefix
		client, proto, host string
	}{
		"from anybody": {nil, "127.0.0.1", "http", ""},
		"from a proxy": {loopback(), "192.0.2.1", "https", "other.example"},
	} {
		g := open(t, echo(t).URL, func(s *Settings) { s.Proxies = c.proxies })
		header := bearer(g.let(ann()))
		for name, values := range lies {
			header[name] = values
		}
		h := g.through(t, http.MethodGet, "/", header).Header
		host := c.host
		if host == "" {
			host = g.Listener.Addr().String()
		}
		for field, want := range map[string][]string{"X-Forwarded-For": {c.client}, "X-Forwarded-Proto": {c.proto}, "X-Forwarded-Host": {host}, "Forwarded": nil, "X-Real-Ip": nil, "X-Forwarded-Uri": nil, "X-Forwarded-Method": nil,
			"X-Forwarded-Prefix": nil, "X_forwarded_for": nil, "True-Client-Ip": nil} {
			if !slices.Equal(h[field], want) {
				t.Errorf("%s: %s is %q, want %q", name, field, h[field], want)
			}
		}
	}
}

func TestOtherWebsitesCannotUseTheCookie(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	token := g.let(ann())
	for name, c := range map[string]struct {
		method, site string
		header       http.Header
		status       int
	}{
		"own page posts":     {http.MethodPost, "same-origin", nil, 200},
		"other page posts":   {http.MethodPost, "cross-site", nil, 403},
		"sibling page posts": {http.MethodPost, "same-site", nil, 403},
		"other page links":   {http.MethodGet, "cross-site", nil, 200},
		"player posts":       {http.MethodPost, "cross-site", bearer(token), 200},
	} {
		header := http.Header{"Sec-Fetch-Site": {c.site}, "Cookie": {g.cookieOf(t, token, "http")}}
		for name, values := range c.header {
			header[name] = values
		}
		if answer, _ := g.ask(t, c.method, "/", header); answer.StatusCode != c.status {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}

func TestUpstreamAway(t *testing.T) {
	var written bytes.Buffer
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	g := open(t, "http://"+listener.Addr().String(), func(s *Settings) {
		s.Log = textLog(&written)
	})
	header := bearer(g.let(ann()))
	if answer, body := g.ask(t, http.MethodGet, "/secret-place?code=secret", header); answer.StatusCode != http.StatusBadGateway || body != "upstream-away\n" {
		t.Errorf("a program gets %s %s", answer.Status, body)
	}
	header.Set("Accept", "text/html,*/*")
	if answer, body := g.ask(t, http.MethodGet, "/", header); answer.StatusCode != http.StatusBadGateway || !strings.Contains(body, wordsOf[UpstreamAway].Title) {
		t.Errorf("a browser gets %s %s", answer.Status, body)
	}
	if log := written.String(); !strings.Contains(log, "does not answer") || strings.Contains(log, "secret") {
		t.Errorf("the log says %s", log)
	}
}

// websocketEcho accepts any websocket and says back what it hears.
func websocketEcho(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isWebsocket(r.Header) {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455 §4.2.2
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
		_, _ = io.Copy(conn, rw)
	}))
	t.Cleanup(s.Close)
	return s
}

// upgrade asks for a websocket and returns its status, and the connection when it stands.
func (g *gate) upgrade(t *testing.T, header http.Header) (int, net.Conn, *bufio.Reader) {
	t.Helper()
	return upgradeAt(t, g.Listener.Addr().String(), header)
}

func upgradeAt(t *testing.T, addr string, header http.Header) (int, net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	r, _ := http.NewRequest(http.MethodGet, "http://"+addr+"/socket", nil)
	r.Header = header
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, r)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, conn, in
}

func TestWebsocketOrigins(t *testing.T) {
	g := open(t, websocketEcho(t).URL, func(s *Settings) { s.Addresses = &places{known: []string{"https://media.example"}} })
	token := g.let(ann())
	own, cookie := "http://"+g.Listener.Addr().String(), g.cookieOf(t, token, "http")
	for name, c := range map[string]struct {
		header http.Header
		status int
	}{
		"own page":               {http.Header{"Cookie": {cookie}, "Origin": {own}}, 101},
		"confirmed address":      {http.Header{"Cookie": {cookie}, "Origin": {"https://media.example"}}, 101},
		"other page":             {http.Header{"Cookie": {cookie}, "Origin": {"https://evil.example"}}, 403},
		"own page over https":    {http.Header{"Cookie": {cookie}, "Origin": {strings.Replace(own, "http", "https", 1)}}, 403},
		"own name, other port":   {http.Header{"Cookie": {cookie}, "Origin": {"http://127.0.0.1:1"}}, 403},
		"a file":                 {http.Header{"Cookie": {cookie}, "Origin": {"null"}}, 403},
		"two":                    {http.Header{"Cookie": {cookie}, "Origin": {own, "https://evil.example"}}, 403},
		"cookie without page":    {http.Header{"Cookie": {cookie}}, 403},
		"player":                 {bearer(token), 101},
		"player in another page": {http.Header{"Authorization": {"Bearer " + token.Reveal()}, "Origin": {"https://evil.example"}}, 403},
		"nobody":                 {http.Header{"Origin": {own}}, 401},
	} {
		if status, _, _ := g.upgrade(t, c.header); status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
	}
}

// Attack S5, at the gate: what is open ends with what let it in, at once.
func TestWhatLastsIsCut(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1024)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}))
	t.Cleanup(endless.Close)
	for name, end := range map[string]func(g *gate, token secret.Token){
		"one device signed out": func(g *gate, token secret.Token) { g.revoke(token); g.decider.End(Ended{Session: "sid-1"}) },
		"account signed out":    func(g *gate, token secret.Token) { g.revoke(token); g.decider.End(Ended{Account: "acc-ann"}) },
		"everybody":             func(g *gate, token secret.Token) { g.revoke(token); g.decider.End(Ended{}) },
		"server suspended":      func(g *gate, _ secret.Token) { g.decider.Suspend(Suspension{}) },
		"no signals":            func(g *gate, token secret.Token) { g.revoke(token); g.pass(patience + lastAnswer) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sockets, streams := open(t, websocketEcho(t).URL, nil), open(t, endless.URL, nil)
			token := sockets.let(ann())
			sockets.decider.Heard(sockets.now())
			status, conn, in := sockets.upgrade(t, bearer(token))
			if status != http.StatusSwitchingProtocols {
				t.Fatal(status)
			}
			_, _ = io.WriteString(conn, "hello")
			if _, err := io.ReadFull(in, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			end(sockets, token)
			if _, err := in.ReadByte(); err != io.EOF {
				t.Errorf("the websocket ends with %v", err)
			}

			token = streams.let(ann())
			streams.decider.Heard(streams.now())
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, streams.URL+"/film", nil)
			r.Header = bearer(token)
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			end(streams, token)
			if _, err := io.Copy(io.Discard, answer.Body); err == nil {
				t.Error("the stream ended as if it were whole")
			}
			if answer, _ := streams.ask(t, http.MethodGet, "/film", http.Header{"Range": {"bytes=1-"}, "Authorization": r.Header["Authorization"]}); answer.StatusCode < 400 {
				t.Errorf("the next range is answered %s", answer.Status)
			}
		})
	}
	t.Run("not somebody else's", func(t *testing.T) {
		t.Parallel()
		g := open(t, websocketEcho(t).URL, nil)
		g.decider.Heard(g.now())
		_, conn, in := g.upgrade(t, bearer(g.let(ann())))
		g.decider.End(Ended{Account: "acc-bob"})
		g.decider.End(Ended{}) // and who is let in anew stays
		_, _ = io.WriteString(conn, "hello")
		if _, err := io.ReadFull(in, make([]byte, 5)); err != nil {
			t.Error(err)
		}
	})
}

func TestRangesAndStreamsGetThrough(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 300_000)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "film.mp4", time.Unix(1e9, 0), bytes.NewReader(content))
	}))
	t.Cleanup(upstream.Close)
	g := open(t, upstream.URL, nil)
	header := bearer(g.let(ann()))
	if _, body := g.ask(t, http.MethodGet, "/film.mp4", header); body != string(content) {
		t.Errorf("%d bytes came through", len(body))
	}
	header.Set("Range", "bytes=15-24")
	answer, body := g.ask(t, http.MethodGet, "/film.mp4", header)
	if answer.StatusCode != http.StatusPartialContent || body != "5678901234" || answer.Header.Get("Content-Range") != "bytes 15-24/3000000" {
		t.Errorf("%s %q %v", answer.Status, body, answer.Header)
	}
}

// A media server that speaks HTTP/2 is asked by it.
func TestUpstreamOfHTTP2(t *testing.T) {
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get(UserHeader)+" "+r.Host)
	}))
	upstream.EnableHTTP2 = true
	upstream.StartTLS()
	t.Cleanup(upstream.Close)
	g := open(t, upstream.URL, nil)
	trusted := upstream.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	g.door.inside.(*httputil.ReverseProxy).Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: trusted}
	header := bearer(g.let(ann()))
	header["Remote-User"] = []string{"mallory"}
	if answer, body := g.ask(t, http.MethodGet, "/", header); answer.StatusCode != http.StatusOK || body != "HTTP/2.0 ann "+g.Listener.Addr().String() {
		t.Errorf("%s %q", answer.Status, body)
	}
}

// A folder of the gate's own is behind the same door, and is asked in the one spelling.
func TestInside(t *testing.T) {
	g := open(t, "http://127.0.0.1:1", func(s *Settings) {
		s.Upstream = nil
		s.Inside = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path+"?"+r.URL.RawQuery) })
	})
	token := g.let(ann())
	if answer, _ := g.ask(t, http.MethodGet, "/a", nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger gets %s", answer.Status)
	}
	if answer, body := g.ask(t, http.MethodGet, "//a%3Bb//c?watch&X-Plex-Token="+token.Reveal(), nil); answer.StatusCode != http.StatusOK || body != "/a;b/c?watch" {
		t.Errorf("%s %s", answer.Status, body)
	}
}

// limited remembers until when an answer may be sent.
type limited struct {
	*httptest.ResponseRecorder
	write time.Time
}

func (l *limited) SetReadDeadline(time.Time) error        { return nil }
func (l *limited) SetWriteDeadline(until time.Time) error { l.write = until; return nil }

// A connection of HTTP/2 that takes no answers holds none of ours for long; what comes from the media server may take its time.
func TestAnswersThatNobodyTakesEnd(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	token := g.let(ann())
	for path, bounded := range map[string]bool{"/refused": true, SignOutPath: true, "/film": false} {
		for _, major := range []int{1, 2} {
			r, w := httptest.NewRequest(http.MethodGet, path, nil), &limited{ResponseRecorder: httptest.NewRecorder()}
			if r.ProtoMajor = major; path == "/film" {
				r.Header.Set("Authorization", "Bearer "+token.Reveal())
			}
			if g.door.ServeHTTP(w, r); w.write.IsZero() == (bounded && major == 2) {
				t.Errorf("%s in HTTP/%d, %d: until %v", path, major, w.Code, w.write)
			}
		}
	}
}

// What docs/guides/jellyfin.md says of Jellyfin's page: what it proves itself by to Jellyfin arrives as it was, and opens nothing here.
func TestRequestsAsJellyfinsPageSendsThem(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	cookie := g.cookieOf(t, g.let(ann()), "http")
	const own, target = `MediaBrowser Client="Jellyfin Web", Device="Firefox", DeviceId="TW96", Version="12.0.0", Token="0123456789abcdef"`, "/jellyfin/Items/1?ApiKey=0123&api_key=4567"
	foreign := http.Header{"Authorization": {own}, "X-Emby-Token": {"0123"}, "X-Emby-Authorization": {own}}
	if answer, _ := g.ask(t, http.MethodGet, target, foreign.Clone()); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("Jellyfin's own proofs are answered %s", answer.Status)
	}
	header := foreign.Clone()
	header["Cookie"] = []string{cookie}
	got := g.through(t, http.MethodGet, target, header)
	if got.Target != target || got.Header.Get("Remote-User") != "ann" {
		t.Errorf("it received %s as %q", got.Target, got.Header.Get("Remote-User"))
	}
	for name, want := range foreign {
		if !slices.Equal(got.Header[name], want) {
			t.Errorf("%s arrives as %q", name, got.Header[name])
		}
	}
}
