package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/tvlink"
)

// The cookies of the reference TV.
const (
	cookieTV      = "usher-tv"      // it is signed in
	cookieTVWaits = "usher-tv-code" // it waits: what it polls with, and what it shows
	cookieTVHome  = "usher-tv-home" // who of the Home is watching
)

// getTV is a TV in one page: it shows a code, asks again every few seconds by loading itself anew, and greets the person. No script is needed. That
// a load may sign the TV in is the one GET that changes anything; only the browser that asked for the code can cause it.
func (d *Door) getTV(w http.ResponseWriter, r *http.Request) error {
	if !d.cookie(r, cookieTV).Empty() {
		return d.tvSignedIn(w, r)
	}
	waits, is := readTVWaits(d.cookie(r, cookieTVWaits))
	if !is {
		p := TVPage{Why: tvWhy[r.URL.Query().Get("why")]}
		return d.tvPage(w, r, http.StatusOK, p)
	}
	in, err := d.Links.Poll(r.Context(), waits.poll, d.client(r))
	switch {
	case errors.Is(err, tvlink.ErrPending), errors.Is(err, tvlink.ErrSlowDown):
		return d.tvWaits(w, r, waits)
	case errors.Is(err, tvlink.ErrDenied):
		d.dropCookie(w, cookieTVWaits)
		return to(w, r, "/tv?why=denied")
	case errors.Is(err, tvlink.ErrExpired):
		d.dropCookie(w, cookieTVWaits)
		return to(w, r, "/tv?why=expired")
	case err != nil:
		w.Header().Set("Refresh", refreshIn(tvlink.Interval)) // a TV has nobody to press anything: the next load may find us again
		return err
	}
	d.dropCookie(w, cookieTVWaits)
	d.setCookie(w, cookieTV, in.Token, credential.Rules[credential.App].Life)
	return to(w, r, "/tv")
}

// tvWhy are the sentences about what ended.
var tvWhy = map[string]string{
	"denied":  "Somebody said no to this TV.",
	"expired": "That code has expired.",
	"out":     "This TV is signed out.",
}

// tvHolder is who let this TV in; a sign-in that has ended goes, and dead says so.
func (d *Door) tvHolder(w http.ResponseWriter, r *http.Request) (in signin.Admitted, dead bool, err error) {
	in, err = d.SignIn.Bearer(r.Context(), d.cookie(r, cookieTV))
	if credential.IsDead(err) || err == nil && in.Found.Kind != credential.App {
		d.dropCookie(w, cookieTV)
		d.dropCookie(w, cookieTVHome)
		return in, true, nil
	}
	if err == nil {
		in.Found.NoteUse(d.Touches, d.Now(), func() device.Client { return d.client(r) })
	}
	return in, false, err
}

func (d *Door) tvPage(w http.ResponseWriter, r *http.Request, status int, p TVPage) error {
	d.Pages.Page(w, r, status, "tv", Page{Data: p})
	return nil
}

func (d *Door) tvWaits(w http.ResponseWriter, r *http.Request, waits tvWaiting) error {
	picture, err := drawQR(d.Links.Address(secret.TokenOf(waits.long)), "QR code that leads to the page where this code is typed")
	if err != nil {
		return err
	}
	p := TVPage{Short: waits.short, Long: waits.long, QR: picture, Minutes: max(1, minutesLeft(waits.until, d.Now()))}
	w.Header().Set("Refresh", refreshIn(d.Links.Pace.Wait(waits.poll))) // who pressed reload is told to wait longer, each time until the code is over
	return d.tvPage(w, r, http.StatusOK, p)
}

// refreshIn is the header by which a page loads itself anew, in whole seconds.
func refreshIn(wait time.Duration) string { return strconv.Itoa(int(math.Ceil(wait.Seconds()))) }

// postTV asks for a code.
func (d *Door) postTV(w http.ResponseWriter, r *http.Request) error {
	name, product := d.tvCalled(r)
	pending, err := d.Links.Ask(r.Context(), tvlink.Asking{Name: name, Product: product, Client: d.client(r)})
	if err != nil {
		p := TVPage{}
		if errors.Is(err, linkcode.ErrMost) {
			p.Problem = "Several codes are waiting on this network already. Use one of them, or try again in a few minutes."
		}
		return d.again(w, r, &p.Form, err, func(status int) error { return d.tvPage(w, r, status, p) })
	}
	waits := tvWaiting{pending.DeviceCode, pending.Short.Reveal(), pending.Long.Reveal(), pending.ExpiresAt}
	d.setCookie(w, cookieTVWaits, waits.cookie(), linkcode.Life)
	return to(w, r, "/tv")
}

// tvCalled is how this TV stands among the devices.
func (d *Door) tvCalled(r *http.Request) (name, product string) {
	_, name, _ = device.Describe(r.UserAgent())
	return "TV (" + name + ")", d.Pages.site.Name + " in a browser"
}

func (d *Door) postTVSignOut(w http.ResponseWriter, r *http.Request) error {
	in, err := d.SignIn.Bearer(r.Context(), d.cookie(r, cookieTV))
	if err == nil {
		err = d.Devices.SignOut(r.Context(), in.Found, in.Found.DeviceID, d.client(r))
	}
	if err != nil && !credential.IsDead(err) {
		return err
	}
	d.dropCookie(w, cookieTV)
	d.dropCookie(w, cookieTVHome)
	return to(w, r, "/tv?why=out")
}

// tvWaiting is what the reference TV has to remember while it waits: the service itself knows codes only as hashes.
type tvWaiting struct {
	poll        secret.Token
	short, long string
	until       time.Time
}

func (t tvWaiting) cookie() secret.Token {
	return secret.TokenOf(strings.Join([]string{t.poll.Reveal(), t.short, t.long, strconv.FormatInt(t.until.Unix(), 10)}, "."))
}

func readTVWaits(cookie secret.Token) (tvWaiting, bool) {
	parts := strings.Split(cookie.Reveal(), ".")
	if len(parts) != 4 {
		return tvWaiting{}, false
	}
	until, err := strconv.ParseInt(parts[3], 10, 64)
	return tvWaiting{secret.TokenOf(parts[0]), parts[1], parts[2], time.Unix(until, 0)}, err == nil
}
