package door

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/gate/proxytest"
	"usher/internal/secret"
)

// An old app gets in by an app password of this server beside a name of who made it; the media server hears who it is, and nothing of the password.
func TestAppPasswordsLetOldAppsIn(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	mine, yours, dead := g.make(ann()), g.make(bob()), secret.NewServerPassword()
	directory := ann()
	directory.Directory = true
	looksUp := g.make(directory)
	grouped := mine.Grouped().Reveal()
	for name, c := range map[string]struct {
		login, password string
		status          int
	}{
		"user name": {"ann", mine.Reveal(), 200}, "in other case": {" ANN", mine.Reveal(), 200}, "address": {"Ann@Example.org", mine.Reveal(), 200}, "number": {"acc-ann", mine.Reveal(), 200},
		"as it is shown": {"ann", grouped, 200}, "shouted": {"ann", strings.ToUpper(grouped), 200},
		"another's password": {"ann", yours.Reveal(), 401}, "another's name": {"bob", mine.Reveal(), 401}, "no name": {"", mine.Reveal(), 401}, "what the person is called": {"Ännchen", mine.Reveal(), 401},
		"the media server's own": {"ann", looksUp.Reveal(), 401}, "an unknown one": {"ann", dead.Reveal(), 401}, "of a whole account": {"ann", secret.NewAppPassword().Reveal(), 401}, "none": {"ann", "", 401}, "part of it": {"ann", mine.Reveal()[:31], 401},
		"a very long name": {strings.Repeat("a", 5000), mine.Reveal(), 401},
	} {
		answer, body := g.ask(t, http.MethodGet, "/films", basicAuth(c.login, c.password))
		if answer.StatusCode != c.status {
			t.Errorf("%s: %s", name, answer.Status)
		}
		if c.status == 200 && (strings.Contains(body, "Authorization") || !strings.Contains(body, `"Remote-User":["ann"]`) || strings.Contains(body, mine.Reveal())) {
			t.Errorf("%s: the media server received %s", name, body)
		}
	}
}

// What is the gate's in a request never arrives at the media server, however it is written; what is the media server's does.
func TestCredentialsReachWhomTheyAreFor(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	token, password := g.let(ann()), g.make(ann())
	cookie := g.cookieOf(t, token, "http")
	line := basicAuth("ann", password.Reveal())["Authorization"][0]
	theirs := basicAuth("media", "server")["Authorization"][0]
	loose := "basic  " + strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(line[6:]), "=")
	for name, c := range map[string]struct {
		header  http.Header
		status  int
		arrives []string
	}{
		"the server's own, beside a cookie":     {http.Header{"Cookie": {cookie}, "Authorization": {theirs}}, 200, []string{theirs}},
		"the server's own, beside a token":      {http.Header{plexToken: {token.Reveal()}, "Authorization": {theirs}}, 200, []string{theirs}},
		"two of the server's own":               {http.Header{"Cookie": {cookie}, "Authorization": {theirs, "Digest a=b, c=d"}}, 200, []string{theirs, "Digest a=b, c=d"}},
		"the server's own alone":                {http.Header{"Authorization": {theirs}}, 401, nil},
		"ours":                                  {http.Header{"Authorization": {line}}, 200, nil},
		"ours, loosely written":                 {http.Header{"Authorization": {loose}}, 200, nil},
		"ours, beside a cookie":                 {http.Header{"Cookie": {cookie}, "Authorization": {line}}, 200, nil},
		"ours, beside a token":                  {http.Header{plexToken: {token.Reveal()}, "Authorization": {line}}, 400, nil},
		"ours, beside a token in the query":     {http.Header{"Authorization": {line}, "X-Query": {"?X-Plex-Token=" + token.Reveal()}}, 400, nil},
		"ours and theirs":                       {http.Header{"Authorization": {line, theirs}}, 400, nil},
		"theirs and ours":                       {http.Header{"Cookie": {cookie}, "Authorization": {theirs, line}}, 400, nil},
		"theirs and ours in one line":           {http.Header{"Cookie": {cookie}, "Authorization": {theirs + ", " + line}}, 400, nil},
		"ours twice":                            {http.Header{"Authorization": {line, line}}, 400, nil},
		"ours and a bearer token":               {http.Header{"Authorization": {line, "Bearer " + token.Reveal()}}, 400, nil},
		"ours as a bearer token":                {http.Header{"Cookie": {cookie}, "Authorization": {"Bearer " + password.Reveal()}}, 401, nil},
		"ours as Plex token":                    {http.Header{plexToken: {password.Reveal()}}, 401, nil},
		"of a whole account, beside a cookie":   {http.Header{"Cookie": {cookie}, "Authorization": basicAuth("ann", secret.NewAppPassword().Reveal())["Authorization"]}, 401, nil},
		"one that does not count, and a cookie": {http.Header{"Cookie": {cookie}, "Authorization": basicAuth("ann", secret.NewServerPassword().Reveal())["Authorization"]}, 401, nil},
	} {
		target := "/films" + c.header.Get("X-Query")
		answer, body := g.ask(t, http.MethodGet, target, c.header)
		if answer.StatusCode != c.status {
			t.Errorf("%s: %s", name, answer.Status)
			continue
		}
		if c.status != 200 {
			continue
		}
		got := g.through(t, http.MethodGet, target, c.header)
		if !slices.Equal(got.Header["Authorization"], c.arrives) || strings.Contains(body, password.Reveal()) {
			t.Errorf("%s: the media server received %q", name, got.Header)
		}
	}
}

