package door

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"usher/internal/secret"
	"usher/internal/signing"
)

// errSeveral says that a request presents two different tokens, of which the media server might see the other.
var errSeveral = errors.New("door: two different tokens")

const plexToken = "X-Plex-Token" //nolint:gosec // a header

// presented is what a request brings to be let in, and where it stood.
type presented struct {
	token  secret.Token
	plex   bool // X-Plex-Token
	bearer bool // Authorization, which then is not the media server's
	cookie bool // a browser: it also sends what other websites' pages make it send
}

// present looks for a token: X-Plex-Token in the header or the query, a bearer token that was made for this server, the gate's own cookie. The first that is
// there decides, so that a player whose token has ended learns of it. It is empty when there is nothing. errSeveral.
func (d *Door) present(r *http.Request) (presented, error) {
	var plex string
	for _, value := range slices.Concat(r.Header.Values(plexToken), plexTokens(r.URL.RawQuery)) {
		if value = strings.TrimSpace(value); plex != "" && value != plex {
			return presented{}, errSeveral
		}
		plex = value
	}
	shown, err := d.bearer(r.Header.Values("Authorization"))
	switch {
	case err != nil, plex != "" && !shown.Empty() && shown.Reveal() != plex:
		return presented{}, errSeveral
	case plex != "":
		return presented{token: secret.TokenOf(plex), plex: true, bearer: !shown.Empty()}, nil
	case !shown.Empty():
		return presented{token: shown, bearer: true}, nil
	}
	if r.Header["Cookie"] == nil {
		return presented{}, nil
	}
	_, scheme, _ := d.origin(r)
	for _, cookie := range r.Cookies() {
		if token, ok := d.openCookie(cookie, scheme); ok {
			return presented{token: token, cookie: true}, nil
		}
	}
	return presented{}, nil
}

// bearer is the bearer token among lines of Authorization that was made for this server; empty when there is none, for then they are the media server's.
func (d *Door) bearer(lines []string) (secret.Token, error) {
	for _, line := range lines {
		scheme, text, _ := strings.Cut(line, " ")
		token := secret.TokenOf(strings.TrimSpace(text))
		if !strings.EqualFold(scheme, "Bearer") || !d.Decider.knows(token) && !madeFor(d.Server, token.Reveal()) {
			continue
		}
		if len(lines) > 1 {
			return secret.Token{}, errSeveral
		}
		return token, nil
	}
	return secret.Token{}, nil
}

// madeFor reports whether a text says that it is a token for the server. Nothing of it is proved; everything else need not be asked about, and tokens for a
// whole account are not passed around.
func madeFor(server, text string) bool {
	said, err := signing.Peek(text)
	return err == nil && said.Audience == server
}

// plexTokens returns what the query has under the name, in whatever case and spelling.
func plexTokens(query string) (found []string) {
	if query == "" {
		return nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		if isPlexToken(pair) {
			_, value, _ := strings.Cut(pair, "=")
			text, err := url.QueryUnescape(value)
			if err != nil {
				text = value
			}
			found = append(found, text)
		}
	}
	return found
}

func isPlexToken(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	return strings.EqualFold(strings.TrimSpace(name), plexToken)
}

// withoutPlexToken leaves the rest of a query as it was.
func withoutPlexToken(query string) string {
	if !slices.ContainsFunc(strings.Split(query, "&"), isPlexToken) {
		return query
	}
	return strings.Join(slices.DeleteFunc(strings.Split(query, "&"), isPlexToken), "&")
}
