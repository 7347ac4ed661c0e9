package web

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// FuzzPeoplesTextStaysText renders names and addresses chosen by strangers: whatever
// they are, the page keeps the elements and attributes it has with a harmless name.
func FuzzPeoplesTextStaysText(f *testing.F) {
	for _, seed := range []string{
		"Ann", nasty, `"><img src=x onerror=alert(1)>`, `' autofocus onfocus='alert(1)`, "</title></textarea></script>",
		"javascript:alert(1)", "{{.}}", "&lt;b&gt;", "\x00\xff", "\u202e\u2066", "<!--", "]]>", "`${1}`",
	} {
		f.Add(seed)
	}
	rd, err := NewRenderer(sampleSite(), nil)
	if err != nil {
		f.Fatal(err)
	}
	shape := func(t *testing.T, s string) []string {
		var shapes []string
		for name, p := range map[string]Page{
			"sign-in":       {Notice: s, Data: SignInPage{Login: s, Reason: s, Next: s, Form: Form{Problem: s}}},
			"devices":       {Person: &Person{Name: s}, Data: DevicesPage{Devices: []Device{{ID: s, Kind: "tv", Name: s, Product: s, Place: s}}}},
			"admin-account": {Person: &Person{Name: s}, Data: AdminAccountPage{AccountRow: AccountRow{ID: s, Name: s, Address: s, State: "locked"}}},
			"message":       {Data: MessagePage{Title: s, Paragraphs: []string{s}, Action: &Link{s, s}}},
		} {
			body, err := rd.render(newTestRequest("GET", "/"), name, p)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := html.Parse(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			b.WriteString(name)
			for _, n := range elements(doc) {
				b.WriteString(" " + n.Data)
				for _, a := range n.Attr {
					b.WriteString("," + a.Key)
					if a.Key == "href" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
						t.Errorf("%s leads to %q", name, a.Val)
					}
				}
			}
			shapes = append(shapes, b.String())
		}
		slices.Sort(shapes)
		return shapes
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = "x" + s // empty is another page: parts that say nothing are left out
		want, got := shape(t, "harmless"), shape(t, s)
		for i := range want {
			if want[i] != got[i] {
				t.Errorf("the page changed its shape\nfrom %s\nto   %s", want[i], got[i])
			}
		}
	})
}
