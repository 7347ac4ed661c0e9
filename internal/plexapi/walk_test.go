package plexapi

import (
	"net/http"
	"os"
	"strconv"
	"testing"

	"usher/internal/linkcode"
)

// Attack D3, at length: while many PINs wait and some have been let in, polling number after number without a name, or by another's, tells no token.
// With --full, a million numbers without a name, and two hundred thousand of them by another's, those that are in use among them.
func TestPinsCannotBeWalked(t *testing.T) {
	n := 1000
	if os.Getenv("USHER_TEST_FULL") != "" {
		n = 1_000_000
	}
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		var used []int64
		for i := range linkcode.Most {
			w := h.pin("client "+strconv.Itoa(i), "")
			if i%2 == 0 {
				h.letIn(ann, w.code, true)
			}
			if i%4 == 0 {
				w.polls() // it is told once more for a minute
			}
			used = append(used, mustInt(w.id))
		}
		for i := range n {
			id := used[i%len(used)] + int64(i/len(used)) // each in use, then its neighbours, on and on
			path := "/api/v2/pins/" + strconv.FormatInt(id, 10)
			for _, name := range []string{"", "another"} {
				if name != "" && i >= 200_000 {
					continue
				}
				r := h.request(http.MethodGet, path)
				if r.Header.Set("X-Plex-Client-Identifier", name); name == "" {
					r.Header.Del("X-Plex-Client-Identifier")
				}
				w := h.record(r)
				if w.Code < 400 || w.Code >= 500 || aTokenIn(w.Body.String()) {
					t.Fatalf("%s as %q: %d", path, name, w.Code)
				}
			}
			h.log.Reset()
		}
	})
}

// aTokenIn reports whether a text has a token in it.
func aTokenIn(text string) bool {
	run := 0
	for _, c := range text {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'v' {
			if run++; run == 52 {
				return true
			}
			continue
		}
		run = 0
	}
	return false
}
