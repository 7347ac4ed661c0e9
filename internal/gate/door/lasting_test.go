package door

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"usher/internal/secret"
)

// What somebody still sends ends with what let them in, though nothing was answered yet.
func TestAnUploadIsCut(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 5))
		close(began)
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}))
	t.Cleanup(upstream.Close)
	g := open(t, upstream.URL, nil)
	token := g.let(ann())
	g.decider.Heard(g.now())
	body, sender := io.Pipe()
	t.Cleanup(func() { _ = sender.Close() })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+"/upload", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = bearer(token)
	go func() {
		if answer, err := http.DefaultTransport.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
		}
	}()
	_, _ = io.WriteString(sender, "hello")
	<-began
	g.revoke(token)
	g.decider.End(Ended{Session: "sid-1"})
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the upload ended as if it were whole")
		}
	case <-time.After(time.Minute):
		t.Fatal("the upload goes on")
	}
}

// A film that the gate itself hands out ends as one of a media server does.
func TestAFilmFromInsideIsCut(t *testing.T) {
	film := bytes.NewReader(make([]byte, 64<<20))
	g := open(t, "http://127.0.0.1:1", func(s *Settings) {
		s.Upstream = nil
		s.Inside = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeContent(w, r, "film.mp4", time.Time{}, film) })
	})
	token := g.let(ann())
	g.decider.Heard(g.now())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+"/film.mp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = bearer(token)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadFull(answer.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	g.revoke(token)
	g.decider.End(Ended{Account: "acc-ann"})
	for range 5000 { // its watch may still be on its way
		if _, err = answer.Body.Read(make([]byte, 512)); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, err = io.Copy(io.Discard, answer.Body); err == nil {
		t.Error("the film came whole")
	}
}

// hasty remembers until when it waits for a body.
type hasty struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (h *hasty) SetReadDeadline(t time.Time) error { h.until = t; return nil }

// Somebody who announces a body and never sends it holds a connection for a moment, whoever they are. Those who are let in take their time.
func TestNobodyWaitsForABodyThatIsNotRead(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	for target, hurried := range map[string]bool{"/films": true, "/.usher/keys": true, SignOutPath: true, "/a/../b": true, "/.usher/auth": true, "/films?X-Plex-Token=" + g.let(ann()).Reveal(): false} {
		w := &hasty{ResponseRecorder: httptest.NewRecorder()}
		g.door.ServeHTTP(w, httptest.NewRequest(http.MethodPost, target, http.NoBody))
		if !w.until.IsZero() != hurried {
			t.Errorf("%s: until %v", target, w.until)
		}
	}
}

// A media server cannot sign anybody in or out at the gate, by a cookie of the gate's name.
func TestTheMediaServerSetsNoCookieOfOurs(t *testing.T) {
	lines := []string{"usher-gate=x; Path=/", "__Host-usher-gate=; Path=/; Secure; Max-Age=0", "USHER-GATE-flow-1=x", "usher-gate-visit=x; Path=/.usher/", "theme=dark", "sid=1; Path=/"}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Set-Cookie"] = lines }))
	t.Cleanup(upstream.Close)
	g := open(t, upstream.URL, nil)
	answer, _ := g.ask(t, http.MethodGet, "/", bearer(g.let(ann())))
	if got := answer.Header["Set-Cookie"]; len(got) != 2 || got[0] != lines[4] || got[1] != lines[5] {
		t.Errorf("the client gets %q", got)
	}
}

// A page at a number of some private network may be anybody's: there is one such number in every house.
func TestAPageOfAnotherHouseOpensNoWebsocket(t *testing.T) {
	g := open(t, websocketEcho(t).URL, func(s *Settings) {
		s.Addresses = &places{known: []string{"https://media.example", "http://192.168.1.20:32400"}}
	})
	cookie := g.cookieOf(t, g.let(ann()), "http")
	if status, _, _ := g.upgrade(t, http.Header{"Cookie": {cookie}, "Origin": {"http://192.168.1.20:32400"}}); status != http.StatusForbidden {
		t.Errorf("it is answered %d", status)
	}
}

// What is the gate's own has one spelling: a proxy in front that keeps one of them to itself may not see through another.
func TestOwnPathsInAnotherSpelling(t *testing.T) {
	g := open(t, echo(t).URL, func(s *Settings) { s.Proxies = loopback() })
	header := http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/"}, "X-Forwarded-Host": {"media.example"}, "X-Forwarded-Proto": {"https"}, plexToken: {g.let(ann()).Reveal()}}
	for target, want := range map[string]int{"/.usher/auth": 200, "/.usher/%61uth": 404, "/%2eusher/auth": 404, "/.usher//auth": 404, "/.usher/auth/": 404, "/.usher/AUTH": 404, "/.usher/auth;x": 404} {
		if answer, _ := g.ask(t, http.MethodGet, target, header); answer.StatusCode != want || want == 404 && answer.Header.Get(AssertionHeader) != "" {
			t.Errorf("%s is answered %s", target, answer.Status)
		}
	}
}

// Two tokens for this server in one request are one too many, wherever they stand.
func TestTwoTokensInTwoPlaces(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	mine, yours := g.let(ann()), g.let(bob())
	for name, c := range map[string]struct {
		plex, bearer secret.Token
		status       int
	}{"two": {mine, yours, 400}, "one, twice": {mine, mine, 200}, "the media server's own": {mine, secret.NewToken(), 200}} {
		answer, body := g.ask(t, http.MethodGet, "/", http.Header{plexToken: {c.plex.Reveal()}, "Authorization": {"Bearer " + c.bearer.Reveal()}})
		if answer.StatusCode != c.status {
			t.Errorf("%s: %s", name, answer.Status)
		}
		if name == "one, twice" && bytes.Contains([]byte(body), []byte("Authorization")) {
			t.Errorf("%s: the media server gets %s", name, body)
		}
	}
}
