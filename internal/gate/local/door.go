// Package local owns the gate's own pages: the one on which a server is claimed, from near and with the set-up code only, and what players and old tools ask a
// server about itself. It refuses to know who gets through to the media server.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/doctor"
	"usher/internal/gate/keep"
	"usher/internal/gate/neighbours"
	"usher/internal/gate/page"
	"usher/internal/gate/watch"
	"usher/internal/outage"
)

// Facts are what the pages say about the server.
type Facts struct {
	Name    string
	Version string
	// Service is the origin of the account service.
	Service *url.URL
	// Port is where the gate listens, Host the address it listens at when that is one alone.
	Host, Port string
	// Folder is the gate's folder, as commands have to name it; empty when they find it by themselves.
	Folder string
	// Behind says what the gate stands in front of, Opens that there is something.
	Behind string
	Opens  bool
}

// Settings are what the pages are built from.
type Settings struct {
	Folder *keep.Folder
	Claims *accounts.Claims
	// Owner reports whether a request brings a token of the owner's; of a server that is nobody's, or signed out, there is none. outage.Err.
	Owner func(r *http.Request) (bool, error)
	// Visitor is what the gate's door knows of a browser; it waits a moment at most for the service.
	Visitor func(r *http.Request) Visitor
	// Known is what the gate knows of how the server stands.
	Known func() watch.Known
	// Neighbours are the other servers in the network in which this machine has the address here.
	Neighbours func(here netip.Addr) []neighbours.Neighbour
	Networks   Networks
	Facts      Facts
	// Examine finds what is wrong with the gate.
	Examine func(context.Context) []doctor.Finding
	Log     *slog.Logger
	Now     func() time.Time
}

// Visitor is who looks at a page of a claimed server.
type Visitor struct {
	// Called is what somebody is called whose browser is let in, In that it is, Owner that the server is theirs.
	Called    string
	In, Owner bool
	// Works are the addresses where people can sign in, as far as is known, the likeliest first; Here says that the browser is at one of them.
	Works []string
	Here  bool
}

// Door serves the gate's own pages.
type Door struct {
	Settings
	pages    *template.Template
	visits   visits
	examined examined
	mux      *http.ServeMux
}

// New returns the pages; an error means the binary was built wrong.
func New(s Settings) (*Door, error) {
	p, err := page.Parse(files, "page/*.html")
	if err != nil {
		return nil, err
	}
	d := &Door{Settings: s, pages: p, mux: http.NewServeMux()}
	_, _ = rand.Read(d.visits.key[:])
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /{$}":                          d.nearby(d.toHome),
		"GET /web":                          d.nearby(d.toHome),
		"GET /web/{rest...}":                d.nearby(d.toHome),
		"GET /.usher/{$}":                   d.nearby(d.home),
		"GET /.usher/settings":              d.nearby(d.settings),
		"GET /.usher/doctor":                d.nearby(d.doctor),
		"POST /.usher/setup":                d.form(d.setUp),
		"GET /.usher/claim":                 d.nearby(d.waiting),
		"GET /.usher/claim/state":           d.nearby(d.state),
		"POST /.usher/claim":                d.form(d.claim),
		"POST /.usher/claim/stop":           d.form(d.stop),
		"POST /.usher/unclaim":              d.form(d.unclaim),
		"GET " + page.StaticPath + "{name}": d.static,
		"GET /identity":                     d.identity,
		"POST /myplex/claim":                d.plexClaim,
		"GET /myplex/account":               d.plexAccount,
		"DELETE /myplex/account":            d.plexUnclaim,
		"/":                                 d.nothing,
	} {
		d.mux.HandleFunc(pattern, h)
	}
	return d, nil
}

// Home is the path of the server's page, also when it is claimed; while it is not, / and /web lead there.
const Home = "/.usher/"

// Owns reports whether a path is answered here, whoever asks, also when the server is claimed and has something behind it.
func Owns(path string) bool { return path == "/identity" || strings.HasPrefix(path, "/myplex/") }

// ServeHTTP dresses every answer for plain http inside a house: no other website may frame it, read it, or have it sent.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyWait)) // the server lifts it before the next request; a body that nobody reads comes before that
	if r.ProtoMajor == 2 {
		_ = control.SetWriteDeadline(time.Now().Add(answerWait))
	}
	page.Dress(w.Header(), "default-src 'none'; frame-ancestors 'none'")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	d.mux.ServeHTTP(w, r)
}

func (d *Door) nothing(w http.ResponseWriter, r *http.Request) {
	d.show(w, r, http.StatusNotFound, "message", message{Title: "Nothing is here", Text: "This server has no such page.", Path: "/web", Action: "To the server’s page"})
}

// mostForm bounds what is read of a form, in bytes; bodyWait is how long it may take to come. answerWait is how long an answer in HTTP/2 may take, and wait for
// somebody to take it: on one connection there may be a hundred that wait for leave to be sent.
const (
	mostForm   = 16 << 10
	bodyWait   = 20 * time.Second
	answerWait = time.Minute
)

// form lets through a form of our own page, sent by the browser that the page was made for.
func (d *Door) form(next func(w http.ResponseWriter, r *http.Request, g guest)) http.HandlerFunc {
	return d.nearby(func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if strings.TrimSpace(kind) != "application/x-www-form-urlencoded" {
			http.Error(w, "This is no form.", http.StatusUnsupportedMediaType)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "This form cannot be read.", http.StatusBadRequest)
			return
		}
		window, err := d.Folder.Window()
		if err != nil {
			d.failed(w, r, err)
			return
		}
		g := d.visits.of(w, r, window, d.Now(), "")
		if !d.visits.right(g.cookie, r.PostForm.Get("page")) {
			d.show(w, r, http.StatusForbidden, "message", message{
				Title: "This page was open for too long", Text: "Nothing was changed. Open it once more; it works only with cookies.", Path: "/.usher/", Action: "Open the page",
			})
			return
		}
		next(w, r, g)
	})
}

// failed answers what did not work. An outage of the service is none of ours.
func (d *Door) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, outage.Err) {
		d.Log.Warn("the service does not answer", "error", err)
		d.show(w, r, http.StatusServiceUnavailable, "message", message{
			Title: "The account service does not answer", Text: "This server cannot reach " + d.Facts.Service.Host + " just now. Nothing was changed. Try again in a minute.", Path: "/.usher/", Action: "Try again",
		})
		return
	}
	d.Log.Error("request failed", "route", r.Pattern, "error", err)
	d.show(w, r, http.StatusInternalServerError, "message", message{
		Title: "Something went wrong here", Text: "What it was stands in the gate’s log.", Path: "/.usher/", Action: "Back",
	})
}
