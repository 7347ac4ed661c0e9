package web

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// browser is one browser: it keeps cookies, sends what browsers send, and checks what must hold for every answer.
type browser struct {
	*house
	cookies map[string]string
	agent   string
	address string
	site    string   // what sends the forms: another site, when set
	secrets []string // what was typed that must never come back
}

func (h *house) browser() *browser {
	return &browser{house: h, cookies: map[string]string{}, agent: firefox, address: "203.0.113.7:4711"}
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// signedIn returns a browser that is signed in.
func (h *house) signedIn(login, password string) *browser {
	h.t.Helper()
	b := h.browser()
	b.signIn(login, password)
	return b
}

func (b *browser) signIn(login, password string) {
	b.t.Helper()
	a := b.get("/sign-in").submit("/sign-in", "login", login, "password", password)
	if a.header.Get("Location") == "/sign-in/code" {
		a = a.leadsTo("/sign-in/code").submit("/sign-in/code", "code", b.authenticator(login))
	}
	if strings.HasPrefix(a.header.Get("Location"), "/account/review?") { // after a reset: everything is mine
		a = a.leadsTo("/account/review?next=%2Faccount").submit("/account/review")
	}
	a.leadsTo("/account")
}

// copyOf is a thief's copy of a browser: the same cookies, elsewhere.
func (b *browser) copyOf() *browser {
	c := b.browser()
	for k, v := range b.cookies {
		c.cookies[k] = v
	}
	return c
}

// answer is what came back.
type answer struct {
	*browser
	path   string
	status int
	header http.Header
	body   string
	doc    *html.Node
}

func (b *browser) get(path string) *answer { return b.send(http.MethodGet, path, nil) }

// post sends fields as name-value pairs, whatever any page offers.
func (b *browser) post(path string, pairs ...string) *answer {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.send(http.MethodPost, path, form)
}

func (b *browser) send(method, path string, form url.Values) *answer {
	b.t.Helper()
	b.pass(time.Millisecond) // so that what happens later has the greater id
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, testOrigin+path, body)
	r.TLS, r.RemoteAddr = nil, b.address
	r.Header.Set("User-Agent", b.agent)
	r.Header.Set("Sec-Fetch-Site", cmp.Or(b.site, "same-origin"))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		b.remember(form)
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	b.keep(w.Result())
	a := &answer{browser: b, path: path, status: w.Code, header: w.Header(), body: w.Body.String()}
	a.parse()
	a.check(method)
	return a
}

// remember notes what must never come back: passwords and codes.
func (b *browser) remember(form url.Values) {
	for _, name := range []string{"password", "current", fieldRemove, "code"} {
		if v := form.Get(name); len(v) > 5 && !slices.Contains(b.secrets, v) {
			b.secrets = append(b.secrets, v)
		}
	}
}

func (b *browser) keep(res *http.Response) {
	b.t.Helper()
	seen := map[string]bool{}
	for _, c := range res.Cookies() {
		if seen[c.Name] {
			b.t.Errorf("cookie %s is set twice in one answer", c.Name)
		}
		seen[c.Name] = true
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			b.t.Errorf("cookie %s is not kept safe", c.Name)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
}

func (a *answer) parse() {
	a.t.Helper()
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || a.status == http.StatusSeeOther {
		return
	}
	doc, err := html.Parse(strings.NewReader(a.body))
	a.must(err)
	a.doc = doc
}

var anyToken = regexp.MustCompile(`[0-9a-v]{52}`)

// answersAtOnce are the forms that change nothing, or answer with a secret that is shown once: a page of its own would show it again.
var answersAtOnce = []string{"/notice", "/account/app-passwords/new", "/account/second-step/begin", "/account/second-step/confirm", "/account/second-step/finish", "/account/second-step/codes",
	"/claim/token", "/admin/clients/new", "/admin/clients/jellyfin/secret", "/admin/clients/app/secret"}

// goesOutside are the forms that send a browser to another service, with a state in the address that counts in this browser only, and once.
var goesOutside = regexp.MustCompile(`^/sign-in/(again/|confirm/)?with/[a-z]+(/return)?$|^/account/sign-in-ways/link/`)

// serverPasswords are forms like those of answersAtOnce.
var serverPasswords = regexp.MustCompile(`^/servers/[0-9a-v]+/app-password$`)

// check holds for every answer there is.
func (a *answer) check(method string) {
	a.t.Helper()
	if got := a.header.Get("Cache-Control"); got != "no-store" && !strings.HasPrefix(a.path, "/static/") {
		a.t.Errorf("%s %s: Cache-Control is %q", method, a.path, got)
	}
	if method == http.MethodPost && a.status < 300 && !slices.Contains(answersAtOnce, a.path) && !serverPasswords.MatchString(a.path) && a.header.Get("Content-Type") != "application/json" {
		a.t.Errorf("POST %s answers %d: a reload would send the form again", a.path, a.status)
	}
	if a.status >= 500 && a.status != http.StatusServiceUnavailable {
		a.t.Errorf("%s %s answers %d; log: %s", method, a.path, a.status, a.log)
	}
	logged := a.newLog()
	for _, s := range a.secrets {
		if strings.Contains(a.body, s) || strings.Contains(logged, s) {
			a.t.Errorf("%s %s: what was typed secretly came back, or is in the log", method, a.path)
		}
	}
	if where := a.header.Get("Location"); !goesOutside.MatchString(a.path) && (strings.Contains(where, "@") || strings.Contains(where, "%40") || anyToken.MatchString(where)) {
		a.t.Errorf("%s %s leads to an address with data in it", method, a.path)
	}
	if anyToken.MatchString(logged) || strings.Contains(logged, annMail) || strings.Contains(logged, boMail) {
		a.t.Errorf("%s %s: the log has data in it: %s", method, a.path, logged)
	}
	if a.doc != nil && len(all(a.doc, "h1")) != 1 {
		a.t.Errorf("%s %s: %d headings", method, a.path, len(all(a.doc, "h1")))
	}
}

// is checks the status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d; it says %q", a.path, a.status, status, a.says("main"))
	}
	return a
}

