package browsertest

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp/kb"

	"usher/internal/testdb"
)

// house is one running "usher gate" beside a service; its tabs are tabs of the gate.
type house struct {
	*service
	folder    string
	setUpLink string
}

var readyLink = regexp.MustCompile(`http://127\.0\.0\.1:\d+/\.usher/\?setup=(\S+)`)

// gate runs the program beside the service until the test ends.
func (s *service) gate(t *testing.T, flags ...string) *house {
	t.Helper()
	return s.gateOf(t, t.TempDir(), flags...)
}

// gateOf is gate with the folder of another one.
func (s *service) gateOf(t *testing.T, folder string, flags ...string) *house {
	t.Helper()
	_, port, _ := strings.Cut(freeAddress(t), ":")
	command := exec.Command(program, append([]string{"gate", "--service", s.origin, "--listen", "127.0.0.1:" + port, "--folder", folder, "--name", "Attic", "--log-format", "json"}, flags...)...)
	command.Env = environment()
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("starting the gate: %v", err)
	}
	h := &house{service: &service{origin: "http://127.0.0.1:" + port, errors: &lines{}}, folder: folder}
	var reading sync.WaitGroup
	reading.Go(func() { h.errors.read(log) })
	t.Cleanup(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		reading.Wait()
		if err := command.Wait(); err != nil || h.errors.text() != "" {
			t.Errorf("the gate ended with %v; its log says: %s", err, h.errors.text())
		}
	})
	for scan := bufio.NewScanner(out); h.setUpLink == "" && scan.Scan(); {
		h.setUpLink = readyLink.FindString(scan.Text())
	}
	if h.setUpLink == "" {
		t.Fatal("the gate printed no link")
	}
	return h
}

// confirms lets a claim code in, or not.
func (b *tab) confirms(code, button string) {
	b.t.Helper()
	b.open("/claim")
	b.write("Code", code)
	b.press("Go on")
	b.press(button)
}

// claimCode is the code that the gate's page shows.
func (b *tab) claimCode() (code string) {
	b.t.Helper()
	b.evaluate(`document.querySelector("b.link-code").innerText`, &code)
	return code
}

// The gate's pages, each as it looks in both schemes and at both widths, with script and without.
func TestTheGatesPages(t *testing.T) {
	s := serve(t, testdb.SQLite(t))
	owner := s.browser(t, scriptOn)
	owner.setsUp()
	g := s.gate(t)

	far := g.browser(t, scriptOn)
	far.comesFrom("203.0.113.9", phone)
	far.open("/web")
	far.at("/web", http.StatusForbidden)
	far.sees("Come nearer to claim this server")
	far.look("gate-elsewhere")

	named := (&service{origin: strings.Replace(g.origin, "127.0.0.1", "attic.localhost", 1)}).browser(t, scriptOn)
	named.open("/web")
	named.at("/web", http.StatusMisdirectedRequest)
	named.look("gate-name")

	b := g.browser(t, scriptOn)
	b.open("/web")
	b.at("/.usher/", http.StatusOK)
	b.sees("This server belongs to nobody yet")
	b.look("gate-nobodys")
	b.write("Set-up code", "AAAA-AAAA-AAAA")
	b.press("Go on")
	b.at("/.usher/setup", http.StatusUnprocessableEntity)
	b.hasFocus("input “Set-up code”")
	b.refused("Set-up code", "That is not the code")
	b.look("gate-refused")
	b.press("Something is wrong")
	b.sees("stands here for whoever knows the set-up code")
	b.look("gate-doctor-little")
	g.claimsWithoutScript(t, owner)

	b.open(g.setUpLink)
	b.at("/.usher/", http.StatusOK)
	b.look("gate-claim")
	b.press("About this server")
	b.look("gate-settings")
	b.open("/.usher/")
	b.tabs("a “Skip to the page”")
	b.key(kb.Enter)
	b.tabs("button “Claim Server”")
	b.key(kb.Enter) // goes on in a new tab; this one waits
	b.sees("Confirm the code")
	b.run("coming back from the new tab", page.BringToFront())
	b.look("gate-code")
	owner.confirms(b.claimCode(), "No, this is not mine")
	b.sees("Somebody said no to it.")
	b.look("gate-denied")
	b.tap("Try again")
	b.sees("Confirm the code")
	b.run("coming back from the new tab", page.BringToFront())
	owner.confirms(b.claimCode(), "Yes, it is mine")
	b.sees("This server is claimed")
	b.sees("What comes next")
	b.sees("belongs to an account without a user name")
	b.look("gate-claimed")
	b.press("About this server")
	b.sees("an account without a user name")
	b.look("gate-settings-claimed")
	b.press("Something is wrong")
	b.sees("Something is wrong?")
	b.look("gate-doctor")
	b.press("About this server")
	b.tap("Give it up")
	b.look("gate-give-up")
	far.open("/.usher/")
	far.sees("Not from here")
	far.look("gate-claimed-elsewhere")
	s.gateOf(t, g.movedFrom(t, s.origin)).saysWhereItIs(t)

	owner.open("/servers")
	owner.press("Manage Attic")
	owner.tap("Give it up")
	owner.press("Give it up")
	owner.sees("belongs to your account no longer")
	b.soon("the gate does not say that it was taken", func() bool {
		b.open("/.usher/")
		return strings.Contains(b.text(), "This server belongs to nobody any more")
	})
	b.sees("Claim Server")
	b.look("gate-taken")
	b.press("About this server")
	b.sees("This server belongs to nobody any more.")
	b.look("gate-settings-taken")
	b.press("Something is wrong")
	b.sees("and not by whom")
	b.look("gate-doctor-taken")
	far.open("/web")
	far.sees("It belongs to nobody any more")
	far.look("gate-elsewhere-taken")
}

