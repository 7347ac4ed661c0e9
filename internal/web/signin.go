package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
	"usher/internal/signin"
)

// Why somebody who was signed in has to sign in again, as it travels in the address.
const (
	whyEnded   = "ended"
	whyReset   = "reset"
	whyLocked  = "locked"
	whyOut     = "out"
	whyChanged = "changed"
	whyGone    = "deleting"
	whyLate    = "late"

	whyConfirmed = "confirmed"
)

var reasons = map[string]string{
	whyEnded:     "You were signed out here. That happens after a long time, when everything is signed out from another device, or because everybody needs a new password.",
	whyReset:     "A new password is needed before anything else. Sign in, and we tell you what to do.",
	whyLocked:    "This account is locked. Ask the person who runs this service.",
	whyOut:       "You are signed out.",
	whyChanged:   "Your new password is saved. Sign in with it.",
	whyLate:      "The code was not entered within ten minutes. Begin again with your password.",
	whyConfirmed: "Thank you. Your account is open again. Everything was signed out, so sign in once more.",
	whyGone:      "Your account is going to be deleted. Sign in within seven days to keep it.",
}

func (d *Door) start(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.visit(r); err != nil {
		return d.turnAway(w, r, err)
	}
	return to(w, r, "/account")
}

func (d *Door) getSignIn(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	next := localPath(q.Get("next"), "")
	if _, err := d.visit(r); err == nil {
		return to(w, r, localPath(next, "/account"))
	}
	return d.signInPage(w, r, http.StatusOK, SignInPage{Reason: reasons[q.Get("why")], Next: next})
}

func (d *Door) signInPage(w http.ResponseWriter, r *http.Request, status int, p SignInPage) error {
	d.allowReturn(w, r, p.Next)
	p.Outside = d.outsideButtons(w, nil)
	p.Outside.Next = p.Next
	d.Pages.Page(w, r, status, "sign-in", Page{Data: p})
	return nil
}

func (d *Door) postSignIn(w http.ResponseWriter, r *http.Request) error {
	p := SignInPage{Login: r.PostFormValue("login"), Next: localPath(r.PostFormValue("next"), "")}
	password := secret.TokenOf(r.PostFormValue("password"))
	if p.Login == "" {
		p.Refuse("login", "Enter your e-mail address or your user name.")
	}
	if password.Empty() {
		p.Refuse("password", "Enter your password.")
	}
	if p.Refused() {
		return d.signInPage(w, r, http.StatusUnprocessableEntity, p)
	}
	out, err := d.SignIn.Start(r.Context(), signin.Request{Login: p.Login, Password: password, Known: d.cookie(r, cookieKnown), Remembered: d.cookie(r, cookieRemembered), Client: d.client(r)})
	if err != nil {
		p.explain(err)
		return d.again(w, r, &p.Form, err, func(status int) error { return d.signInPage(w, r, status, p) })
	}
	switch out.Step {
	case signin.Locked:
		return d.lockedPage(w, r, p)
	case signin.ResetRequired:
		return d.resetRequiredPage(w, r, d.resetRequired(p.Login), out.Account)
	}
	if out.Step == signin.CodeNeeded {
		d.setCookie(w, cookieCode, out.Ticket, credential.Rules[credential.SecondStep].Life)
		return to(w, r, pathWith("/sign-in/code", "next", p.Next))
	}
	return d.letIn(w, r, out, localPath(p.Next, "/account"))
}

func (d *Door) lockedPage(w http.ResponseWriter, r *http.Request, p SignInPage) error {
	p.Problem = reasons[whyLocked]
	return d.signInPage(w, r, http.StatusForbidden, p)
}

// entered goes on from a proof that was no password.
func (d *Door) entered(w http.ResponseWriter, r *http.Request, out signin.Outcome, next string) error {
	switch out.Step {
	case signin.Locked:
		return d.lockedPage(w, r, SignInPage{Next: next})
	case signin.CodeNeeded:
		d.setCookie(w, cookieCode, out.Ticket, credential.Rules[credential.SecondStep].Life)
		return to(w, r, pathWith("/sign-in/code", "next", next))
	case signin.ResetRequired:
		d.setCookie(w, linkReset.cookie, out.Ticket, credential.Rules[credential.Restricted].Life)
		p := d.resetRequired("")
		p.Proved = true
		return d.resetRequiredPage(w, r, p, out.Account)
	case signin.ConfirmNeeded:
		d.setCookie(w, linkReset.cookie, out.Ticket, credential.Rules[credential.Restricted].Life)
		return to(w, r, "/sign-in/confirm")
	case signin.Open:
	}
	return d.letIn(w, r, out, localPath(next, "/account"))
}

// letIn gives the browser its sign-in and sends it on.
func (d *Door) letIn(w http.ResponseWriter, r *http.Request, out signin.Outcome, next string) error {
	if err := d.leaveFormer(r); err != nil {
		return err
	}
	d.keepSignIn(w, r, out.Token, out.Known)
	next, err := d.joinedBy(w, r, out.Token, next)
	if err != nil {
		return err
	}
	if out.Review {
		next = pathWith("/account/review", "next", next)
	}
	return to(w, r, next)
}

// leaveFormer signs out what this browser was signed in to before, so that no sign-in is left that no browser holds.
func (d *Door) leaveFormer(r *http.Request) error {
	token := d.cookie(r, cookieBrowser)
	if token.Empty() {
		return nil
	}
	f, err := d.Resolver.Resolve(r.Context(), credential.Browser, token)
	if err != nil {
		return nil // what does not count any more needs no signing out
	}
	err = d.Devices.SignOut(r.Context(), f, f.DeviceID, d.client(r))
	if errors.Is(err, device.ErrNotFound) {
		return nil
	}
	return err
}

// explain says in the form why a name and a password opened nothing.
func (p *SignInPage) explain(err error) {
	switch {
	case errors.Is(err, signin.ErrWrong):
		p.Problem = wrongPassword(p.Login)
	case errors.As(err, new(credential.Exhausted)):
		p.Problem = "There were too many wrong passwords for this account, so its password is turned off. Choose a new one by e-mail with “Forgot?”."
	}
}

func wrongPassword(login string) string {
	for _, c := range login {
		if c == '@' {
			return "That address or password isn’t right."
		}
	}
	return "That user name or password isn’t right."
}

func (d *Door) postSignOut(w http.ResponseWriter, r *http.Request) error {
	a, err := d.away(w, r)
	if err != nil {
		return err
	}
	if a.is() {
		return d.signOutAway(w, r, a)
	}
	v, err := d.visit(r)
	if err == nil || errors.Is(err, credential.ErrDeleting) {
		err = d.Devices.SignOut(r.Context(), v.Found, v.DeviceID, d.client(r))
	}
	if _, out := whyOutside(err); err != nil && !out && !errors.Is(err, device.ErrNotFound) { // who is still signed in is not told otherwise
		return err
	}
	d.dropCookie(w, cookieBrowser)
	return to(w, r, "/sign-in?why="+whyOut)
}

func (d *Door) changePassword(w http.ResponseWriter, r *http.Request) error {
	return to(w, r, "/account/password") // https://w3c.github.io/webappsec-change-password-url/
}