// leadsTo checks that the answer sends the browser on, and goes there.
func (a *answer) leadsTo(path string) *answer {
	a.t.Helper()
	if a.status != http.StatusSeeOther {
		a.t.Fatalf("%s: status %d, want 303 to %s; it says %q", a.path, a.status, path, a.says("main"))
	}
	where := a.header.Get("Location")
	if where != path {
		a.t.Fatalf("%s leads to %s, want %s", a.path, where, path)
	}
	return a.get(where)
}

// shows checks that some element that the selector finds says something.
func (a *answer) shows(selector, said string) *answer {
	a.t.Helper()
	for _, n := range pick(a.doc, selector) {
		if strings.Contains(text(n), said) {
			return a
		}
	}
	a.t.Errorf("%s: no %s says %q; the page says %q", a.path, selector, said, a.says("main"))
	return a
}

// has checks how many elements the selector finds.
func (a *answer) has(n int, selector string) *answer {
	a.t.Helper()
	if got := len(pick(a.doc, selector)); got != n {
		a.t.Errorf("%s: %d of %s, want %d", a.path, got, selector, n)
	}
	return a
}

// says is the text of everything the selector finds, spaces joined.
func (a *answer) says(selector string) string {
	var words []string
	for _, n := range pick(a.doc, selector) {
		words = append(words, strings.Fields(text(n))...)
	}
	return strings.Join(words, " ")
}

// value is what stands in the field that the selector finds.
func (a *answer) value(selector string) string {
	a.t.Helper()
	found := pick(a.doc, selector)
	if len(found) != 1 {
		a.t.Fatalf("%s: %d of %s, want one", a.path, len(found), selector)
	}
	v, _ := attr(found[0], "value")
	return v
}

// submit fills the page's form with that action as a browser does, hidden fields and ticked boxes included, and sends it. An empty value
// unticks a box. A field that the form does not have fails the test.
func (a *answer) submit(action string, pairs ...string) *answer {
	a.t.Helper()
	forms := pick(a.doc, "form[action="+action+"]")
	if len(forms) == 0 {
		a.t.Fatalf("%s (%d) has no form for %s; it says %q", a.path, a.status, action, a.says("main"))
	}
	fields, boxes := url.Values{}, map[string]bool{}
	for _, in := range all(forms[0], "input") {
		name, _ := attr(in, "name")
		value, _ := attr(in, "value")
		kind, _ := attr(in, "type")
		boxes[name] = kind == "checkbox"
		_, ticked := attr(in, "checked")
		if kind == "radio" && !ticked {
			continue
		}
		if kind == "checkbox" && !ticked {
			value = ""
		}
		fields.Set(name, value)
	}
	for _, in := range all(forms[0], "select") {
		name, _ := attr(in, "name")
		for _, option := range all(in, "option") {
			if _, chosen := attr(option, "selected"); chosen || !fields.Has(name) {
				value, _ := attr(option, "value")
				fields.Set(name, value)
			}
		}
	}
	for _, in := range all(forms[0], "textarea") {
		name, _ := attr(in, "name")
		fields.Set(name, text(in))
	}
	buttons := map[string]bool{}
	for _, b := range all(forms[0], "button") {
		name, _ := attr(b, "name")
		buttons[name] = true
	}
	for i := 0; i < len(pairs); i += 2 {
		if !fields.Has(pairs[i]) && !buttons[pairs[i]] {
			a.t.Fatalf("%s: the form for %s has no field %q", a.path, action, pairs[i])
		}
		fields.Set(pairs[i], pairs[i+1])
	}
	for name, box := range boxes {
		if box && fields.Get(name) == "" {
			fields.Del(name)
		}
	}
	return a.send(http.MethodPost, action, fields)
}