// Attack G13: what a media server itself takes for name and password, in whatever place, opens nothing; nor does it change whose request it is.
func TestSubsonicParametersOpenNothing(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	mine, yours := g.make(ann()), g.make(bob())
	for _, query := range []string{"u=ann&p=" + mine.Reveal(), "u=ann&p=enc:61", "u=ann&apiKey=" + mine.Reveal(), "u=ann&t=26719a1196d2a940705a59634eb18eab&s=c19b2d", "apiKey=" + mine.Reveal(), "api_key=" + mine.Reveal(), "X-Plex-Token=" + mine.Reveal()} {
		if answer, _ := g.ask(t, http.MethodGet, "/rest/ping.view?"+query, nil); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s is answered %s", query, answer.Status)
		}
	}
	got := g.through(t, http.MethodGet, "/rest/ping.view?u=ann&t=x&s=y", basicAuth("bob", yours.Reveal()))
	if got.Header.Get(UserHeader) != "bob" {
		t.Errorf("it is told as %q", got.Header.Get(UserHeader))
	}
	if answer, _ := g.ask(t, http.MethodGet, "/rest/ping.view?u=bob", basicAuth("ann", yours.Reveal())); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("another's password beside my name is answered %s", answer.Status)
	}
}

// A name and a password are asked for where an app would not send them by itself, and never in a browser, which asks in a window of its own.
func TestWhoIsAskedForNameAndPassword(t *testing.T) {
	g := open(t, echo(t).URL, func(s *Settings) { s.Proxies = loopback() })
	for name, c := range map[string]struct {
		header http.Header
		asked  bool
	}{
		"an old app": {http.Header{"User-Agent": {"okhttp/3.2"}}, true}, "curl": {http.Header{}, true}, "with a dead password": {basicAuth("ann", secret.NewServerPassword().Reveal()), true},
		"a browser": {http.Header{"User-Agent": {"Mozilla/5.0"}}, false}, "a page": {http.Header{"Accept": {"text/html"}}, false}, "a script": {http.Header{"Sec-Fetch-Mode": {"cors"}}, false}, "a page's": {http.Header{"Origin": {"https://a.example"}}, false},
	} {
		direct, _ := g.ask(t, http.MethodGet, "/x", c.header)
		asked := http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/x"}, "X-Forwarded-Host": {"media.example"}, "X-Forwarded-Proto": {"http"}}
		for name, values := range c.header {
			asked[name] = values
		}
		behind, _ := g.ask(t, http.MethodGet, "/.usher/auth", asked)
		for _, answer := range []*http.Response{direct, behind} {
			lines := answer.Header["Www-Authenticate"]
			if answer.StatusCode != http.StatusUnauthorized || slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Basic ") }) != c.asked || !slices.Contains(lines, `Bearer realm="usher"`) {
				t.Errorf("%s: %s %q", name, answer.Status, lines)
			}
		}
	}
}

