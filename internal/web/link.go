package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/linkcode"
	"usher/internal/mfa"
	"usher/internal/request"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/tvlink"
)

// cookieLink holds the ticket of a right code: what asks may be looked at.
const cookieLink = "usher-link"

// fieldCode is the code's field and its name in the address that a TV's picture leads to (RFC 8628 §3.3.1). The address fills it in, and never sends it.
const fieldCode = "user_code"

func (d *Door) getLink(w http.ResponseWriter, r *http.Request, v visitor) error {
	switch r.URL.Query().Get("done") {
	case "allowed":
		back := backOf(unpack(d.cookie(r, cookieBack)))
		d.dropCookie(w, cookieBack)
		d.Pages.Page(w, r, http.StatusOK, "link-allowed", Page{Person: v.header(), Data: LinkAllowedPage{back}})
		return nil
	case "denied":
		d.Pages.Page(w, r, http.StatusOK, "link-denied", Page{Person: v.header(), Data: struct{}{}})
		return nil
	}
	p := LinkPage{Code: filledIn(r), Back: backOf(r.URL.Query().Get(fieldForward))}
	if r.URL.Query().Get("why") == "late" {
		p.Problem = "That request is over. Let the screen show a new code, and type it here."
	}
	return d.linkPage(w, r, http.StatusOK, p)
}

// filledIn is the code that an address fills in; empty for nothing, or nothing that a screen could show.
func filledIn(r *http.Request) string {
	code, err := linkcode.Read(r.URL.Query().Get(fieldCode))
	if err != nil {
		return ""
	}
	return linkcode.Grouped(code).Reveal()
}

func (d *Door) linkPage(w http.ResponseWriter, r *http.Request, status int, p LinkPage) error {
	d.Pages.Page(w, r, status, "link", Page{Data: p})
	return nil
}

func (d *Door) postLink(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := LinkPage{Code: r.PostFormValue(fieldCode), Back: backOf(r.PostFormValue(fieldForward))}
	if err := d.enter(w, r, v, &p.Form); err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.linkPage(w, r, status, p) })
	}
	return to(w, r, p.Back.behind("/link/confirm"))
}

// notFound says what may be the matter with a code that is not found.
func (d *Door) notFound() string {
	if d.Pages.site.SameNetwork {
		return "We don’t find this code. Use the network that the screen is in, not mobile data. Codes work once and for 15 minutes."
	}
	return "We don’t find this code. Codes work once and for 15 minutes: let the screen show a new one."
}

// enter looks for what shows the typed code, and gives the browser the ticket for the page that tells what it is. A refusal is put beside the field.
func (d *Door) enter(w http.ResponseWriter, r *http.Request, v visitor, f *Form) error {
	ticket, err := d.Links.Enter(r.Context(), v.Found, v.Person, r.PostFormValue(fieldCode), d.client(r))
	switch {
	case errors.Is(err, linkcode.ErrTooShort):
		f.Refuse(fieldCode, "A code has at least four characters. Type all that the screen shows.")
	case errors.Is(err, linkcode.ErrTooLong):
		f.Refuse(fieldCode, "No code here has more than eight characters. Type the one that the screen shows in large letters.")
	case errors.Is(err, linkcode.ErrAskLong):
		f.Refuse(fieldCode, "From here we need the longer code, the one with eight letters below the large one. Scanning the picture fills it in.")
	case errors.Is(err, linkcode.ErrNotFound):
		f.Refuse(fieldCode, d.notFound())
	}
	if err == nil {
		d.setCookie(w, cookieLink, ticket, ticketLife)
	}
	return err
}

func (d *Door) getLinkConfirm(w http.ResponseWriter, r *http.Request, v visitor) error {
	asked, err := d.Links.Open(r.Context(), v.Found, d.cookie(r, cookieLink))
	switch {
	case err != nil:
		return d.linkOver(w, r, err)
	case asked.Claims():
		return to(w, r, "/claim/confirm")
	}
	return d.linkConfirmPage(w, r, http.StatusOK, Form{}, asked, v)
}

func (d *Door) linkConfirmPage(w http.ResponseWriter, r *http.Request, status int, f Form, a tvlink.Asked, v visitor) error {
	now := d.Now()
	p := LinkConfirmPage{
		Form: f, Request: a.ID, Device: a.Name, Code: a.Code.Reveal(), Place: whereSeen(a.Seen), Asked: a.CreatedAt, Age: ageOf(a.CreatedAt, now), Minutes: minutesLeft(a.ExpiresAt, now),
		Elsewhere: a.Elsewhere, Wait: now.Before(a.Opens), SecondStep: v.Account.SecondFactor, NoPassword: v.Account.NoPassword, Login: v.Person.Email,
		Back: backOf(r.FormValue(fieldForward)),
	}
	if a.Product != a.Name {
		p.Product = a.Product
	}
	if p.Web = a.Seen.Page != ""; p.Web && a.Seen.Page != request.NoHost {
		p.Host = a.Seen.Page
	}
	if p.Registered = a.Party.Client != ""; p.Registered {
		stays, err := d.Grants.Stays(r.Context(), a.Party)
		if err != nil {
			return err
		}
		p.Gets, p.Stays = getsOf(strings.Fields(a.Party.Scope)), stays
	}
	if p.Wait {
		w.Header().Set("Refresh", refreshIn(a.Opens.Sub(now))) // it comes back by itself when the pause is over
	}
	d.Pages.Page(w, r, status, "link-confirm", Page{Data: p})
	return nil
}

