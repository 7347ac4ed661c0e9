package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/html"

	"usher/internal/issuertest"
)

// elsewhere is where the people of a story have other accounts, and what their browsers were given there.
type elsewhere struct {
	house    *issuertest.House
	browsers map[string]*issuertest.Browser
	answers  map[string]issuertest.Answer // by browser: not brought yet
}

// storyTest is what issuers need of a test.
type storyTest struct{ *testscript.TestScript }

func (storyTest) Helper()                             {}
func (t storyTest) Cleanup(end func())                { t.Defer(end) }
func (t storyTest) Errorf(format string, args ...any) { t.Logf(format, args...) }

// outsideSettings are the settings by which the service knows the issuers of a story.
func outsideSettings(house *issuertest.House) map[string]string {
	return map[string]string{
		"GOOGLE_CLIENT_ID": house.Google.ClientID, "GOOGLE_CLIENT_SECRET": house.Google.ClientSecret, "GOOGLE_ISSUER": house.Google.URL,
		"APPLE_CLIENT_ID": house.Apple.ClientID, "APPLE_TEAM_ID": house.Apple.AppleTeam(), "APPLE_KEY_ID": house.Apple.AppleKeyID(), "APPLE_ISSUER": house.Apple.URL,
		"FACEBOOK_CLIENT_ID": house.Facebook.AppID, "FACEBOOK_CLIENT_SECRET": house.Facebook.AppSecret, "FACEBOOK_DIALOG": house.Facebook.DialogURL(),
		"FACEBOOK_GRAPH": strings.TrimSuffix(house.Facebook.ProfileURL(), "/me"),
	}
}

// furtherIssuers are the entries of a configuration file for the two plain ones: of the studio every proof of an address is believed, of the club none.
func furtherIssuers(house *issuertest.House, folder string) (string, error) {
	var text strings.Builder
	for _, i := range []struct {
		id, domains string
		*issuertest.Issuer
	}{{"studio", `["*"]`, house.Studio}, {"club", `[]`, house.Club}} {
		file := filepath.Join(folder, i.id+".secret")
		if err := os.WriteFile(file, []byte(i.ClientSecret+"\n"), 0o600); err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "[[issuer]]\nid = %q\nname = %q\nissuer = %q\nclient_id = %q\nsecret_file = %q\nemail_domains = %s\n\n", i.id, "The "+i.id, i.URL, i.ClientID, file, i.domains)
	}
	return text.String(), nil
}

// issuers opens issuers that answer as Google, Apple and Facebook do, and two plain ones, studio and club, and has the next serve know them. The plain ones stand in
// issuers.toml, for serve --config; of the studio every proof of an address is believed, of the club none.
func cmdIssuers(ts *testscript.TestScript, _ bool, _ []string) {
	s := storyOf(ts)
	house := issuertest.Start(storyTest{ts})
	s.other = &elsewhere{house: house, browsers: map[string]*issuertest.Browser{}, answers: map[string]issuertest.Answer{}}
	for key, value := range outsideSettings(house) {
		ts.Setenv("USHER_"+key, value)
		if strings.HasSuffix(key, "_SECRET") {
			s.keepSecret(value)
		}
	}
	key := filepath.Join(s.dir, "apple.p8")
	ts.Check(os.WriteFile(key, []byte(house.Apple.AppleKey(storyTest{ts})), 0o600))
	ts.Setenv("USHER_APPLE_KEY_FILE", key)
	text, err := furtherIssuers(house, s.dir)
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(s.dir, "issuers.toml"), []byte(text), 0o600))
	for _, i := range []*issuertest.Issuer{house.Google, house.Apple, house.Studio, house.Club} {
		i.Clock(storyClock(ts.Getenv("USHER_TEST_CLOCK")))
	}
}

// where finds an issuer by its name in addresses; Facebook is none.
func (s *story) where(ts *testscript.TestScript, name string) *issuertest.Issuer {
	house := s.other.house
	i := map[string]*issuertest.Issuer{"google": house.Google, "apple": house.Apple, "studio": house.Studio, "club": house.Club}[name]
	if i == nil {
		ts.Fatalf("no issuer is called %q", name)
	}
	return i
}

// elsewhere ISSUER [FIELD=VALUE…] says who signs in there from now on: sub, email, verified, hd, given, family, private. Without a field, somebody who says no.
func cmdElsewhere(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	who := issuertest.Account{}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "sub":
			who.Subject = value
		case "email":
			who.Email = value
		case "verified":
			who.Verified = value == "yes"
		case "hd":
			who.HostedDomain = value
		case "given":
			who.GivenName = value
		case "family":
			who.FamilyName = value
		case "private":
			who.Private = value == "yes"
		case "declined":
			who.Declined = []string{value}
		default:
			ts.Fatalf("nobody has a %s", name)
		}
		if name != "verified" && name != "private" && name != "declined" {
			s.keepSecret(value)
		}
	}
	if args[0] == "facebook" {
		s.other.house.Facebook.SignIn(who)
		return
	}
	s.where(ts, args[0]).SignIn(who)
}