// A browser that was told a password sends it along with what any website has it ask for, as it does a cookie.
func TestOtherWebsitesUseNoPassword(t *testing.T) {
	g := open(t, websocketEcho(t).URL, nil)
	password := g.make(ann()).Reveal()
	for name, c := range map[string]struct {
		origin, site string
		status       int
	}{"an app": {"", "", 101}, "own page": {"http://" + g.Listener.Addr().String(), "same-origin", 101}, "other page": {"https://evil.example", "cross-site", 403}} {
		header := basicAuth("ann", password)
		if c.origin != "" {
			header["Origin"], header["Sec-Fetch-Site"] = []string{c.origin}, []string{c.site}
		}
		if status, _, _ := g.upgrade(t, header.Clone()); status != c.status {
			t.Errorf("the websocket of %s is answered %d", name, status)
		}
		if answer, _ := g.ask(t, http.MethodPost, "/", header); (answer.StatusCode == http.StatusForbidden) != (c.status == 403) {
			t.Errorf("what %s sends is answered %s", name, answer.Status)
		}
	}
	if owner, err := g.door.Owner(&http.Request{URL: new(url.URL), Header: basicAuth("ann", password)}); owner || err != nil {
		t.Errorf("it speaks for the owner: %t %v", owner, err)
	}
}

// Attack S5: what an app password or an account's own has opened ends with it, at once.
func TestWhatAPasswordOpenedIsCut(t *testing.T) {
	for name, end := range map[string]func(*gate){
		"its device signed out": func(g *gate) { g.decider.End(Ended{Account: "acc-ann", Session: "sid-1"}) },
		"account signed out":    func(g *gate) { g.decider.End(Ended{Account: "acc-ann"}) },
		"everybody":             func(g *gate) { g.decider.End(Ended{}) },
		"server suspended":      func(g *gate) { g.decider.Suspend(Suspension{}) },
	} {
		t.Run(name, func(t *testing.T) {
			g := open(t, websocketEcho(t).URL, nil)
			g.decider.Heard(g.now())
			app := g.make(ann())
			g.set(func(r *registry) { r.takes = true })
			g.choose("ann", "own", ann())
			for _, header := range []http.Header{basicAuth("ann", app.Reveal()), basicAuth("ann", "own")} {
				status, conn, in := g.upgrade(t, header)
				if status != http.StatusSwitchingProtocols {
					t.Fatal(status)
				}
				_, _ = io.WriteString(conn, "hello")
				if _, err := io.ReadFull(in, make([]byte, 5)); err != nil {
					t.Fatal(err)
				}
				g.set(func(r *registry) { clear(r.known); clear(r.own) })
				end(g)
				began := time.Now()
				if _, err := in.ReadByte(); err != io.EOF || time.Since(began) > time.Second {
					t.Errorf("the websocket ends with %v after %v", err, time.Since(began))
				}
				g.decider.Resume()
				if answer, _ := g.ask(t, http.MethodGet, "/", header); answer.StatusCode != http.StatusUnauthorized {
					t.Errorf("it is answered %s", answer.Status)
				}
				g.choose("ann", "own", ann())
				g.decider.End(Ended{}) // what was refused is asked about again
			}
		})
	}
}

