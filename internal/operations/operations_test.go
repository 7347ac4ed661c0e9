package operations_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"usher/internal/operations"
)

// box is an outbox with two mails in it, one of them hostile.
type box struct{ err error }

var written = time.Date(2026, 5, 3, 14, 32, 7, 0, time.UTC)

func mails() []operations.Mail {
	return []operations.Mail{
		{
			ID: "one", From: "Usher <usher@localhost>", To: "ann@example.org", Subject: "123 456 is your code", At: written,
			Text: "Your code is 123 456.\nOr open http://localhost:8484/confirm/abc?x=1&y=2.\nBye (https://localhost/help).",
			HTML: `<p style="color:red">Your code is <b>123 456</b></p>`,
		},
		{
			ID: "two", From: "x", To: `"><script>alert(1)</script>@example.org`, Subject: "<img src=x onerror=alert(1)>", At: written,
			Text: "</pre><script>alert(2)</script> javascript:alert(3) http://a\"onmouseover=alert(4)",
		},
	}
}

func (b box) Waiting(_ context.Context, limit int) ([]operations.Mail, error) {
	return mails()[:min(limit, 2)], b.err
}

func (b box) Waits(_ context.Context, id string) (operations.Mail, error) {
	for _, mail := range mails() {
		if mail.ID == id {
			return mail, b.err
		}
	}
	return operations.Mail{}, operations.ErrNoMail
}

func settings() operations.Settings {
	return operations.Settings{Metrics: operations.NewMetrics(), Log: slog.New(slog.DiscardHandler)}
}

func ask(h http.Handler, method, target string, edit func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost:8485"
	r.RemoteAddr = "127.0.0.1:50000"
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestOnlyLoopbackNamesAndPeers(t *testing.T) {
	h := operations.Handler(settings())
	for _, c := range []struct {
		host, peer string
		status     int
	}{
		{"localhost:8485", "127.0.0.1:1", 200},
		{"localhost", "[::1]:1", 200},
		{"LOCALHOST:9999", "127.0.0.1:1", 200},
		{"127.0.0.1:8485", "[::ffff:127.0.0.1]:1", 200},
		{"127.8.9.1:8485", "127.0.0.1:1", 200},
		{"[::1]:8485", "[::1]:1", 200},
		{"[::1]", "[::1]:1", 200},
		{"evil.example:8485", "127.0.0.1:1", 421},
		{"localhost.evil.example", "127.0.0.1:1", 421},
		{"evil.localhost:8485", "127.0.0.1:1", 421},
		{"localhost.", "127.0.0.1:1", 421},
		{"127.0.0.1.evil.example", "127.0.0.1:1", 421},
		{"192.168.0.5:8485", "127.0.0.1:1", 421},
		{"0.0.0.0:8485", "127.0.0.1:1", 421},
		{"localhost:evil", "127.0.0.1:1", 421},
		{"localhost:", "127.0.0.1:1", 421},
		{"user@localhost", "127.0.0.1:1", 421},
		{"", "127.0.0.1:1", 421},
		{"localhost:8485", "192.168.0.5:1", 403},
		{"localhost:8485", "[2001:db8::1]:1", 403},
		{"localhost:8485", "@", 403},
	} {
		w := ask(h, "GET", "/healthz", func(r *http.Request) { r.Host, r.RemoteAddr = c.host, c.peer })
		if w.Code != c.status {
			t.Errorf("Host %q from %s: %d, want %d", c.host, c.peer, w.Code, c.status)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
			t.Errorf("Host %q from %s: policy %q", c.host, c.peer, csp)
		}
	}
}

func FuzzLoopbackName(f *testing.F) {
	for _, seed := range []string{"localhost:8485", "[::1]", "[::ffff:127.0.0.1]:1", "127.1", "[localhost]:1", "::1", "localhost\x00", "[fe80::1%lo]:1"} {
		f.Add(seed)
	}
	h := operations.Handler(settings())
	f.Fuzz(func(t *testing.T, host string) {
		w := ask(h, "GET", "/healthz", func(r *http.Request) { r.Host = host })
		name := strings.ToLower(host)
		if w.Code == 200 && !strings.Contains(name, "localhost") && !strings.Contains(name, "127.") && !strings.Contains(name, ":") {
			t.Errorf("Host %q was answered", host)
		}
		if w.Code == 200 && strings.ContainsAny(name, "\x00\r\n @/,%") {
			t.Errorf("Host %q was answered", host)
		}
	})
}

func TestListenStaysOnThisMachine(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0", "localhost.example.org:0", "[2001:db8::1]:0"} {
		listener, err := operations.Listen(t.Context(), addr)
		if !errors.Is(err, operations.ErrNotLoopback) {
			t.Errorf("%s: %v", addr, err)
		}
		if listener != nil {
			listener.Close()
		}
	}
	if _, err := operations.Listen(t.Context(), "localhost"); err == nil {
		t.Error("an address without a port was accepted")
	}
	for _, addr := range []string{"localhost:0", "127.0.0.1:0"} {
		listener, err := operations.Listen(t.Context(), addr)
		if err != nil {
			t.Fatalf("%s: %v", addr, err)
		}
		if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
			t.Errorf("%s leads to %s", addr, listener.Addr())
		}
		listener.Close()
	}
}

