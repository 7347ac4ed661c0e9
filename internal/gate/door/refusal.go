package door

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/response"
)

// Refusal is why a request does not get through; pages choose their words by it.
type Refusal string

// The refusals.
const (
	NotSignedIn   Refusal = "not-signed-in"
	NotLetIn      Refusal = "not-let-in" // a token that does not count here, or no longer
	Suspended     Refusal = "suspended"
	ServiceAway   Refusal = "service-away"
	Busy          Refusal = "busy"
	UpstreamAway  Refusal = "upstream-away"
	OddPath       Refusal = "odd-path"
	OddRequest    Refusal = "odd-request"
	OtherWebsite  Refusal = "other-website"
	UnknownMethod Refusal = "method"
	NothingHere   Refusal = "nothing-here"
)

// statuses are what each refusal is answered with, but to a proxy that asks.
var statuses = map[Refusal]int{
	NotSignedIn: http.StatusUnauthorized, NotLetIn: http.StatusUnauthorized, Suspended: http.StatusForbidden, ServiceAway: http.StatusServiceUnavailable,
	Busy: http.StatusServiceUnavailable, UpstreamAway: http.StatusBadGateway, OddPath: http.StatusBadRequest, OddRequest: http.StatusBadRequest,
	OtherWebsite: http.StatusForbidden, UnknownMethod: http.StatusMethodNotAllowed, NothingHere: http.StatusNotFound,
}

func refusalOf(err error) Refusal {
	switch {
	case errors.Is(err, ErrSuspended):
		return Suspended
	case errors.Is(err, ErrRefused):
		return NotLetIn
	case errors.Is(err, ErrBusy):
		return Busy
	}
	return ServiceAway
}

// challenges say by what a program may be let in. Old apps look at the first alone, and some ask for name and password only when they are told to. To a browser Basic
// is not said: it would ask people for a password in a window of its own, beside our page.
func challenges(r *http.Request) []string {
	all := []string{`Basic realm="usher", charset="UTF-8"`, `Bearer realm="usher"`}
	if browses(r) {
		return all[1:]
	}
	return all
}

// browses reports whether it is a browser that asks, or something that says it is one.
func browses(r *http.Request) bool {
	return r.Header["Sec-Fetch-Mode"] != nil || r.Header["Sec-Fetch-Site"] != nil || r.Header["Origin"] != nil || strings.HasPrefix(r.UserAgent(), "Mozilla/") || reads(r)
}

// refuse answers in the way that whoever asks can read: a browser gets a page, or is sent to sign in; a program a status and one line.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, why Refusal) {
	d.hurry(w, r)
	status := statuses[why]
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	switch status {
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = challenges(r)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", response.Methods)
	case http.StatusServiceUnavailable:
		response.RetryAfter(w, response.BusyPause)
	}
	if why == NotSignedIn && d.Provider != nil && reads(r) {
		d.sendOn(w, r, SignInPath+"?rd="+url.QueryEscape(r.URL.RequestURI()))
		return
	}
	if reads(r) {
		d.show(w, r, status, d.wordsFor(why))
		return
	}
	http.Error(w, string(why), status)
}