// What the service says of a token is no answer about an app password, nor the other way round, and neither is found by the other's name.
func TestPasswordsAreNoTokens(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	password := r.make(ann())
	basic := passwordProof("ann", password)
	if _, err := d.decide(t.Context(), basic, nil); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{password.Reveal(), "\x01" + password.Reveal(), "\x01" + string(d.bound) + password.Reveal()} {
		expect(t, d, secret.TokenOf(text), ErrRefused)
	}
	r.set(func(r *registry) { r.known[password.Reveal()] = ann() }) // as of a token
	d.End(Ended{})
	if _, err := d.decide(t.Context(), basic, nil); !errors.Is(err, ErrRefused) {
		t.Errorf("a token lets in as a password: %v", err)
	}
	token := tokenFor(serverID)
	r.set(func(r *registry) {
		r.known[token.Reveal()] = Decision{Account: "acc-ann", AppPassword: true, Until: r.now().Add(time.Hour)}
	})
	expect(t, d, token, ErrRefused)
	keys := map[key]string{}
	for name, p := range map[string]proof{"token": tokenProof(password), "app": basic, "own": {kind: byAccount, login: "ann", text: password}, "own, other name": {kind: byAccount, login: "anna", text: password},
		"own, shifted": {kind: byAccount, login: "an", text: secret.TokenOf("n" + password.Reveal())}, "once": {kind: byAccount, login: "ann", text: password, once: "x"}} {
		k := d.keyOf(p)
		if other, taken := keys[k]; taken {
			t.Errorf("%s and %s share a key", name, other)
		}
		keys[k] = name
	}
	if other := r.decider(); other.keyOf(proof{kind: byAccount, text: password}) == d.keyOf(proof{kind: byAccount, text: password}) {
		t.Error("the key of an account's own password can be guessed at outside")
	}
}

// App passwords are kept over a restart and in an outage, as tokens are; accounts' own are on no disk, and let nobody in while nothing is heard.
func TestPasswordsInAnOutage(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	r.takes = true
	r.choose("bob", "secret123456", bob())
	app, own := passwordProof("ann", r.make(ann())), passwordProof("bob", secret.TokenOf("secret123456"))
	decide := func(d *Decider, p proof, want error) {
		t.Helper()
		if _, err := d.decide(t.Context(), p, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", p.login, err, want)
		}
	}
	decide(d, app, nil)
	decide(d, own, nil)
	r.breaks(ErrAway)
	decide(d, own, nil) // nothing can have ended that would not be known
	d.Unheard()
	r.pass(lastAnswer)
	decide(d, app, nil)
	decide(d, own, ErrAway)
	kept, silent := d.Admitted()
	if len(kept) != 1 || kept[0].Decision.Account != "acc-ann" {
		t.Errorf("kept is %v", kept)
	}
	again := r.decider()
	again.Restore(kept, silent)
	decide(again, app, nil)
	wrong := app
	wrong.login = "bob"
	decide(again, wrong, ErrRefused)
	decide(again, own, ErrAway)
}

// own is a gate whose owner lets people type the account's own password, with one person.
func own(t *testing.T, once bool) *gate {
	t.Helper()
	g := open(t, echo(t).URL, nil)
	g.decider.Heard(g.now())
	who := bob()
	who.Once = once
	g.choose("bob", "secret123456", who)
	return g
}