func TestServes(t *testing.T) {
	listener, err := operations.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := operations.Server(operations.Handler(settings()))
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	res, err := http.Get("http://" + listener.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.StatusCode != 200 || string(body) != "ok\n" {
		t.Errorf("%d %q %v", res.StatusCode, body, err)
	}
	server.Close()
	if err := <-done; err != http.ErrServerClosed {
		t.Error(err)
	}
}

func TestReadyNamesWhatFails(t *testing.T) {
	var log bytes.Buffer
	var databaseGone error
	cfg := settings()
	cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
	cfg.Checks = []operations.Check{
		{Name: "database", Probe: func(context.Context) error { return databaseGone }},
		{Name: "key ring", Probe: func(context.Context) error { return nil }},
		{Name: "hashing", Probe: func(ctx context.Context) error { return ctx.Err() }},
	}
	h := operations.Handler(cfg)
	if w := ask(h, "GET", "/readyz", nil); w.Code != 200 || w.Body.String() != "ready\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	databaseGone = errors.New("dial db.internal: refused")
	w := ask(h, "GET", "/readyz", nil)
	if w.Code != 503 || w.Body.String() != "not ready: database\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "dial db.internal") {
		t.Errorf("the log does not say why: %s", log.String())
	}
	databaseGone = nil
	if w := ask(h, "GET", "/readyz", nil); w.Code != 200 {
		t.Errorf("it does not recover: %d", w.Code)
	}
	if w := ask(h, "GET", "/healthz", nil); w.Code != 200 {
		t.Errorf("healthz: %d", w.Code)
	}
}

