package local

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/keep"
	"usher/internal/gate/neighbours"
	"usher/internal/gate/watch"
	"usher/internal/outage"
)

var start = time.Date(2026, 3, 14, 20, 0, 0, 0, time.UTC)

// house is an unclaimed server whose account service does not answer, and the clock on its wall.
type house struct {
	*Door
	now    time.Time
	window keep.Window
	path   string
	log    *strings.Builder
	known  watch.Known
	beside map[netip.Addr][]neighbours.Neighbour
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{now: start, log: &strings.Builder{}, path: t.TempDir()}
	folder, err := keep.Open(h.path, start)
	if err != nil {
		t.Fatal(err)
	}
	service, _ := url.Parse("http://127.0.0.1:1")
	now := func() time.Time { return h.now }
	log := slog.New(slog.NewTextHandler(h.log, nil))
	claims := &accounts.Claims{Client: accounts.New(service, folder, "1.0", now), About: func() accounts.About { return accounts.About{} }, Log: log}
	t.Cleanup(func() {
		claims.Close()
		_ = folder.Close()
	})
	h.Door, err = New(Settings{Folder: folder, Claims: claims, Owner: ownersToken, Visitor: lettersIn, Known: func() watch.Known { return h.known }, Neighbours: func(here netip.Addr) []neighbours.Neighbour { return h.beside[here] }, Facts: Facts{Name: "Attic", Version: "1.0", Service: service, Port: "32400", Behind: "/films", Opens: true}, Log: log, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if h.window, err = folder.OpenWindow(start, []string{"http://" + here + "/web"}); err != nil {
		t.Fatal(err)
	}
	return h
}

// ownersToken knows one token, and that of whoever the service does not answer about.
func ownersToken(r *http.Request) (bool, error) {
	switch r.Header.Get("X-Plex-Token") {
	case "the owner's":
		return true, nil
	case "nobody answers":
		return false, outage.Err
	}
	return false, nil
}

// lettersIn is a door that lets in whoever says so in a header, the owner in another, and knows by a third where it works.
func lettersIn(r *http.Request) (v Visitor) {
	v.Called, v.Owner, v.Works = r.Header.Get("X-In"), r.Header.Get("X-Owner") != "", strings.Fields(r.Header.Get("X-Works"))
	v.In, v.Here = v.Called != "", slices.Contains(v.Works, "http://"+r.Host)
	return v
}

// browser keeps cookies as browsers do, and says what they say.
type browser struct {
	h      *house
	peer   string
	host   string
	cookie *http.Cookie
}

func (h *house) browser() *browser { return &browser{h: h, peer: inside, host: here} }

func (b *browser) send(method, target string, form url.Values, headers ...string) *http.Response {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	r.RemoteAddr, r.Host = b.peer, b.host
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(here)))))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://"+b.host)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if b.cookie != nil && strings.HasPrefix(r.URL.Path, b.cookie.Path) {
		r.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	answer := w.Result()
	for _, c := range answer.Cookies() {
		b.cookie = c
	}
	return answer
}

func (b *browser) get(target string) *http.Response { return b.send(http.MethodGet, target, nil) }

