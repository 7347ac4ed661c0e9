package web

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// step is one simple selector: tag, #id, .class and [attribute] or [attribute=value], of which CSS allows more.
var step = regexp.MustCompile(`^([a-z0-9]*)((?:#[\w-]+|\.[\w-]+|\[[\w-]+(?:=[^\]]*)?\])*)$`)

var condition = regexp.MustCompile(`#[\w-]+|\.[\w-]+|\[[\w-]+(?:=[^\]]*)?\]`)

// pick returns the elements a CSS selector finds, in the order of the page: simple selectors, apart by spaces for "somewhere inside".
func pick(doc *html.Node, selector string) []*html.Node {
	found := []*html.Node{doc}
	for part := range strings.FieldsSeq(selector) {
		m := step.FindStringSubmatch(part)
		if m == nil {
			panic("the selector " + part + " is not understood")
		}
		var inside []*html.Node
		for _, outer := range found {
			for _, n := range elements(outer) {
				if n != outer && (m[1] == "" || n.Data == m[1]) && meets(n, condition.FindAllString(m[2], -1)) && !slices.Contains(inside, n) {
					inside = append(inside, n)
				}
			}
		}
		found = inside
	}
	return found
}

func meets(n *html.Node, conditions []string) bool {
	for _, c := range conditions {
		switch c[0] {
		case '#':
			if id, _ := attr(n, "id"); id != c[1:] {
				return false
			}
		case '.':
			if !slices.Contains(strings.Fields(class(n)), c[1:]) {
				return false
			}
		default:
			name, want, valued := strings.Cut(strings.Trim(c, "[]"), "=")
			got, there := attr(n, name)
			if !there || valued && got != want {
				return false
			}
		}
	}
	return true
}

func TestPick(t *testing.T) {
	doc, err := html.Parse(strings.NewReader(`<main><form action="/a"><p class="x y" id="i">1</p><input name="n"></form><p>2</p></main><p>3</p>`))
	if err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string]int{
		"p": 3, "main p": 2, "form[action=/a] p": 1, "form[action=/b]": 0, ".x": 1, ".x.y": 1, ".x.z": 0, "p#i": 1, "input#i": 0, "[name]": 1, "main form input[name=n]": 1,
	} {
		if got := len(pick(doc, selector)); got != want {
			t.Errorf("%s finds %d, want %d", selector, got, want)
		}
	}
}

// contains reports whether every part is in s.
func contains(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
