package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/html"
)

// browser is a browser without script: it keeps cookies, follows redirects, and fills the forms that stand on the page it is at. With several
// names a story has several people, or one person with several machines.
type browser struct {
	agent   string
	cookies map[string]string
	page    *page
}

type page struct {
	url    *url.URL
	status int
	header http.Header
	body   string
	root   *html.Node
}

func newPage(u *url.URL, status int, header http.Header, body string) (*page, error) {
	root, err := html.Parse(strings.NewReader(body))
	return &page{url: u, status: status, header: header, body: body, root: root}, err
}

func (s *story) browser() *browser {
	b := s.browsers[s.who]
	if b == nil {
		b = &browser{cookies: map[string]string{}, agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
		s.browsers[s.who] = b
	}
	return b
}

func (b *browser) copy() *browser {
	return &browser{agent: b.agent, cookies: maps.Clone(b.cookies)}
}

// page is what the browser shows.
func (s *story) page(ts *testscript.TestScript) *page {
	if s.browser().page == nil {
		ts.Fatalf("no page is open")
	}
	return s.browser().page
}

// absolute is a path on the service's origin; what is absolute stays.
func (s *story) absolute(target string) string {
	if strings.HasPrefix(target, "/") {
		return "http://" + s.nodes["one"].listen + target
	}
	return target
}

// browser NAME [USER-AGENT] goes on in another browser.
func cmdBrowser(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	s.who = args[0]
	if len(args) > 1 {
		s.browser().agent = args[1]
	}
}

// go PATH opens a page.
func cmdGo(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	s.keepTokens(args[0])
	ts.Check(s.browser().open(s, http.MethodGet, s.absolute(args[0]), nil))
}

// fill ACTION NAME=VALUE… fills the form on the page that posts to ACTION and sends it; fields that are not named keep what stands in them. A
// value of "-" unticks a box. Two forms with one action are told apart by a field: ACTION?name=value.
func cmdFill(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	p := s.page(ts)
	action, which, _ := strings.Cut(args[0], "?")
	values, ok := p.form(action, which)
	if !ok {
		ts.Fatalf("fill: no form posts to %s on %s\n%s", args[0], p.url, p.text())
	}
	for _, pair := range args[1:] {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			ts.Fatalf("fill: %q is no NAME=VALUE", pair)
		}
		if value == "-" {
			values.Del(name)
			continue
		}
		values.Set(name, value)
	}
	s.keepForm(values.Encode())
	target, err := p.url.Parse(action)
	ts.Check(err)
	ts.Check(s.browser().open(s, http.MethodPost, target.String(), values))
}

// signin LOGIN PASSWORD fills the sign-in page.
func cmdSignIn(ts *testscript.TestScript, _ bool, args []string) {
	cmdGo(ts, false, []string{"/sign-in"})
	cmdFill(ts, false, []string{"/sign-in", "login=" + args[0], "password=" + args[1]})
	for step := 0; storyOf(ts).page(ts).url.Path == "/sign-in/code" && step < 2; step++ { // the code of this half minute may have been used
		cmdCode(ts, false, []string{"CODE", strconv.Itoa(step)})
		cmdFill(ts, false, []string{"/sign-in/code", "code=" + ts.Getenv("CODE")})
	}
	if storyOf(ts).page(ts).url.Path == "/account/review" { // after a reset: everything is mine
		cmdFill(ts, false, []string{"/account/review"})
	}
}

// person NAME ADDRESS [USER-NAME] is somebody, in a browser of that name, who has signed up with $PASS and confirmed the address.
func cmdPerson(ts *testscript.TestScript, _ bool, args []string) {
	cmdBrowser(ts, false, args[:1])
	cmdGo(ts, false, []string{"/sign-up"})
	cmdFill(ts, false, []string{"/sign-up", "email=" + args[1], "password=" + ts.Getenv("PASS")})
	cmdMail(ts, false, []string{args[1], "Confirm your address"})
	cmdFill(ts, false, []string{"/sign-up/code", "code=" + ts.Getenv("CODE")})
	cmdAt(ts, false, []string{"/welcome"})
	chosen := "do=skip"
	if len(args) > 2 {
		chosen = "user_name=" + args[2]
	}
	cmdFill(ts, false, []string{"/welcome", chosen})
	cmdAt(ts, false, []string{"/account"})
}

