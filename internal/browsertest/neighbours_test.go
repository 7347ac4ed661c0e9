package browsertest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// neighbourhood is a network of its own with servers in it, which the browser is in as well.
type neighbourhood struct {
	*testing.T
	name string
}

// theServer is where the first server of the neighbourhood is, theBrowser where the browser is.
const theServer, theBrowser = "10.213.71.20", "10.213.71.5"

func openNeighbourhood(t *testing.T) neighbourhood {
	t.Helper()
	n := neighbourhood{t, fmt.Sprintf("usher-%d-others", os.Getpid())}
	n.ip("netns", "add", n.name)
	t.Cleanup(func() { n.ip("netns", "del", n.name) })
	n.ip("link", "add", "usher-others", "type", "veth", "peer", "name", "house", "netns", n.name)
	n.ip("addr", "add", theBrowser+"/24", "dev", "usher-others")
	n.ip("link", "set", "usher-others", "up")
	n.ip("-n", n.name, "addr", "add", theServer+"/24", "dev", "house")
	n.ip("-n", n.name, "link", "set", "house", "up")
	return n
}

func (n neighbourhood) ip(args ...string) {
	n.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// gate runs a gate there, whose service is away.
func (n neighbourhood) gate(port, name string) *service {
	n.Helper()
	command := exec.Command("ip", "netns", "exec", n.name, program, "gate", "--service", "https://accounts.example.org", "--listen", ":"+port, "--folder", n.TempDir(), "--name", name)
	command.Env = environment()
	if err := command.Start(); err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() { _ = command.Process.Signal(syscall.SIGTERM); _ = command.Wait() })
	return &service{origin: "http://" + theServer + ":" + port, errors: &lines{}}
}

// The list of other servers, opened by keyboard, without script, on a phone, in both schemes. Choosing one opens that server's own page.
func TestOtherServers(t *testing.T) {
	n := openNeighbourhood(t)
	attic := n.gate("32400", "Attic")
	n.gate("32401", "Cellar")
	n.gate("32402", "Küche")
	attic.hears(t, "Cellar", "Küche")
	if os.Getenv("USHER_TEST_SCREENSHOTS") != "" {
		b := attic.browser(t, scriptOn)
		b.open("/.usher/")
		b.tap("Other servers")
		b.run("letting the focus go", chromedp.Blur(".drop > summary", chromedp.ByQuery))
		if err := os.WriteFile("../../docs/other-servers.png", sideBySide(t, b.window(light, 760, 430), b.window(dark, 340, 430)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n.gate("32403", "The longest name of all, <b>bold</b>, that there is")
	attic.hears(t, "The longest")

	for _, mode := range []script{scriptOff, scriptOn} {
		b := attic.browser(t, mode)
		b.open("/.usher/")
		b.misses("Cellar")
		b.tabs("a “Skip to the page”", "a “usher, this server’s first page”", "summary “Other servers”")
		b.key(kb.Enter)
		b.sees("Cellar")
		b.sees("<b>bold</b>, that there is")
		b.sees(theServer + ":32401 · belongs to nobody yet")
		b.misses(theServer + ":32400")
		if mode == scriptOn {
			b.look("gate-other-servers")
			b.key(kb.Escape)
		} else {
			b.tap("Other servers")
		}
		b.misses("Cellar")
		b.press("About this server")
		b.tap("Other servers")
		b.press("Cellar " + theServer + ":32401 · belongs to nobody yet")
		if at := b.address(); at.Host != theServer+":32401" || at.Path != "/.usher/" {
			t.Errorf("choosing another server leads to %s", at)
		}
		b.sees("This server belongs to nobody yet")
		var told string
		if b.evaluate("document.referrer", &told); told != "" {
			t.Errorf("the other server is told that the browser came from %s", told)
		}
	}
}

// hears waits until a gate's page lists others.
func (s *service) hears(t *testing.T, names ...string) {
	t.Helper()
	listed := ""
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if answer, err := http.Get(s.origin + "/.usher/"); err == nil { // else it is starting
			raw, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			listed = string(raw)
		}
		if !slices.ContainsFunc(names, func(name string) bool { return !strings.Contains(listed, name) }) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not all of %q are listed: %s", names, listed)
		}
	}
}
