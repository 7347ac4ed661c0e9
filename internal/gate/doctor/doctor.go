// Package doctor owns the questions that tell what is wrong with a gate: each is answered in one line, with the cure. It changes nothing, and refuses to know
// who wants to know.
package doctor

import (
	"context"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"usher/internal/config"
	"usher/internal/gate/accounts"
	"usher/internal/gate/keep"
	"usher/internal/gate/neighbours"
	"usher/internal/gate/watch"
)

// State is how bad a finding is.
type State string

// The states. What is Odd may be meant so; with what is Wrong the gate does not work.
const (
	Good  State = "ok"
	Odd   State = "look"
	Wrong State = "wrong"
)

// Finding is what was found about one thing. A good one needs no Cure.
type Finding struct {
	What  string
	State State
	Says  string
	Cure  string
	// bare is what Says is to whoever must not learn whose the server is, nor what lies on its machine; empty: the same, and the Cure with it.
	bare string
}

// Bare is the finding for whoever is near, and no more is known of them.
func (f Finding) Bare() Finding {
	if f.bare != "" {
		f.Says, f.Cure = f.bare, ""
	}
	return f
}

// inside is a look whose words name what lies on the server's machine.
func inside(look func(context.Context) Finding) func(context.Context) Finding {
	return func(ctx context.Context) Finding {
		f := look(ctx)
		f.bare = map[State]string{Good: "all is well with it", Odd: "the server's own screen says why", Wrong: "something is wrong with it: the server's own screen says what"}[f.State]
		return f
	}
}

// Label is What as a heading.
func (f Finding) Label() string { return capital(f.What) }

// Sentences are Says and Cure for a page.
func (f Finding) Sentences() string {
	text := strings.TrimSuffix(capital(f.Says), ".") + "."
	if f.Cure != "" {
		text += " " + f.Cure
	}
	return text
}

// capital begins a text with a capital letter, unless it begins with an address.
func capital(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if strings.ContainsAny(strings.TrimSuffix(first, ":"), ".:/[") {
		return text
	}
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[size:]
}

func good(says string) Finding        { return Finding{State: Good, Says: says} }
func odd(says, cure string) Finding   { return Finding{State: Odd, Says: says, Cure: cure} }
func wrong(says, cure string) Finding { return Finding{State: Wrong, Says: says, Cure: cure} }

// Patient is the gate that is looked at.
type Patient struct {
	Service *url.URL
	// Client asks the service in the server's name. Folder is the gate's; nil: there is none.
	Client *accounts.Client
	Folder *keep.Folder
	Path   string // of the folder
	// Barred says that whoever looks may not read the folder.
	Barred bool
	// Upstream is the media server, Media the folder that is shown; both may be empty.
	Upstream, Media string
	LDAP            LDAP
	// Port is where the gate listens, Addresses what it tells the service, Machine those of the machine that others can reach.
	Port      string
	Addresses []string
	Machine   []netip.Addr
	// Announce says whether it tells its networks that it is there, Around what.
	Announce config.Switch
	Around   neighbours.Settings
	// Running says that the gate runs, Known is what it knows of the service.
	Running bool
	Known   watch.Known
	Now     func() time.Time
}

// longest bounds a whole examination.
const longest = 15 * time.Second

// Examine looks at everything, in the order in which one thing needs the other.
func (p Patient) Examine(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	var (
		names    = []string{"clock", "addresses", "DNS", "certificate", "service", "key", "claim", "media server", "ways around", "sign-outs", "announcing", "LDAP"}
		found    = make([]Finding, len(names))
		together sync.WaitGroup
	)
	for i, look := range map[int]func(context.Context) Finding{1: p.addresses, 2: p.dns, 3: p.tls, 5: inside(p.key), 6: p.claim, 7: inside(p.upstream), 8: inside(p.around), 9: p.signals, 10: inside(p.announcing), 11: inside(p.ldap)} {
		together.Go(func() { found[i] = look(ctx) })
	}
	together.Go(func() { found[0], found[4] = p.service(ctx) })
	together.Wait()
	for i, name := range names {
		found[i].What = name
	}
	return found
}

// Well reports whether nothing is wrong.
func Well(all []Finding) bool {
	for _, f := range all {
		if f.State == Wrong {
			return false
		}
	}
	return true
}
