package door

import (
	"net/http"
	"net/url"
	"strings"

	"usher/internal/forwarded"
)

// forwardAuth answers a proxy that asks about a request before it carries it (nginx auth_request, Caddy forward_auth, Traefik ForwardAuth, HAProxy): 200 with
// all identity headers, 401, 403, 503, or, where the address of this question says redirect=yes, 302 to the gate's own page. There is never a body: nginx gives up
// the connection otherwise. Only proxies that are configured are believed about the request; what one does not say is not guessed.
func (d *Door) forwardAuth(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Length"] = []string{"0"}
	h["Cache-Control"] = []string{"no-store"}
	asked, path, ok := d.original(r)
	if !ok {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	p := &passage{d: d}
	var err error
	if p.path, err = CanonicalPath(path); err != nil || p.path.Own() || disguised(r.Header) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	why := d.admit(asked, p)
	if why == "" && p.asked.ambient() && r.Header["Origin"] != nil && !d.ownPage(asked) {
		why = OtherWebsite // a proxy may keep to itself that it is a websocket
	}
	if why == "" && fills(r.Header, p.who.told.identity) {
		why = OddRequest
	}
	if why != "" {
		d.turnAway(w, r, asked, why)
		return
	}
	signed, err := d.signer.assert(p.who, d.Now())
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	p.who.told.set(h)
	h[AssertionHeader] = []string{signed}
	h["Cookie"] = []string{foreignCookies(r.Header["Cookie"])} // what the proxy may pass on
	h["Authorization"] = []string{""}
	if lines := r.Header["Authorization"]; len(lines) > 0 && !p.asked.header {
		h["Authorization"] = lines
	}
	w.WriteHeader(http.StatusOK)
}

// turnAway answers 401, 403, or 503 in an outage, in which nobody is signed out: nginx makes 500 of that. A browser is led to the page that has it sign in or
// says why it may not; where the proxy takes no 302 for an answer, it finds the page in Location too.
func (d *Door) turnAway(w http.ResponseWriter, r, asked *http.Request, why Refusal) {
	status := statuses[why]
	switch status {
	case http.StatusUnauthorized, http.StatusServiceUnavailable:
	default:
		status = http.StatusForbidden
	}
	if reads(asked) && (why == NotSignedIn || why == Suspended || status == http.StatusServiceUnavailable) {
		back := url.URL{Opaque: asked.URL.Opaque, RawQuery: withoutPlexToken(asked.URL.RawQuery)}
		w.Header().Set("Location", SignInPath+"?rd="+url.QueryEscape(back.RequestURI()))
		if r.URL.RawQuery == "redirect=yes" {
			status = http.StatusFound
		}
	}
	if status == http.StatusUnauthorized {
		w.Header()["Www-Authenticate"] = challenges(asked)
	}
	w.Header().Set(ReasonHeader, string(why))
	w.WriteHeader(status)
}

// ReasonHeader tells a proxy's own pages why somebody does not get through: one of the Refusals.
const ReasonHeader = "X-Usher-Reason"

// original is the request that a proxy asks about, and its path as it stood there. It is not ok when the asker is no proxy of ours, leaves something out or
// says two things.
func (d *Door) original(r *http.Request) (asked *http.Request, path string, ok bool) {
	if !d.proxies.Include(forwarded.Peer(r.RemoteAddr)) {
		return nil, "", false
	}
	method, ok1 := agreed(r.Header, "X-Forwarded-Method", "X-Original-Method")
	uri, ok2 := agreed(r.Header, "X-Forwarded-Uri", "X-Original-Uri")
	host, ok3 := agreed(r.Header, "X-Forwarded-Host")
	proto, ok4 := agreed(r.Header, "X-Forwarded-Proto")
	if !ok1 || !ok2 || !ok3 || !ok4 || proto != "http" && proto != "https" || strings.ContainsAny(host, ", \t") {
		return nil, "", false
	}
	if !strings.HasPrefix(uri, "/") {
		return nil, "", false // the absolute form is for proxies themselves
	}
	path, query, _ := strings.Cut(uri, "?")
	asked = r.Clone(r.Context())
	asked.Method, asked.Host, asked.RequestURI = method, host, uri
	asked.URL = &url.URL{Opaque: path, RawQuery: query}
	return asked, path, true
}

// agreed is the one value that all of the headers that are there have.
func agreed(h http.Header, names ...string) (value string, ok bool) {
	for _, name := range names {
		for _, v := range h[name] {
			if v == "" || value != "" && v != value || strings.ContainsAny(v, "\r\n\x00") {
				return "", false
			}
			value = v
		}
	}
	return value, value != ""
}

// fills reports whether the client itself says something where we say nothing: some proxies take an empty header of ours for none, and keep the client's own.
func fills(h http.Header, i identity) bool {
	return i.display == "" && len(h[NameHeader]) > 0 || i.email == "" && len(h[EmailHeader]) > 0 || i.groups == "" && len(h[GroupsHeader]) > 0
}

// disguised reports whether the client itself sends an identity header in a spelling that the proxy would not replace, and the media server might read.
func disguised(h http.Header) bool {
	for name := range h {
		switch name {
		case UserHeader, NameHeader, EmailHeader, GroupsHeader, AssertionHeader:
		default:
			if identifies(name) {
				return true
			}
		}
	}
	return false
}
