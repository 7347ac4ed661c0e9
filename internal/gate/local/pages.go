package local

import (
	"embed"
	"net/http"
	"strings"

	"usher/internal/gate/page"
	"usher/internal/secret"
)

//go:embed page
var files embed.FS

// frame is what every template sees as its dot.
type frame struct {
	Facts
	Nonce string
	// Page is the token of its forms.
	Page  string
	Guest guest
	ownership
	Visitor
	// Shows is the name of the page.
	Shows string
	// Others are the servers beside this one that browsers can open.
	Others []other
	Data   any
}

// message is a page with a few sentences and one way on.
type message struct{ Title, Text, Path, Action string }

// show answers with a page that knows no browser.
func (d *Door) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	d.render(w, r, status, name, frame{Data: data})
}

// present answers with a page for one browser.
func (d *Door) present(w http.ResponseWriter, r *http.Request, status int, name string, g guest, data any) {
	if g.Crowded && d.visits.firstCrowd(peer(r)) {
		d.Log.Warn("more than one browser uses one address: if a proxy or a container's bridge stands in between, everybody looks as if they were near", "peer", peer(r).String())
	}
	f := frame{Page: d.visits.pageToken(g.cookie), Guest: g, Others: d.others(r), Data: data}
	f.Visitor = d.Visitor(r)
	d.render(w, r, status, name, f)
}

func (d *Door) render(w http.ResponseWriter, r *http.Request, status int, name string, f frame) {
	f.Facts, f.Nonce, f.ownership, f.Shows = d.Facts, secret.NewToken().Reveal(), d.ownership(), name
	// The form that begins a claim goes on to the service, which browsers count as its target.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+f.Nonce+"'; style-src 'self'; img-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "+
		"frame-ancestors 'none'; form-action 'self' "+strings.TrimSuffix(d.Facts.Service.String(), "/"))
	if err := page.Write(w, r, status, d.pages.Lookup(name+".html"), f); err != nil {
		d.Log.Error("page not rendered", "page", name, "error", err)
	}
}

// static serves what the pages refer to, to anybody.
func (d *Door) static(w http.ResponseWriter, r *http.Request) {
	if !page.Static(w, r, r.PathValue("name")) {
		d.nothing(w, r)
	}
}
