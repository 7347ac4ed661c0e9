// Package plexapi is the door for players, tools and media servers that speak the plex.tv wire API: its paths, its two generations of answers in
// XML and JSON, its numbered errors. It owns how that API is spelled and refuses to know any rule of accounts. Nothing here reads a cookie.
package plexapi

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"usher/internal/device"
	"usher/internal/devicekey"
	"usher/internal/grant"
	"usher/internal/home"
	"usher/internal/mediaserver"
	"usher/internal/request"
	"usher/internal/response"
	"usher/internal/signin"
	"usher/internal/tvlink"
)

// Door is every address of the API, wired to the flows behind them.
type Door struct {
	SignIn  *signin.Service
	Devices *signin.Devices
	Servers *mediaserver.Service
	Grants  *grant.Service
	Links   *tvlink.Service
	Home    *home.Service
	Keys    *devicekey.Service
	Touches *device.Touches
	// Place names the place of an address; empty when it is not known.
	Place func(netip.Addr) string
	// Origin is the public address; refusals name it where a person must go on in a browser.
	Origin *url.URL
	Now    func() time.Time
	Log    *slog.Logger
}

// handler answers a call or says what went wrong; answer turns that into a numbered error and a log line.
type handler func(c *call) error

// route is one line of the table.
type route struct {
	pattern string
	handler handler
}

// routes lists every address without the suffix .xml or .json, which each may have. Addresses under /api/v2/ are of the newer generation.
func (d *Door) routes() []route {
	return []route{
		{"POST /api/v2/users/signin", d.signIn},
		{"DELETE /api/v2/users/signout", d.signOut},
		{"GET /api/v2/user", d.self},
		{"GET /api/v2/ping", d.ping},
		{"GET /api/v2/resources", d.resources},
		{"GET /api/v2/home", d.home},
		{"GET /api/v2/home/users", d.home},
		{"GET /api/v2/home/users/{$}", d.home},
		{"POST /api/v2/home/users/{id}/{act}", d.toUser},
		{"POST /api/v2/home/users/restricted", d.addManaged},
		{"PUT /api/v2/home/users/restricted/{id}", d.changeManaged},
		{"DELETE /api/v2/home/users/restricted/{id}", d.removeMember},
		{"DELETE /api/v2/home/users/{id}", d.removeMember},
		{"GET /api/v2/friends", d.friends},
		{"POST /api/v2/pins", d.createPin},
		{"GET /api/v2/pins/{id}", d.pollPin},
		{"PUT /api/v2/pins/link", d.link},
		{"GET /api/v2/pins/qr/{code}", d.picture},
		{"GET /api/v2/auth/nonce", d.nonce},
		{"POST /api/v2/auth/jwk", d.registerKey},
		{"POST /api/v2/auth/token", d.keyToken},
		{"GET /api/v2/auth/keys", d.keys},
		{"POST /pins", d.createPinOld},
		{"GET /pins/{id}", d.pollPinOld},
		{"POST /users/sign_in", d.signInOld},
		{"GET /users/account", d.self},
		{"GET /devices", d.devices},
		{"DELETE /devices/{id}", d.deleteDevice},
		{"GET /api/resources", d.resourcesOld},
		{"GET /pms/resources", d.resourcesOld},
		{"GET /pms/servers", d.servers},
		{"GET /api/servers", d.servers},
		{"GET /api/home/users", d.homeOld},
		{"POST /api/home/users", d.addManagedOld},
		{"PUT /api/home/users/{id}", d.changePIN},
		{"DELETE /api/home/users/{id}", d.removeMember},
		{"POST /api/home/users/{id}/switch", d.switchUserOld},
		{"GET /api/users", d.friendsOld},
		{"GET /api/users/{$}", d.friendsOld},
		{"GET /api/claim/token", d.claimToken},
		{"POST /api/claim/exchange", d.claimExchange},
	}
}

// places are where the addresses begin.
var places = []string{
	"/api/v2", "/api/claim", "/api/home", "/api/resources", "/api/servers", "/api/users", "/devices", "/pins", "/pms", "/users",
}

// Owns reports whether a path is this door's.
func Owns(path string) bool {
	for _, place := range places {
		if rest, is := strings.CutPrefix(path, place); is && (rest == "" || rest[0] == '/' || rest[0] == '.') {
			return true
		}
	}
	return false
}

// FromElsewhere reports whether pages of other sites may send to a path: where players ask for a code, some of which are pages.
func FromElsewhere(path string) bool {
	for _, suffix := range suffixes {
		if path == "/api/v2/pins"+suffix || path == "/pins"+suffix {
			return true
		}
	}
	return false
}

// suffixes say which form an answer is to have.
var suffixes = []string{"", ".xml", ".json"}

// Handler mounts every address. What is not there is 404, and 405 when there is something for another method.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range d.routes() {
		for _, suffix := range suffixes {
			if suffix == "" || !strings.HasSuffix(rt.pattern, "}") {
				mux.Handle(rt.pattern+suffix, d.answer(rt.handler))
			}
		}
	}
	mux.Handle("/", d.answer(func(c *call) error { return nothingHere(mux, c) }))
	return mux
}

// nothingHere tells a wrong method from a wrong address, and answers what a browser asks before it lets another site's page in.
func nothingHere(mux *http.ServeMux, c *call) error {
	allowed := response.Allowed(mux, c.r)
	if allowed == "" {
		return errNotFound
	}
	c.w.Header().Set("Allow", allowed)
	if c.r.Method != http.MethodOptions {
		return errMethod
	}
	h := c.w.Header()
	h.Set("Access-Control-Allow-Methods", allowed)
	h.Set("Access-Control-Allow-Headers", "*")
	h.Set("Access-Control-Max-Age", "600")
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// client is what the request tells about where it comes from.
func (d *Door) client(r *http.Request) device.Client {
	facts := request.From(r.Context())
	return device.ClientAt(facts.Client, d.Place, r.UserAgent()).OnPage(facts.Page)
}

// dress sets the headers of every answer. Any site's page may read what it got with a token; there is no cookie to lend it. No header has the
// four capital letters that one client takes for the line of the status.
func dress(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, Retry-After, X-Request-Id")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
}
