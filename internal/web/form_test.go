package web

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// autocompletes are the tokens of the HTML standard that fit what we ask for.
var autocompletes = []string{"username", "username webauthn", "current-password", "new-password", "one-time-code", "email", "nickname", "off"}

func TestEveryInputIsLabelledAndCompletes(t *testing.T) {
	inputs := 0
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		labelled := map[string]bool{}
		for _, l := range all(doc, "label") {
			if id, _ := attr(l, "for"); strings.TrimSpace(text(l)) != "" {
				labelled[id] = true
			}
		}
		for _, in := range slices.Concat(all(doc, "input"), all(doc, "select"), all(doc, "textarea")) {
			inputs++
			kind, _ := attr(in, "type")
			if kind == "hidden" {
				continue
			}
			name, _ := attr(in, "name")
			complete, _ := attr(in, "autocomplete")
			if !slices.Contains(autocompletes, complete) {
				t.Errorf("input %q has autocomplete %q", name, complete)
			}
			if kind == "password" != strings.HasSuffix(complete, "-password") {
				t.Errorf("input %q of type %q has autocomplete %q", name, kind, complete)
			}
			id, _ := attr(in, "id")
			if _, unseen := attr(in, "hidden"); !unseen && !labelled[id] {
				t.Errorf("input %q has no label", name)
			}
			if _, kept := attr(in, "value"); kept && (kind == "password" || complete == "one-time-code") {
				t.Errorf("input %q comes with a secret in it", name)
			}
		}
		focused := 0
		for _, n := range elements(doc) {
			if _, ok := attr(n, "autofocus"); ok {
				focused++
			}
		}
		if focused > 1 {
			t.Errorf("%d elements want the focus", focused)
		}
	})
	if inputs == 0 {
		t.Error("no page has an input")
	}
}

func TestFormsArePlain(t *testing.T) {
	forms := 0
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		for _, f := range all(doc, "form") {
			forms++
			method, _ := attr(f, "method")
			action, _ := attr(f, "action")
			leadsOn := s.name == "return" && strings.HasPrefix(action, "https://") // back to an app, which asked for a form
			if method != "post" && method != "get" || !leadsOn && !strings.HasPrefix(action, "/") {
				t.Errorf("form method %q action %q", method, action)
			}
			buttons := 0
			for _, b := range all(f, "button") {
				if kind, _ := attr(b, "type"); kind != "button" {
					buttons++
				}
			}
			if buttons == 0 {
				t.Errorf("form %q has nothing to send it with", action)
			}
			named := map[string]bool{} // what comes twice is refused before any page sees it
			for _, in := range slices.Concat(all(f, "input"), all(f, "select"), all(f, "textarea")) {
				name, _ := attr(in, "name")
				if kind, _ := attr(in, "type"); kind != "radio" && name != "" && named[name] {
					t.Errorf("form %q has two of %q", action, name)
				}
				named[name] = true
			}
		}
		for _, b := range all(doc, "button") {
			if strings.TrimSpace(text(b)) == "" {
				t.Error("a button has no name")
			}
		}
	})
	if forms == 0 {
		t.Error("no page has a form")
	}
}

func TestAdministratorsNeverTypePeoplesPasswords(t *testing.T) {
	for _, s := range adminSamples() {
		rd, _ := newTestRenderer(t, s.site)
		body, err := rd.render(newTestRequest("GET", "/"), s.name, s.page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), `type="password"`) {
			t.Errorf("%s %s asks for a password", s.name, s.state)
		}
	}
}

func TestDangerAsksOnceMoreWithoutScript(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		for _, b := range all(doc, "button") {
			if !strings.Contains(class(b), "solid") {
				continue
			}
			inside := false
			for p := b.Parent; p != nil; p = p.Parent {
				inside = inside || p.Data == "details"
			}
			if !inside {
				t.Errorf("%q acts at once", text(b))
			}
		}
		for _, d := range all(doc, "details") {
			if len(all(d, "summary")) != 1 || len(all(d, "form")) != 1 {
				t.Error("a confirmation needs one summary and one form")
			}
		}
	})
}

// Words that people's pages do not use: no jargon, no exclamation marks.
func TestPagesSpeakPlainly(t *testing.T) {
	banned := []string{"session", "token", "mfa", "2fa", "credential", "oops", "!", "invalid", "please try", "successfully", "log in", "login"}
	eachSample(t, func(t *testing.T, s sample, doc *html.Node) {
		if s.name == "api-docs" { // for those who write programs
			return
		}
		said := strings.ToLower(strings.ReplaceAll(text(first(doc, "body")), strings.ToLower(nasty), ""))
		said = strings.ReplaceAll(said, "claim token", "") // what people get for a media server is called so everywhere
		for _, word := range banned {
			if strings.Contains(said, word) {
				t.Errorf("the page says %q", word)
			}
		}
	})
}

// An address on a page reads as it is, and breaks where people read it in parts: not within a port or a number.
func TestAddressesBreakBetweenTheirParts(t *testing.T) {
	for address, want := range map[string]string{
		"https://attic.example.org:32400": "https://<wbr>attic<wbr>.example<wbr>.org:32400",
		"http://192.168.1.20:32400":       "http://<wbr>192.168.1.20:32400",
		"http://[fd00::1]:32400":          "http://<wbr>[fd00::1]:32400",
		"attic.example.org":               "attic<wbr>.example<wbr>.org",
		"127.0.0.1:4711":                  "127.0.0.1:4711",
		`https://<b>"&.org`:               "https://<wbr>&lt;b&gt;&#34;&amp;<wbr>.org",
		"":                                "",
	} {
		if got := breakable(address); string(got) != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
