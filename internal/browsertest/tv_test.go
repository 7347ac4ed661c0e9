package browsertest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"usher/internal/testdb"
)

const (
	home    = "203.0.113.9"
	faraway = "198.51.100.7"
	tvAgent = "Mozilla/5.0 (SMART-TV; Linux) AppleWebKit/538.1 (KHTML, like Gecko) Version/2.3 TV Safari/538.1"
	phone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)

// tourTV lets one TV in, sends one away, and meets one that is not where the person is.
func tourTV(t *testing.T, seen *visits) {
	s := serve(t, testdb.SQLite(t), "--trusted-proxies", "127.0.0.0/8,::1/128")
	w := walker{tab: seen.watch(s.browser(t, scriptOn)), address: "mara@example.org", password: firstPassword}
	operator := s.browser(t, scriptOn)
	operator.comesFrom("192.0.2.1", phone)
	operator.setsUp()
	b := w.tab
	b.comesFrom(home, phone)
	w.signsUp()
	w.isWelcomed()

	tv := seen.watch(s.browser(t, scriptOn))
	tv.comesFrom(home, tvAgent)
	tv.open("/tv")
	tv.look("tv-start")
	tv.press("Show a code")
	tv.stands()
	tv.look("tv-code")
	short, long := tv.shows()
	if scanned := tv.scan(light); scanned != s.origin+"/link?user_code="+long {
		t.Errorf("the picture leads to %q", strings.ReplaceAll(scanned, long, "CODE"))
	}

	b.open("/link")
	b.look("link")
	b.write("Code", "7rq")
	b.press("Go on")
	b.refused("Code", "at least four characters")
	b.look("link-refused")
	b.write("Code", strings.ToLower(short[:2]+" "+short[2:]))
	b.press("Go on")
	b.at("/link/confirm", http.StatusOK)
	b.sees("Is this your TV?")
	b.look("link-confirm")
	b.press("Yes, sign it in")
	b.sees("It is signed in")
	b.look("link-allowed")
	tv.open("/tv") // as it does by itself
	tv.sees("Hello, Mara Lindqvist")
	tv.look("tv-greets")

	mail := seen.watch(b.mail("mara@example.org", "New on your account"))
	mail.follow("/remove-device/")
	mail.at("/remove-device", http.StatusOK)
	mail.look("remove-device")
	mail.press("Remove it")
	mail.sees("It is removed")
	mail.look("remove-device-done")
	tv.open("/tv")
	tv.sees("This TV is signed out.")
	tv.look("tv-out")

	tv.comesFrom(faraway, tvAgent)
	tv.press("Show a code")
	tv.stands()
	_, long = tv.shows()
	b.open("/link?user_code=" + long)
	if b.value("Code") != long {
		t.Error("the address does not fill the code in")
	}
	b.press("Go on")
	b.sees("Somebody else’s TV?")
	b.misses("sign it in")
	b.stands()
	b.look("link-confirm-wait")
	b.soon("the pause does not end", func() bool { b.open("/link/confirm"); return strings.Contains(b.text(), "Your password") })
	b.look("link-confirm-elsewhere")
	b.write("Your password", "not the password")
	b.press("I am looking at it: sign it in")
	b.refused("Your password", "isn’t right")
	b.look("link-confirm-refused")
	b.press("No, this is not mine")
	b.sees("It stays out")
	b.look("link-denied")
	tv.open("/tv")
	tv.sees("Somebody said no to this TV.")
	tv.press("Show a code")
	tv.stands()
	short, _ = tv.shows()
	b.open("/link")
	b.write("Code", short)
	b.press("Go on")
	b.soon("the pause does not end", func() bool { b.open("/link/confirm"); return strings.Contains(b.text(), "Your password") })
	b.write("Your password", w.password)
	b.press("I am looking at it: sign it in")
	b.sees("It is signed in")
	tv.open("/tv")
	tv.sees("Hello, Mara Lindqvist")
	tv.press("Sign out")
	tv.sees("This TV is signed out.")
}

