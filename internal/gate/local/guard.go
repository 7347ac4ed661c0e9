package local

import "net/http"

// verdict is whether a request may reach the pages on which a server is claimed.
type verdict int

const (
	near      verdict = iota
	elsewhere         // it comes from somewhere else, or one cannot tell
	wrongHost         // the server was called by a name, which may be anybody's (DNS rebinding)
	otherSite         // a page of another website had it sent
)

// judge looks at nothing but the connection, the Host, and what browsers say about who had the request sent. It is necessary, never sufficient: whoever
// claims has to know the set-up code too.
func (n Networks) judge(r *http.Request) verdict {
	if !n.Near(peer(r)) || proxied(r) {
		return elsewhere
	}
	called, numeric := hostAddress(r.Host)
	switch {
	case !numeric:
		return wrongHost
	case !n.Near(called):
		return elsewhere
	case !own(r):
		return otherSite
	}
	return near
}

// own reports whether the browser says that the person asked, or a page of this server; programs say nothing.
func own(r *http.Request) bool {
	sites := r.Header["Sec-Fetch-Site"]
	if len(sites) > 1 || len(sites) == 1 && sites[0] != "none" && sites[0] != "same-origin" {
		return false
	}
	origins := r.Header["Origin"]
	return len(origins) == 0 || len(origins) == 1 && origins[0] == "http://"+r.Host
}

// nearby lets through what comes from near; everybody else is told why not, and what works.
func (d *Door) nearby(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch d.Networks.judge(r) {
		case near:
			next(w, r)
		case elsewhere:
			d.tunnel(w, r)
		case wrongHost:
			d.show(w, r, http.StatusMisdirectedRequest, "message", message{
				Title: "Call this server by its number", Text: "For safety, this page opens only at the server’s own IP address, such as http://192.168.1.20:32400/web, or at localhost. A name in its place could be anybody’s.",
			})
		case otherSite:
			d.show(w, r, http.StatusForbidden, "message", message{
				Title: "Another website sent you here", Text: "For safety, this page opens only when you come to it yourself.", Path: "/.usher/" + d.codeOf(r), Action: "Open the page",
			})
		}
	}
}
