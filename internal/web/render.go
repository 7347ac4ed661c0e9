// Package web is the door for people: it turns requests into forms and answers
// into pages. It owns the look and the words of every page and refuses to know
// any rule of accounts; those live in the flows it calls.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"

	"usher/internal/request"
)

//go:embed page static
var files embed.FS

// Page is what a handler says about the page it answers with. The template names
// its own layout and title, so most handlers fill only Person, Notice and Data.
type Page struct {
	// Title replaces the title the template gives itself.
	Title string
	// Nav is the item of the side list shown as current; empty means the page's own name.
	Nav string
	// Person is who is signed in; nil on pages for everybody.
	Person *Person
	// Notice is one calm sentence on top, such as "Your name is saved."
	Notice string
	// Data is the struct that belongs to the template.
	Data any
}

// Person is the signed-in person as the header shows them.
type Person struct {
	Name  string // display name, or the address when none was chosen
	Admin bool   // adds the way to /admin
}

// Renderer writes pages. It is safe for concurrent use.
type Renderer struct {
	site      Site
	log       *slog.Logger
	templates *template.Template
	assets    map[string]asset
}

// NewRenderer parses every template once; an error means the binary was built wrong.
func NewRenderer(site Site, log *slog.Logger) (*Renderer, error) {
	assets, err := readAssets()
	if err != nil {
		return nil, err
	}
	rd := &Renderer{site: site, log: log, assets: assets}
	rd.templates, err = rd.parse()
	if err != nil {
		return nil, err
	}
	return rd, nil
}

// parse names each template after its file: page/sign-in.html is "sign-in",
// page/help/devices.html is "help/devices". Files in page/layout only define parts.
func (rd *Renderer) parse() (*template.Template, error) {
	set := template.New("").Option("missingkey=error").Funcs(rd.funcs())
	err := fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".html" {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		short := strings.TrimSuffix(strings.TrimPrefix(name, "page/"), ".html")
		_, err = set.New(short).Parse(string(text))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("parsing pages: %w", err)
	}
	return set, nil
}

// Page answers with a whole page or, when the template fails, with the whole
// error page under status 500; the failure goes to the log.
func (rd *Renderer) Page(w http.ResponseWriter, r *http.Request, status int, name string, p Page) {
	body, err := rd.render(r, name, p)
	if err == nil {
		write(w, status, "text/html; charset=utf-8", body)
		return
	}
	facts := request.From(r.Context())
	rd.log.ErrorContext(r.Context(), "page not rendered",
		"page", name, "request_id", facts.ID, "error", err.Error())
	body, err = rd.render(r, "error", Page{Data: ErrorPage{Status: http.StatusInternalServerError, Request: facts.ID}})
	if err == nil {
		write(w, http.StatusInternalServerError, "text/html; charset=utf-8", body)
		return
	}
	write(w, http.StatusInternalServerError, "text/plain; charset=utf-8",
		[]byte("Something went wrong on our side. Request "+facts.ID+"\n"))
}

func (rd *Renderer) render(r *http.Request, name string, p Page) ([]byte, error) {
	if p.Nav == "" {
		p.Nav = name
	}
	f := frame{Page: p, Name: name, Site: rd.site, Nonce: request.From(r.Context()).Nonce}
	var body bytes.Buffer
	if err := rd.templates.ExecuteTemplate(&body, name, f); err != nil {
		return nil, fmt.Errorf("rendering page %s: %w", name, err)
	}
	return body.Bytes(), nil
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader may be gone; nothing is left to tell them
}

// frame is what every template sees as its dot.
type frame struct {
	Page
	Name  string
	Site  Site
	Nonce string
	Width string
}

// Titled gives the page its title unless the handler chose another.
func (f frame) Titled(title string) frame {
	if f.Title == "" {
		f.Title = title
	}
	return f
}

// Wide asks the stage for a card with room for longer text.
func (f frame) Wide() frame {
	f.Width = "wide"
	return f
}

// Side is the list beside an account page.
func (f frame) Side() []sideItem { return accountSide }

// AdminSide is the list beside a page of the administration.
func (f frame) AdminSide() []sideItem { return adminSide }

// Help lists the help pages in reading order.
func (f frame) Help() []helpPage { return helpPages }

type sideItem struct {
	Name, Path, Label, Icon string
}

var accountSide = []sideItem{
	{"account", "/account", "Overview", "home"},
	{"profile", "/account/profile", "Profile", "person"},
	{"email", "/account/email", "E-mail", "mail"},
	{"password", "/account/password", "Password", "key"},
	{"sign-in-ways", "/account/sign-in-ways", "Ways to sign in", "ticket"},
	{"second-step", "/account/second-step", "Second step", "shield"},
	{"passkeys", "/account/passkeys", "Passkeys", "finger"},
	{"devices", "/account/devices", "Devices", "devices"},
	{"servers", "/servers", "Servers", "server"},
	{"home", "/home", "Home", "people"},
	{"app-passwords", "/account/app-passwords", "App passwords", "app"},
	{"apps", "/account/apps", "Connected apps", "ticket"},
	{"activity", "/account/activity", "Activity", "clock"},
	{"data", "/account/data", "Your data", "download"},
}

var adminSide = []sideItem{
	{"admin", "/admin", "Overview", "pulse"},
	{"admin-accounts", "/admin/accounts", "Accounts", "people"},
	{"admin-invitations", "/admin/invitations", "Invitations", "ticket"},
	{"admin-clients", "/admin/clients", "Apps", "app"},
	{"admin-incidents", "/admin/incidents", "Incidents", "alert"},
	{"admin-mail", "/admin/mail", "Mail", "mail"},
	{"admin-audit", "/admin/audit", "Audit", "list"},
}