func TestAProbeThatHangsHasFailed(t *testing.T) {
	cfg := settings()
	release := make(chan struct{})
	defer close(release)
	cfg.Checks = []operations.Check{{Name: "stuck", Probe: func(context.Context) error { <-release; return nil }}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // instead of waiting for the probe's time to be over
	w := ask(operations.Handler(cfg), "GET", "/readyz", func(r *http.Request) { *r = *r.WithContext(ctx) })
	if w.Code != 503 || !strings.Contains(w.Body.String(), "stuck") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestMetrics(t *testing.T) {
	cfg := settings()
	waiting := 3.0
	if err := cfg.Metrics.Gauge("usher_mail_waiting", "Mails that wait.", func() float64 { return waiting }); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Metrics.Counter("usher_mail_sent_total", "Mails sent.", func() float64 { return 7 }); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Metrics.Gauge("usher_mail_waiting", "Again.", func() float64 { return 0 }); err == nil {
		t.Error("a name was taken twice")
	}
	cfg.Metrics.Observe("/form/{secret}", "POST", 303, 0.02)
	cfg.Metrics.Observe("/form/{secret}", "POST", 303, 0.3)
	h := operations.Handler(cfg)
	waiting = 4
	w := ask(h, "GET", "/metrics", nil)
	if w.Code != 200 {
		t.Fatalf("status %d", w.Code)
	}
	for _, want := range []string{
		"usher_mail_waiting 4\n",
		"usher_mail_sent_total 7\n",
		`usher_http_requests_total{method="POST",route="/form/{secret}",status="303"} 2` + "\n",
		`usher_http_request_duration_seconds_bucket{method="POST",route="/form/{secret}",le="0.025"} 1` + "\n",
		`usher_http_request_duration_seconds_count{method="POST",route="/form/{secret}"} 2` + "\n",
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("missing: %s", want)
		}
	}
}

func TestOnlyReading(t *testing.T) {
	cfg := settings()
	cfg.Outbox = box{}
	h := operations.Handler(cfg)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"} {
		for _, path := range []string{"/healthz", "/readyz", "/metrics", "/outbox", "/outbox/one"} {
			if w := ask(h, method, path, nil); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
}

func TestOutboxOnlyWhenTold(t *testing.T) {
	h := operations.Handler(settings())
	for _, path := range []string{"/outbox", "/outbox/one", "/outbox/one/html", "/outbox.css", "/", "/debug/pprof/"} {
		if w := ask(h, "GET", path, nil); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestOutboxIsNotShownThroughAProxy(t *testing.T) {
	cfg := settings()
	cfg.Outbox = box{}
	h := operations.Handler(cfg)
	for _, path := range []string{"/outbox", "/outbox/one", "/outbox/one/html"} {
		for _, header := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"} {
			w := ask(h, "GET", path, func(r *http.Request) { r.Header.Set(header, "x") })
			if w.Code != 403 || strings.Contains(w.Body.String(), "123 456") {
				t.Errorf("%s with %s: %d %s", path, header, w.Code, w.Body)
			}
		}
	}
}

func TestOutboxPages(t *testing.T) {
	cfg := settings()
	cfg.Outbox = box{}
	h := operations.Handler(cfg)

	list := parse(t, ask(h, "GET", "/outbox", nil))
	if got := attrs(list, "a", "href"); len(got) != 2 || got[0] != "/outbox/one" || got[1] != "/outbox/two" {
		t.Errorf("links %q", got)
	}
	if got := words(list); !strings.Contains(got, "123 456 is your code") || !strings.Contains(got, "to ann@example.org") ||
		!strings.Contains(got, "<img src=x onerror=alert(1)>") {
		t.Errorf("list reads %q", got)
	}
	if got := attrs(list, "time", "datetime"); len(got) != 2 || got[0] != "2026-05-03T14:32:07Z" {
		t.Errorf("times %q", got)
	}

	one := parse(t, ask(h, "GET", "/outbox/one", nil))
	if got := words(one); !strings.Contains(got, "Your code is 123 456.\nOr open http://localhost:8484/confirm/abc?x=1&y=2.\nBye (https://localhost/help).") {
		t.Errorf("mail reads %q", got)
	}
	want := []string{"/outbox", "http://localhost:8484/confirm/abc?x=1&y=2", "https://localhost/help", "/outbox/one/html"}
	if got := attrs(one, "a", "href"); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("links %q, want %q", got, want)
	}

	two := parse(t, ask(h, "GET", "/outbox/two", nil))
	for _, page := range []*html.Node{list, one, two} {
		if got := len(find(page, "script")) + len(find(page, "img")); got != 0 {
			t.Errorf("%d foreign elements", got)
		}
		if got := attrs(page, "link", "href"); len(got) != 1 || got[0] != "/outbox.css" {
			t.Errorf("style sheets %q", got)
		}
		if len(find(page, "h1")) != 1 {
			t.Error("not one h1")
		}
	}
	if got := attrs(two, "a", "href"); len(got) != 2 || got[1] != "http://a" {
		t.Errorf("links %q", got)
	}

	if w := ask(h, "GET", "/outbox.css", nil); w.Code != 200 || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style sheet: %d %s", w.Code, w.Header())
	}
	if w := ask(h, "GET", "/outbox/nope", nil); w.Code != 404 {
		t.Errorf("unknown mail: %d", w.Code)
	}
}

func TestAMailIsShownInItsSandbox(t *testing.T) {
	cfg := settings()
	cfg.Outbox = box{}
	w := ask(operations.Handler(cfg), "GET", "/outbox/one/html", nil)
	if w.Code != 200 || w.Body.String() != mails()[0].HTML || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "sandbox", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") || strings.Contains(policy, "http") {
		t.Errorf("policy %q is loose", policy)
	}
}

func TestAnOutboxThatCannotBeRead(t *testing.T) {
	var log bytes.Buffer
	cfg := settings()
	cfg.Outbox = box{err: errors.New("disk on fire")}
	cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
	h := operations.Handler(cfg)
	for _, path := range []string{"/outbox", "/outbox/one", "/outbox/one/html"} {
		log.Reset()
		w := ask(h, "GET", path, nil)
		if w.Code != 500 || strings.Contains(w.Body.String(), "fire") || !strings.Contains(log.String(), "disk on fire") {
			t.Errorf("%s: %d %q, log %s", path, w.Code, w.Body, log.String())
		}
	}
}

func parse(t *testing.T, w *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	page, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func find(page *html.Node, element string) []*html.Node {
	var found []*html.Node
	for node := range page.Descendants() {
		if node.Type == html.ElementNode && node.Data == element {
			found = append(found, node)
		}
	}
	return found
}

func attrs(page *html.Node, element, attr string) []string {
	var values []string
	for _, node := range find(page, element) {
		for _, a := range node.Attr {
			if a.Key == attr {
				values = append(values, a.Val)
			}
		}
	}
	return values
}

func words(page *html.Node) string {
	var text strings.Builder
	for node := range page.Descendants() {
		if node.Type == html.TextNode {
			text.WriteString(node.Data)
		}
	}
	return text.String()
}
