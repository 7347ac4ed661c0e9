package plexapi

import (
	"bytes"
	"image/png"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/tvlink"
)

// waiting is a PIN as its client knows it.
type waiting struct {
	*house
	id, code, name string
}

// pin makes one for a client that calls itself by a name.
func (h *house) pin(name, query string) waiting {
	h.Helper()
	got := h.ask(http.MethodPost, "/api/v2/pins.json"+query, "", "X-Plex-Client-Identifier", name, "X-Plex-Product", "Attic Player", "X-Plex-Device-Name", "Living room").is(201).jsonBody()
	id, _ := got["id"].(float64)
	code, _ := got["code"].(string)
	if id < 0 || id >= 1<<31 || got["clientIdentifier"] != name || got["authToken"] != nil || got["expiresIn"] != 900.0 || got["product"] != "Attic Player" {
		h.Fatalf("it waits as %v", got)
	}
	return waiting{h, strconv.FormatInt(int64(id), 10), code, name}
}

// polls asks whether somebody has let it in; empty while nobody has.
func (w waiting) polls() string {
	w.Helper()
	got := w.ask(http.MethodGet, "/api/v2/pins/"+w.id, "", "X-Plex-Client-Identifier", w.name, "Accept", "application/json").is(200).jsonBody()
	token, _ := got["authToken"].(string)
	return token
}

func (w waiting) dead() {
	w.Helper()
	w.ask(http.MethodGet, "/api/v2/pins/"+w.id, "", "X-Plex-Client-Identifier", w.name).is(404, `code="1020"`)
}

// browserOf is a person's browser at an address, as the pages know it.
func (h *house) browserOf(a account.Account, address string) (credential.Found, device.Client) {
	h.Helper()
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	a, err = h.db.LoadAccount(h.Context(), a.ID)
	h.must(err)
	return credential.Found{Credential: credential.Credential{AccountID: a.ID}, Clock: clock, Account: a.Standing}, device.Client{Address: netip.MustParseAddr(address)}
}

// letIn types a code at home and says yes, or no.
func (h *house) letIn(a account.Account, code string, yes bool) {
	h.Helper()
	f, client := h.browserOf(a, "203.0.113.7")
	ticket, err := h.door.Links.Enter(h.Context(), f, a, code, client)
	h.must(err)
	asked, err := h.door.Links.Open(h.Context(), f, ticket)
	h.must(err)
	if yes {
		h.must(h.door.Links.Approve(h.Context(), f, a, asked, tvlink.Proof{}, client))
		return
	}
	h.must(h.door.Links.Deny(h.Context(), asked, client))
}

func TestPin(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		w := h.pin("attic", "")
		if len(w.code) != linkcode.Shortest {
			t.Errorf("a code of %d", len(w.code))
		}
		for range 5 { // clients ask every second
			h.now = h.now.Add(time.Second)
			if w.polls() != "" {
				t.Fatal("let in by nobody")
			}
		}
		h.letIn(ann, strings.ToLower(w.code), true)
		token := w.polls()
		h.get("/api/v2/user", token).is(200, ` username="ann"`)
		h.now = h.now.Add(58 * time.Second)
		if w.polls() != token {
			t.Error("asked once more, it is told another")
		}
		if found := h.apps(ann.ID); len(found) != 1 || found[0].Kind != device.TV || found[0].Name != "Living room" || found[0].Claim.Identifier != "attic" || h.mailed(notice.KindDeviceLinked) != 1 {
			t.Errorf("signed in are %+v", found)
		}
		h.now = h.now.Add(2 * time.Second)
		w.dead()
		h.get("/api/v2/user", token).is(200)
		h.Log("a long code, for the page that opens by itself")
		strong := h.pin("shed", "?strong=True")
		if len(strong.code) != 8 {
			t.Errorf("a strong code of %d", len(strong.code))
		}
		h.letIn(ann, strong.code, true)
		h.get("/api/v2/ping", strong.polls()).is(200)
		h.Log("the same client, let in anew, takes its own place")
		again := h.pin("attic", "")
		h.letIn(ann, again.code, true)
		h.get("/api/v2/ping", again.polls()).is(200)
		h.get("/api/v2/ping", token).is(401)
		if got := len(h.apps(ann.ID)); got != 2 {
			t.Errorf("%d devices", got)
		}
		h.Log("denied")
		w = h.pin("cellar", "")
		h.letIn(ann, w.code, false)
		w.dead()
	})
}

