package demo

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Door is somebody's way to the service or to the gate, at an address of its own. What cookies they would have there, the door keeps: so one browser can be several
// people, a Usher that runs at another port of this machine loses none of its cookies, and nothing stays in the browser afterwards.
type Door struct {
	// Origin is where the browser finds the door, Inner what stands behind it believes to be at.
	Origin, Inner string
	// Agent is what the browser says it is; empty: what it is.
	Agent string
	// Swap puts this door's addresses into answers, in the place of those that the pages name; nil: they are the same.
	Swap *strings.Replacer
	// Seen is told of everything that was asked for, and what the page says where one came.
	Seen func(path string, status int, page string)

	jar   *cookiejar.Jar
	proxy *httputil.ReverseProxy
	frame string
}

// NewDoor leads to an address. Only pages of the origin that frames may show it in a frame.
func NewDoor(origin, to, frames string) (*Door, error) {
	target, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	d := &Door{Origin: origin, Inner: origin, jar: jar, frame: frames}
	d.proxy = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { d.bring(r, target) },
		ModifyResponse: d.dress,
		FlushInterval:  100 * time.Millisecond,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "The demonstration is ending, or has not begun yet. Load this page again in a moment.", http.StatusBadGateway)
		},
	}
	return d, nil
}

// ServeHTTP answers at the door's own address alone: a name that leads to this machine could be anybody's.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if "http://"+r.Host != d.Origin {
		http.Error(w, "Nothing is here under that name.", http.StatusMisdirectedRequest)
		return
	}
	d.proxy.ServeHTTP(w, r)
}

// bring sends a request on as the person's browser would.
func (d *Door) bring(r *httputil.ProxyRequest, target *url.URL) {
	r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
	r.Out.Host = strings.TrimPrefix(d.Inner, "http://")
	h := r.Out.Header
	h.Del("Cookie")
	h.Del("Accept-Encoding") // pages are read on their way
	for _, name := range []string{"Origin", "Referer"} {
		if rest, is := strings.CutPrefix(h.Get(name), d.Origin); is {
			h.Set(name, d.Inner+rest)
		}
	}
	if !browses(r.In) {
		return // programs have no cookies
	}
	for _, c := range d.jar.Cookies(d.here(r.In)) {
		r.Out.AddCookie(c)
	}
	if d.Agent != "" {
		h.Set("User-Agent", d.Agent)
	}
	if h.Get("Sec-Fetch-Site") == "same-site" && h.Get("Sec-Fetch-Mode") == "navigate" && r.In.Method == http.MethodGet {
		h.Set("Sec-Fetch-Site", "none") // the story opens a page as somebody does who types its address
	}
}

// here is the address that cookies belong to.
func (d *Door) here(r *http.Request) *url.URL {
	return &url.URL{Scheme: "http", Host: strings.TrimPrefix(d.Inner, "http://"), Path: r.URL.Path}
}

// browses reports whether a browser asks, on this door's or the story's behalf: other websites have no part in it.
func browses(r *http.Request) bool {
	return slices.Contains([]string{"none", "same-origin", "same-site"}, r.Header.Get("Sec-Fetch-Site"))
}

// dress keeps the cookies of an answer and lets the story show it in a frame.
func (d *Door) dress(a *http.Response) error {
	if browses(a.Request) {
		d.jar.SetCookies(d.here(a.Request), a.Cookies())
	}
	a.Header.Del("Set-Cookie")
	a.Header.Del("X-Frame-Options")
	for i, policy := range a.Header["Content-Security-Policy"] {
		a.Header["Content-Security-Policy"][i] = d.swapped(strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors "+d.frame, 1))
	}
	if to := a.Header.Get("Location"); to != "" {
		a.Header.Set("Location", d.swapped(to))
	}
	page, err := d.read(a)
	if err == nil && d.Seen != nil {
		d.Seen(a.Request.URL.Path, a.StatusCode, page)
	}
	return err
}

func (d *Door) swapped(text string) string {
	if d.Swap == nil {
		return text
	}
	return d.Swap.Replace(text)
}

// mostPage bounds a page, in bytes.
const mostPage = 1 << 20

// read returns the page of an answer, which goes on to the browser; empty where it is none.
func (d *Door) read(a *http.Response) (page string, err error) {
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || a.Request.Method == http.MethodHead {
		return "", nil
	}
	raw, err := io.ReadAll(io.LimitReader(a.Body, mostPage))
	if err = errors.Join(err, a.Body.Close()); err != nil {
		return "", err
	}
	page = d.swapped(string(raw))
	a.Body, a.ContentLength = io.NopCloser(strings.NewReader(page)), int64(len(page))
	a.Header.Set("Content-Length", strconv.Itoa(len(page)))
	return page, nil
}
