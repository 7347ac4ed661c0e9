package plexapi

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/notice"
)

func (h *house) claim(token string) string {
	h.Helper()
	claim, _ := h.get("/api/claim/token.json", token).is(200).jsonBody()["token"].(string)
	if !strings.HasPrefix(claim, "claim-") || len(claim) < 6+26 {
		h.Fatalf("a claim token of %d characters", len(claim))
	}
	return claim
}

func (h *house) exchange(claim, identifier string) answer {
	h.Helper()
	return h.ask(http.MethodPost, "/api/claim/exchange?token="+claim, "", "X-Plex-Client-Identifier", identifier, "X-Plex-Product", "Plex Media Server", "X-Plex-Version", "1.41",
		"X-Plex-Provides", "server", "X-Plex-Device-Name", "attic-server")
}

// tokenOf is the server's token as the first-run script of containers finds it.
func (a answer) tokenOf() string {
	a.Helper()
	_, rest, _ := strings.Cut(a.Body.String(), "<authentication-token>")
	token, _, found := strings.Cut(rest, "</authentication-token>")
	if !found || strings.Contains(token, "\n") || !strings.Contains(a.Body.String(), ` authToken="`+token+`"`) || !strings.Contains(a.Body.String(), ` authenticationToken="`+token+`"`) {
		a.Fatalf("%s: no token in %s", a.path, a.Body)
	}
	return token
}

func TestClaim(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		h.get("/api/claim/token", token, "Accept", "application/json").is(200, `<MediaContainer token="claim-`)
		claim := h.claim(token)
		server := h.exchange(claim, "machine").is(200, "<user ", ` username="ann"`).tokenOf()
		h.exchange(claim, "machine").is(422) // attack D13: once
		found := h.apps(ann.ID)
		if len(found) != 2 || found[0].Kind != device.Server || found[0].Name != "attic-server" || found[0].Product != "Plex Media Server" || found[0].Claim.Version != "1.41" {
			t.Errorf("signed in are %+v", found)
		}
		if h.mailed(notice.KindServerClaimed) != 1 || h.recorded(audit.ServerClaimed) != 1 || h.recorded(audit.ClaimTokenMade) != 2 {
			t.Error("nobody was told, or nothing was recorded")
		}
		h.Log("a server knows itself and its owner, and may nothing else")
		h.get("/api/v2/user", server).is(200, ` authToken="`+server+`"`)
		h.get("/api/v2/ping", server).is(200)
		for _, path := range []string{"/devices.xml", "/api/v2/resources", "/api/resources", "/pms/servers.xml", "/api/v2/home/users", "/api/home/users", "/api/users/", "/api/v2/friends", "/api/claim/token"} {
			h.get(path, server).is(403)
		}
		h.ask(http.MethodDelete, "/devices/"+h.number(ann.ID, "attic")+".xml", "", "X-Plex-Token", server).is(403)
		h.Log("claimed again, it takes its own place")
		again := h.exchange(h.claim(token), "machine").is(200).tokenOf()
		h.get("/api/v2/ping", server).is(401)
		h.signIn("ann", annPassword, "machine") // an app that calls itself the same is another thing
		h.get("/api/v2/ping", again).is(200)
		if got := len(h.apps(ann.ID)); got != 3 {
			t.Errorf("%d devices", got)
		}
		h.ask(http.MethodDelete, "/api/v2/users/signout", "", "X-Plex-Token", again).is(204)
		h.get("/api/v2/ping", again).is(401)
	})
}

// Attack D13: a claim token is dead after four minutes, after its account was signed out everywhere, and for everybody but the first.
func TestClaimDies(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		claim := h.claim(token)
		h.now = h.now.Add(4*time.Minute - time.Second)
		h.exchange(claim, "one").is(200)
		claim = h.claim(token)
		h.now = h.now.Add(4*time.Minute + time.Second)
		h.exchange(claim, "two").is(422, "Get a new one")
		claim = h.claim(token)
		h.must(h.db.EndEverything(h.Context(), ann.ID, nil, audit.Act{At: h.now}))
		h.exchange(claim, "two").is(422)
		token = h.signIn("ann", annPassword, "attic")
		claim = h.claim(token)
		h.must(h.lock(ann))
		h.exchange(claim, "two").is(422)
		for _, dead := range []string{"", "claim-", "claim-x", strings.ToUpper(claim), token, claim + "x"} {
			h.exchange(dead, "two").is(422)
		}
		h.ask(http.MethodPost, "/api/claim/exchange?token="+claim, "", "X-Plex-Client-Identifier", "").is(400)
	})
}

func TestClaimRaced(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		claim := h.claim(h.signIn("ann", annPassword, "attic"))
		h.log.Reset()
		codes := make([]int, 8)
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() {
				r := h.request(http.MethodPost, "/api/claim/exchange?token="+claim)
				codes[i] = h.serve(r)
			})
		}
		wg.Wait()
		won := 0
		for _, code := range codes {
			if code == http.StatusOK {
				won++
			} else if code != http.StatusUnprocessableEntity {
				t.Errorf("one of many got %d", code)
			}
		}
		if won != 1 || len(h.apps(ann.ID)) != 2 {
			t.Errorf("%d of %d won", won, len(codes))
		}
	})
}

// At most five wait at once, and so many a day.
func TestClaimsAreFew(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		token := h.signIn("ann", annPassword, "attic")
		for range 5 {
			h.claim(token)
		}
		h.get("/api/claim/token.json", token).is(429, `{"error":"`)
		made := 5
		for range 500 {
			h.now = h.now.Add(4 * time.Minute)
			if h.now.Sub(start) > 24*time.Hour {
				break
			}
			if h.get("/api/claim/token.json", token).Code == http.StatusOK {
				made++
			}
		}
		if made < 10 || made > 20 {
			t.Errorf("%d in a day", made)
		}
		h.person("bob", false)
		h.claim(h.signIn("bob", annPassword, "attic"))
	})
}

// Who has as many claim tokens as may wait is told when the first of them is over.
func TestClaimTokensThatWaitHaveAnEnd(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.person("ann", false)
		app := h.signIn("ann", annPassword, "attic")
		first := h.now
		h.claim(app)
		h.now = h.now.Add(3 * time.Minute)
		for range 4 {
			h.claim(app)
		}
		h.now = first.Add(3*time.Minute + 20*time.Second)
		got := h.get("/api/claim/token.json", app).is(429).Header().Get("Retry-After")
		if seconds, err := strconv.Atoi(got); err != nil || seconds < 39 || seconds > 41 {
			t.Errorf("retry after %q", got)
		}
		h.now = h.now.Add(41 * time.Second)
		h.claim(app)
	})
}
