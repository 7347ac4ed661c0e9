package main

import (
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// aGate is the gate of a story, which stands beside a media server and listens at a number.
type aGate struct {
	node
}

var (
	aSetUpLink = regexp.MustCompile(`http://127\.0\.0\.1:\d+/\.usher/\?setup=\S+`)
	aGateCode  = regexp.MustCompile(`<b class="link-code">([^<]+)</b>`)
	aSetUpCode = regexp.MustCompile(`Set-up code: (\S+)\n`)
)

// gate [flag…] starts the story's gate, in its own folder, and waits until it is ready. $GATE is where it is, $SETUPLINK and $SETUPCODE are what it prints for
// whoever may claim it.
func cmdGate(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	if s.gate == nil {
		ports, err := freePorts(1)
		ts.Check(err)
		s.gate = &aGate{node: node{listen: "127.0.0.1:" + ports[0]}}
		ts.Setenv("GATE", "http://"+s.gate.listen)
		ts.Defer(func() { s.gate.stop(syscall.SIGTERM) })
	}
	g := s.gate
	if g.running() {
		ts.Fatalf("gate: it runs already")
	}
	g.started = len(g.errs.String())
	printed := len(g.out.String())
	flags := append([]string{"gate", "--service", ts.Getenv("ORIGIN"), "--listen", g.listen, "--folder", filepath.Join(s.dir, "gate"), "--name", "Attic"}, args...)
	c := exec.Command(usherCommand(ts), flags...)
	c.Dir, c.Env = s.dir, append(s.environ(ts), "USHER_CLAIM="+ts.Getenv("USHER_CLAIM"))
	ts.Check(g.run(c))
	// What it prints and what it logs come through two pipes, either of them first.
	ready := func() bool {
		logged := g.errs.String()[g.started:]
		return strings.Contains(logged, "claimed=true") || strings.Contains(logged, "gate serving") && aSetUpCode.MatchString(g.out.String()[printed:])
	}
	for deadline := time.Now().Add(30 * time.Second); !ready(); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-g.ended:
			g.command = nil
			if !neg {
				ts.Fatalf("gate ended: %v\n%s", err, g.errs.String()[g.started:])
			}
			return
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the gate is not ready\n%s", g.errs.String()[g.started:])
		}
	}
	if neg {
		ts.Fatalf("gate: it is ready, and should not be")
	}
	s.keepSetUp(ts, g.out.String()[printed:])
}

// setup takes the link and the code from what the command before printed.
func cmdSetUp(ts *testscript.TestScript, _ bool, _ []string) {
	storyOf(ts).keepSetUp(ts, ts.ReadFile("stdout"))
}

func (s *story) keepSetUp(ts *testscript.TestScript, printed string) {
	ts.Setenv("SETUPLINK", aSetUpLink.FindString(printed))
	ts.Setenv("SETUPCODE", "")
	if found := aSetUpCode.FindStringSubmatch(printed); found != nil {
		ts.Setenv("SETUPCODE", found[1])
		s.keepSecret(found[1])
	}
}

// gate-end asks the gate to end, and waits until it has; gate-kill gives it no time for anything.
func cmdGateEnd(ts *testscript.TestScript, _ bool, _ []string) {
	storyOf(ts).gate.stop(syscall.SIGTERM)
}
func cmdGateKill(ts *testscript.TestScript, _ bool, _ []string) {
	storyOf(ts).gate.stop(syscall.SIGKILL)
}

// gatelog PATTERN looks into what the gate logged since it was started.
func cmdGateLog(ts *testscript.TestScript, neg bool, args []string) {
	g, pattern := storyOf(ts).gate, regexp.MustCompile(args[0])
	for tries := 0; tries < 1200 && !neg; tries++ {
		if pattern.MatchString(g.errs.String()[g.started:]) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !neg || pattern.MatchString(g.errs.String()[g.started:]) {
		ts.Fatalf("the gate's log matches %q: %v\n%s", args[0], neg, g.errs.String()[g.started:])
	}
}

// inside reports whether an address is that of the story's services, or of its gate.
func (s *story) inside(u *url.URL) bool {
	return u.Host == s.nodes["one"].listen || u.Host == s.nodes["two"].listen || s.gate != nil && u.Host == s.gate.listen
}

// gatecode keeps the claim code that the gate's page shows, as $GATECODE.
func cmdGateCode(ts *testscript.TestScript, _ bool, _ []string) {
	p := storyOf(ts).page(ts)
	found := aGateCode.FindStringSubmatch(p.body)
	if found == nil {
		ts.Fatalf("no code on the page\n%s", p.text())
	}
	ts.Setenv("GATECODE", found[1])
}

// servertoken keeps the first token that the page lists for a server, as $SERVERTOKEN.
func cmdServerToken(ts *testscript.TestScript, _ bool, _ []string) {
	s := storyOf(ts)
	found := regexp.MustCompile(`"token": ?"([^"]+)"`).FindStringSubmatch(s.page(ts).body)
	if found == nil {
		ts.Fatalf("no token on the page\n%s", s.page(ts).text())
	}
	ts.Setenv("SERVERTOKEN", found[1])
	s.keepSecret(found[1])
}

// shut TOKEN|basic:LOGIN:PASSWORD [DURATION] waits until the gate lets in no more who shows that, or with "!" until it does: a minute at most, or so long.
func cmdShut(ts *testscript.TestScript, neg bool, args []string) {
	wait, shown := time.Minute, args[0]
	if !strings.HasPrefix(shown, "basic:") {
		shown = "bearer:" + shown
	}
	if len(args) > 1 {
		var err error
		wait, err = time.ParseDuration(args[1])
		ts.Check(err)
	}
	began := time.Now()
	for end := began.Add(wait); ; time.Sleep(100 * time.Millisecond) {
		cmdAPI(ts, false, []string{"GET", ts.Getenv("GATE") + "/", shown})
		status := storyOf(ts).page(ts).status
		if !neg && (status == 401 || status == 403) || neg && status == 200 {
			ts.Logf("after %v", time.Since(began).Round(10*time.Millisecond))
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the gate still answers %d", status)
		}
	}
}