// The forms that clients parse with patterns and schemas.
func TestPinForms(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		h.ask(http.MethodPost, "/api/v2/pins", "").is(201, `<pin id="`, ` authToken=""`, ` product="0"`, "<location ").without("<code>")
		strong := h.ask(http.MethodPost, "/api/v2/pins", `{"strong":true}`, "Content-Type", "application/json", "Accept", "application/json").is(201, `"newRegistration":null`, `"location":{"code":""`, `"trusted":false`).jsonBody()
		if code, is := strong["code"].(string); !is || len(code) != 8 {
			t.Errorf("a strong code asked for in JSON is %q", code)
		}
		h.ask(http.MethodPost, "/api/v2/pins", `""`, "Content-Type", "application/json").is(201)
		old := h.ask(http.MethodPost, "/pins.xml", "", "Accept", "application/json").is(201, `<id type="integer">`, "</id><code>", "<auth_token></auth_token>")
		location := old.Header().Get("Location")
		_, rest, _ := strings.Cut(old.Body.String(), "<code>")
		code, _, _ := strings.Cut(rest, "</code>")
		path, is := strings.CutPrefix(location, testOrigin)
		if !is || !strings.HasPrefix(path, "/pins/") || !strings.HasSuffix(path, ".xml") {
			t.Errorf("it is at %q", location)
		}
		h.ask(http.MethodGet, path, "").is(200, "<auth_token></auth_token>")
		h.letIn(ann, code, true)
		h.ask(http.MethodGet, path, "").is(200, "<auth_token>"+h.tokenAt(path)+"</auth_token>")
		h.ask(http.MethodPost, "/api/v2/pins", "", "X-Plex-Client-Identifier", "").is(400, `code="1000"`)
		h.ask(http.MethodPost, "/pins.xml", "", "X-Plex-Client-Identifier", "").is(400)
	})
}

// A poll echoes a code that it sends along, and nothing else that stands there; what it does not send, nobody knows.
func TestPollEchoesCodesOnly(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := h.pin("attic", "")
		poll := func(code string) map[string]any {
			t.Helper()
			return h.ask(http.MethodGet, "/api/v2/pins/"+w.id+"?code="+url.QueryEscape(code), "", "X-Plex-Client-Identifier", w.name, "Accept", "application/json").is(200).jsonBody()
		}
		for _, typed := range []string{w.code, strings.ToLower(w.code)} {
			got := poll(typed)
			path, _ := strings.CutPrefix(got["qr"].(string), testOrigin)
			if got["code"] != w.code || h.serve(h.request(http.MethodGet, path)) != http.StatusOK {
				t.Errorf("with the code: %v, %v", got["code"], got["qr"])
			}
		}
		for _, other := range []string{"", "../../../x?#", "../../../x%3F%23", "<x>", "A", w.code + w.code + w.code, "ÄÖÜß", "a b/c"} {
			if got := poll(other); got["code"] != "" || got["qr"] != "" {
				t.Errorf("%q: %v, %v", other, got["code"], got["qr"])
			}
		}
	})
}

// Asked for JSON, the older way answers a number, and points to where JSON is.
func TestPinOldInJSON(t *testing.T) {
	eachHouse(t, func(h *house) {
		made := h.ask(http.MethodPost, "/pins.json", "").is(201)
		pin, _ := made.jsonBody()["pin"].(map[string]any)
		id, is := pin["id"].(float64)
		path, here := strings.CutPrefix(made.Header().Get("Location"), testOrigin)
		if !is || !here || path != "/pins/"+strconv.FormatInt(int64(id), 10)+".json" {
			t.Fatalf("%v at %q", pin, made.Header().Get("Location"))
		}
		polled, _ := h.ask(http.MethodGet, path, "").is(200).jsonBody()["pin"].(map[string]any)
		if polled["id"] != id {
			t.Errorf("polled: %v", polled)
		}
	})
}

func (h *house) tokenAt(path string) string {
	h.Helper()
	_, rest, _ := strings.Cut(h.ask(http.MethodGet, path, "").Body.String(), "<auth_token>")
	token, _, _ := strings.Cut(rest, "</auth_token>")
	if len(token) != secret.TokenLength {
		h.Fatalf("a token of %d", len(token))
	}
	return token
}

