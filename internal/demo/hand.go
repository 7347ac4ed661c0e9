package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// hand opens pages, fills forms and presses buttons, as the person of its doors would.
type hand struct {
	ctx      context.Context
	password string
	digits   func() string // of the authenticator app
	at       *url.URL
	page     *html.Node
}

// patience is how long the story waits for what takes its time.
const patience = time.Minute

// open types an address.
func (h *hand) open(address string) error { return h.send(http.MethodGet, address, nil) }

// watch takes a part of a film.
func (h *hand) watch(address string) error {
	r, err := http.NewRequestWithContext(h.ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Range", "bytes=0-99999")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return a.Body.Close()
}

// send asks for a page, and shows where that led.
func (h *hand) send(method, address string, form url.Values) error {
	r, err := http.NewRequestWithContext(h.ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html,*/*;q=0.8"} {
		r.Header.Set(name, value)
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }()
	h.at = a.Request.URL
	if h.page, err = html.Parse(a.Body); err == nil && a.StatusCode == http.StatusUnprocessableEntity {
		err = fmt.Errorf("%s does not take that: %s", h.at.Path, text(h.find(func(n *html.Node) bool { return n.Data == "main" })))
	}
	return err
}

// fill fills the form of the page that is sent to a path, and sends it. Where the page asks for the password once more first, it is given.
func (h *hand) fill(action string, fields url.Values) error {
	if err := h.prove(); err != nil {
		return err
	}
	form := h.form(action)
	if form == nil {
		return fmt.Errorf("the page %s has no form for %s; it says: %s", h.at.Path, action, text(h.find(func(n *html.Node) bool { return n.Data == "main" })))
	}
	values := standing(form)
	for name, value := range fields {
		values[name] = value
	}
	if err := h.send(http.MethodPost, h.at.Scheme+"://"+h.at.Host+action, values); err != nil {
		return err
	}
	return h.prove()
}

// form is the form of the page that is sent to a path; nil: it has none.
func (h *hand) form(action string) *html.Node {
	return h.find(func(n *html.Node) bool { return n.Data == "form" && attribute(n, "action") == action })
}

// prove answers who is asked for their password, and for the digits where the second step is on.
func (h *hand) prove() error {
	for tries := 0; h.at.Path == "/sign-in/again" && tries < 3; tries++ {
		values := standing(h.form("/sign-in/again"))
		values.Set("password", h.password)
		if values.Has("code") {
			values.Set("code", h.digits())
		}
		if err := h.send(http.MethodPost, h.at.Scheme+"://"+h.at.Host+"/sign-in/again", values); err != nil {
			return err
		}
	}
	return nil
}

// standing is what stands in a form already.
func standing(form *html.Node) url.Values {
	values := url.Values{}
	each(form, func(n *html.Node) bool {
		name := attribute(n, "name")
		switch {
		case name == "" || n.Data == "button":
		case n.Data == "textarea":
			values.Set(name, text(n))
		case n.Data == "option" || attribute(n, "type") == "checkbox" && !has(n, "checked"):
		case n.Data == "input":
			values.Set(name, attribute(n, "value"))
		}
		return false
	})
	return values
}

// find returns the first part of the page that is meant.
func (h *hand) find(meant func(*html.Node) bool) *html.Node { return each(h.page, meant) }

func each(n *html.Node, meant func(*html.Node) bool) *html.Node {
	if n == nil || n.Type == html.ElementNode && meant(n) {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if found := each(c, meant); found != nil {
			return found
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// text is what a part of a page says.
func text(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for part := range n.Descendants() {
		if part.Type == html.TextNode {
			b.WriteString(part.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
