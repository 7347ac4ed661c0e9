package device

import (
	"fmt"
	"strings"
)

// Tally is how many devices of each kind are signed in, for a sentence.
type Tally struct{ kinds []counted }

type counted struct {
	kind      Kind
	one, many string
	n         int
}

// words name the kinds in the order in which a sentence lists them.
var words = []counted{
	{kind: Browser, one: "browser", many: "browsers"}, {kind: Phone, one: "phone or tablet", many: "phones and tablets"}, {kind: App, one: "app", many: "apps"},
	{kind: Server, one: "media server", many: "media servers"},
	{kind: TV, one: "TV or player", many: "TVs and players"},
}

// Count returns the tally of devices; the one with the id except is left out.
func Count(devices []Device, except ...string) (t Tally) {
	for _, w := range words {
		for _, d := range devices {
			if d.Kind == w.kind && (len(except) == 0 || d.ID != except[0]) {
				w.n++
			}
		}
		if w.n > 0 {
			t.kinds = append(t.kinds, w)
		}
	}
	return t
}

// String lists them: "2 browsers, 1 phone or tablet and 1 app"; empty when there are none.
func (t Tally) String() string {
	var parts []string
	for _, k := range t.kinds {
		word := k.many
		if k.n == 1 {
			word = k.one
		}
		parts = append(parts, fmt.Sprintf("%d %s", k.n, word))
	}
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