// open sends a request the way a browser does and follows where it is sent.
func (b *browser) open(s *story, method, target string, form url.Values) error {
	for range 10 {
		req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
		}
		if err := b.send(s, req); err != nil {
			return err
		}
		next := b.page.header.Get("Location")
		if b.page.status < 300 || b.page.status > 399 || next == "" {
			return nil
		}
		u, err := b.page.url.Parse(next)
		if err != nil {
			return err
		}
		if !s.inside(u) { // out of the house, where nobody is
			return nil
		}
		method, target, form = http.MethodGet, u.String(), nil
	}
	return fmt.Errorf("%s redirects without end", target)
}

// send sends one request and shows the answer.
func (b *browser) send(s *story, req *http.Request) error {
	p, err := b.fetch(s, req)
	if err != nil {
		return err
	}
	b.page = p
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
		s.keepSecret(c.Value)
	}
	s.keepTokens(p.body)
	return nil
}

// fetch sends one request with the browser's cookies and follows nothing. It may run beside others.
func (b *browser) fetch(s *story, req *http.Request) (*page, error) {
	req.Header.Set("User-Agent", b.agent)
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := s.client().Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return newPage(req.URL, resp.StatusCode, resp.Header, string(raw))
}

// client reaches the node that the story speaks of, under the name of the origin.
func (s *story) client() *http.Client {
	origin, here := s.nodes["one"].listen, s.node.listen
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == origin {
			address = here
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return &http.Client{
		Timeout:       90 * time.Second,
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// text is what a person reads: no tags, blanks folded. XML is read by programs, as it stands.
func (p *page) text() string {
	if strings.HasPrefix(p.body, "<?xml") {
		return p.body
	}
	var b strings.Builder
	for n := range p.root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data)
			if n.NextSibling == nil || n.NextSibling.Data != "wbr" { // where one word may break
				b.WriteByte(' ')
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// form returns the fields of the form that posts to action, as they stand.
func (p *page) form(action, which string) (url.Values, bool) {
	name, value, _ := strings.Cut(which, "=")
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || attr(n, "action") != action {
			continue
		}
		values := fields(n)
		if which == "" || values.Get(name) == value {
			return values, true
		}
	}
	return nil, false
}

func fields(form *html.Node) url.Values {
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Type == html.ElementNode && n.Data == "textarea" {
			values.Add(attr(n, "name"), textOf(n))
			continue
		}
		if n.Type == html.ElementNode && n.Data == "option" && (has(n, "selected") || !values.Has(attr(n.Parent, "name"))) {
			values.Set(attr(n.Parent, "name"), attr(n, "value"))
			continue
		}
		if n.Type != html.ElementNode || n.Data != "input" || attr(n, "name") == "" {
			continue
		}
		box := attr(n, "type") == "checkbox" || attr(n, "type") == "radio"
		if box && !has(n, "checked") {
			continue
		}
		values.Add(attr(n, "name"), attr(n, "value"))
	}
	return values
}

// see TEXT… checks that a person reads each text on the page.
func cmdSee(ts *testscript.TestScript, neg bool, args []string) {
	text := storyOf(ts).page(ts).text()
	for _, want := range args {
		if strings.Contains(text, want) == neg {
			ts.Fatalf("page shows %q: %v\n%s", want, !neg, text)
		}
	}
}

// field ACTION NAME VALUE checks what stands in a field of a form.
func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	p := storyOf(ts).page(ts)
	values, ok := p.form(args[0], "")
	if !ok {
		ts.Fatalf("no form posts to %s\n%s", args[0], p.text())
	}
	if (values.Get(args[1]) == args[2]) == neg {
		ts.Fatalf("%s holds %q", args[1], values.Get(args[1]))
	}
}

// at PATH checks which page the browser is at; a query counts only when PATH has one.
func cmdAt(ts *testscript.TestScript, neg bool, args []string) {
	p := storyOf(ts).page(ts)
	here := p.url.Path
	if strings.Contains(args[0], "?") {
		here = p.url.RequestURI()
	}
	if (here == args[0]) == neg {
		ts.Fatalf("at %s, status %d, wanted %s\n%s", here, p.status, args[0], p.text())
	}
}

// status CODE checks the last answer's status.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	p := storyOf(ts).page(ts)
	if (fmt.Sprint(p.status) == args[0]) == neg {
		ts.Fatalf("status %d, wanted %s\n%s", p.status, args[0], p.text())
	}
}

