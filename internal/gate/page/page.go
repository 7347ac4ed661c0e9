// Package page owns the frame of what the gate shows a person at the door and inside a folder: the head, the headers, the word mark, the way out. It refuses to know what
// stands in it. The stylesheet is served beside, under /.usher/static.
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

// Policy is the Content-Security-Policy of a page, which may show films of its own.
const Policy = "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// Parse returns the page of that name, which defines "title", "main" and "foot"; "way-out" is a foot for those who are let in.
func Parse(files fs.FS, name string) (*template.Template, error) {
	t, err := template.New("frame").Option("missingkey=error").Funcs(template.FuncMap{
		"icon": func(name string) template.HTML { return template.HTML(look.Icon(name)) }, //nolint:gosec // our own
		"mark": func() template.HTML { return template.HTML(look.Mark) },                  //nolint:gosec // our own
	}).Parse(frame)
	if err != nil {
		return nil, fmt.Errorf("parsing the frame of pages: %w", err)
	}
	if t, err = t.ParseFS(files, name); err != nil {
		return nil, fmt.Errorf("parsing the page %s: %w", name, err)
	}
	return t, nil
}

// Show answers with a page.
func Show(w http.ResponseWriter, r *http.Request, status int, t *template.Template, data any) error {
	var body bytes.Buffer
	if err := t.ExecuteTemplate(&body, "frame", data); err != nil {
		http.Error(w, "Something went wrong here. What it was stands in the gate's log.", http.StatusInternalServerError)
		return fmt.Errorf("rendering a page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin") // no-referrer makes forms over plain http send no origin
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // the reader may be gone; nothing is left to tell them
	}
	return nil
}
