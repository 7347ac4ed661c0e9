package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"usher/internal/loadtest/crowd"
	"usher/internal/server"
)

// besieged is a gate of the built program, whose service is killed.
type besieged struct {
	*siege
	gate    node
	owner   *life
	machine *machine // as its owner sees it
	player  string   // token that was let in
	program string   // signed in to the owner's account
	unseen  string   // token of that program for this server, which was never shown

	mu     sync.Mutex
	inside []*http.Client // browsers that were let in last: of one account, the service keeps twenty sign-ins to one server
	came   int            // since the last outage
}

// openGate starts a gate, claims it for one of the crowd, and lets a browser and a player in.
func (s *siege) openGate() *besieged {
	s.Helper()
	ports, err := freePorts(1)
	if err != nil {
		s.Fatal(err)
	}
	g := &besieged{siege: s, gate: node{listen: "127.0.0.1:" + ports[0]}, owner: s.born(), machine: s.newMachine()}
	must := func(err error) {
		s.Helper()
		if err != nil {
			s.Fatalf("%v\n%s", err, g.gate.errs.String())
		}
	}
	films := filepath.Join(s.dir, "films")
	must(os.Mkdir(films, 0o700))
	must(os.WriteFile(filepath.Join(films, "night.txt"), []byte("It is dark.\n"), 0o600))
	program, err := g.owner.signIn()
	must(err)
	claim, err := g.owner.offer(program)
	must(err)
	g.owner.claims = nil // it is the gate's
	c := exec.Command("usher", "gate", "--service", s.origin(), "--listen", g.gate.listen, "--folder", filepath.Join(s.dir, "gate"), "--media", films)
	c.Dir, c.Env = s.dir, append(s.environ[:3:3], "USHER_CLAIM="+claim.token)
	must(g.gate.run(c))
	s.Cleanup(func() { g.gate.stop(syscall.SIGTERM) })
	g.eventually("hear signals", func() bool { return strings.Contains(g.gate.errs.String(), "signals are heard") })
	g.machine.ID, g.player, err = g.listed(program)
	must(err)
	g.machine.state, g.machine.owner = server.Good, s.rows(`SELECT account_id FROM server`)[0]
	must(g.owner.confirm(g.machine, g.origin()))
	if status := g.shows(g.player); status != http.StatusOK {
		s.Fatalf("a player is answered %d\n%s", status, g.gate.errs.String())
	}
	must(g.comes())
	must(g.another())
	return g
}

func (g *besieged) origin() string { return "http://" + g.gate.listen }

// listed is the one server of the gate's owner, and a token for it.
func (g *besieged) listed(program string) (id, token string, err error) {
	var told struct{ Servers []struct{ ID, Token string } }
	if err := g.tell(http.MethodGet, "/api/v1/servers", asBearer(program), http.StatusOK, &told); err != nil {
		return "", "", err
	}
	if len(told.Servers) != 1 {
		return "", "", fmt.Errorf("%d servers", len(told.Servers))
	}
	return told.Servers[0].ID, told.Servers[0].Token, nil
}

func (l *life) confirm(m *machine, address string) error {
	return l.tell(http.MethodPost, "/servers/"+m.ID+"/confirm-address", request{form: url.Values{"address": {address}}, cookies: map[string]string{"usher": l.browser}}, http.StatusSeeOther, nil)
}

// another signs one more program in, whose token for the server is shown to nobody yet.
func (g *besieged) another() (err error) {
	if g.program, err = g.owner.signIn(); err != nil {
		return err
	}
	_, g.unseen, err = g.listed(g.program)
	return err
}

// eventually waits for what comes by itself: a minute at most.
func (g *besieged) eventually(what string, holds func() bool) {
	g.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			g.Fatalf("the gate does not %s\n%s", what, g.gate.errs.String())
		}
	}
}