// The account's own password lets in only where the owner wants that, and is asked about once in a quarter of an hour. The code in it counts once, and the account's
// budget of failures is not used up by an app that goes on with it.
func TestAccountsOwnPasswords(t *testing.T) {
	g := own(t, true)
	right, wrong := basicAuth("Bob", "secret123456"), basicAuth("bob", "secret654321")
	status := func(header http.Header, want int) {
		t.Helper()
		g.decider.Heard(g.now())
		if answer, body := g.ask(t, http.MethodGet, "/", header); answer.StatusCode != want || strings.Contains(body, "Authorization") {
			t.Errorf("%s %s", answer.Status, body)
		}
	}
	status(right, 401)
	if g.asked.Load() != 0 {
		t.Error("a password that may be the media server's is sent to the service unasked")
	}
	g.set(func(r *registry) { r.takes = true })
	for range 3 {
		status(right, 200)
		status(wrong, 401)
	}
	if n := g.asked.Load(); n != 2 {
		t.Errorf("it asked %d times", n)
	}
	cookie := http.Header{"Cookie": {g.cookieOf(t, g.let(ann()), "http")}, "Authorization": right["Authorization"]}
	status(cookie, 200) // and what is known to be the gate's does not arrive, though somebody else comes in
	g.asked.Store(0)
	g.pass(ownPassword)
	for range 3 {
		status(right, 401)
	}
	g.decider.End(Ended{Account: "acc-carl"})
	status(right, 401)
	status(cookie, 200)
	if n := g.asked.Load(); n != 0 {
		t.Errorf("a code that was used up is asked about again, %d", n)
	}
}

// Whatever is told of an account, what was refused is asked about anew: it may be the one who may come in now.
func TestAnyWordForgetsRefusals(t *testing.T) {
	for name, word := range map[string]func(*gate){
		"ended": func(g *gate) { g.decider.End(Ended{Account: "acc-bob"}) }, "a word": func(g *gate) { g.decider.EndPasswords("acc-bob") },
	} {
		g := own(t, true)
		g.set(func(r *registry) { r.takes = true })
		wrong := basicAuth("bob", "not his123456")
		for range 2 {
			if answer, _ := g.ask(t, http.MethodGet, "/", wrong); answer.StatusCode != 401 {
				t.Error(answer.Status)
			}
		}
		before := g.asked.Load()
		word(g)
		g.ask(t, http.MethodGet, "/", wrong)
		if n := g.asked.Load() - before; n != 1 {
			t.Errorf("%s: it asked %d times", name, n)
		}
	}
}

// What is known of an account's own password ends with any word about the account, and when its owner takes that back.
func TestAccountsOwnPasswordsEnd(t *testing.T) {
	for name, end := range map[string]func(*gate){
		"one device": func(g *gate) { g.decider.End(Ended{Account: "acc-bob", Session: "another"}) }, "account": func(g *gate) { g.decider.End(Ended{Account: "acc-bob"}) },
		"a word": func(g *gate) { g.decider.EndPasswords("acc-bob") }, "doubt": func(g *gate) { g.decider.Doubt() }, "the switch": func(g *gate) { g.set(func(r *registry) { r.takes = false }) },
	} {
		g := own(t, true)
		g.set(func(r *registry) { r.takes = true })
		header := basicAuth("bob", "secret123456")
		before, _ := g.ask(t, http.MethodGet, "/", header)
		g.decider.EndPasswords("acc-ann")
		between, _ := g.ask(t, http.MethodGet, "/", header)
		end(g)
		after, _ := g.ask(t, http.MethodGet, "/", header)
		if before.StatusCode != 200 || between.StatusCode != 200 || after.StatusCode != 401 {
			t.Errorf("%s: %s, %s, %s", name, before.Status, between.Status, after.Status)
		}
	}
	g := own(t, false) // without a second step it is asked about anew
	g.set(func(r *registry) { r.takes = true })
	header := basicAuth("bob", "secret123456")
	for range 2 {
		if answer, _ := g.ask(t, http.MethodGet, "/", header); answer.StatusCode != 200 {
			t.Error(answer.Status)
		}
		g.pass(ownPassword)
	}
	if n := g.asked.Load(); n != 2 {
		t.Errorf("it asked %d times", n)
	}
}

// visited is a service where strangers come to the gate while it is asked.
type visited struct {
	*registry
	come func()
}

func (v visited) Ask(ctx context.Context, token secret.Token) (Decision, error) {
	v.come()
	return v.registry.Ask(ctx, token)
}