// linkOver goes back to the code's form when what was asked is over.
func (d *Door) linkOver(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, tvlink.ErrGone) {
		return err
	}
	d.dropCookie(w, cookieLink)
	return to(w, r, "/link?why=late")
}

// answered is what the sent page asked about: what another tab has typed meanwhile is not decided by it.
func (d *Door) answered(r *http.Request, v visitor) (tvlink.Asked, error) {
	asked, err := d.Links.Open(r.Context(), v.Found, d.cookie(r, cookieLink))
	if err == nil && r.PostFormValue("request") != asked.ID {
		err = tvlink.ErrGone
	}
	return asked, err
}

func (d *Door) postLinkConfirm(w http.ResponseWriter, r *http.Request, v visitor) error {
	asked, err := d.answered(r, v)
	f := Form{}
	switch {
	case err == nil && asked.Claims(): // what that page says is not what was looked at
		return to(w, r, "/claim/confirm")
	case err == nil:
		err = d.approve(r, v, asked, &f)
	}
	switch {
	case errors.Is(err, tvlink.ErrGone):
		return d.linkOver(w, r, err)
	case err != nil:
		return d.again(w, r, &f, err, func(status int) error { return d.linkConfirmPage(w, r, status, f, asked, v) })
	}
	d.dropCookie(w, cookieLink)
	if back := backOf(r.PostFormValue(fieldForward)); back.URL != "" {
		d.setCookie(w, cookieBack, pack(back.URL), ticketLife)
	}
	return to(w, r, "/link?done=allowed")
}

// approve lets in what was looked at, with the proof that is asked for what comes from elsewhere. A refusal is put into the form. tvlink.ErrGone,
// errAskAgain.
func (d *Door) approve(r *http.Request, v visitor, asked tvlink.Asked, f *Form) error {
	field := map[bool]string{true: "code", false: "password"}[v.Account.SecondFactor]
	typed := secret.TokenOf(r.PostFormValue(field))
	switch {
	case (asked.Claims() || asked.AsksProof(v.Found) && v.Account.NoPassword) && !v.IsFresh(d.Now()):
		return errAskAgain
	case asked.AsksProof(v.Found) && !v.Account.NoPassword && typed.Empty():
		f.Refuse(field, map[string]string{"code": "Enter the six digits.", "password": "Enter your password."}[field])
		return signin.ErrWrong
	}
	err := d.Links.Approve(r.Context(), v.Found, v.Person, asked, tvlink.Proof{Typed: typed, Known: d.cookie(r, cookieKnown)}, d.client(r))
	switch {
	case errors.Is(err, tvlink.ErrTooSoon):
		f.Problem = "Take a moment to read this page. You can go on in a few seconds."
	case errors.Is(err, signin.ErrWrong):
		f.Refuse("password", "That password isn’t right.")
	case errors.Is(err, tvlink.ErrGone), errors.Is(err, mfa.ErrOff):
	case err != nil && field == "code":
		f.refuseFactor("code", typed, err)
	}
	return err
}

func (d *Door) postLinkDeny(w http.ResponseWriter, r *http.Request, v visitor) error {
	asked, err := d.answered(r, v)
	if err == nil {
		err = d.Links.Deny(r.Context(), asked, d.client(r))
	}
	if err != nil {
		return d.linkOver(w, r, err)
	}
	d.dropCookie(w, cookieLink)
	return to(w, r, "/link?done=denied")
}

// minutesLeft says how many minutes are left, rounded up: never none while there is any time.
func minutesLeft(until, now time.Time) int { return int(math.Ceil(until.Sub(now).Minutes())) }

// ageOf says in whole seconds, and from the first minute on in whole minutes, how long ago a device asked: who has it in front of him knows.
func ageOf(asked, now time.Time) string {
	n, unit := int(now.Sub(asked).Seconds()), "second"
	if n >= 60 {
		n, unit = n/60, "minute"
	}
	switch {
	case n < 1:
		return "just now"
	case n == 1:
		return "1 " + unit + " ago"
	}
	return strconv.Itoa(n) + " " + unit + "s ago"
}
