package browsertest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var (
	demoReady  = regexp.MustCompile(`ready at (http://\S+)`)
	demoFolder = regexp.MustCompile(`What it writes lies in (\S+), `)
)

// A demonstration that is killed leaves the folder that it named, and nothing anywhere else that it could write to.
func TestAKilledDemonstrationLeavesItsFolderAlone(t *testing.T) {
	t.Parallel()
	home, temporary, here := t.TempDir(), t.TempDir(), t.TempDir()
	command := exec.Command(program, "demo", "--no-browser", "--port", "0")
	command.Dir = here
	command.Env = append(environment(), "TMPDIR="+temporary, "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_DATA_HOME="+home)
	named := says(t, command, demoFolder)
	if err := command.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = command.Wait() // it was killed
	var left []string
	for _, folder := range []string{home, temporary, here} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			left = append(left, filepath.Join(folder, e.Name()))
		}
	}
	if named == "" || len(left) != 1 || left[0] != named {
		t.Errorf("it named %q and leaves %v", named, left)
	}
}

// demonstrate runs "usher demo" until the test ends, and then expects it to leave in order and nothing behind.
func demonstrate(t *testing.T) *service {
	t.Helper()
	folder := t.TempDir()
	command := exec.Command(program, "demo", "--no-browser")
	command.Env = append(environment(), "TMPDIR="+folder)
	origin := says(t, command, demoReady)
	t.Cleanup(func() {
		leaves(t, command)
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("usher demo leaves %v (%v)", left, err)
		}
	})
	return &service{origin: origin, errors: &lines{}}
}

// says starts "usher demo", and returns what a line that it prints names.
func says(t *testing.T, command *exec.Cmd, line *regexp.Regexp) string {
	t.Helper()
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if found := line.FindStringSubmatch(scan.Text()); found != nil {
			return found[1]
		}
	}
	t.Fatalf("usher demo prints nothing that matches %q: %v", line, command.Wait())
	return ""
}

// leaves ends "usher demo" as Ctrl-C does.
func leaves(t *testing.T, command *exec.Cmd) {
	t.Helper()
	if err := command.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	late := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
	defer late.Stop()
	if err := command.Wait(); err != nil {
		t.Errorf("usher demo did not leave in order: %v", err)
	}
}

// A demonstration opens its page where there is a desktop and nobody forbids it. It ends when it is told to, also while the browser is open.
func TestADemonstrationOpensTheBrowser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags   []string
		display string
		opens   bool
	}{
		"X": {nil, "DISPLAY=:7", true}, "Wayland": {nil, "WAYLAND_DISPLAY=wayland-7", true}, "no desktop": {nil, "DISPLAY=", false}, "forbidden": {[]string{"--no-browser"}, "DISPLAY=:7", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			opened := filepath.Join(folder, "opened")
			// What stands for the browser stays open until the test is over, for a minute at most.
			opener := "#!/bin/sh\necho \"$*\" >\"$OPENED.part\" && mv \"$OPENED.part\" \"$OPENED\"\nfor i in $(seq 600); do test -e \"$OPENED\" || exit; sleep 0.1; done\n"
			if err := os.WriteFile(filepath.Join(folder, "xdg-open"), []byte(opener), 0o700); err != nil {
				t.Fatal(err)
			}
			command := exec.Command(program, append([]string{"demo", "--port", "0"}, c.flags...)...)
			command.Env = append(environment(), "DISPLAY=", "WAYLAND_DISPLAY=", c.display, "OPENED="+opened, "PATH="+folder+":"+os.Getenv("PATH"), "TMPDIR="+t.TempDir())
			page := says(t, command, demoReady)
			var said string
			for end := time.Now().Add(patience); c.opens && said == "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				raw, _ := os.ReadFile(opened)
				said = strings.TrimSpace(string(raw))
			}
			leaves(t, command)
			if raw, err := os.ReadFile(opened); !c.opens && err == nil {
				said = string(raw)
			}
			if c.opens && said != page || !c.opens && said != "" {
				t.Errorf("the page is %s, opened was %q", page, said)
			}
		})
	}
}

