package plexapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/device"
)

// likeNames are names that something careless takes for one: by their beginning, by their blanks, by their case.
var likeNames = []string{
	strings.Repeat("x", 64), strings.Repeat("x", 64) + "-mine", strings.Repeat("x", 64) + "-another", strings.Repeat("x", device.LongestIdentifier-1),
	strings.Repeat("x", device.LongestIdentifier), "attic player", "attic  player", "Attic player", `attic "<&>' HTTP`,
}

// Attack D3, of names that begin alike: each has its own PINs, which the others neither poll nor end, and its own device.
func TestIdentifiersCountToTheLetter(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		for i, name := range likeNames {
			h.now = h.now.Add(10 * time.Minute) // so many codes are asked for, and so many polls may miss
			w := h.pin(name, "")
			for _, other := range likeNames {
				if other != name {
					h.ask(http.MethodGet, "/api/v2/pins/"+w.id, "", "X-Plex-Client-Identifier", other).is(404, `code="1020"`)
				}
			}
			h.letIn(ann, w.code, true)
			token := w.polls()
			h.get("/api/v2/ping", token).is(200)
			h.get("/api/v2/resources.xml", token).is(200, ` clientIdentifier="`+escapeXML(name)+`"`)
			if got := len(h.apps(ann.ID)); got != i+1 {
				t.Fatalf("%d devices after %d", got, i+1)
			}
		}
		h.now = h.now.Add(10 * time.Minute)
		first, second := h.pin(likeNames[1], ""), h.pin(likeNames[2], "")
		if first.polls() != "" || second.polls() != "" {
			t.Error("let in by nobody")
		}
	})
}

// A name of any length that is taken signs for itself by a key; and one that stands in the query is the same as in a header.
func TestLongIdentifiersHaveKeys(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		for i, name := range []string{likeNames[1], likeNames[4], "attic  player"} {
			k := h.keyed(name, strings.Repeat("k", 126)+string(rune('a'+i)))
			token, _ := h.ask(http.MethodPost, "/api/v2/users/signin?X-Plex-Client-Identifier="+url.QueryEscape(name), form("login", "ann", "password", annPassword),
				"Accept", "application/json", "X-Plex-Client-Identifier", "").is(201).jsonBody()["authToken"].(string)
			k.register(token).is(204)
			h.get("/api/v2/ping", k.renews()).is(200)
		}
	})
}

// A name that is too long or has in it what cannot be seen is refused, and not cut into another's.
func TestNoIdentifiers(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		for _, name := range []string{strings.Repeat("x", device.LongestIdentifier+1), "a\u200bb", "a\xffb", "a\x00b"} {
			in := "?X-Plex-Client-Identifier=" + url.QueryEscape(name)
			none := func(method, path, body string) {
				t.Helper()
				h.ask(method, path+in, body, "X-Plex-Client-Identifier", "").is(400, `code="1004"`)
			}
			none(http.MethodPost, "/api/v2/pins", "")
			none(http.MethodGet, "/api/v2/pins/1", "")
			none(http.MethodGet, "/api/v2/auth/nonce", "")
			none(http.MethodPost, "/api/v2/users/signin", form("login", "ann", "password", annPassword))
			h.ask(http.MethodPost, "/pins.xml"+in, "", "X-Plex-Client-Identifier", "").is(400)
			h.ask(http.MethodPost, "/users/sign_in.xml"+in, form("user[login]", "ann", "user[password]", annPassword), "X-Plex-Client-Identifier", "").is(400)
			h.ask(http.MethodPost, "/api/claim/exchange"+in, form("token", "claim-x"), "X-Plex-Client-Identifier", "").is(400)
		}
		if len(h.apps(ann.ID)) != 0 {
			t.Error("signed in")
		}
	})
}
