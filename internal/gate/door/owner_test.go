package door

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"usher/internal/secret"
)

// The owner is known by a token of theirs alone: not by a guest's, nor by the cookie of a browser, which other websites can have sent.
func TestTheOwnersToken(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	owner := g.let(ann())
	plex := func(token secret.Token) http.Header { return http.Header{plexToken: {token.Reveal()}} }
	for what, c := range map[string]struct {
		header http.Header
		want   bool
	}{
		"bearer": {bearer(owner), true}, "plex": {plex(owner), true}, "cookie": {http.Header{"Cookie": {g.cookieOf(t, owner, "http")}}, false},
		"a guest's": {plex(g.let(bob())), false}, "nobody's": {plex(tokenFor(serverID)), false}, "of another server": {bearer(tokenFor("srv-1")), false}, "none": {nil, false},
		"two": {http.Header{plexToken: {owner.Reveal(), g.let(bob()).Reveal()}}, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/myplex/account", nil)
		for name, values := range c.header {
			r.Header[name] = values
		}
		if got, err := g.door.Owner(r); got != c.want || err != nil {
			t.Errorf("%s: %v %v", what, got, err)
		}
	}
	g.decider.Suspend(Suspension{})
	r := httptest.NewRequest(http.MethodGet, "/myplex/account", nil)
	r.Header = bearer(owner)
	if got, err := g.door.Owner(r); got || !errors.Is(err, ErrSuspended) {
		t.Errorf("signed out: %v %v", got, err)
	}
}

// Whose browser is in is asked once, and known from memory then: not once it has ended or the server is signed out, and by nothing but the cookie.
func TestWhoIsSignedInIsAskedOnce(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	token := g.let(ann())
	says := func(header http.Header) (string, bool) {
		r := httptest.NewRequest(http.MethodGet, "/.usher/", nil)
		r.Header = header
		who, in := g.door.SignedIn(r)
		return who.Name, in
	}
	cookie := http.Header{"Cookie": {g.cookieOf(t, token, "http")}}
	if called, in := says(cookie); !in || called != "Ännchen" {
		t.Errorf("asked for the first time: %q, %t", called, in)
	}
	asked := g.asked.Load()
	if called, in := says(cookie); !in || called != "Ännchen" || g.asked.Load() != asked {
		t.Errorf("%q, %t; asked %d times", called, in, g.asked.Load()-asked)
	}
	for what, header := range map[string]http.Header{"a token": bearer(token), "nothing": {}, "the cookie of nobody who may come in": {"Cookie": {g.cookieOf(t, secret.NewToken(), "http")}}} {
		if called, in := says(header); in {
			t.Errorf("by %s %q is in", what, called)
		}
	}
	g.decider.Suspend(Suspension{})
	if _, in := says(cookie); in {
		t.Error("a server that is signed out lets somebody in")
	}
	g.decider.Resume()
	if _, in := says(cookie); !in {
		t.Error("brought back, it knows nobody")
	}
	g.pass(25 * time.Hour)
	if _, in := says(cookie); in {
		t.Error("in beyond its end")
	}
}