// A demonstration runs on a machine without any network, and listens to nobody but that machine.
func TestADemonstrationIsForItsMachine(t *testing.T) {
	t.Parallel()
	args := []string{"--net", "sh", "-c", `ip link set lo up && exec "$0" demo --no-browser`, program}
	if os.Geteuid() != 0 {
		args = append([]string{"--map-root-user"}, args...)
	}
	command := exec.Command("unshare", args...)
	command.Env = append(environment(), "TMPDIR="+t.TempDir(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	says(t, command, demoReady)
	defer leaves(t, command)
	listening := 0
	for _, protocol := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", command.Process.Pid, protocol))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
			fields := strings.Fields(line) // its number, the address here, that of the other side, and the state
			const listens = "0A"
			if strings.HasPrefix(protocol, "tcp") && fields[3] != listens {
				continue
			}
			listening++
			if address, _, _ := strings.Cut(fields[1], ":"); address != "0100007F" && address != "00000000000000000000000001000000" {
				t.Errorf("by %s it listens at %s", protocol, fields[1])
			}
		}
	}
	if listening < 9 { // the page, five doors, the service, its operations, and the gate
		t.Errorf("%d sockets listen", listening)
	}
}

// pane is a frame of the page of the demonstration, with a real page in it.
type pane struct {
	*tab
	name string
}

// ask runs a function of probe.js in the frame; false while that goes from one page to the next.
func (p pane) ask(call string, answer any) (ok bool) {
	p.t.Helper()
	p.run("looking into the frame "+p.name, chromedp.ActionFunc(func(ctx context.Context) error {
		tree, err := page.GetFrameTree().Do(ctx)
		if err != nil {
			return err
		}
		for _, f := range tree.ChildFrames {
			if f.Frame.Name != p.name {
				continue
			}
			world, err := page.CreateIsolatedWorld(f.Frame.ID).Do(ctx)
			if err != nil {
				return nil //nolint:nilerr // it is between two pages
			}
			value, exception, err := runtime.Evaluate("(() => {" + probe + "\nreturn " + call + ";})()").WithContextID(world).WithReturnByValue(true).WithAwaitPromise(true).WithUserGesture(true).Do(ctx)
			if ok = err == nil && exception == nil; ok && answer != nil {
				return json.Unmarshal(value.Value, answer)
			}
		}
		return nil
	}))
	return ok
}

func (p pane) text() (text string) {
	p.t.Helper()
	p.ask("text()", &text)
	return text
}

// soon waits until something is so in the frame.
func (p pane) soon(complaint string, so func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("the frame %s: %s: %s", p.name, complaint, p.text())
		}
	}
}

func (p pane) sees(sentence string) {
	p.t.Helper()
	p.soon("it does not say “"+sentence+"”", func() bool { return strings.Contains(p.text(), sentence) })
}

// press presses what has a name in the frame.
func (p pane) press(name string) {
	p.t.Helper()
	p.soon("nothing is called “"+name+"”", func() (pressed bool) {
		return p.ask(fmt.Sprintf(`(() => {
			const one = [...document.querySelectorAll("a, button, summary")].find((e) => e.checkVisibility() && e.innerText.trim() === %q);
			if (one) one.click();
			return Boolean(one);
		})()`, name), &pressed) && pressed
	})
}

// write types into the field of the frame that has a label.
func (p pane) write(label, words string) {
	p.t.Helper()
	p.soon("no field is called “"+label+"”", func() (there bool) {
		return p.ask(fmt.Sprintf(`(() => {
			const label = [...document.querySelectorAll("label")].find((l) => l.checkVisibility() && l.innerText.trim() === %q);
			if (!label) return false;
			label.control.focus();
			label.control.select();
			return document.activeElement === label.control;
		})()`, label), &there) && there
	})
	p.run("typing", input.InsertText(words))
}

// reads waits for a text of a part of the frame.
func (p pane) reads(selector string) (text string) {
	p.t.Helper()
	p.soon("it has no "+selector, func() bool {
		return p.ask(fmt.Sprintf("(document.querySelector(%q) || {innerText: ''}).innerText", selector), &text) && text != ""
	})
	return text
}

