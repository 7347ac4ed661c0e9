package browsertest

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"usher/internal/testdb"
)

// makesFilm has the browser itself make a film of three seconds, in a folder of its own.
func (b *tab) makesFilm(name string) (folder string) {
	b.t.Helper()
	var text string
	b.evaluate(`new Promise((done) => {
		const canvas = document.createElement("canvas"); canvas.width = 160; canvas.height = 90;
		const paint = canvas.getContext("2d"); let n = 0;
		const tick = setInterval(() => { paint.fillStyle = "hsl(" + (n += 7) + " 80% 50%)"; paint.fillRect(0, 0, 160, 90) }, 40);
		const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm;codecs=vp8" });
		const parts = []; recorder.ondataavailable = (e) => parts.push(e.data);
		recorder.onstop = () => { clearInterval(tick); const reader = new FileReader(); reader.onload = () => done(reader.result); reader.readAsDataURL(new Blob(parts)) };
		recorder.start(); setTimeout(() => recorder.stop(), 3000);
	})`, &text)
	raw, err := base64.StdEncoding.DecodeString(text[strings.IndexByte(text, ',')+1:])
	if err != nil || len(raw) < 1000 {
		b.t.Fatalf("the film has %d bytes (%v)", len(raw), err)
	}
	folder = b.t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), raw, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return folder
}

// plays plays the film of the page, and reports whether parts of it were asked for.
func (b *tab) plays() {
	b.t.Helper()
	var parts atomic.Int64
	chromedp.ListenTarget(b.ctx, func(event any) {
		if e, is := event.(*network.EventResponseReceived); is && e.Response.Status == http.StatusPartialContent {
			parts.Add(1)
		}
	})
	b.run("opening the page anew", chromedp.Reload())
	var reached float64
	b.evaluate(`new Promise((done, failed) => { const v = document.querySelector("video"); v.muted = true; v.onerror = () => failed(new Error(v.error.message));
		v.ontimeupdate = () => { if (v.currentTime > .8) { v.pause(); done(v.currentTime) } }; v.play().catch(failed) })`, &reached)
	if reached < .8 || parts.Load() == 0 {
		b.t.Errorf("the film plays to %v, and %d parts of it came", reached, parts.Load())
	}
}

// claims claims the gate on its own page.
func (h *house) claims(t *testing.T, owner *tab) {
	t.Helper()
	b := h.browser(t, scriptOn)
	b.open(h.setUpLink)
	b.tap("Claim Server") // goes on in a new tab; this one waits
	b.sees("Confirm the code")
	b.run("coming back from the new tab", page.BringToFront())
	owner.confirms(b.claimCode(), "Yes, it is mine")
	b.sees("This server is claimed")
}

