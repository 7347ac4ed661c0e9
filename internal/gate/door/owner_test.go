package door

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

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