// demoStep is a step of the story as the tour takes it: by the button that takes it for people, or by hand; and what is seen then.
type demoStep struct {
	id, frame, sees string
	hand            func(b *tab, in func(name string) pane)
}

var demoSteps = []demoStep{
	{"sign-up", "you", "Hello, Ada", func(b *tab, in func(string) pane) {
		b.tap("Open the sign-up page")
		in("you").write("E-mail", "ada@example.org")
		in("you").write("Password", "lamps along the aisle")
		in("you").press("Continue")
		var digits string
		b.soon("no mail comes", func() bool {
			b.evaluate(`(document.querySelector("#mail button span") || {innerText: ""}).innerText`, &digits)
			return digits != ""
		})
		in("you").sees("Code")
		if strings.Contains(in("you").text(), "outbox") {
			b.t.Error("the page sends people to an outbox, and the mail is in the mailbox of the story")
		}
		in("you").write("Code", digits)
		in("you").press("Confirm my address")
		in("you").write("Display name", "Ada")
		in("you").write("User name", "ada")
		in("you").press("Save and continue")
	}},
	{"second-step", "you", "It is on since", nil},
	{"claim", "server", "This server is claimed", nil},
	{"share", "you", "nora", func(b *tab, in func(string) pane) {
		b.takes()
		in("emil").plays(2)
		in("you").sees("has not come yet")
	}},
	{"tv", "tv", "Hello, Ada", func(b *tab, in func(string) pane) {
		b.tap("Turn the TV on")
		in("tv").press("Show a code")
		code := in("tv").reads("h1.code")
		b.tap("Open /link")
		in("you").write("Code", code)
		in("you").press("Go on")
		in("you").press("Yes, sign it in")
	}},
	{"play", "server", "A light in the aisle", func(b *tab, in func(string) pane) {
		b.tap("Open the film")
		in("server").plays(3)
	}},
	{"incident", "you", "Your incident", func(b *tab, in func(string) pane) {
		b.tap("Write an incident")
		in("you").press("Save, and see what it does")
		in("you").press("Declare it")
		in("you").write("Type the number of accounts, 3", "3")
		in("you").press("Declare the incident")
	}},
	{"stop", "server", "This server is signed out", func(b *tab, in func(string) pane) { in("tv").sees("This TV is signed out") }},
	{"back", "you", "Hello, Ada", nil},
	{"bring-back", "you", "Attic", nil},
	{"again", "server", "A light in the aisle", func(b *tab, in func(string) pane) {
		b.tap("Open the film")
		in("server").plays(9)
	}},
}

// takes has the story take the step that is due, which waits a while for digits that were not used before. The answer comes after the page has noticed by itself
// that the step is done, as on a slow machine: then it has to remember which step was taken.
func (b *tab) takes() {
	b.t.Helper()
	b.evaluate(`(() => {
		const at = () => document.getElementById("progress").value;
		const before = at(), asks = window.fetch;
		window.fetch = async (what, how) => {
			const answer = await asks(what, how);
			while (what === "/take" && answer.ok && at() === before) await new Promise((on) => setTimeout(on, 50));
			return answer;
		};
		document.querySelector(".is-due [data-take]").click();
		window.fetch = asks;
	})()`, nil)
	taking := true
	for end := time.Now().Add(2 * time.Minute); taking && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		b.evaluate(`document.querySelector("[data-take]").disabled`, &taking)
	}
}

// plays lets the film of the frame run up to a second.
func (p pane) plays(second int) {
	p.t.Helper()
	p.soon("the film does not play", func() (there bool) {
		return p.ask(fmt.Sprintf(`(() => { const v = document.querySelector("video"); if (!v) return false; v.muted = true; v.currentTime = %d - 1; v.play(); return true })()`, second), &there) && there
	})
	p.soon("the film does not run", func() (runs bool) {
		return p.ask(fmt.Sprintf(`document.querySelector("video").currentTime > %d`, second), &runs) && runs
	})
	p.ask(`document.querySelector("video").pause()`, nil)
}