// header NAME PATTERN checks a header of the last answer.
func cmdHeader(ts *testscript.TestScript, neg bool, args []string) {
	got := strings.Join(storyOf(ts).page(ts).header.Values(args[0]), "\n")
	if regexp.MustCompile(args[1]).MatchString(got) == neg {
		ts.Fatalf("header %s is %q", args[0], got)
	}
}

// cookie NAME VARIABLE keeps a cookie's value in the environment; cookie NAME =VALUE sets it, and cookie NAME - forgets it. With "!" the browser
// must not have it.
func cmdCookie(ts *testscript.TestScript, neg bool, args []string) {
	b := storyOf(ts).browser()
	if neg {
		if b.cookies[args[0]] != "" {
			ts.Fatalf("the browser has cookie %s", args[0])
		}
		return
	}
	switch value, set := strings.CutPrefix(args[1], "="); {
	case set:
		b.cookies[args[0]] = value
	case args[1] == "-":
		delete(b.cookies, args[0])
	case b.cookies[args[0]] == "":
		ts.Fatalf("no cookie %s", args[0])
	default:
		ts.Setenv(args[1], b.cookies[args[0]])
	}
}

// follow TEXT presses the link whose text holds TEXT.
func cmdFollow(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	p := s.page(ts)
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" || !strings.Contains(textOf(n), args[0]) {
			continue
		}
		target, err := p.url.Parse(attr(n, "href"))
		ts.Check(err)
		ts.Check(s.browser().open(s, http.MethodGet, target.String(), nil))
		return
	}
	ts.Fatalf("no link says %q\n%s", args[0], p.text())
}

// press TEXT presses the button whose text holds TEXT, and sends the form that it stands in.
func cmdPress(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	p := s.page(ts)
	for form := range p.root.Descendants() {
		if form.Type != html.ElementNode || form.Data != "form" {
			continue
		}
		for n := range form.Descendants() {
			if n.Type != html.ElementNode || n.Data != "button" || !strings.Contains(textOf(n), args[0]) {
				continue
			}
			values := fields(form)
			if name := attr(n, "name"); name != "" {
				values.Set(name, attr(n, "value"))
			}
			target, err := p.url.Parse(attr(form, "action"))
			ts.Check(err)
			ts.Check(s.browser().open(s, http.MethodPost, target.String(), values))
			return
		}
	}
	ts.Fatalf("no button says %q\n%s", args[0], p.text())
}

// grab NAME ACTION VARIABLE keeps what stands in a field of a form in the environment.
func cmdGrab(ts *testscript.TestScript, _ bool, args []string) {
	values, ok := storyOf(ts).page(ts).form(args[1], "")
	if !ok || values.Get(args[0]) == "" {
		ts.Fatalf("no field %s in a form that posts to %s\n%s", args[0], args[1], storyOf(ts).page(ts).text())
	}
	ts.Setenv(args[2], values.Get(args[0]))
}

// grabpath VARIABLE keeps the path of the page.
func cmdGrabPath(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], storyOf(ts).page(ts).url.Path)
}

// grabtext VARIABLE PATTERN keeps what a person reads on the page where PATTERN has its first group.
func cmdGrabText(ts *testscript.TestScript, _ bool, args []string) {
	text := storyOf(ts).page(ts).text()
	found := regexp.MustCompile(args[1]).FindStringSubmatch(text)
	if len(found) < 2 {
		ts.Fatalf("nothing on the page matches %q\n%s", args[1], text)
	}
	ts.Setenv(args[0], found[1])
}

// pagelink keeps the link that stands in a field of the page, for somebody to pass on, as $LINK.
func cmdPageLink(ts *testscript.TestScript, _ bool, _ []string) {
	p := storyOf(ts).page(ts)
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && strings.HasPrefix(attr(n, "value"), "http") {
			ts.Setenv("LINK", attr(n, "value"))
			return
		}
	}
	ts.Fatalf("no link in a field\n%s", p.text())
}

// eventually PATH opens a page again and again until it answers 200, for what recovers by itself.
func cmdEventually(ts *testscript.TestScript, _ bool, args []string) {
	for range 600 {
		cmdGo(ts, false, args)
		if storyOf(ts).page(ts).status == http.StatusOK {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s is still %d after a minute", args[0], storyOf(ts).page(ts).status)
}
