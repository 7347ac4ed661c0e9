package browsertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp/kb"

	"usher/internal/testdb"
)

// plex sends one request as a player does, with its fields in the query, and returns what JSON came back.
func (s *service) plex(t *testing.T, method, path, token string) (told struct {
	ID    json.Number
	Token string `json:"authToken"`
}) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.origin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"X-Plex-Client-Identifier": {"laptop"}, "Accept": {"application/json"}, "X-Plex-Token": {token}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %s %v", method, path, answer.Status, err)
	}
	if len(raw) > 0 && json.Unmarshal(raw, &told) != nil {
		t.Fatalf("%s %s: %s", method, path, raw)
	}
	return told
}

// signsInSoftware is the token of software that was given the password.
func (s *service) signsInSoftware(t *testing.T, login, password string) (token string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.origin+"/api/v2/users/signin", strings.NewReader(url.Values{"login": {login}, "password": {password}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"X-Plex-Client-Identifier": {"laptop"}, "Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var told struct{ AuthToken string }
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil || told.AuthToken == "" {
		t.Fatalf("signing software in: %s %v", answer.Status, err)
	}
	return told.AuthToken
}

// letsIn signs a TV in by the hand of a browser.
func (b *tab) letsIn(tv *tab) {
	b.t.Helper()
	tv.open("/tv")
	tv.press("Show a code")
	tv.stands()
	short, _ := tv.shows()
	b.open("/link")
	b.write("Code", short)
	b.press("Go on")
	b.press("Yes, sign it in")
	b.sees("It is signed in")
}

// far looks at a page as televisions show it: within the 5 % of each edge that may be cut off, with letters that are read from three metres (a thirtieth of
// the height), and with all that can be chosen in one view.
func (b *tab) far(name string) {
	b.t.Helper()
	for _, tv := range [][2]int64{{1280, 720}, {1920, 1080}} {
		b.run("making it a TV", emulation.SetDeviceMetricsOverride(tv[0], tv[1], 1, false))
		b.evaluate("scrollTo(0, 0)", nil)
		var wrong []string
		b.evaluate(`(() => {
			const wrong = [], x = innerWidth * 0.05 - 1, y = innerHeight * 0.05 - 1
			for (const e of document.querySelectorAll("main *")) {
				const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
				if (!own && !e.matches("input, svg") || !e.getClientRects().length) continue
				const at = e.getBoundingClientRect(), text = e.textContent.trim() || e.tagName
				if (at.left < x || at.right > innerWidth - x || at.top < y) wrong.push("at the edge: " + text)
				if (own && parseFloat(getComputedStyle(e).fontSize) < innerHeight / 30) wrong.push("too small: " + text)
				if (e.closest(".person, form:first-of-type") && at.bottom > innerHeight - y) wrong.push("below: " + text)
			}
			return wrong
		})()`, &wrong)
		if len(wrong) > 0 {
			b.t.Errorf("%s, %d by %d: %q", name, tv[0], tv[1], wrong)
		}
		b.picture(fmt.Sprintf("%s-%dx%d.png", name, tv[0], tv[1]))
	}
	b.show(wide, light)
}

// tourTVHome is a TV in a Home: who is watching, whose PIN it takes, and what becomes of wrong ones.
func tourTVHome(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t))
	w := walker{tab: seen.watch(s.browser(t, scriptOn)), address: "mara@example.org", password: firstPassword}
	s.browser(t, scriptOn).setsUp()
	w.signsUp()
	w.isWelcomed()
	token := s.signsInSoftware(t, w.address, w.password)
	for _, name := range []string{"Ole", "Kim", "Great-grandmother Aleksandra", "Wolfeschlegelsteinhausenbergerdorff"} {
		who := s.plex(t, http.MethodPost, "/api/v2/home/users/restricted?friendlyName="+url.QueryEscape(name), token)
		if name == "Kim" {
			s.plex(t, http.MethodPost, "/api/v2/home/users/restricted/"+who.ID.String()+"?pin=0417", token)
		}
	}
	tv := seen.watch(s.browser(t, scriptOn)) // axe-core is one; the page has none
	w.letsIn(tv)
	tv.open("/tv")
	tv.sees("Who’s watching?")
	tv.far("tv-who")
	tv.look("tv-who")
	tv.press("Ole")
	tv.sees("Hello, Ole")
	tv.look("tv-greets-in-a-home")
	tv.press("Switch")
	tv.sees("Who’s watching?")

	tv.press("Kim PIN")
	tv.at("/tv/pin", http.StatusOK)
	tv.far("tv-pin")
	tv.look("tv-pin")
	tv.write("PIN, four digits", "0000")
	tv.enter(kb.Enter)
	tv.sees("That isn’t the PIN.")
	tv.look("tv-pin-wrong")
	for range 5 {
		tv.write("PIN, four digits", "0000")
		tv.enter(kb.Enter)
	}
	tv.sees("Too many tries. You can try again at")
	tv.far("tv-pin-wait")
	tv.look("tv-pin-wait")
	tv.press("Somebody else")
	tv.press("Mara Lindqvist")
	tv.sees("Hello, Mara Lindqvist")
	tv.press("Sign this TV out")
	tv.sees("This TV is signed out.")
}
