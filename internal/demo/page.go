package demo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"usher/internal/look"
)

//go:embed page.html demo.css demo.js
var files embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"icon": func(name string) template.HTML { return template.HTML(look.Icon(name)) }, //nolint:gosec // our own
	"mark": func() template.HTML { return template.HTML(look.Mark) },                  //nolint:gosec // our own
	"plus": func(a, b int) int { return a + b },
}).ParseFS(files, "page.html"))

// route is a line of the table: what is asked for, and what answers.
type route struct {
	pattern string
	answer  http.HandlerFunc
}

func (s *Story) routes() []route {
	return []route{
		{"GET /{$}", s.show}, {"GET /state", s.state}, {"POST /take", s.take}, {"GET /ready", s.ready},
	}
}

// Handler serves the page of the story.
func (s *Story) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, one := range s.routes() {
		mux.HandleFunc(one.pattern, one.answer)
	}
	for name, from := range map[string]struct {
		fs.FS
		kind string
	}{"usher.css": {look.Files, "text/css"}, "favicon.svg": {look.Files, "image/svg+xml"}, "demo.css": {files, "text/css"}, "demo.js": {files, "text/javascript"}} {
		mux.HandleFunc("GET /static/"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", from.kind+"; charset=utf-8")
			http.ServeFileFS(w, r, from, name)
		})
	}
	own := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if "http://"+r.Host != s.Page {
			http.Error(w, "The demonstration is at "+s.Page+".", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		own.ServeHTTP(w, r)
	})
}

// screen is a frame of the page.
type screen struct{ Name, Title, Icon, Origin string }

func (s *Story) screens() []screen {
	return []screen{
		{"you", "Your browser", "browser", s.You.Origin}, {"server", "Your browser, at the server", "server", s.Doors.Server.Origin},
		{"tv", "The TV in the living room", "tv", s.TV.Origin}, {"emil", "Emil’s browser", "person", s.Emil.Origin},
	}
}

func (s *Story) show(w http.ResponseWriter, _ *http.Request) {
	nonce := rand.Text()
	var body bytes.Buffer
	data := map[string]any{"Nonce": nonce, "Steps": steps, "Screens": s.screens(), "You": You, "Server": Server}
	if err := pageTemplate.Execute(&body, data); err != nil {
		s.fail(w, err)
		return
	}
	origins := []string{s.EmilServer.Origin} // he goes on there in his frame
	for _, one := range s.screens() {
		origins = append(origins, one.Origin)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'nonce-%s'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self' %s; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		nonce, strings.Join(origins, " ")))
	_, _ = w.Write(body.Bytes())
}

// ready leads to the server's page, as who can claim it.
func (s *Story) ready(w http.ResponseWriter, r *http.Request) {
	query, err := s.House.Ready()
	if err != nil {
		s.fail(w, err)
		return
	}
	http.Redirect(w, r, s.Doors.Server.Origin+"/web"+query, http.StatusSeeOther)
}

// State is how the story stands, for the script of its page.
type State struct {
	At     int         `json:"at"`
	Mail   []ShownMail `json:"mail"`
	Digits string      `json:"digits"` // of the authenticator app; empty while it has no key
	Left   int         `json:"left"`   // seconds
	Played bool        `json:"played"`
	Shut   bool        `json:"shut"` // the server refused you after the incident
	TV     bool        `json:"tv"`   // the TV is signed in
	In     bool        `json:"in"`   // your browser is signed in
	// Places are addresses that steps lead to by a name.
	Places map[string]string `json:"places"`
}

// ShownMail is a mail as the mailbox shows it.
type ShownMail struct {
	ID      string `json:"id"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Digits  string `json:"digits"` // a code in it
	Link    string `json:"link"`   // where it leads
	Frame   string `json:"frame"`  // whose browser it opens in
	Text    string `json:"text"`
}

// shownMails is how many mails the mailbox shows.
const shownMails = 8

// State finds out how the story stands.
func (s *Story) State(ctx context.Context) (State, error) {
	f, err := s.facts(ctx)
	if err != nil {
		return State{}, err
	}
	state := State{At: s.at(f), Played: !f.played.IsZero(), Shut: since(f.shut, f.incident()), TV: f.tv, In: f.in, Places: s.places(f)}
	if !f.did("second-factor.on", time.Time{}).IsZero() {
		if err := s.House.Promote(ctx, f.you); err != nil {
			return State{}, err
		}
	}
	if f.key != "" {
		digits, left := s.House.Digits(f.key)
		state.Digits, state.Left = digits, int(left.Seconds())
	}
	all, err := s.House.Mail(ctx)
	for _, m := range all[:min(len(all), shownMails)] {
		state.Mail = append(state.Mail, s.shown(m))
	}
	return state, err
}

// places are where the server can be claimed, its owner's page about it, and the film as Emil sees it.
func (s *Story) places(f facts) map[string]string {
	return map[string]string{"ready": "/ready", "people": s.You.Origin + cmp.Or(f.page, "/servers") + "#people", "film": s.EmilServer.Origin + filmPage}
}

// shown is a mail with what can be done about it: a link opens in the browser of whom it was sent to.
func (s *Story) shown(m Mail) ShownMail {
	shown := ShownMail{m.ID, m.To, m.Subject, codeIn(m.Text), linkIn(m.Text), "you", m.Text}
	if m.To == Emil.Email {
		shown.Link, shown.Frame = s.Emil.swapped(shown.Link), "emil"
	}
	return shown
}

// at is the number of the step that is due; that of all steps when the story is over. It never goes back.
func (s *Story) at(f facts) (due int) {
	s.note(func(k *seen) {
		for k.far < len(steps) && steps[k.far].done(f) {
			k.far++
		}
		due = k.far
	})
	return due
}

func (s *Story) state(w http.ResponseWriter, r *http.Request) {
	state, err := s.State(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(state)
}

// take takes the step that is due.
func (s *Story) take(w http.ResponseWriter, r *http.Request) {
	if err := s.Take(context.WithoutCancel(r.Context())); err != nil {
		s.Log.Error("a step of the story failed", "error", err)
		http.Error(w, "That did not work by itself: "+err.Error()+". Take the step by hand.", http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Story) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	s.Log.Error("the story does not go on", "error", err)
	http.Error(w, "The story does not go on: "+err.Error(), http.StatusInternalServerError)
}
