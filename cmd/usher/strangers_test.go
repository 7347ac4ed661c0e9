package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// mediaServer stands behind the story's gate, with strangers who try the door all the while.
type mediaServer struct {
	*httptest.Server
	halt          chan struct{}
	outside       sync.WaitGroup
	turned, known atomic.Int64 // requests of strangers that were answered, and of others that arrived
	let           atomic.Pointer[string]
}

// mediaserver starts a media server, $UPSTREAM, which strangers must not reach.
func cmdMediaServer(ts *testscript.TestScript, _ bool, _ []string) {
	b := &mediaServer{halt: make(chan struct{})}
	b.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if who := r.Header.Get("X-Stranger"); who != "" {
			b.breached(who + " reached the media server")
			return
		}
		b.known.Add(1)
	}))
	storyOf(ts).behind = b
	ts.Setenv("UPSTREAM", b.URL)
	ts.Defer(func() {
		close(b.halt)
		b.outside.Wait()
		b.Close()
	})
}

func (b *mediaServer) breached(what string) { b.let.CompareAndSwap(nil, &what) }

// strangers [bearer:TOKEN|cookie:VALUE…] has people who may not come in try the gate's door until the story ends: with nothing, with what they
// make up, and with what does not count there.
func cmdStrangers(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	forged := http.Header{"Remote-User": {"ann.walker"}, "Remote-Groups": {"owner"}, "X-Usher-Assertion": {"e30.e30.x"}, "X-Forwarded-For": {"127.0.0.1"}}
	all := map[string]http.Header{
		"nobody": {}, "a forged identity": forged, "a forged cookie": {"Cookie": {"usher-gate=" + strings.Repeat("A", 80)}}, "a made-up token": {"Authorization": {"Bearer e30.e30.e30"}},
	}
	for i, shown := range args {
		kind, value, _ := strings.Cut(shown, ":")
		s.keepSecret(value)
		if kind == "cookie" {
			all[fmt.Sprintf("cookie %d", i)] = http.Header{"Cookie": {"usher-gate=" + value}}
			continue
		}
		all[fmt.Sprintf("token %d", i)] = http.Header{"Authorization": {"Bearer " + value}}
		all[fmt.Sprintf("player's token %d", i)] = http.Header{"X-Plex-Token": {value}}
	}
	for who, header := range all {
		s.behind.outside.Go(func() { s.behind.tries(s.gate.listen, who, header) })
	}
}

// tries asks for a film, as a stranger, and as a proxy in front would ask about one, until the story ends.
func (b *mediaServer) tries(gate, who string, header http.Header) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for path := "/film"; ; {
		select {
		case <-b.halt:
			return
		case <-time.After(2 * time.Millisecond):
		}
		r, err := http.NewRequest(http.MethodGet, "http://"+gate+path, nil)
		if err != nil {
			b.breached(err.Error())
			return
		}
		for name, values := range header {
			r.Header[name] = values
		}
		r.Header.Set("X-Stranger", who)
		if path == "/film" {
			path = "/.usher/auth"
		} else {
			for name, value := range map[string]string{"Method": "GET", "Uri": "/film", "Host": gate, "Proto": "http"} {
				r.Header.Set("X-Forwarded-"+name, value)
			}
			path = "/film"
		}
		answer, err := client.Do(r)
		if err != nil { // the gate is being started
			continue
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if b.turned.Add(1); path == "/film" && answer.StatusCode == http.StatusOK {
			b.breached("forward-auth lets in " + who)
		}
	}
}

// held [N] checks that no stranger came in so far, while some were turned away since the last time, and that N others came in, no less.
func cmdHeld(ts *testscript.TestScript, _ bool, args []string) {
	b := storyOf(ts).behind
	if what := b.let.Load(); what != nil {
		ts.Fatalf("%s", *what)
	}
	before := b.turned.Load()
	storyOf(ts).waitFor(ts, "strangers to be turned away", func() bool { return b.turned.Load() > before+100 })
	if what := b.let.Load(); what != nil {
		ts.Fatalf("%s", *what)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || b.known.Load() < int64(want) {
		ts.Fatalf("%d came in, want %s", b.known.Load(), args[0])
	}
}
