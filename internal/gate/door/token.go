package door

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"usher/internal/secret"
	"usher/internal/signing"
)

// errSeveral says that a request presents two different proofs, of which the media server might see the other.
var errSeveral = errors.New("door: two different proofs")

const plexToken = "X-Plex-Token" //nolint:gosec // a header

// presented is what a request brings to be let in, and where it stood.
type presented struct {
	proof
	plex   bool // X-Plex-Token
	header bool // Authorization holds what is the gate's to know, and not the media server's
	cookie bool
	// typed is a name and a password that may be an account's own; whether they are, its owner decides.
	typed proof
}

// ambient reports whether a browser may have added it by itself: then it is also sent with what other websites' pages make the browser ask for.
func (p presented) ambient() bool { return p.cookie || p.kind != byToken }

// present looks for a proof: X-Plex-Token in the header or the query, a bearer token or an app password that was made for this server, the gate's own cookie. The
// first that is there decides, so that a player whose token has ended learns of it. It is empty when there is nothing. errSeveral.
func (d *Door) present(r *http.Request) (presented, error) {
	var plex string
	for _, value := range slices.Concat(r.Header.Values(plexToken), plexTokens(r.URL.RawQuery)) {
		if value = strings.TrimSpace(value); plex != "" && value != plex {
			return presented{}, errSeveral
		}
		plex = value
	}
	shown, typed, err := d.authorization(r.Header["Authorization"])
	switch {
	case err != nil, plex != "" && !shown.empty() && (shown.kind != byToken || shown.text.Reveal() != plex):
		return presented{}, errSeveral
	case plex != "":
		return presented{proof: tokenProof(secret.TokenOf(plex)), plex: true, header: !shown.empty() || d.Decider.knows(typed), typed: typed}, nil
	case !shown.empty():
		return presented{proof: shown, header: true}, nil
	}
	asked := presented{typed: typed}
	if r.Header["Cookie"] == nil {
		return asked, nil
	}
	_, scheme, _ := d.origin(r)
	for _, cookie := range r.Cookies() {
		if token, ok := d.openCookie(cookie, scheme); ok {
			asked.proof, asked.cookie, asked.header = tokenProof(token), true, d.Decider.knows(typed)
			break
		}
	}
	return asked, nil
}

// authorization is what lines of Authorization hold that was made for this server; empty when there is nothing, for then they are the media server's. A name and a
// password of another shape may be an account's own. errSeveral.
func (d *Door) authorization(lines []string) (shown, typed proof, err error) {
	if len(lines) == 1 && !strings.Contains(lines[0], ",") {
		if p := d.credentials(lines[0]); p.kind != byAccount {
			return p, proof{}, nil
		} else {
			return proof{}, p, nil
		}
	}
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") { // as proxies join lines
			if p := d.credentials(one); !p.empty() && p.kind != byAccount {
				return proof{}, proof{}, errSeveral
			}
		}
	}
	return proof{}, proof{}, nil
}

// credentials is what a line of Authorization holds that is the gate's, or may be; empty when it is the media server's.
func (d *Door) credentials(line string) proof {
	scheme, text, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch text = strings.TrimSpace(text); {
	case strings.EqualFold(scheme, "Bearer"):
		p := tokenProof(secret.TokenOf(text))
		if _, password := secret.ReadServerPassword(p.text); password || d.Decider.knows(p) || d.Decider.worthAsking(p) {
			return p
		}
	case strings.EqualFold(scheme, "Basic"):
		if login, password, ok := basic(text); ok {
			return passwordProof(login, password)
		}
	}
	return proof{}
}

// basic reads what stands behind Basic (RFC 7617 §2) as leniently as any media server may: what one of them could read is known here for what it is.
func basic(text string) (login string, password secret.Token, ok bool) {
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", " ", "", "\t", "").Replace(text), "=")
	raw, err := base64.RawStdEncoding.DecodeString(text)
	login, word, ok := strings.Cut(string(raw), ":")
	return login, secret.TokenOf(word), ok && err == nil && word != ""
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