// Names and passwords that strangers make up end nothing, have nothing asked anew that was refused, and keep out nobody who comes meanwhile, while accounts' own are
// not taken. What the switch ends it ends once.
func TestStrangersEndNothing(t *testing.T) {
	g := open(t, echo(t).URL, nil)
	d := g.decider
	d.Heard(g.now())
	strangers := func() {
		if answer, _ := g.ask(t, http.MethodGet, "/films", basicAuth("x", "y")); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger is answered %s", answer.Status)
		}
		bindAs(t, d, "x", secret.TokenOf("y"), ErrRefused)
	}
	stays := func(what string) {
		t.Helper()
		before := d.Heeded()
		strangers()
		if ended := d.Heeded() - before; ended > 0 {
			t.Errorf("%s: strangers end something %d times", what, ended)
		}
	}
	stays("a switch that was never on")
	dead := tokenFor(serverID)
	for range 3 {
		expect(t, d, dead, ErrRefused)
		strangers()
	}
	if n := g.asked.Load(); n != 1 {
		t.Errorf("it asks %d times about what was refused", n)
	}
	d.service = visited{g.registry, strangers}
	expect(t, d, g.let(bob()), nil)
	d.service = g.registry
	g.set(func(r *registry) { r.takes = true })
	g.choose("ann", "own", ann())
	bound := bindAs(t, d, "ann", secret.TokenOf("own"), nil)
	stays("a switch that is on")
	g.set(func(r *registry) { r.takes = false })
	strangers()
	over(t, bound)
	stays("a switch that was on")
	g.set(func(r *registry) { r.takes = true })
	bindAs(t, d, "ann", secret.TokenOf("own"), nil)
}

// Somebody behind a media server who makes up passwords keeps out nobody who is known there, and no app of another name; and what is counted takes no more memory
// than there is for it.
func TestMadeUpPasswordsHaveABudget(t *testing.T) {
	r := newRegistry()
	d := r.decider()
	d.Heard(r.now())
	media := netip.MustParseAddr("127.0.0.1")
	knows := r.make(ann())
	bind := func(login string, password secret.Token) error {
		_, err := d.decide(t.Context(), passwordProof(login, password), func() netip.Addr { return media })
		return err
	}
	if err := bind("ann", knows); err != nil {
		t.Fatal(err)
	}
	r.asked.Store(0)
	for range 100 {
		_ = bind("mallory", secret.NewServerPassword())
	}
	one := r.asked.Load()
	if err := bind("bob", r.make(bob())); err != nil {
		t.Errorf("beside the stranger: %v", err)
	}
	for range 3 * mostNetworks {
		_ = bind(secret.NewToken().Reveal(), secret.NewServerPassword())
	}
	if n := r.asked.Load(); one > 10 || n > 20 {
		t.Errorf("one name asks %d times, all %d times", one, n)
	}
	if err := bind("ann", knows); err != nil {
		t.Errorf("who is known: %v", err)
	}
	if err := bind("bob", r.make(bob())); !errors.Is(err, ErrBusy) {
		t.Errorf("a new one meanwhile: %v", err)
	}
	r.pass(time.Second)
	if err := bind("bob", r.make(bob())); err != nil {
		t.Errorf("a moment later: %v", err)
	}
	token := r.let(ann())
	if _, err := d.Decide(t.Context(), token, media); err != nil {
		t.Errorf("a token from there: %v", err)
	}
	for kind, g := range d.guessed {
		if len(g.name.all) > mostNetworks || len(g.network.all) > mostNetworks {
			t.Errorf("%d: %d and %d are remembered", kind, len(g.name.all), len(g.network.all))
		}
	}
}

