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
)

var reasons = map[string]string{
	whyEnded:   "You were signed out here. That happens after a long time, or when everything is signed out from another device.",
	whyReset:   "A new password is needed before anything else. Sign in, and we tell you what to do.",
	whyLocked:  "This account is locked. Ask the person who runs this service.",
	whyOut:     "You are signed out.",
	whyChanged: "Your new password is saved. Sign in with it.",
	whyGone:    "Your account is going to be deleted. Sign in within seven days to keep it.",
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
	out, err := d.SignIn.Start(r.Context(), signin.Request{Login: p.Login, Password: password, Known: d.cookie(r, cookieKnown), Client: d.client(r)})
	if err != nil {
		p.explain(err)
		return d.again(w, r, &p.Form, err, func(status int) error { return d.signInPage(w, r, status, p) })
	}
	switch out.Step {
	case signin.Locked:
		p.Problem = "This account is locked. Ask the person who runs this service."
		return d.signInPage(w, r, http.StatusForbidden, p)
	case signin.ResetRequired:
		return d.resetRequiredPage(w, r, p.Login, out.Account)
	}
	if err := d.leaveFormer(r); err != nil {
		return err
	}
	d.keepSignIn(w, out.Token, out.Known)
	return to(w, r, localPath(p.Next, "/account"))
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
		p.Problem = "There were too many wrong passwords for this account, so its password is switched off. Choose a new one by e-mail with “Forgot?”."
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

func (d *Door) getSignInAgain(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.signInAgainPage(w, r, http.StatusOK, SignInAgainPage{Next: localPath(r.URL.Query().Get("next"), "/account")}, v)
}

func (d *Door) signInAgainPage(w http.ResponseWriter, r *http.Request, status int, p SignInAgainPage, v visitor) error {
	p.Login, p.Back = v.Person.Email, "/account"
	d.Pages.Page(w, r, status, "sign-in-again", Page{Person: v.header(), Data: p})
	return nil
}

func (d *Door) postSignInAgain(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := SignInAgainPage{Next: localPath(r.PostFormValue("next"), "/account")}
	if _, err := d.prove(w, r, v, &p.Form, "password"); err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.signInAgainPage(w, r, status, p, v) })
	}
	return to(w, r, p.Next)
}

// prove checks a password typed into a field of a form on an account page, gives the browser the token that takes the old one's place, and
// returns the visitor as proved a moment ago. A refusal is put beside the field.
func (d *Door) prove(w http.ResponseWriter, r *http.Request, v visitor, form *Form, field string) (visitor, error) {
	password := secret.TokenOf(r.PostFormValue(field))
	if password.Empty() {
		form.Refuse(field, "Enter your password.")
		return v, signin.ErrWrong
	}
	token, err := d.SignIn.Again(r.Context(), v.Found, password, d.cookie(r, cookieKnown), d.client(r))
	switch {
	case errors.Is(err, signin.ErrWrong):
		form.Refuse(field, "That password isn’t right.")
		return v, err
	case errors.As(err, new(credential.Exhausted)):
		form.Refuse(field, "There were too many wrong passwords. Choose a new one by e-mail: sign out, then press “Forgot?”.")
		return v, err
	case err != nil:
		return v, err
	}
	d.keepSignIn(w, token, secret.Token{})
	v.Found, err = d.Resolver.Resolve(r.Context(), credential.Browser, token)
	return v, err
}

// proveUnlessFresh asks for the password field only of who has not just typed it.
func (d *Door) proveUnlessFresh(w http.ResponseWriter, r *http.Request, v visitor, form *Form) (visitor, error) {
	if v.IsFresh(d.Now()) {
		return v, nil
	}
	return d.prove(w, r, v, form, "password")
}

func (d *Door) postSignOut(w http.ResponseWriter, r *http.Request) error {
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
