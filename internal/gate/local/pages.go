package local

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"usher/internal/look"
	"usher/internal/secret"
)

//go:embed page
var files embed.FS

// pages are the templates, and the few files that they refer to.
type pages struct {
	templates *template.Template
	assets    map[string]asset
}

type asset struct {
	body       []byte
	kind, hash string
}

var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func newPages() (*pages, error) {
	p := &pages{assets: map[string]asset{}}
	for name, from := range map[string]fs.FS{"usher.css": look.Files, "favicon.svg": look.Files, "page/gate.js": files} {
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, fmt.Errorf("reading static file: %w", err)
		}
		sum := sha256.Sum256(body)
		p.assets[path.Base(name)] = asset{body, kinds[path.Ext(name)], hex.EncodeToString(sum[:8])}
	}
	var err error
	p.templates, err = template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"asset": func(name string) string { return "/.usher/static/" + name + "?v=" + p.assets[name].hash },
		"icon":  func(name string) template.HTML { return template.HTML(look.Icon(name)) }, //nolint:gosec // our own
		"mark":  func() template.HTML { return template.HTML(look.Mark) },                  //nolint:gosec // our own
		"clock": func(t time.Time) string { return t.Format("15:04") },
	}).ParseFS(files, "page/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing pages: %w", err)
	}
	return p, nil
}

// frame is what every template sees as its dot.
type frame struct {
	Facts
	Nonce string
	// Page is the token of its forms.
	Page    string
	Guest   guest
	Claimed bool
	Data    any
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
	d.render(w, r, status, name, frame{Page: d.visits.pageToken(g.cookie), Guest: g, Data: data})
}

func (d *Door) render(w http.ResponseWriter, r *http.Request, status int, name string, f frame) {
	f.Facts, f.Nonce = d.Facts, secret.NewToken().Reveal()
	_, f.Claimed = d.Folder.Server()
	var body bytes.Buffer
	if err := d.pages.templates.ExecuteTemplate(&body, name+".html", f); err != nil {
		d.Log.Error("page not rendered", "page", name, "error", err)
		http.Error(w, "Something went wrong here. What it was stands in the gate's log.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The form that begins a claim goes on to the service, which browsers count as its target.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+f.Nonce+"'; style-src 'self'; img-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "+
		"frame-ancestors 'none'; form-action 'self' "+strings.TrimSuffix(d.Facts.Service.String(), "/"))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // the reader may be gone; nothing is left to tell them
	}
}

// static serves what the pages refer to, to anybody.
func (d *Door) static(w http.ResponseWriter, r *http.Request) {
	a, known := d.pages.assets[r.PathValue("name")]
	if !known {
		d.nothing(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", `"`+a.hash+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
