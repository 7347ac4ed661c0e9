package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/credential"
	"usher/internal/secret"
)

// The cookies, without the __Host- prefix that they carry wherever the origin is https.
const (
	cookieBrowser = "usher"
	cookieKnown   = "usher-known"
	cookieSignUp  = "usher-sign-up"

	cookieCode       = "usher-code"       // the second step of a sign-in is due
	cookieRemembered = "usher-remembered" // the second step is not asked here
)

// ticketLife is how long a link's token waits in a cookie after it was taken out of the address.
const ticketLife = 10 * time.Minute

func (d *Door) cookieName(name string) string {
	if d.SecureCookies {
		return "__Host-" + name
	}
	return name
}

// setCookie gives the browser a token to keep. Lax: links in mails lead to pages where somebody is signed in; what changes anything is a POST,
// and those pass the cross-origin check.
func (d *Door) setCookie(w http.ResponseWriter, name string, t secret.Token, life time.Duration) {
	d.putCookie(w, http.Cookie{Name: d.cookieName(name), Value: t.Reveal(), MaxAge: int(life.Seconds())})
}

func (d *Door) dropCookie(w http.ResponseWriter, name string) {
	d.putCookie(w, http.Cookie{Name: d.cookieName(name), MaxAge: -1})
}

// putCookie says one thing about a cookie in one answer (RFC 6265 §4.1.1): what was said before, by a proof that was renewed on the way, goes.
func (d *Door) putCookie(w http.ResponseWriter, c http.Cookie) {
	c.Path, c.Secure, c.HttpOnly, c.SameSite = "/", d.SecureCookies, true, http.SameSiteLaxMode
	said := w.Header()["Set-Cookie"]
	w.Header()["Set-Cookie"] = slices.DeleteFunc(said, func(line string) bool { return strings.HasPrefix(line, c.Name+"=") })
	http.SetCookie(w, &c)
}

// cookie returns the token a browser shows; empty when it shows none, or two.
func (d *Door) cookie(r *http.Request, name string) secret.Token {
	all := r.CookiesNamed(d.cookieName(name))
	if len(all) != 1 {
		return secret.Token{}
	}
	return secret.TokenOf(all[0].Value)
}

// keepSignIn gives the browser its sign-in and, when there is a new one, what shows that it has been here.
func (d *Door) keepSignIn(w http.ResponseWriter, r *http.Request, token, known secret.Token) {
	d.setCookie(w, cookieBrowser, token, credential.Rules[credential.Browser].Life)
	if len(r.CookiesNamed(d.cookieName(cookieAway)))+len(r.CookiesNamed(d.cookieName(cookieHome))) > 0 { // whoever signs in has the browser to themselves
		d.dropAway(w)
	}
	if !known.Empty() {
		d.setCookie(w, cookieKnown, known, credential.Rules[credential.Known].Life)
	}
}

// link is a page that a mail's link leads to: its token is taken out of the address at once, into a cookie, before any page is shown.
type link struct {
	cookie string
	page   string
}

var (
	linkConfirm    = link{"usher-confirm", "/sign-up/confirm"}
	linkChange     = link{"usher-change", "/account/email/confirm"}
	linkReset      = link{"usher-reset", "/reset/new"}
	linkNotMe      = link{"usher-not-me", "/not-me"}
	linkRemove     = link{"usher-remove", "/remove-device"}
	linkKeep       = link{"usher-keep", "/keep-second-step"}
	linkUndo       = link{"usher-undo", "/undo"}
	linkInvitation = link{"usher-invitation", "/invitation"}
	linkSetUp      = link{"usher-set-up", "/setup"}
)

// follow takes the token out of the address. Nothing else happens: scanners and previews may do this as often as they like.
func (d *Door) follow(l link) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		token := secret.TokenOf(r.PathValue("token"))
		if token.WellFormed() {
			d.setCookie(w, l.cookie, token, ticketLife)
		}
		return to(w, r, l.page)
	}
}

// ticket returns the token of a followed link: from the form, else from the cookie.
func (d *Door) ticket(r *http.Request, l link) secret.Token {
	if t := r.PostFormValue("ticket"); t != "" {
		return secret.TokenOf(t)
	}
	return d.cookie(r, l.cookie)
}

// localPath returns a path of this service, or the fallback for anything that could lead elsewhere.
func localPath(s, fallback string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return fallback
	}
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t\x00") || strings.HasPrefix(u.Path, "//") {
		return fallback
	}
	return s
}