// Attack D3: a number alone, the next one, another's name, a code, or nothing; waiting or let in: never a token. Who goes on guessing has to wait.
func TestPinIsBound(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		w := h.pin("attic", "")
		try := func() {
			t.Helper()
			id, err := strconv.Atoi(w.id)
			h.must(err)
			for _, path := range []string{"/api/v2/pins/" + strconv.Itoa(id+1), "/api/v2/pins/" + strconv.Itoa(id-1), "/api/v2/pins/-" + w.id, "/api/v2/pins/" + w.code, "/api/v2/pins/0", "/api/v2/pins/99999999999999999999"} {
				h.ask(http.MethodGet, path, "").is(404, `code="1020"`)
			}
			for _, name := range []string{"ATTIC", "attic2", "atti", w.code, "*", "%"} {
				h.ask(http.MethodGet, "/api/v2/pins/"+w.id+"?code="+w.code, "", "X-Plex-Client-Identifier", name).is(404, `code="1020"`)
				h.ask(http.MethodGet, "/pins/"+w.id+".xml", "", "X-Plex-Client-Identifier", name).is(404)
			}
			h.ask(http.MethodGet, "/api/v2/pins/"+w.id, "", "X-Plex-Client-Identifier", "").is(400)
		}
		try()
		h.letIn(ann, w.code, true)
		try()
		w.polls()
		try()
		for range 200 {
			if h.ask(http.MethodGet, "/api/v2/pins/1", "", "X-Plex-Client-Identifier", "guess").Code == http.StatusTooManyRequests {
				return
			}
		}
		t.Error("it may guess for ever")
	})
}

// Attack D4: however many polls at once, one device; and all that get a token get the same.
func TestPinRaced(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		w := h.pin("machine", "")
		h.letIn(ann, w.code, true)
		tokens := make([]string, 8)
		var wg sync.WaitGroup
		for i := range tokens {
			wg.Go(func() {
				state, err := h.door.Links.PollPin(h.Context(), tvlink.PinPoll{ID: mustInt(w.id), Name: "machine"})
				if err == nil {
					tokens[i] = state.Token.Reveal()
				}
			})
		}
		wg.Wait()
		if len(h.apps(ann.ID)) != 1 {
			t.Errorf("%d devices", len(h.apps(ann.ID)))
		}
		for _, token := range tokens {
			if token != tokens[0] || token == "" {
				t.Error("the polls are told different things")
			}
		}
	})
}

func mustInt(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// Attack D8: who is closed out between the yes and the poll lets nothing in; and a token that was told and ended is not told again.
func TestPinDies(t *testing.T) {
	eachHouse(t, func(h *house) {
		for name, end := range map[string]func(a account.Account) error{
			"locked":   h.lock,
			"deleting": h.beginDeletion,
			"required": func(a account.Account) error { return h.db.RequireReset(h.Context(), a.ID, "", audit.Act{At: h.now}) },
			"out":      func(a account.Account) error { return h.db.EndEverything(h.Context(), a.ID, nil, audit.Act{At: h.now}) },
		} {
			a := h.person(name, false)
			before, after := h.pin("before "+name, ""), h.pin("after "+name, "")
			h.letIn(a, before.code, true)
			h.letIn(a, after.code, true)
			after.polls()
			h.must(end(a))
			before.dead()
			after.dead()
		}
		ann := h.person("ann", false)
		w := h.pin("attic", "")
		h.letIn(ann, w.code, true)
		h.ask(http.MethodDelete, "/api/v2/users/signout", "", "X-Plex-Token", w.polls()).is(204)
		w.dead()
		w = h.pin("attic", "")
		h.now = h.now.Add(linkcode.Life)
		w.dead()
	})
}

// A new request of a client replaces the one before, and so many wait on a network.
func TestPinsAreFew(t *testing.T) {
	eachHouse(t, func(h *house) {
		first := h.pin("attic", "")
		h.pin("attic", "")
		first.dead()
		for i := range linkcode.MostCrowded - 1 {
			h.pin("player-"+strconv.Itoa(i), "")
		}
		h.ask(http.MethodPost, "/api/v2/pins", "", "X-Plex-Client-Identifier", "f").is(429, `code="1003"`)
	})
}

// A player that was let in by a code reads whose it is, and has no say: not over other devices, codes or media servers.
func TestPlayerHasNoSay(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		w := h.pin("attic", "")
		h.letIn(ann, w.code, true)
		player, app, password := w.polls(), h.signIn("ann", annPassword, "shed"), h.appPassword(ann)
		other := h.pin("cellar", "")
		for _, token := range []string{player, password} {
			h.get("/devices.xml", token).is(200)
			h.get("/api/v2/user", token).is(200)
			h.get("/api/claim/token", token).is(403)
			h.ask(http.MethodDelete, "/devices/"+h.number(ann.ID, "shed")+".xml", "", "X-Plex-Token", token).is(403)
			h.ask(http.MethodPut, "/api/v2/pins/link", form("code", other.code), "X-Plex-Token", token).is(403, `code="1068"`)
		}
		h.get("/api/v2/user", app).is(200)
		if other.polls() != "" {
			t.Error("let in")
		}
		h.ask(http.MethodDelete, "/devices/"+h.number(ann.ID, "attic")+".xml", "", "X-Plex-Token", player).is(204) // itself
	})
}