func textOf(t *testing.T, answer *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var pageField = regexp.MustCompile(`name="page" value="([0-9a-f]+)"`)

// page returns the page token of the server's first page.
func (b *browser) page(t *testing.T) string {
	t.Helper()
	found := pageField.FindStringSubmatch(textOf(t, b.get("/.usher/")))
	if found == nil {
		t.Fatal("the page has no form")
	}
	return found[1]
}

func TestTheReadyLinkShowsTheButton(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	link, _ := url.Parse(h.window.Links()[0])
	first := b.get(link.RequestURI())
	if first.StatusCode != http.StatusSeeOther || first.Header.Get("Location") != "/.usher/?setup="+h.window.Spelled() {
		t.Fatalf("%d to %q", first.StatusCode, first.Header.Get("Location"))
	}
	second := b.get(first.Header.Get("Location"))
	if second.StatusCode != http.StatusSeeOther || second.Header.Get("Location") != "/.usher/" {
		t.Fatalf("the code stays in the address: %d to %q", second.StatusCode, second.Header.Get("Location"))
	}
	text := textOf(t, b.get("/.usher/"))
	if !strings.Contains(text, "Claim Server") || strings.Contains(text, h.window.Spelled()) {
		t.Error("the page has no button, or shows the code")
	}
	if c := b.cookie; c.SameSite != http.SameSiteStrictMode || !c.HttpOnly || c.Path != "/.usher/" || c.Secure {
		t.Errorf("the cookie is %+v", c)
	}
	if strings.Contains(h.log.String(), h.window.Spelled()) {
		t.Error("the log has the code")
	}
}

func TestATypedCodeShowsTheButton(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	page := b.page(t)
	if wrong := b.send(http.MethodPost, "/.usher/setup", url.Values{"page": {page}, "setup": {"AAAA-AAAA-AAAA"}}); wrong.StatusCode != http.StatusUnprocessableEntity ||
		!strings.Contains(textOf(t, wrong), "That is not the code") {
		t.Errorf("a wrong code: %d", wrong.StatusCode)
	}
	right := b.send(http.MethodPost, "/.usher/setup", url.Values{"page": {page}, "setup": {strings.ToLower(h.window.Spelled())}})
	if right.StatusCode != http.StatusSeeOther || !strings.Contains(textOf(t, b.get("/.usher/")), "Claim Server") {
		t.Errorf("the right code: %d", right.StatusCode)
	}
	if strings.Contains(textOf(t, h.browser().get("/.usher/")), "Claim Server") {
		t.Error("another browser has the button too")
	}
	h.now = start.Add(keep.WindowLife)
	text := textOf(t, b.get("/.usher/"))
	if strings.Contains(text, "Claim Server") || !strings.Contains(text, "usher gate reopen") {
		t.Error("the window does not close")
	}
}

// A code of before is none after the window was opened again, and the other way round.
func TestReopenedByTheCommand(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.get("/.usher/?setup=" + h.window.Spelled())
	h.now = start.Add(time.Hour)
	again, err := h.Folder.OpenWindow(h.now, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(textOf(t, b.get("/.usher/")), "Claim Server") {
		t.Error("an old code counts")
	}
	b.get("/.usher/?setup=" + again.Spelled())
	if !strings.Contains(textOf(t, b.get("/.usher/")), "Claim Server") {
		t.Error("the new code does not count")
	}
}

func TestNoFormFromAnywhereElse(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.get("/.usher/?setup=" + h.window.Spelled())
	page := b.page(t)
	other := h.browser()
	otherPage := other.page(t)
	for name, test := range map[string]struct {
		page    string
		headers []string
		want    int
	}{
		"another website":             {page, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		"another website, by fetch":   {page, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"no token":                    {"", nil, http.StatusForbidden},
		"another browser's token":     {otherPage, nil, http.StatusForbidden},
		"through a proxy":             {page, []string{"X-Forwarded-For", "192.168.1.9"}, http.StatusForbidden},
		"plain text from a form":      {page, []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType},
		"its own (service is down)":   {page, nil, http.StatusServiceUnavailable},
		"its own, said to be so":      {page, []string{"Sec-Fetch-Site", "same-origin"}, http.StatusServiceUnavailable},
		"its own, with a charset too": {page, []string{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"}, http.StatusServiceUnavailable},
	} {
		if answer := b.send(http.MethodPost, "/.usher/claim", url.Values{"page": {test.page}}, test.headers...); answer.StatusCode != test.want {
			t.Errorf("%s: %d, want %d", name, answer.StatusCode, test.want)
		}
	}
	if answer := other.send(http.MethodPost, "/.usher/claim", url.Values{"page": {otherPage}}); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/.usher/" {
		t.Errorf("without the code: %d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	rebound := *b
	rebound.host = "evil.example:32400"
	if answer := rebound.send(http.MethodPost, "/.usher/claim", url.Values{"page": {page}}); answer.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a rebound name: %d", answer.StatusCode)
	}
}

func TestFromElsewhereTheTunnelIsExplained(t *testing.T) {
	h := newHouse(t)
	far := &browser{h: h, peer: outside, host: "media.example.org:32400"}
	for _, path := range []string{"/", "/web", "/web/index.html", "/.usher/", "/.usher/settings"} {
		answer := far.get(path)
		text := textOf(t, answer)
		if answer.StatusCode != http.StatusForbidden || !strings.Contains(text, "ssh -L 8888:127.0.0.1:32400 you@media.example.org") || !strings.Contains(text, "PuTTY") || !strings.Contains(text, "USHER_CLAIM") {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
		if strings.Contains(text, "setup") || far.cookie != nil {
			t.Errorf("%s: a form or a cookie for somebody far away", path)
		}
	}
	for host, want := range map[string]string{"[2001:db8::20]:32400": "2001:db8::20", "[2001:DB8:0::20]": "2001:db8::20", "198.51.100.20:32400": "198.51.100.20", "[fe80::1%$(id)]:32400": "SERVER"} {
		far.host = host
		if text := textOf(t, far.get("/web")); !strings.Contains(text, "you@"+want+"<") {
			t.Errorf("called %s: %s", host, text)
		}
	}
	h.Facts.Host = "192.168.1.20"
	far.host = `<script>"`
	if text := textOf(t, far.get("/web")); !strings.Contains(text, "ssh -L 8888:192.168.1.20:32400 you@SERVER") || strings.Contains(text, `<script>"`) {
		t.Error("a gate that listens at one address, or a Host that is none")
	}
}

func TestEveryAnswerIsDressed(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	far := &browser{h: h, peer: outside, host: "media.example.org"}
	for _, path := range []string{"/", "/web", "/.usher/", "/.usher/settings", "/.usher/claim", "/.usher/claim/state", "/.usher/static/usher.css", "/.usher/static/none", "/identity", "/myplex/account", "/nothing"} {
		for _, who := range []*browser{b, far} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost, http.MethodDelete} {
				answer := who.send(method, path, nil, "Access-Control-Request-Method", "POST")
				header := answer.Header
				csp := header.Get("Content-Security-Policy")
				if !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || header.Get("X-Content-Type-Options") != "nosniff" ||
					header.Get("Referrer-Policy") != "same-origin" || header.Get("X-Frame-Options") != "DENY" {
					t.Errorf("%s %s is not dressed: %v", method, path, header)
				}
				for name := range header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s %s lets other websites read it", method, path)
					}
				}
				if answer.StatusCode >= 500 {
					t.Errorf("%s %s: %d", method, path, answer.StatusCode)
				}
			}
		}
	}
}

func TestASecondBrowserAtOneAddressIsAWarning(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.get("/.usher/?setup=" + h.window.Spelled())
	for range 3 { // programs that keep no cookie are no browsers
		h.browser().get("/.usher/")
	}
	if strings.Contains(textOf(t, b.get("/.usher/")), "Another browser uses the same address") {
		t.Error("one browser is taken for two")
	}
	second := h.browser()
	second.get("/.usher/")
	second.get("/.usher/")
	if !strings.Contains(textOf(t, b.get("/.usher/")), "Another browser uses the same address") || strings.Count(h.log.String(), "more than one browser") != 1 {
		t.Errorf("two browsers at one address: nobody says so\n%s", h.log)
	}
	third := &browser{h: h, peer: "192.168.1.31:1", host: here}
	third.get("/.usher/?setup=" + h.window.Spelled())
	if strings.Contains(textOf(t, third.get("/.usher/")), "Another browser uses the same address") {
		t.Error("a browser of its own address is warned")
	}
}

func TestStrangersDoNotPushOutWhoKnowsTheCode(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.get("/.usher/?setup=" + h.window.Spelled())
	for range mostVisits * 2 {
		h.browser().get("/.usher/")
	}
	if !strings.Contains(textOf(t, b.get("/.usher/")), "Claim Server") {
		t.Error("a crowd of browsers has pushed the owner out")
	}
	if len(h.visits.all) > mostVisits {
		t.Errorf("%d browsers are remembered", len(h.visits.all))
	}
}

func TestIdentity(t *testing.T) {
	h := newHouse(t)
	far := &browser{h: h, peer: outside, host: "media.example.org"}
	text := textOf(t, far.get("/identity"))
	if !regexp.MustCompile(`<MediaContainer size="0" apiVersion="[0-9.]+" claimed="0" machineIdentifier="[0-9a-f]{40}" version="1.0">`).MatchString(text) {
		t.Error(text)
	}
	if err := h.Folder.SaveServer(keep.Server{Service: "http://127.0.0.1:1", ID: "abc123", Owner: keep.Owner{Subject: "s", Name: "Ada"}}); err != nil {
		t.Fatal(err)
	}
	text = textOf(t, far.send(http.MethodGet, "/identity", nil, "Accept", "application/json"))
	if !strings.Contains(text, `"claimed":true`) || !strings.Contains(text, `"machineIdentifier":"abc123"`) || strings.Contains(text, "Ada") {
		t.Error(text)
	}
}

// What old tools ask is answered to programs from near that know the code; or, where the owner of the machine says so, without.
func TestMyPlexNeedsTheCode(t *testing.T) {
	h := newHouse(t)
	code := "setup=" + h.window.Spelled()
	claim := "/myplex/claim?token=claim-x&"
	for name, test := range map[string]struct {
		peer, host, method, target string
		headers                    []string
		want                       int
	}{
		"no code":                     {inside, here, "POST", claim, nil, 401},
		"wrong code":                  {inside, here, "POST", claim + "setup=AAAA-AAAA-AAAA", nil, 401},
		"code in the query":           {inside, here, "POST", claim + code, nil, 400}, // the token is none
		"code in a header":            {inside, here, "POST", claim, []string{"X-Usher-Setup", h.window.Spelled()}, 400},
		"no token yet":                {inside, here, "POST", "/myplex/claim?" + code, nil, 400},
		"no token yet, wrong code":    {inside, here, "POST", "/myplex/claim?setup=AAAA-AAAA-AAAA", nil, 401},
		"from outside":                {outside, here, "POST", claim + code, nil, 401},
		"through a proxy":             {inside, here, "POST", claim + code, []string{"X-Forwarded-For", "127.0.0.1"}, 401},
		"by a name":                   {inside, "media.example.org", "POST", claim + code, nil, 401},
		"another website":             {inside, here, "POST", claim + code, []string{"Origin", "https://evil.example"}, 401},
		"by GET":                      {inside, here, "GET", claim + code, nil, 404},
		"account, no code":            {inside, here, "GET", "/myplex/account", nil, 401},
		"account":                     {inside, here, "GET", "/myplex/account?" + code, nil, 200},
		"giving it up, no code":       {inside, here, "DELETE", "/myplex/account", nil, 401},
		"giving up what is nobody's":  {inside, here, "DELETE", "/myplex/account?" + code, nil, 200},
		"account, by its owner":       {inside, here, "GET", "/myplex/account", []string{"X-Plex-Token", "the owner's"}, 200},
		"account, by somebody":        {inside, here, "GET", "/myplex/account", []string{"X-Plex-Token", "a guest's"}, 401},
		"account, nobody answers":     {inside, here, "GET", "/myplex/account", []string{"X-Plex-Token", "nobody answers"}, 503},
		"by its owner, from outside":  {outside, here, "DELETE", "/myplex/account", []string{"X-Plex-Token", "the owner's"}, 401},
		"by its owner, by a name":     {inside, "attic.local:32400", "DELETE", "/myplex/account", []string{"X-Plex-Token", "the owner's"}, 401},
		"giving it up, by its owner":  {inside, here, "DELETE", "/myplex/account", []string{"X-Plex-Token", "the owner's"}, 200},
		"a token, and nobody answers": {inside, here, "POST", "/myplex/claim?token=claim-" + strings.Repeat("a", 32) + "&" + code, nil, 503},
	} {
		b := &browser{h: h, peer: test.peer, host: test.host}
		answer := b.send(test.method, test.target, nil, test.headers...)
		text := textOf(t, answer)
		if answer.StatusCode != test.want {
			t.Errorf("%s: %d %s", name, answer.StatusCode, text)
		}
		if strings.Contains(text, "claim-") || strings.Contains(h.log.String(), "claim-") {
			t.Errorf("%s: the token is told", name)
		}
		if test.want == 200 && !strings.Contains(text, `<MyPlex authToken="" username="" signInState="none"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestMyPlexWaived(t *testing.T) {
	h := newHouse(t)
	waived, err := keep.ReopenWaived(h.path, start)
	if err != nil {
		t.Fatal(err)
	}
	b := h.browser()
	if answer := b.send("POST", "/myplex/claim?token=claim-x", nil); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("from near: %d", answer.StatusCode)
	}
	if answer := b.send("DELETE", "/myplex/account", nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("giving it up is waived too: %d", answer.StatusCode)
	}
	if answer := (&browser{h: h, peer: outside, host: here}).send("POST", "/myplex/claim?token=claim-x", nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("from outside: %d", answer.StatusCode)
	}
	h.now = waived.Waived
	if answer := b.send("POST", "/myplex/claim?token=claim-x", nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("later: %d", answer.StatusCode)
	}
}

// limited remembers until when an answer may be sent.
type limited struct {
	*httptest.ResponseRecorder
	write time.Time
}

func (l *limited) SetReadDeadline(time.Time) error        { return nil }
func (l *limited) SetWriteDeadline(until time.Time) error { l.write = until; return nil }

// A connection of HTTP/2 that takes no answers holds none for long. In HTTP/1 the bound would be the next request's, too.
func TestAnswersThatNobodyTakesEnd(t *testing.T) {
	h := newHouse(t)
	for major, bounded := range map[int]bool{1: false, 2: true} {
		r, w := httptest.NewRequest(http.MethodGet, "/.usher/", nil), &limited{ResponseRecorder: httptest.NewRecorder()}
		r.ProtoMajor = major
		if h.ServeHTTP(w, r); w.write.IsZero() == bounded {
			t.Errorf("HTTP/%d: until %v", major, w.write)
		}
	}
}