// The tour: the whole story in its own page, with the real pages in the frames. With USHER_TEST_SCREENSHOTS, docs/tour.md and its pictures are made anew, and the README's.
func TestTheTour(t *testing.T) {
	s := demonstrate(t)
	b := s.browser(t, scriptOn)
	in := func(name string) pane { return pane{b, name} }
	b.open("/")
	b.looksWithoutFrames("demo")
	tour := []string{"# The tour", "", "One evening in a house with films, as `usher demo` shows it. A test takes these steps and these pictures: `TestTheTour`."}
	for i, step := range demoSteps {
		b.sees(fmt.Sprintf("Step %d of %d", i+1, len(demoSteps)))
		b.tourWindow()
		var title, words string
		b.evaluate(fmt.Sprintf(`document.querySelector("[data-step=%s] summary").lastChild.textContent`, step.id), &title)
		b.evaluate(fmt.Sprintf(`[...document.querySelectorAll("[data-step=%s] .demo-do > p:not(.hint)")].map((p) => p.innerText).join(" ")`, step.id), &words)
		if step.hand == nil {
			b.takes()
		} else {
			step.hand(b, in)
		}
		in(step.frame).sees(step.sees)
		b.soon("the story does not go on after “"+title+"”: "+step.id, func() bool {
			var at int
			b.evaluate(`document.getElementById("progress").value`, &at)
			return at > i
		})
		b.tourPicture(t, step.id)
		tour = append(tour, "", fmt.Sprintf("## %d. %s", i+1, title), "", words, "", fmt.Sprintf("![%s](tour/%s.png)", title, step.id))
	}
	b.sees("That was the whole story")
	b.looksWithoutFrames("demo-over")
	tellsTheTour(t, strings.Join(tour, "\n")+"\n")
}

// tellsTheTour sees that docs/tour.md says what the steps say, or writes it.
func tellsTheTour(t *testing.T, tour string) {
	t.Helper()
	const file = "../../docs/tour.md"
	if os.Getenv("USHER_TEST_SCREENSHOTS") != "" {
		if err := os.WriteFile(file, []byte(tour), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(file)
	if err != nil || string(written) != tour {
		t.Errorf("docs/tour.md (%v) does not say what the steps say. USHER_TEST_SCREENSHOTS=FOLDER go test -run TestTheTour ./internal/browsertest writes it anew:\n%s", err, tour)
	}
}

// looksWithoutFrames judges the page of the story itself, in another tab: what is in the frames has tests of its own, and the Tab key would go through all of it.
func (b *tab) looksWithoutFrames(name string) {
	b.t.Helper()
	other := b.another()
	other.open("/")
	other.sees("Sign up")
	other.soon("the page does not find out how the story stands", func() bool {
		var shown bool
		other.evaluate(`document.getElementById("where").textContent !== "The demonstration"`, &shown)
		return shown
	})
	other.evaluate(`document.querySelectorAll("iframe").forEach((f) => f.remove())`, nil)
	other.look(name)
	other.evaluate(`location.replace("about:blank")`, nil)
	b.run("coming back", page.BringToFront())
}

func (b *tab) tourWindow() {
	b.t.Helper()
	b.show(wide, light)
	b.run("making a window", emulation.SetDeviceMetricsOverride(1280, 860, 1, false))
}

// tourPicture is what the window shows after a step; that of the film is the README's.
func (b *tab) tourPicture(t *testing.T, name string) {
	t.Helper()
	b.tourWindow()
	b.evaluate("scrollTo(0, 0)", nil)
	time.Sleep(time.Second) // for what the frames draw
	var shot []byte
	b.run("taking a picture", chromedp.ActionFunc(func(ctx context.Context) (err error) {
		shot, err = page.CaptureScreenshot().Do(ctx)
		return err
	}))
	if os.Getenv("USHER_TEST_SCREENSHOTS") == "" {
		return
	}
	files := []string{filepath.Join("../../docs/tour", name+".png")}
	if name == "again" {
		files = append(files, pictureFile)
	}
	for _, file := range files {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, shot, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