// Software that was given the password lets a device in that stands in the same network, and no other.
func TestPinLink(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		h.now = h.now.Add(25 * time.Hour) // a new account may try fewer
		token := h.signIn("ann", annPassword, "app")
		link := func(code string) answer {
			return h.ask(http.MethodPut, "/api/v2/pins/link.json", form("code", code), "X-Plex-Token", token, "X-Plex-Product", "Plex SSO")
		}
		w := h.pin("attic", "")
		link("7777").is(404, `"code":1020`)
		link("").is(404, `"code":1020`)
		link("WAYTOOLONG").is(404, `"code":1020`)
		link(w.code).is(204)
		link(w.code).is(404)
		h.get("/api/v2/ping", w.polls()).is(200)
		for _, d := range h.apps(ann.ID) {
			if d.Product == "Plex SSO" {
				t.Error("the caller was renamed")
			}
		}
		pending, err := h.door.Links.Ask(h.Context(), tvlink.Asking{Client: device.Client{Address: netip.MustParseAddr("198.51.100.9")}})
		h.must(err)
		link(pending.Long.Reveal()).is(403, `"code":1068`, testOrigin+"/link")
		h.ask(http.MethodPut, "/api/v2/pins/link", form("code", w.code)).is(401)
	})
}

// Whoever stole an app's token has it wherever he is: it lets nothing in there, however long he uses it, nor by a media server that he claims. A
// network is the owner's once a browser was used on it, and the app's word counts again; or for some minutes after the password was typed.
func TestStolenTokensLetNothingIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		ann := h.person("ann", false)
		h.now = h.now.Add(25 * time.Hour)
		token := h.signIn("ann", annPassword, "app")
		link := func(code string) answer {
			return h.ask(http.MethodPut, "/api/v2/pins/link.json", form("code", code), "X-Plex-Token", token)
		}
		link(h.pin("attic", "").code).is(204)
		h.now = h.now.Add(credential.Fresh)
		link(h.pin("shed", "").code).is(403, `"code":1068`, testOrigin+"/link")
		h.get("/api/v2/user", token).is(200) // from here, so it was used here
		h.must(h.door.Touches.Flush(h.Context(), h.db))
		h.exchange(h.claim(token), "machine").is(200)
		w := h.pin("shed", "")
		link(w.code).is(403, `"code":1068`)
		if w.polls() != "" {
			t.Error("let in")
		}
		h.managed(ann, "Kim", "")
		h.switched(h.home(ann.ID).Members[0], token, "", "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0") // what says to be a browser is none of the owner's
		w = h.pin("shed", "")
		link(w.code).is(403, `"code":1068`)
		f, client := h.browserOf(ann, "203.0.113.7")
		in := credential.NewSignIn(ann.ID, "password", client, h.now)
		in.Stamp = credential.StampNow(f.Clock, f.Account)
		h.must(h.db.OpenSignIn(h.Context(), credential.Attempt{At: h.now}, credential.Candidate{}, in, audit.Act{At: h.now}, audit.Act{}))
		w = h.pin("shed", "")
		link(w.code).is(204)
		h.get("/api/v2/ping", w.polls()).is(200)
	})
}

func TestPicture(t *testing.T) {
	eachHouse(t, func(h *house) {
		got := h.ask(http.MethodPost, "/api/v2/pins.json", "").jsonBody()
		path, is := strings.CutPrefix(got["qr"].(string), testOrigin)
		r := h.request(http.MethodGet, path)
		w := h.record(r)
		if !is || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" || w.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Fatalf("%s: %d %v", path, w.Code, w.Header())
		}
		if _, err := png.Decode(bytes.NewReader(w.Body.Bytes())); err != nil {
			t.Error(err)
		}
		for _, none := range []string{"A", "AAAAAAAAA", "<x>", "%3Cx%3E%3Cy", "AAA%00", "ééééé"} {
			if code := h.serve(h.request(http.MethodGet, "/api/v2/pins/qr/"+none)); code == http.StatusOK {
				t.Errorf("%q is drawn", none)
			}
		}
	})
}

// Who has too many codes waiting is told to come back in a minute, as at every other door: one of them may be used or expire meanwhile.
func TestTooManyWaitingCodesHaveAMinute(t *testing.T) {
	eachHouse(t, func(h *house) {
		for i := range linkcode.MostCrowded {
			h.pin("player-"+strconv.Itoa(i), "")
		}
		a := h.ask(http.MethodPost, "/api/v2/pins", "", "X-Plex-Client-Identifier", "one more").is(429, `code="1003"`)
		if got := a.Header().Get("Retry-After"); got != "60" {
			t.Errorf("retry after %q", got)
		}
	})
}
