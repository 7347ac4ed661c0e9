// Package oidc is the door of the OpenID provider: discovery, keys, and the endpoints of OAuth 2 (OpenID Connect Core 1.0, RFC 6749). It owns how
// requests and answers are spelled, and refuses to know any rule of grants. Nothing here reads a cookie or shows a page: where a person is needed, the
// browser is sent on to the pages.
package oidc

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/mediaserver"
	"usher/internal/request"
	"usher/internal/response"
	"usher/internal/signing"
	"usher/internal/tvlink"
)

// The paths of the endpoints.
const (
	prefix           = "/oauth/"
	pathDiscovery    = "/.well-known/openid-configuration"       // OpenID Connect Discovery §4
	pathMetadata     = "/.well-known/oauth-authorization-server" // RFC 8414 §3
	pathAuthorize    = "/oauth/authorize"
	KeysPath         = "/oauth/keys"
	pathUserInfo     = "/oauth/userinfo"
	pathIntrospect   = "/oauth/introspect"
	pathRevoke       = "/oauth/revoke"
	pathEndSession   = "/oauth/end-session"
	pathDevice       = "/oauth/device"
	pageConsent      = "/authorize/consent"
	pageRefused      = "/authorize/refused"
	pageSignOut      = "/authorize/sign-out"
	pageClaim        = "/claim"
	reasonLogout     = "logout"
	reasonClient     = "client"
	reasonRedirect   = "redirect"
	reasonUnreadable = "unreadable"
)

// Door is every endpoint of the provider.
type Door struct {
	Grants  *grant.Service
	Links   *tvlink.Service
	Servers *mediaserver.Service
	Keys    *signing.Keys
	// Place names the place of an address; empty when it is not known.
	Place  func(netip.Addr) string
	Origin string // the issuer
	Now    func() time.Time
	Log    *slog.Logger
}

// handler answers a request or says what went wrong; answer turns that into an OAuth error and a log line.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one line of the table.
type route struct {
	pattern string
	handler handler
}

// routes lists every endpoint.
func (d *Door) routes() []route {
	return []route{
		{"GET /.well-known/openid-configuration", d.discovery},
		{"GET /.well-known/oauth-authorization-server", d.discovery},
		{"GET /oauth/keys", d.keys},
		{"GET /oauth/authorize", d.authorize},
		{"POST /oauth/authorize", d.authorize},
		{"POST /oauth/token", d.token},
		{"POST /oauth/device", d.device},
		{"POST /oauth/introspect", d.introspect},
		{"POST /oauth/revoke", d.revoke},
		{"GET /oauth/end-session", d.endSession},
		{"POST /oauth/end-session", d.endSession},
		{"GET /oauth/userinfo", d.userInfo},
		{"POST /oauth/userinfo", d.userInfo},
	}
}

// Owns reports whether a path is this door's.
func Owns(path string) bool {
	return strings.HasPrefix(path, prefix) || path == pathDiscovery || path == pathMetadata
}

// Handler mounts every endpoint. What is not there is 404, and 405 when there is something for another method.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range d.routes() {
		mux.Handle(rt.pattern, d.answer(rt.handler))
	}
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.elsewhere(mux, w, r) }))
	return mux
}

// elsewhere answers what browsers ask before they let another site's page send something, and tells a wrong method from a wrong address.
func (d *Door) elsewhere(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	allowed := response.Allowed(mux, r)
	if allowed == "" {
		d.refuse(w, r, http.StatusNotFound, problem{Code: "not_found", Text: "there is nothing here"})
		return
	}
	if r.Method == http.MethodOptions {
		open(w)
		w.Header().Set("Access-Control-Allow-Methods", allowed)
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "3600")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Allow", allowed)
	d.refuse(w, r, http.StatusMethodNotAllowed, problem{Code: "invalid_request", Text: "that is not done here"})
}

// open lets the pages of every site read the answer: nothing in it depends on who the browser is (Fetch §3.2.1).
func open(w http.ResponseWriter) { w.Header().Set("Access-Control-Allow-Origin", "*") }

// client is what the request tells about where it comes from.
func (d *Door) client(r *http.Request) device.Client {
	facts := request.From(r.Context())
	return device.ClientAt(facts.Client, d.Place, r.UserAgent()).OnPage(facts.Page)
}