// shows is how the gate answers a player with a token.
func (g *besieged) shows(token string) int {
	g.Helper()
	r, err := http.NewRequestWithContext(g.Context(), http.MethodGet, g.origin()+"/", http.NoBody)
	if err != nil {
		g.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := g.client.Do(r)
	if err != nil {
		g.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// proxied says of each request to the service that it comes from another network.
type proxied struct{ *siege }

func (p proxied) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == p.listen {
		r = r.Clone(r.Context())
		r.Header.Set("X-Forwarded-For", crowd.Address(int(p.said.Add(1))).String())
	}
	return p.client.Transport.RoundTrip(r)
}

// comes has one more browser of the owner's sign in at the gate. errGone.
func (g *besieged) comes() error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	b := &http.Client{Transport: proxied{g.siege}, Jar: jar, Timeout: time.Minute}
	service, err := url.Parse(g.siege.origin())
	if err != nil {
		return err
	}
	jar.SetCookies(service, []*http.Cookie{{Name: "usher", Value: g.owner.browser, Path: "/"}})
	at, status, body, err := g.visit(b, http.MethodGet, g.origin()+"/.usher/sign-in", nil)
	if err == nil && at.Path == "/authorize/consent" && status == http.StatusOK {
		form := url.Values{"act": {"allow"}}
		for _, field := range hidden.FindAllStringSubmatch(body, -1) {
			form.Set(field[1], field[2])
		}
		at, status, body, err = g.visit(b, http.MethodPost, g.siege.origin()+"/authorize/consent", form)
	}
	switch {
	case err != nil:
		return err
	case status >= http.StatusInternalServerError:
		return errors.Join(errGone, fmt.Errorf("%s answers %d", at.Host, status))
	case status != http.StatusOK || at.Host != g.gate.listen || !strings.Contains(body, "night.txt"):
		return fmt.Errorf("a browser is at %s%s with status %d: %s", at.Host, at.Path, status, body)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside = append(g.inside, b)
	g.inside = g.inside[max(0, len(g.inside)-12):]
	g.came++
	g.answered.Add(1)
	return nil
}

// visit opens a page as a browser does, and says where that leads. errGone.
func (g *besieged) visit(b *http.Client, method, to string, form url.Values) (at *url.URL, status int, body string, err error) {
	r, err := http.NewRequestWithContext(g.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, 0, "", err
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.Do(r)
	if err != nil {
		return nil, 0, "", errors.Join(errGone, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		err = errors.Join(errGone, err)
	}
	return res.Request.URL, res.StatusCode, string(raw), err
}

// all fails the test unless every browser that was let in, and the player, is answered so.
func (g *besieged) all(when string, want int) {
	g.Helper()
	for i, b := range g.inside {
		_, status, _, err := g.visit(b, http.MethodGet, g.origin()+"/", nil)
		if err != nil || status != want {
			g.Errorf("%s browser %d of %d is answered %d, %v", when, i, len(g.inside), status, err)
		}
	}
	if status := g.shows(g.player); status != want {
		g.Errorf("%s the player is answered %d", when, status)
	}
}

// outage fails the test unless those who were let in stay in, and nobody new comes in.
func (g *besieged) outage() {
	g.Helper()
	if g.came == 0 {
		g.Error("nobody came to the gate")
	}
	g.came = 0
	g.all("while the service is away", http.StatusOK)
	if status := g.shows(g.unseen); status != http.StatusServiceUnavailable {
		g.Errorf("somebody new is answered %d while the service is away", status)
	}
}

// back fails the test unless the gate comes back by itself: who is new comes in, those who are in stay, and what is signed out gets out.
func (g *besieged) back() {
	g.Helper()
	g.eventually("come back", func() bool { return g.shows(g.unseen) == http.StatusOK })
	g.all("after the outage", http.StatusOK)
	if err := g.owner.signOut(g.program); err != nil {
		g.Fatal(err)
	}
	g.eventually("close", func() bool { return g.shows(g.unseen) == http.StatusUnauthorized })
	if err := g.another(); err != nil {
		g.Fatal(err)
	}
}

// staysOut fails the test unless a server that is signed out stays so at its gate while the service is killed and comes back, until its owner brings it back.
func (g *besieged) staysOut() {
	g.Helper()
	if err := g.owner.press(g.machine, "sign-out", server.Suspended, ""); err != nil {
		g.Fatal(err)
	}
	g.eventually("close", func() bool { return g.shows(g.player) == http.StatusForbidden })
	g.siege.stop(syscall.SIGKILL)
	g.all("signed out, while the service is away", http.StatusForbidden)
	g.serve()
	g.all("signed out, after the outage", http.StatusForbidden)
	if err := g.owner.press(g.machine, "back", server.Good, ""); err != nil {
		g.Fatal(err)
	}
	g.eventually("open", func() bool { return g.shows(g.player) == http.StatusOK })
	g.all("brought back", http.StatusOK)
}
