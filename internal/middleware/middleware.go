// Package middleware owns what happens to every request before a door sees it and
// to every answer after: the request's name and client address, the refusals that
// need no routing, the security headers, the access log.
//
// It refuses to know pages, accounts and what a route does. Refusals are shown
// through the ErrorPage it is given; what it found out travels in request.Facts.
package middleware

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/forwarded"
	"usher/internal/request"
)

// ErrorPage answers a refused request with the given status; kind is one of the
// request.Refused constants. The security headers are already set.
type ErrorPage func(w http.ResponseWriter, r *http.Request, status int, kind string)

// Observer counts answers. Route is a mux pattern without its method, or "-" when
// nothing was matched; method and route come from closed sets.
type Observer interface {
	Observe(route, method string, status int, seconds float64)
}

// Settings are what the chain needs to know about the service it stands in front of.
type Settings struct {
	// Origin is the public address: scheme and host[:port], nothing else.
	Origin *url.URL
	// Hosts are further values of the Host header that are answered, as host[:port].
	Hosts []string
	// Elsewhere tells the paths that pages of other websites may send to, because nothing there reads a cookie, and where the network counts, that of a
	// page does not; nil: there are none.
	Elsewhere func(path string) bool
	// TrustedProxies are the peers whose X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []netip.Prefix
	// ErrorPage shows refusals; nil answers in plain text.
	ErrorPage ErrorPage
	// Observer, if not nil, is told of every answer.
	Observer Observer
	// Now is the clock of the access log; nil is time.Now.
	Now func() time.Time
}

type chain struct {
	log     *slog.Logger
	now     func() time.Time
	page    ErrorPage
	watch   Observer
	hosts   map[string]bool
	proxies forwarded.Proxies
	cross   *http.CrossOriginProtection
	foreign func(path string) bool
	headers headers
}

// Chain builds the pieces around a handler, in the only order that is right. It
// panics when Origin is not an origin, which the configuration has checked.
func Chain(cfg Settings, log *slog.Logger) func(http.Handler) http.Handler {
	c, err := newChain(cfg, log)
	if err != nil {
		panic("middleware: " + err.Error())
	}
	pieces := []func(http.Handler) http.Handler{
		c.identify,    // first, so that every answer has its name and its headers
		c.record,      // sees what all the others answered
		c.survive,     // so that a panic is recorded as the 500 it becomes
		c.knownHost,   // before anything that reads the request further
		c.knownProxy,  // explains itself on pages, hence after the Host is known to be ours
		c.knownMethod, // the next pieces tell safe methods from unsafe ones
		c.cleanTarget, // before routing
		c.sameOrigin,  // before the body is read
		c.boundedBody, // last: the only one that waits for the client
	}
	return func(h http.Handler) http.Handler {
		for _, piece := range slices.Backward(pieces) {
			h = piece(h)
		}
		return h
	}
}

func newChain(cfg Settings, log *slog.Logger) (*chain, error) {
	if cfg.Origin == nil || cfg.Origin.Host == "" {
		return nil, errors.New("the origin is missing")
	}
	cross := http.NewCrossOriginProtection()
	if err := cross.AddTrustedOrigin(browserOrigin(cfg.Origin)); err != nil {
		return nil, err
	}
	c := &chain{
		log:     log,
		now:     cfg.Now,
		page:    cfg.ErrorPage,
		watch:   cfg.Observer,
		hosts:   answeredHosts(cfg.Origin, cfg.Hosts),
		proxies: forwarded.Trust(cfg.TrustedProxies),
		cross:   cross,
		foreign: cfg.Elsewhere,
		headers: headersFor(cfg.Origin),
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.foreign == nil {
		c.foreign = func(string) bool { return false }
	}
	if c.page == nil {
		c.page = plainPage
	}
	return c, nil
}

// browserOrigin is the origin as browsers write it: lower case, without the scheme's own port.
func browserOrigin(origin *url.URL) string {
	host := strings.TrimSuffix(lower(origin.Host), ":"+defaultPort(origin.Scheme))
	return origin.Scheme + "://" + host
}

// plainPage is what is shown when no door renders errors, and when the door that does has failed itself.
func plainPage(w http.ResponseWriter, r *http.Request, status int, _ string) {
	http.Error(w, http.StatusText(status)+". Number of this request: "+request.From(r.Context()).ID, status)
}
