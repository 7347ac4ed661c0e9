package door

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"usher/internal/gate/page"
	"usher/internal/secret"
)

// places are what an owner has confirmed; the gate does not know it before it asks.
type places struct {
	known, told []string
	fails       error
	asked       int
}

func (p *places) Known() []string { return p.known }

func (p *places) Learn(context.Context) ([]string, error) {
	p.asked++
	if p.fails == nil {
		p.known = p.told
	}
	return p.known, p.fails
}

// elsewhereProvider sends browsers to a service that no test follows them to.
type elsewhereProvider struct{}

func (elsewhereProvider) Begin(_ context.Context, f Flow) (string, error) {
	return "https://accounts.example/authorize?" + url.Values{"redirect_uri": {f.Redirect}}.Encode(), nil
}

func (elsewhereProvider) Redeem(context.Context, Flow, string) (secret.Token, error) {
	return secret.Token{}, ErrRefused
}

func (elsewhereProvider) Revoke(context.Context, secret.Token) error { return ErrAway }

// Every page of the door is for this place alone: nobody frames it, reads it from elsewhere or keeps it, and nothing in it runs (WB-1, WB-2).
func TestEveryPageOfTheDoorIsDressed(t *testing.T) {
	p := &places{told: []string{"https://media.example"}}
	g := open(t, "http://127.0.0.1:1", func(s *Settings) { s.Addresses, s.Provider = p, elsewhereProvider{} })
	let := g.let(ann()).Reveal()
	pages := 0
	dressed := func(target string, header http.Header) {
		t.Helper()
		header.Set("Accept", "text/html")
		answer, body := g.ask(t, http.MethodGet, target, header)
		if !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s is no page: %s", target, answer.Status, body)
		}
		pages++
		for name, want := range map[string]string{
			"Content-Security-Policy": page.Policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := answer.Header[name]; len(got) != 1 || got[0] != want {
				t.Errorf("%s (%s): %s is %q", target, answer.Status, name, got)
			}
		}
		if strings.Contains(body, "<script") || strings.Contains(body, "style=") {
			t.Errorf("%s has something that runs", target)
		}
	}
	for _, target := range []string{"/a/../b", "/.usher/nothing", SignOutPath, SignInPath, CallbackPath + "?state=x&code=y", "/films?X-Plex-Token=" + tokenFor("srv-2").Reveal(), "/films?X-Plex-Token=" + let,
		"/films?X-Plex-Token=" + let + "&X-Plex-Token=x"} {
		dressed(target, http.Header{})
	}
	dressed("/films", http.Header{plexToken: {let}, "Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Origin": {"https://evil.example"}})
	g.decider.Suspend(Suspension{Reason: "incident"})
	dressed("/films", http.Header{})
	if pages != 10 {
		t.Errorf("%d pages", pages)
	}
}