// As forward-auth the gate says what the proxy may pass on.
func TestForwardAuthKeepsPasswords(t *testing.T) {
	g := open(t, echo(t).URL, func(s *Settings) { s.Proxies = loopback() })
	cookie, password := g.cookieOf(t, g.let(ann()), "http"), basicAuth("ann", g.make(ann()).Reveal())["Authorization"]
	theirs := []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("media:server"))}
	for name, c := range map[string]struct{ sent, passed []string }{"ours": {password, []string{""}}, "theirs": {theirs, theirs}, "nothing": {nil, []string{""}}} {
		h := http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/films"}, "X-Forwarded-Host": {"media.example"}, "X-Forwarded-Proto": {"http"}, "Cookie": {cookie}}
		if c.sent != nil {
			h["Authorization"] = c.sent
		}
		answer, _ := g.ask(t, http.MethodGet, "/.usher/auth", h)
		if answer.StatusCode != http.StatusOK || !slices.Equal(answer.Header["Authorization"], c.passed) || answer.Header.Get(UserHeader) != "ann" {
			t.Errorf("%s: %s %v", name, answer.Status, answer.Header)
		}
	}
}

// Old apps come in by name and password behind the guides' proxies too, and are asked for them; their passwords stay with the gate. What is the media server's own
// gets there.
func TestPasswordsThroughEveryProxy(t *testing.T) {
	upstream := listen(t)
	g := open(t, upstream.URL, func(s *Settings) { s.Proxies = loopback() })
	g.set(func(r *registry) { r.takes = true })
	g.choose("ann", "own", ann())
	mine, yours, token := g.make(ann()), g.make(bob()), g.let(ann())
	app := basicAuth("ann", mine.Reveal())["Authorization"][0]
	theirs := basicAuth("media", "server")["Authorization"][0]
	for _, name := range proxytest.Names() {
		t.Run(name, func(t *testing.T) {
			addr := proxytest.Start(t, name, g.Listener.Addr().String(), strings.TrimPrefix(upstream.URL, "http://"))
			get := func(what string, header http.Header, status int) (*http.Response, []seen) {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/films", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header = header
				answer, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = answer.Body.Close()
				got := upstream.received()
				if answer.StatusCode != status || (len(got) == 1) != (status == http.StatusOK) {
					t.Fatalf("%s: %s, and the media server received %v", what, answer.Status, got)
				}
				return answer, got
			}
			asked, _ := get("nobody", http.Header{}, 401)
			if !strings.HasPrefix(asked.Header.Get("Www-Authenticate"), "Basic ") {
				t.Errorf("an old app is asked for %q", asked.Header["Www-Authenticate"])
			}
			get("another's password", basicAuth("ann", yours.Reveal()), 401)
			get("a dead one", basicAuth("ann", secret.NewServerPassword().Reveal()), 401)
			get("a header of a proxy's own", http.Header{"Authorization": {app}, "X-Usher-Passed": {theirs}}, 403)
			cookie := g.cookieOf(t, token, "http")
			get("the account's own, which is known from now on", basicAuth("ann", "own"), 200)
			for what, c := range map[string]struct {
				header http.Header
				passed string
			}{
				"app password": {basicAuth("ann", mine.Reveal()), ""}, "account's own": {basicAuth("ann", "own"), ""}, "token": {bearer(token), ""}, "beside a cookie": {http.Header{"Cookie": {cookie}, "Authorization": {app}}, ""},
				"own, beside a cookie": {http.Header{"Cookie": {cookie}, "Authorization": basicAuth("ann", "own")["Authorization"]}, ""},
				"the media server's":   {http.Header{"Cookie": {cookie}, "Authorization": {theirs}}, theirs}, "nothing": {http.Header{"Cookie": {cookie}}, ""},
			} {
				_, got := get(what, c.header, 200)
				if h := got[0].Header; h.Get("Authorization") != c.passed || len(h["Authorization"]) > 1 || h.Get(UserHeader) != "ann" || h["X-Usher-Passed"] != nil || c.passed == "" && h["Authorization"] != nil {
					t.Errorf("%s: the media server received %v", what, h)
				}
			}
		})
	}
}