// trick ISSUER TRICK has an issuer play a trick; without one it is honest again.
func cmdTrick(ts *testscript.TestScript, _ bool, args []string) {
	trick := issuertest.Honest
	if len(args) > 1 {
		trick = issuertest.Trick(args[1])
	}
	if args[0] == "facebook" {
		storyOf(ts).other.house.Facebook.Play(trick)
		return
	}
	storyOf(ts).where(ts, args[0]).Play(trick)
}

// rotate ISSUER gives it another key.
func cmdRotate(ts *testscript.TestScript, _ bool, args []string) {
	storyOf(ts).where(ts, args[0]).RotateKey(storyTest{ts})
}

// leave ISSUER presses the button of an issuer on the page, signs in there, and stops before the browser brings the answer back. bring brings it.
func cmdLeave(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	ts.Check(s.press(s.page(ts), args[0]))
	s.depart(ts)
}

// answered signs in where the browser was sent to, and brings the answer back.
func cmdAnswered(ts *testscript.TestScript, _ bool, _ []string) {
	storyOf(ts).depart(ts)
	cmdBring(ts, false, nil)
}

// depart goes where the browser was sent to, and signs in there.
func (s *story) depart(ts *testscript.TestScript) {
	to := s.browser().page.header.Get("Location")
	if u, err := url.Parse(to); err != nil || u.Host == "" || s.inside(u) {
		ts.Fatalf("the button leads to %d %q\n%s", s.browser().page.status, to, s.browser().page.text())
	}
	s.keepTokens(to)
	b := s.other.browsers[s.who]
	if b == nil {
		b = issuertest.NewBrowser()
		s.other.browsers[s.who] = b
	}
	answer, err := b.Visit(to)
	ts.Check(err)
	for _, name := range []string{"code", "state", "user"} {
		s.keepSecret(answer.Values().Get(name))
	}
	s.other.answers[s.who] = answer
}

// press sends the form of the button that leads to an issuer.
func (s *story) press(p *page, issuer string) error {
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		action, values := attr(n, "action"), fields(n)
		path, _, _ := strings.Cut(action, "?")
		if !strings.HasSuffix(path, "/with/"+issuer) && !strings.HasSuffix(path, "/link/"+issuer) {
			continue
		}
		target, err := p.url.Parse(action)
		if err != nil {
			return err
		}
		return s.browser().open(s, http.MethodPost, target.String(), values)
	}
	return fmt.Errorf("no button leads to %s on %s\n%s", issuer, p.url, p.text())
}

// bring [BROWSER] brings back what the browser, or another one, was given by an issuer, as browsers do: from the issuer's site, and by POST without cookies.
func cmdBring(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	from := s.who
	if len(args) > 0 {
		from = args[0]
	}
	answer, given := s.other.answers[from]
	if !given {
		ts.Fatalf("%s was given nothing", from)
	}
	ts.Check(s.browser().bring(s, answer))
}

// bring arrives with an answer, and follows where it leads.
func (b *browser) bring(s *story, answer issuertest.Answer) error {
	method, target := http.MethodGet, answer.URL
	if answer.Form != nil {
		method = http.MethodPost
	}
	for range 10 {
		request, err := http.NewRequest(method, target, strings.NewReader(answer.Form.Encode()))
		if err != nil {
			return err
		}
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		request.Header.Set("Sec-Fetch-Mode", "navigate")
		request.URL.Fragment = ""
		with := b
		if method == http.MethodPost {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Origin", "http://issuer.invalid")
			with = &browser{agent: b.agent, cookies: map[string]string{}}
		}
		if err := with.send(s, request); err != nil {
			return err
		}
		for name, value := range with.cookies {
			b.cookies[name] = value
		}
		b.page = with.page
		next, err := b.page.url.Parse(b.page.header.Get("Location"))
		if err != nil || b.page.header.Get("Location") == "" || !s.inside(next) {
			return err
		}
		method, target, answer.Form = http.MethodGet, next.String(), nil
	}
	return fmt.Errorf("%s redirects without end", target)
}

// answer FIELD VARIABLE keeps a field of the answer that the browser was given; answer FIELD =VALUE changes it.
func cmdAnswer(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	answer := s.other.answers[s.who]
	value, change := strings.CutPrefix(args[1], "=")
	if !change {
		ts.Setenv(args[1], answer.Values().Get(args[0]))
		return
	}
	if answer.Form != nil {
		answer.Form.Set(args[0], value)
		return
	}
	to, err := url.Parse(answer.URL)
	ts.Check(err)
	query := to.Query()
	query.Set(args[0], value)
	to.RawQuery = query.Encode()
	answer.URL = to.String()
	s.other.answers[s.who] = answer
}

// with ISSUER goes by an issuer's button to it, signs in there, and brings the answer back.
func cmdWith(ts *testscript.TestScript, _ bool, args []string) {
	cmdLeave(ts, false, args)
	cmdBring(ts, false, nil)
}

// people N checks how many accounts there are.
func cmdPeople(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	db, err := s.open(s.database)
	ts.Check(err)
	defer func() { _ = db.Close() }()
	var got int
	ts.Check(db.QueryRow(`SELECT COUNT(*) FROM account`).Scan(&got))
	if got != want {
		ts.Fatalf("there are %d accounts, wanted %d", got, want)
	}
}
