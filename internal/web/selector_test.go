package web

import (
	"net/netip"
	"strings"

	"golang.org/x/net/html"
)

func mustAddr(text string) netip.Addr { return netip.MustParseAddr(text) }

// elements lists n and everything in it, in the order of the page.
func elements(n *html.Node) []*html.Node {
	var found []*html.Node
	if n == nil {
		return nil
	}
	if n.Type == html.ElementNode {
		found = append(found, n)
	}
	for d := range n.Descendants() {
		if d.Type == html.ElementNode {
			found = append(found, d)
		}
	}
	return found
}

func all(n *html.Node, tag string) []*html.Node {
	var found []*html.Node
	for _, e := range elements(n) {
		if e.Data == tag && e.Namespace == "" {
			found = append(found, e)
		}
	}
	return found
}

// first is the first element with that tag, or an empty node.
func first(n *html.Node, tag string) *html.Node {
	if found := all(n, tag); len(found) > 0 {
		return found[0]
	}
	return &html.Node{}
}

// byID is the element with that id, or an empty node.
func byID(n *html.Node, id string) *html.Node {
	for _, e := range elements(n) {
		if got, _ := attr(e, "id"); got == id {
			return e
		}
	}
	return &html.Node{}
}

func attr(n *html.Node, name string) (value string, ok bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func class(n *html.Node) string {
	value, _ := attr(n, "class")
	return value
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}