// The whole way to a film behind a gate, and out again: the owner says where the server is, and signs in there; somebody else is not let in, is put on the list,
// and is, and makes an app password; whoever signs out is out; when all devices are signed out the server is, until its owner brings it back.
//
// It runs on PostgreSQL and the tour of servers on SQLite, so that the pages of sharing and of old apps meet both, at the price of one. Gates that find each other
// have no database, and the demonstration is done on both by a test of its command. What other pages ask of the store is asked of both by the tests of the door, and in
// stories.
func TestTheGateLetsPeopleIn(t *testing.T) {
	s := serve(t, testdb.Postgres(t))
	owner := s.browser(t, scriptOn)
	owner.setsUp()
	g := s.gate(t, "--media", owner.makesFilm("night.webm"))
	g.claims(t, owner)

	owner.open(g.origin + "/night.webm?watch")
	owner.at("/.usher/sign-in", http.StatusMisdirectedRequest)
	owner.sees("Nobody can sign in here yet")
	owner.look("gate-unconfirmed")
	owner.press("Open Servers")
	owner.at("/servers", http.StatusOK)
	owner.press("Manage Attic")
	owner.press("Confirm " + g.origin)
	owner.sees("The address is confirmed.")
	owner.open(strings.Replace(g.origin, "127.0.0.1", "localhost", 1) + "/")
	owner.sees("Sign in at another address")
	owner.look("gate-other-address")
	owner.press("Go there")
	owner.at("/", http.StatusOK) // the owner is not asked anything
	owner.sees("night.webm")
	owner.look("gate-folder")
	owner.press("About this server")
	owner.at("/.usher/", http.StatusOK)
	owner.sees("This server is claimed")
	owner.sees("It is yours")
	owner.misses("What comes next")
	owner.misses("Sign in")
	owner.look("gate-owners")
	owner.press("Open the media server")
	owner.at("/", http.StatusOK)
	owner.press("About this server")
	owner.press("Sign out")
	owner.at("/.usher/sign-out", http.StatusOK)
	owner.press("Back")
	owner.press("night.webm")
	owner.plays()

	guest := walker{tab: s.browser(t, scriptOn), address: "mara@example.org", password: firstPassword}
	guest.signsUp()
	guest.isWelcomed()
	guest.open(g.origin + "/")
	guest.sees("Attic is not open to you")
	guest.look("gate-not-on-the-list")
	guest.press("Go back")
	guest.at("/.usher/callback", http.StatusForbidden)
	guest.sees("This server is not open to you")
	guest.look("gate-not-open")
	owner.open("/servers")
	owner.press("Manage Attic")
	owner.press("Let somebody in")
	owner.write("E-mail address or user name", "mara.l")
	owner.press("Invite them")
	owner.sees("They are on the list.")
	guest.press("Sign in again")
	guest.sees("Sign in to Attic?")
	guest.look("gate-consent")
	guest.press("Allow")
	guest.sees("night.webm")
	guest.press("About this server")
	guest.sees("Mara Lindqvist")
	guest.misses("Sign in")
	guest.look("gate-signed-in")
	radio := guest.another()
	radio.open("/servers")
	radio.press("App passwords of Attic")
	radio.write("Which app is it for?", "Radio")
	radio.press("Make the app password")
	radio.sees("the password is shown only this once")
	radio.press("I have typed it in")
	radio.sees("not used yet")
	stranger := (&service{origin: strings.Replace(g.origin, "127.0.0.1", "localhost", 1)}).browser(t, scriptOn)
	stranger.open("/.usher/")
	stranger.sees("It works at " + g.origin)
	stranger.look("gate-home-elsewhere")
	guest.press("Sign out")
	guest.look("gate-sign-out")
	guest.press("Sign out")
	guest.sees("You are signed out of this server")
	guest.misses("does not go away")
	guest.look("gate-signed-out")
	guest.press("Sign in again") // the account is signed in still, and it has agreed
	guest.sees("night.webm")

	owner.open("/account/devices")
	owner.tap("Sign out everything")
	owner.press("Sign out everything")
	owner.sees("Everything else is signed out.")
	for _, b := range []*tab{owner, guest.tab} {
		b.closes(g)
	}
	owner.misses("does not go away")
	owner.look("gate-suspended")
	owner.press("Open Servers")
	owner.at("/servers", http.StatusOK)
	owner.open(g.origin + "/.usher/")
	owner.sees("This server is signed out")
	owner.sees("It opens by itself")
	owner.look("gate-home-suspended")
	owner.press("About this server")
	owner.sees("This server is signed out.")
	owner.look("gate-settings-suspended")
	owner.open("/servers")
	owner.tap("Bring back Attic")
	owner.press("Bring it back")
	owner.sees("It is back")
	guest.soon("the gate stays closed", func() bool {
		guest.open(g.origin + "/")
		return strings.Contains(guest.text(), "night.webm")
	})
}

// closes waits until the gate lets the browser in no longer, and says why.
func (b *tab) closes(h *house) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		if b.open(h.origin + "/"); strings.Contains(b.text(), "This server is signed out") {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("the gate is open still (status %d): %s", b.status, b.text())
		}
	}
}
