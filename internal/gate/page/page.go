// Package page owns the frame of what the gate shows to people, at its door, inside a folder and on its own pages: the head, the headers, the drawings, the files
// that pages refer to. It refuses to know what stands in it.
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"

	"usher/internal/look"
)

//go:embed frame.html
var frame string

// Policy is the Content-Security-Policy of a page without script, which may show films of its own.
const Policy = "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// Parse returns the templates of those names. One that stands in the frame defines "title", "main" and "foot"; "way-out" is a foot for those who are let in, and
// "head" the beginning of a page with a body of its own.
func Parse(files fs.FS, names ...string) (*template.Template, error) {
	known, err := assets()
	if err != nil {
		return nil, err
	}
	t, err := template.New("frame").Option("missingkey=error").Funcs(template.FuncMap{
		"asset": func(name string) string { return known[name].address },
		"icon":  func(name string) template.HTML { return template.HTML(look.Icon(name)) }, //nolint:gosec // our own
		"mark":  func() template.HTML { return template.HTML(look.Mark) },                  //nolint:gosec // our own
	}).Parse(frame)
	if err != nil {
		return nil, fmt.Errorf("parsing the frame of pages: %w", err)
	}
	if t, err = t.ParseFS(files, names...); err != nil {
		return nil, fmt.Errorf("parsing the pages %v: %w", names, err)
	}
	return t, nil
}

// Dress sets what every answer to a browser carries inside a house, where there is plain http: no other website may frame it, read it, or have it kept.
func Dress(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin") // no-referrer makes forms over plain http send Origin: null
	h.Set("Cache-Control", "no-store")
}

// Show answers with a page that stands in the frame.
func Show(w http.ResponseWriter, r *http.Request, status int, t *template.Template, data any) error {
	Dress(w.Header(), Policy)
	return Write(w, r, status, t.Lookup("frame"), data)
}

// Write answers with a page that is a whole one by itself. The answer was dressed before.
func Write(w http.ResponseWriter, r *http.Request, status int, t *template.Template, data any) error {
	var body bytes.Buffer
	if err := t.Execute(&body, data); err != nil {
		http.Error(w, "Something went wrong here. What it was stands in the gate's log.", http.StatusInternalServerError)
		return fmt.Errorf("rendering a page: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // the reader may be gone; nothing is left to tell them
	}
	return nil
}
