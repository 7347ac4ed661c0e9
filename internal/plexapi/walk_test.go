package plexapi

import (
	"context"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"usher/internal/linkcode"
	"usher/internal/ratelimit"
	"usher/internal/tvlink"
)

// unlimited counts nothing: what does not find a PIN is to be refused by more than a limit.
type unlimited struct{ tvlink.Store }

func (unlimited) Take(context.Context, []ratelimit.Take, time.Time) error { return nil }

// Attack D3, at length: while many PINs wait and some have been let in, polling number after number without a name, or by another's, tells no token,
// though nothing limits it. With --full, a million numbers, those that are in use among them.
func TestPinsCannotBeWalked(t *testing.T) {
	n := 1000
	if os.Getenv("USHER_TEST_FULL") != "" {
		n = 1_000_000
	}
	eachHouse(t, func(h *house) {
		h.door.Links.Store = unlimited{h.db}
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
			for name, want := range map[string]int{"": http.StatusBadRequest, "another": http.StatusNotFound} {
				r := h.request(http.MethodGet, path)
				if r.Header.Set("X-Plex-Client-Identifier", name); name == "" {
					r.Header.Del("X-Plex-Client-Identifier")
				}
				w := h.record(r)
				if w.Code != want || aTokenIn(w.Body.String()) {
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