// movedFrom is a copy of the gate's folder, as if it had been claimed at another service than the one it was.
func (h *house) movedFrom(t *testing.T, origin string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for _, name := range []string{"server-key.pem", "server.json"} {
		raw, err := os.ReadFile(filepath.Join(h.folder, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), []byte(strings.Replace(string(raw), origin, "https://media.subdomain.department.example.org", 1)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// saysWhereItIs looks at the pages of a gate that is claimed at another service.
func (h *house) saysWhereItIs(t *testing.T) {
	t.Helper()
	b := h.browser(t, scriptOn)
	b.open("/web")
	b.at("/.usher/", http.StatusOK)
	b.sees("This server is claimed at another service")
	b.look("gate-moved")
	b.open(h.setUpLink)
	b.sees("Claim Server")
	b.look("gate-moved-claim")
	b.press("About this server")
	b.sees("This server is claimed at another service.")
	b.look("gate-settings-moved")
	b.press("Something is wrong")
	b.sees("it lets nobody in")
	b.look("gate-doctor-moved")
	b.comesFrom("203.0.113.9", phone)
	b.open("/web")
	b.sees("It is claimed at https://media.subdomain.department.example.org")
	b.look("gate-elsewhere-moved")
}

// claimsWithoutScript goes the whole way by typed code, forms and a page that loads itself anew, and stops where somebody says no.
func (h *house) claimsWithoutScript(t *testing.T, owner *tab) {
	b := h.browser(t, scriptOff)
	b.open("/web")
	b.write("Set-up code", strings.ToLower(readyLink.FindStringSubmatch(h.setUpLink)[1]))
	b.press("Go on")
	b.at("/.usher/", http.StatusOK)
	b.press("Claim Server")
	b.at("/.usher/claim", http.StatusOK)
	b.sees("Confirm the code")
	code, link := b.claimCode(), ""
	b.evaluate(`document.querySelector("main a.primary").href`, &link)
	owner.open(link)
	if seen := owner.value("Code"); seen != code {
		t.Errorf("the service shows %q, the server %q", seen, code)
	}
	owner.confirms(code, "No, this is not mine")
	b.soon("the page does not go on without script", func() bool { return strings.Contains(b.text(), "Somebody said no to it.") })
	b.press("Try again")
	b.sees("Confirm the code")
	b.press("Cancel")
	b.at("/.usher/", http.StatusOK)
}