// What an app writes behind the # of the address that it opens becomes the code in the field, and where its person goes afterwards; nothing is sent.
func TestTheAuthPageReadsTheCode(t *testing.T) {
	s := serve(t, testdb.SQLite(t))
	b := s.browser(t, scriptOn)
	b.setsUp()
	const said = "?clientID=attic&code=bcdfghjk&context%5Bdevice%5D%5Bproduct%5D=Attic&forwardUrl=https%3A%2F%2Fattic.example.org%2Fback"
	for _, address := range []string{"/auth#" + said, "/auth/#!" + said} {
		b.open("/account")
		b.open(address)
		b.soon("the script does not go on", func() bool { return strings.Contains(b.text(), "Sign in on a TV") })
		var typed, forward string
		b.evaluate(`document.querySelector("[name=user_code]").value`, &typed)
		b.evaluate(`document.querySelector("[name=forward]").value`, &forward)
		if typed != "BCDF-GHJK" || forward != "https://attic.example.org/back" {
			t.Errorf("%s fills in %q and %q", address, typed, forward)
		}
		b.sees("Afterwards you can go back to attic.example.org")
		b.look("link-back")
	}
}

// A packed app of a TV and a player on a website of its own get codes by fetch, poll, and show the PIN's picture; and whoever types the code is told what asks.
func TestAppsThatArePagesGetCodes(t *testing.T) {
	s := serve(t, testdb.SQLite(t))
	owner, b := s.browser(t, scriptOn), s.browser(t, scriptOn)
	owner.setsUp()
	const app = "<!doctype html><title>Attic</title>"
	player := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(app)) }))
	t.Cleanup(player.Close)
	packed := filepath.Join(t.TempDir(), "app.html")
	if err := os.WriteFile(packed, []byte(app), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, says := range map[string]string{
		player.URL + "/": "A web page asks, and says that it is one of " + strings.TrimPrefix(player.URL, "http://"), "file://" + packed: "A web page or a TV app asks.",
	} {
		b.open(address)
		var got struct {
			Code, Long    string
			Polled, Width int
		}
		b.evaluate(`(async site => {
			const named = {headers: {"X-Plex-Client-Identifier": "attic"}}
			const pin = await (await fetch(site + "/api/v2/pins.json?strong=true", {method: "POST", ...named})).json()
			const polled = await fetch(site + "/api/v2/pins/" + pin.id + ".json", named)
			const typed = {headers: {"Content-Type": "application/json"}, body: '{"device":"Attic"}'}
			const link = await (await fetch(site + "/api/v1/link", {method: "POST", ...typed})).json()
			const picture = new Image()
			const width = new Promise(shown => { picture.onload = () => shown(picture.naturalWidth); picture.onerror = () => shown(0) })
			picture.src = pin.qr
			return {Code: pin.code, Long: link.user_code_long, Polled: polled.status, Width: await width}
		})("`+s.origin+`")`, &got)
		if len(got.Code) != 8 || got.Polled != http.StatusOK || len(got.Long) != 9 || got.Width == 0 {
			t.Errorf("%s: %+v", address, got)
		}
		owner.open("/link")
		owner.write("Code", got.Long)
		owner.press("Go on")
		owner.stands()
		owner.sees("Somebody else’s TV?")
		owner.sees(says)
		owner.look("link-web")
	}
}

// stands keeps the page from loading itself anew while it is looked at.
func (b *tab) stands() {
	b.t.Helper()
	b.evaluate("window.stop()", nil)
}

// shows are the codes on a TV.
func (b *tab) shows() (short, long string) {
	b.t.Helper()
	b.evaluate(`document.querySelector("h1.code").innerText`, &short)
	long = regexp.MustCompile(`\b[B-Z]{4}-[B-Z]{4}\b`).FindString(b.text())
	if len(short) != 4 || long == "" {
		b.t.Fatalf("the TV shows:\n%s", b.text())
	}
	return short, long
}

// A TV that waits goes on by itself once it is let in: nobody touches it, and it runs no script.
func TestATVGoesOnByItself(t *testing.T) {
	s := serve(t, testdb.SQLite(t))
	owner := s.browser(t, scriptOn)
	owner.setsUp()
	tv := s.browser(t, scriptOff)
	tv.open("/tv")
	tv.hasFocus("button “Show a code”")
	tv.enter(kb.Enter) // the one button has the focus: OK on the remote control
	short, _ := tv.shows()
	owner.open("/link")
	owner.write("Code", short)
	owner.press("Go on")
	owner.press("Yes, sign it in")
	owner.sees("It is signed in")
	tv.sees("Hello, ")
}
