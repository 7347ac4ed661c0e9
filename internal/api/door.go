// Package api is the door for programs: JSON in, JSON out, under /api/v1/. It owns the spelling of requests, answers and problems, and refuses
// to know any rule of accounts. Nothing here reads a cookie, and pages of other websites are let in only where devices ask for codes and poll.
package api

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/home"
	"usher/internal/mediaserver"
	"usher/internal/request"
	"usher/internal/response"
	"usher/internal/signin"
	"usher/internal/tvlink"
)

// Prefix is where the door stands.
const Prefix = "/api/"

// FromElsewhere reports whether pages of other sites may send to a path: where devices ask for a code and poll, some of which are pages.
func FromElsewhere(path string) bool { return path == "/api/v1/link" || path == "/api/v1/link/token" }

// open lets the pages of every site read what they may ask for; there is no cookie to lend them (Fetch §3.2.1).
func open(w http.ResponseWriter, r *http.Request) {
	if FromElsewhere(r.URL.Path) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
	}
}

// Door is every address for programs, wired to the flows behind them.
type Door struct {
	SignIn  *signin.Service
	Devices *signin.Devices
	Links   *tvlink.Service
	Servers *mediaserver.Service
	Grants  *grant.Service
	Home    *home.Service
	Touches *device.Touches
	// Place names the place of an address; empty when it is not known.
	Place func(netip.Addr) string
	// Origin is the public address; problems name it where a person must go on in a browser.
	Origin *url.URL
	Now    func() time.Time
	Log    *slog.Logger
}

// handler answers a request or says what went wrong; answer turns that into a problem and a log line.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one line of the table.
type route struct {
	pattern string
	handler handler
}

// routes lists every address, as openapi.yaml does.
func (d *Door) routes() []route {
	return []route{
		{"POST /api/v1/sign-in", d.signIn},
		{"POST /api/v1/sign-out", d.signOut},
		{"GET /api/v1/me", d.me},
		{"GET /api/v1/devices", d.devices},
		{"POST /api/v1/devices/{id}/sign-out", d.signOutDevice},
		{"POST /api/v1/link", d.askLink},
		{"POST /api/v1/link/token", d.pollLink},
		{"GET /api/v1/home", d.home},
		{"POST /api/v1/home/switch", d.switchMember},
		{"GET /api/v1/servers", d.servers},
		{"POST /api/v1/servers", d.claimServer},
		{"POST /api/v1/claim-tokens", d.offerClaim},
		{"GET /api/v1/server/standing", d.serverStanding}, // in full, as tests read the table
		{"GET /api/v1/server", d.serverItself},
		{"POST /api/v1/server/sign-ins", d.signInAtServer},
		{"PUT /api/v1/server", d.describeServer},
		{"DELETE /api/v1/server", d.unclaimServer},
		{"GET /api/v1/server/people", d.people},
		{"GET /api/v1/openapi.yaml", description},
		{"GET /api/v1/problems/{name}", d.explain},
	}
}

// Handler mounts every address. What is not there is 404, and 405 when there is something for another method.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range d.routes() {
		mux.Handle(rt.pattern, d.answer(rt.handler))
	}
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.nothingHere(mux, w, r) }))
	return mux
}

// nothingHere tells a wrong method from a wrong address, and answers what a browser asks before it lets another site's page in.
func (d *Door) nothingHere(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	allowed := response.Allowed(mux, r)
	if allowed == "" {
		d.write(w, r, problems["not-found"])
		return
	}
	w.Header().Set("Allow", allowed)
	if r.Method == http.MethodOptions && FromElsewhere(r.URL.Path) {
		open(w, r)
		w.Header().Set("Access-Control-Allow-Methods", allowed)
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
		w.Header().Set("Access-Control-Max-Age", "3600")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	d.write(w, r, problems["wrong-method"])
}

// client is what the request tells about where it comes from.
func (d *Door) client(r *http.Request) device.Client {
	facts := request.From(r.Context())
	return device.ClientAt(facts.Client, d.Place, r.UserAgent()).OnPage(facts.Page)
}

// done is an answer that has nothing to say.
func done(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
