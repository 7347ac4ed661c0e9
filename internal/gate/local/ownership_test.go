package local

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"usher/internal/gate/accounts"
	"usher/internal/gate/keep"
	"usher/internal/gate/watch"
)

// says looks for texts on a page, and for what must not stand there, after an exclamation mark.
func (b *browser) says(t *testing.T, path string, texts ...string) {
	t.Helper()
	page := textOf(t, b.get(path))
	for _, text := range texts {
		unwanted, not := strings.CutPrefix(text, "!")
		if strings.Contains(page, unwanted) == not {
			t.Errorf("%s: %q: %s", path, text, page)
		}
	}
}

func TestAServerThatWasTakenSaysSo(t *testing.T) {
	h := newHouse(t)
	h.known = watch.Known{Server: "srv-1", State: accounts.Unclaimed, Since: start}
	b, far := h.browser(), &browser{h: h, peer: outside, host: "media.example.org"}
	b.get("/.usher/?setup=" + h.window.Spelled())
	b.says(t, "/.usher/", "<h1>This server belongs to nobody any more</h1>", start.Local().Format("2 January 2006, 15:04"), "By whom it was taken away, the gate does not know", "<i>Activity</i>", "Claim Server", "usher-gate", "!nobody yet")
	b.says(t, "/.usher/settings", "This server belongs to nobody any more.", "Claim it again", "Claim Server", "!nobody yet")
	far.says(t, "/web", "It belongs to nobody any more", "ssh -L", "!nobody yet")
	h.browser().says(t, "/.usher/", "<h1>This server belongs to nobody any more</h1>", "move its folder away", "!usher-gate") // what lies on its machine is no stranger's to know
	h.known = watch.Known{}
	b.says(t, "/.usher/", "<h1>This server belongs to nobody yet</h1>", "!any more")
	b.says(t, "/.usher/settings", "This server belongs to nobody yet.", "!any more")
	far.says(t, "/web", "It belongs to nobody yet", "!any more")
}

// A gate that was started for another service than the one at which it is claimed belongs to nobody there, says both, and may be claimed anew.
func TestAServerOfAnotherServiceSaysSo(t *testing.T) {
	h := newHouse(t)
	const other, ours = "https://accounts.example.org", "http://127.0.0.1:1"
	if err := h.Folder.SaveServer(keep.Server{Service: other, ID: "srv-1", Owner: keep.Owner{Subject: "s", Name: "Ada"}}); err != nil {
		t.Fatal(err)
	}
	h.known = watch.Known{Server: "srv-1", State: accounts.Good}
	b, far := h.browser(), &browser{h: h, peer: outside, host: "media.example.org"}
	b.says(t, "/.usher/", "<h1>This server is claimed at another service</h1>", other, ours, "<code>--service "+other+"</code>", "Set-up code", "!Ada", "!Claim Server", "!This server is claimed<")
	b.says(t, "/.usher/settings", "This server is claimed at another service.", other, ours, "!Ada", "!Give it up")
	far.says(t, "/web", "It is claimed at <bdi>"+other, ours, "ssh -L")
	far.says(t, "/identity", `claimed="0"`, "!srv-1")
	b.says(t, "/myplex/account?setup="+h.window.Spelled(), `signInState="none"`, "!Ada")

	b.get("/.usher/?setup=" + h.window.Spelled())
	page := b.page(t)
	if answer := b.send(http.MethodPost, "/.usher/claim", url.Values{"page": {page}}); answer.StatusCode != http.StatusServiceUnavailable { // nobody answers there
		t.Errorf("it is not claimed anew: %d", answer.StatusCode)
	}
	if answer := b.send(http.MethodPost, "/.usher/unclaim", url.Values{"page": {page}}); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("giving up what is another service's: %d", answer.StatusCode)
	}
	if s, claimed := h.Folder.Server(); !claimed || s.Service != other {
		t.Error("what it is at the other service was forgotten")
	}
}

