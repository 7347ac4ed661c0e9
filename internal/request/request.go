// Package request owns the facts every layer may know about the HTTP request
// being served: who sent it, under which name it is logged, whether it came over
// https, and the nonce of the page that answers it.
//
// It refuses to know HTTP, accounts or devices: the middleware fills the facts in
// once, before any handler runs, and everybody else only reads them.
package request

import (
	"context"
	"net/netip"
)

// Facts are what was established about a request before it was routed.
type Facts struct {
	// ID names the request in the log, in the X-Request-Id header and on error pages.
	ID string
	// Client is the address the request came from, proxies already taken off and
	// IPv4-mapped IPv6 unmapped. It is the zero Addr when it is not known.
	Client netip.Addr
	// Secure says whether the browser spoke https, directly or to a trusted proxy.
	Secure bool
	// Page is the host of another website whose page, or a link on it, had a browser send the request, as the browser says: of a program it is its own
	// claim. NoHost where the page has none; empty: no such page.
	Page string
	// Nonce admits the scripts of this one answer under its Content-Security-Policy.
	Nonce string
}

// NoHost is the Page of one that is no website's, such as an app's on a TV, or that does not say whose it is.
const NoHost = "null"

type key struct{}

// kept is what a context carries: the facts, and what is found out while the request is answered.
type kept struct {
	facts   Facts
	refused string
}

// With returns a context that carries facts in place of any it carried before.
func With(ctx context.Context, facts Facts) context.Context {
	return context.WithValue(ctx, key{}, &kept{facts: facts})
}

// From returns the facts ctx carries, or the zero Facts when it carries none.
func From(ctx context.Context) Facts {
	if k, ok := ctx.Value(key{}).(*kept); ok {
		return k.facts
	}
	return Facts{}
}

// Refuse notes for the log line of a request why a door refused it: a word from a closed set, never anything that was sent. The goroutine that
// answers the request notes it; nothing happens where ctx carries no facts.
func Refuse(ctx context.Context, why string) {
	if k, ok := ctx.Value(key{}).(*kept); ok {
		k.refused = why
	}
}

// Refused returns what Refuse noted last, or "".
func Refused(ctx context.Context) string {
	if k, ok := ctx.Value(key{}).(*kept); ok {
		return k.refused
	}
	return ""
}
