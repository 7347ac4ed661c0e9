package door

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/gate/proxytest"
	"usher/internal/loadtest/crowd"
)

// contender is what takes turns with others: so many requests, by so many callers.
type contender struct {
	name     string
	turn     int
	callers  *crowd.Callers
	request  []byte
	times    []float64 // seconds, one for each turn
	alone    *crowd.Line
	separate []float64 // seconds, one for each request of a single caller
}

func contend(b *testing.B, name, addr string, turn, callers int, request string) *contender {
	b.Helper()
	c, err := crowd.Call(addr, callers)
	if err != nil {
		b.Fatal(err)
	}
	alone, err := crowd.Dial(addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close(); _ = alone.Close() })
	return &contender{name: name, turn: turn, callers: c, alone: alone, request: []byte(request)}
}

func (c *contender) run(b *testing.B, measured bool) {
	begin := time.Now()
	if err := c.callers.Ask(c.turn, http.StatusOK, func(int) []byte { return c.request }); err != nil {
		b.Fatalf("%s: %v", c.name, err)
	}
	if measured {
		c.times = append(c.times, time.Since(begin).Seconds())
	}
}

func (c *contender) single(b *testing.B) {
	for range 200 {
		begin := time.Now()
		if _, err := c.alone.Ask(c.request); err != nil {
			b.Fatalf("%s: %v", c.name, err)
		}
		c.separate = append(c.separate, time.Since(begin).Seconds())
	}
}

// over is the median over the turns of one's rate ÷ another's.
func (c *contender) over(other *contender) float64 {
	ratios := make([]float64, len(c.times))
	for i := range ratios {
		ratios[i] = other.times[i] / c.times[i]
	}
	return middle(ratios)
}

func middle(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// plainProxy is httputil.ReverseProxy with the gate's own transport and buffers, and nothing else.
func plainProxy(b *testing.B, upstream *url.URL) string {
	b.Helper()
	transport := newProxy(upstream, nil).Transport
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(upstream); pr.SetXForwarded() }, Transport: transport, BufferPool: &buffers{}})
	b.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// BenchmarkGate reports rates: the gate as proxy ÷ a bare httputil.ReverseProxy, for small answers and for films; ÷ nginx that asks the gate; forward-auth ÷ a
// handler that does nothing; an old app by name and password ÷ a player by its token; and what the gate adds to the median answer of one caller, in milliseconds.
func BenchmarkGate(b *testing.B) {
	small, film := []byte("hello\n"), make([]byte, 64<<20)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := small
		if r.URL.Path == "/film" {
			body = film
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
	b.Cleanup(upstream.Close)
	g := open(b, upstream.URL, func(s *Settings) { s.Proxies = loopback(); s.Now = time.Now })
	token := g.let(ann())
	g.decider.Heard(g.now())
	target, err := url.Parse(upstream.URL)
	if err != nil {
		b.Fatal(err)
	}
	var (
		gateAt  = g.Listener.Addr().String()
		proxyAt = plainProxy(b, target)
		nginxAt = proxytest.Start(b, "nginx", gateAt, strings.TrimPrefix(upstream.URL, "http://"))
		cookie  = "Cookie: " + g.cookieOf(b, token, "http") + "; theme=dark\r\n"
		browser = "Accept: */*\r\nAccept-Language: en\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0\r\nSec-Fetch-Site: same-origin\r\n"
		get     = func(path, more string) string {
			return "GET " + path + " HTTP/1.1\r\nHost: media.example\r\n" + browser + more + "\r\n"
		}
		asked = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /films\r\nX-Forwarded-Host: media.example\r\nX-Forwarded-Proto: http\r\nX-Forwarded-For: 192.0.2.1\r\n"
	)
	const turn, callers = 2000, 16
	nothing := contend(b, "handler", upstream.Listener.Addr().String(), turn, callers, get("/", cookie))
	forward := contend(b, "forward-auth", gateAt, turn, callers, get("/.usher/auth", asked+cookie))
	plain := contend(b, "plain proxy", proxyAt, turn, callers, get("/films", cookie))
	gate := contend(b, "gate", gateAt, turn, callers, get("/films", cookie))
	bearer := contend(b, "gate, player", gateAt, turn, callers, get("/films", "Authorization: Bearer "+token.Reveal()+"\r\n"))
	app := contend(b, "gate, old app", gateAt, turn, callers, get("/films", "Authorization: "+basicAuth("ann", g.make(ann()).Reveal()).Get("Authorization")+"\r\n"))
	behind := contend(b, "nginx", nginxAt, turn, callers, get("/films", cookie))
	plainFilm := contend(b, "plain proxy, film", proxyAt, 8, 2, get("/film", cookie))
	gateFilm := contend(b, "gate, film", gateAt, 8, 2, get("/film", cookie))
	all := []*contender{nothing, forward, plain, gate, bearer, app, behind, plainFilm, gateFilm}
	for _, c := range all {
		c.run(b, false)
	}
	for b.Loop() {
		for _, c := range all {
			g.decider.Heard(g.now())
			c.run(b, true)
		}
		plain.single(b)
		gate.single(b)
	}
	b.ReportMetric(0, "ns/op") // a turn's time says nothing
	for name, ratio := range map[string]float64{"gate/proxy": gate.over(plain), "player/proxy": bearer.over(plain), "app/player": app.over(bearer), "film/proxy": gateFilm.over(plainFilm), "gate/nginx+auth": gate.over(behind), "auth/handler": forward.over(nothing)} {
		b.ReportMetric(ratio, name)
	}
	b.ReportMetric((middle(gate.separate)-middle(plain.separate))*1000, "added-p50-ms")
	if testing.Verbose() {
		var text bytes.Buffer
		for _, c := range all {
			fmt.Fprintf(&text, "%s %.0f/s; ", c.name, float64(c.turn)/middle(c.times))
		}
		b.Log(text.String())
	}
}