// Attack G6: browsers sign in at addresses that the owner has confirmed, in whatever spelling browsers have for one, and at no other; what was confirmed a moment
// ago is learned.
func TestSignInAtConfirmedAddresses(t *testing.T) {
	p := &places{told: []string{"https://media.example", "http://127.0.0.1:32400", "https://xn--bcher-kva.example"}}
	g := open(t, echo(t).URL, func(s *Settings) { s.Addresses, s.Provider, s.Proxies = p, elsewhereProvider{}, loopback() })
	at := func(proto, host string) (*http.Response, string) {
		t.Helper()
		return g.ask(t, http.MethodGet, SignInPath+"?rd=/films", http.Header{"Accept": {"text/html"}, "X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {host}})
	}
	for _, where := range [][3]string{{"https", "media.example", "https://media.example"}, {"https", "MEDIA.example:443", "https://media.example"}, {"http", "127.0.0.1:32400", "http://127.0.0.1:32400"},
		{"https", "XN--bcher-KVA.example", "https://xn--bcher-kva.example"}} {
		answer, _ := at(where[0], where[1])
		to, err := answer.Location()
		if err != nil || to.Query().Get("redirect_uri") != where[2]+CallbackPath {
			t.Errorf("%v: %s %v %v", where, answer.Status, to, err)
		}
	}
	if p.asked != 1 {
		t.Errorf("it asked %d times for what it knew", p.asked)
	}
	for _, where := range [][2]string{{"http", "media.example"}, {"https", "media.example:8443"}, {"https", "127.0.0.1:32400"}, {"https", "media.example.evil.example"}, {"https", "media.example."}, {"https", "media.example.:443"},
		{"https", "bücher.example"}, {"https", "xn--bcher-kva.example."}, {"https", "ｍｅｄｉａ.example"}, {"https", "media。example"}} {
		answer, body := at(where[0], where[1])
		if answer.StatusCode != http.StatusMisdirectedRequest || answer.Header.Get("Set-Cookie") != "" || !strings.Contains(body, `href="https://media.example`+SignInPath+`"`) {
			t.Errorf("%v: %s %s", where, answer.Status, body)
		}
	}
	p.known, p.told = nil, nil
	if answer, body := at("https", "media.example"); answer.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(body, `href="https://accounts.example/servers"`) ||
		!strings.Contains(body, "confirm https://media.example.") {
		t.Errorf("none is confirmed: %s %s", answer.Status, body)
	}
	for fails, status := range map[error]int{ErrAway: http.StatusServiceUnavailable, ErrSuspended: http.StatusForbidden} {
		p.fails = fails
		if answer, _ := at("https", "media.example"); answer.StatusCode != status {
			t.Errorf("%v: %s", fails, answer.Status)
		}
	}
}

// Who is at an address that is not confirmed is led to one that works for them: a loopback address is everybody's own machine.
func TestWhereSignInWorks(t *testing.T) {
	const here, house, name = "http://127.0.0.1:32400", "http://192.168.1.20:32400", "https://media.example"
	for _, c := range []struct {
		origin    string
		confirmed []string
		want      string
	}{
		{"http://192.168.1.21:32400", []string{here, house}, house},
		{"http://192.168.1.21:32400", []string{here, house, name}, name},
		{"http://localhost:32400", []string{here, house, name}, name},
		{"http://localhost:32400", []string{here, house}, house},
		{"http://localhost:32400", []string{here}, here},
		{house, []string{here, "http://[::1]:32400", "https://localhost"}, ""},
	} {
		got := elsewhere(c.origin, c.confirmed, "https://accounts.example")
		if c.want == "" && got.Path != "https://accounts.example/servers" || c.want != "" && (got.Path != c.want+SignInPath || !strings.Contains(got.Paragraphs[0], c.want)) {
			t.Errorf("%s of %v: %+v", c.origin, c.confirmed, got)
		}
	}
	if got := elsewhere("http://192.168.1.21:32400", []string{here, house, name}, "https://accounts.example"); !slices.Equal(got.Also, []way{{house, house + SignInPath}}) {
		t.Errorf("it works also at %v", got.Also)
	}
}

// What the gate's own page is told of where people can sign in: nobody waits for what is known, or for a service that does not answer.
func TestWhereItWorks(t *testing.T) {
	const house, name = "http://192.168.1.20:32400", "https://media.example"
	p := &places{told: []string{"http://127.0.0.1:32400", house, name}}
	g := open(t, echo(t).URL, func(s *Settings) { s.Addresses, s.Provider = p, elsewhereProvider{} })
	for _, c := range []struct {
		at    string
		here  bool
		asked int
	}{{"192.168.1.20:32400", true, 1}, {"192.168.1.20:32400", true, 1}, {"192.168.1.21:32400", false, 2}} {
		r := httptest.NewRequest(http.MethodGet, "/.usher/", nil)
		r.Host = c.at
		if all, here := g.door.WorksAt(r); here != c.here || p.asked != c.asked || !slices.Equal(all, []string{name, house}) {
			t.Errorf("%s: %q, %t, after %d questions", c.at, all, here, p.asked)
		}
	}
	p.fails = ErrAway
	r := httptest.NewRequest(http.MethodGet, "/.usher/", nil)
	r.Host = "192.168.1.21:32400"
	if all, here := g.door.WorksAt(r); here || len(all) != 2 {
		t.Errorf("in an outage: %q, %t", all, here)
	}
}

// Attack G10: whatever a link asks to come back to, it is a path of this server, as a browser reads it, and none of the gate's own.
func FuzzReturnStaysHere(f *testing.F) {
	for _, seed := range []string{"/films?watch=1", "//evil.example", "/\\evil.example", "https:evil.example", "/%5cevil.example", "/%2f%2fevil.example", "\t//evil.example", "/\t/evil.example", "/.usher/sign-out",
		"javascript:alert(1)", "@evil.example", "/\r\nLocation: https://evil.example", "/x?a=\r\nb", "/a/..//evil.example", "/;//evil.example", "/?//evil.example", "/#//evil.example", "/ü?ü=%zz", ""} {
		f.Add(seed)
	}
	base, err := url.Parse("https://attic.example/.usher/callback")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, rd string) {
		to := localPath(rd)
		if odd := strings.IndexFunc(to, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }); odd >= 0 { // browsers drop some of these, and read a backslash as a slash
			t.Fatalf("%q leads to %q", rd, to)
		}
		u, err := base.Parse(to)
		if err != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil {
			t.Fatalf("%q leads to %q: %v %v", rd, to, u, err)
		}
		if p, err := CanonicalPath(u.EscapedPath()); err != nil || p.Own() || p.Encoded != u.EscapedPath() {
			t.Fatalf("%q leads to the gate's own %q: %v", rd, to, err)
		}
	})
}