func TestASignedOutServerSaysSo(t *testing.T) {
	h := newHouse(t)
	if err := h.Folder.SaveServer(keep.Server{Service: "http://127.0.0.1:1", ID: "srv-1", Owner: keep.Owner{Subject: "s", Name: "Ada"}}); err != nil {
		t.Fatal(err)
	}
	b := h.browser()
	b.says(t, "/.usher/", "<h1>This server is claimed</h1>", `href="/.usher/sign-in"`, "!signed out")
	h.known = watch.Known{Server: "srv-1", State: accounts.Suspended, Reason: "server-signed-out", Servers: "http://127.0.0.1:1/servers"}
	b.says(t, "/.usher/", "<h1>This server is signed out</h1>", "Its owner signed this server out.", "bring it back", `href="http://127.0.0.1:1/servers"`, "!This server is claimed", "!Sign in<")
	b.says(t, "/.usher/settings", "This server is signed out.", "Its owner signed this server out.", `href="http://127.0.0.1:1/servers"`)
	h.known.Server = "srv-2"
	b.says(t, "/.usher/", "<h1>This server is claimed</h1>", "!signed out")
}

func TestWhoIsSignedInIsNamed(t *testing.T) {
	h := newHouse(t)
	if err := h.Folder.SaveServer(keep.Server{Service: "http://127.0.0.1:1", ID: "srv-1", Owner: keep.Owner{Subject: "s", Name: "Ada"}}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/.usher/", "/.usher/settings"} {
		page := textOf(t, h.browser().send(http.MethodGet, path, nil, "X-In", "Mara <3"))
		if !strings.Contains(page, "Mara &lt;3") || !strings.Contains(page, `href="/.usher/sign-out"`) || strings.Contains(page, `href="/.usher/sign-in"`) {
			t.Errorf("%s: %s", path, page)
		}
		h.browser().says(t, path, `href="/.usher/sign-in"`, `!href="/.usher/sign-out"`)
	}
}

// Who is signed in finds the way back to what is behind the gate; to the owner the page says that the server is theirs, and what comes next to nobody for whom it is
// done. At an address where nobody can sign in it says where they can.
func TestThePageSaysWhereItGoesOn(t *testing.T) {
	h := newHouse(t)
	if err := h.Folder.SaveServer(keep.Server{Service: "http://127.0.0.1:1", ID: "srv-1", Owner: keep.Owner{Subject: "s", Name: "Ada"}}); err != nil {
		t.Fatal(err)
	}
	const works, elsewhere = "http://" + here, "https://media.example http://192.0.2.9:32400"
	knows := h.browser()
	knows.get("/.usher/?setup=" + h.window.Spelled())
	const films, next = `<a class="button primary" href="/">Open the media server</a>`, "What comes next"
	for what, c := range map[string]struct {
		b       *browser
		headers []string
		says    []string
	}{
		"the owner":                        {h.browser(), []string{"X-In", "Ada", "X-Owner", "yes", "X-Works", works}, []string{"It is yours", films, `href="http://127.0.0.1:1/servers"`, "!It belongs to somebody", "!" + next}},
		"a guest":                          {h.browser(), []string{"X-In", "Mara", "X-Works", works}, []string{"somebody who has let you in", films, "!/servers"}},
		"nobody":                           {h.browser(), []string{"X-Works", works}, []string{"It belongs to somebody", films, "!It works at"}},
		"nobody, elsewhere":                {h.browser(), []string{"X-Works", elsewhere}, []string{"It works at", `href="https://media.example/"`, `href="http://192.0.2.9:32400/"`, "!" + films}},
		"nobody, where nothing is known":   {h.browser(), nil, []string{"It belongs to somebody", "!It works at", "!" + films}},
		"who claimed it just now":          {knows, nil, []string{next, "!It works at", "!" + films}},
		"who claimed it, and confirmed":    {knows, []string{"X-Works", works}, []string{films, "!" + next}},
		"who claimed it, and is elsewhere": {knows, []string{"X-Works", elsewhere}, []string{"It works at", "If this address is right as well", "!" + next, "!" + films}},
	} {
		page := textOf(t, c.b.send(http.MethodGet, "/.usher/", nil, c.headers...))
		for _, text := range c.says {
			if text, not := strings.CutPrefix(text, "!"); strings.Contains(page, text) == not {
				t.Errorf("%s: %q, which is not wanted: %t\n%s", what, text, not, page)
			}
		}
	}
	h.browser().says(t, "/.usher/settings", `<li><a href="/"><svg`)
	h.Facts.Opens = false
	h.browser().says(t, "/.usher/settings", `!<a href="/">`)
}
