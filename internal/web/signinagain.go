package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/mfa"
	"usher/internal/secret"
	"usher/internal/signin"
)

func (d *Door) getSignInAgain(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.signInAgainPage(w, r, http.StatusOK, SignInAgainPage{Next: localPath(r.URL.Query().Get("next"), "/account")}, v)
}

func (d *Door) signInAgainPage(w http.ResponseWriter, r *http.Request, status int, p SignInAgainPage, v visitor) error {
	p.Login, p.Back, p.AskCode, p.NoPassword = v.Person.Email, "/account", v.Account.SecondFactor, v.Account.NoPassword
	has, err := d.hasPasskeys(r, v.AccountID)
	if err != nil {
		return err
	}
	if has {
		p.Passkey = &PasskeyForm{Action: "/sign-in/again/passkey", Label: "Use a passkey", Next: p.Next}
	}
	d.allowReturn(w, r, p.Next)
	if p.NoPassword {
		var err error
		if p.Outside, err = d.linkedButtons(w, r, v.AccountID); err != nil {
			return err
		}
		p.Outside.Before, p.Outside.Next, p.Outside.Alone, p.Outside.Primary = "/sign-in/again/with/", p.Next, true, true
	}
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

// prove checks a password typed into a field of a form, and the field "code" where the account has a second factor, gives the browser the token
// that takes the old one's place, and returns the visitor as proved a moment ago. A refusal is put beside the field.
func (d *Door) prove(w http.ResponseWriter, r *http.Request, v visitor, form *Form, field string) (visitor, error) {
	if v.Account.NoPassword {
		return v, credential.ErrNoPassword
	}
	p := signin.Proof{Password: secret.TokenOf(r.PostFormValue(field)), Code: secret.TokenOf(r.PostFormValue("code")), Known: d.cookie(r, cookieKnown)}
	if p.Password.Empty() {
		form.Refuse(field, "Enter your password.")
	}
	if v.Account.SecondFactor && p.Code.Empty() {
		form.Refuse("code", "Enter the six digits from your authenticator app, or a recovery code.")
	}
	if form.Refused() {
		return v, signin.ErrWrong
	}
	token, err := d.SignIn.Again(r.Context(), v.Found, p, d.client(r))
	switch {
	case errors.Is(err, signin.ErrWrong):
		form.Refuse(field, "That password isn’t right.")
		return v, err
	case errors.As(err, new(credential.Exhausted)):
		form.Refuse(field, "There were too many wrong passwords. Choose a new one by e-mail: sign out, then press “Forgot?”.")
		return v, err
	case form.refuseFactor("code", p.Code, err):
		return v, err
	case err != nil:
		return v, err
	}
	d.keepSignIn(w, r, token, secret.Token{})
	v.Found, err = d.Resolver.Resolve(r.Context(), credential.Browser, token)
	return v, err
}

// refuseFactor puts beside a field why the second factor typed into it does not count, and reports whether that was what is wrong. What helps
// with the digits of an app does not help with a recovery code.
func (f *Form) refuseFactor(field string, typed secret.Token, err error) bool {
	_, isRecovery := mfa.ReadRecovery(typed)
	switch {
	case errors.Is(err, mfa.ErrShape):
		f.Refuse(field, "That is neither six digits nor a recovery code.")
	case errors.Is(err, mfa.ErrUsedUp), errors.Is(err, mfa.ErrReplayed) && isRecovery:
		f.Refuse(field, "The recovery code that begins with this digit was used already. Each works once: take another one.")
	case errors.Is(err, mfa.ErrReplayed):
		f.Refuse(field, "This code was used already. Wait for the next one; it comes every 30 seconds.")
	case errors.Is(err, mfa.ErrClock):
		f.Refuse(field, "This code belongs to another minute. Set the clock of your phone to automatic, and enter the newest code.")
	case errors.Is(err, mfa.ErrWrong) && isRecovery:
		f.Refuse(field, "That recovery code isn’t right. Look at every letter again, or take another one. Only the codes of your newest set count.")
	case errors.Is(err, mfa.ErrWrong):
		f.Refuse(field, "That code isn’t right. Enter the newest one.")
	case errors.Is(err, mfa.ErrOff):
		f.Problem = "The second step was turned off meanwhile. Go back and try again."
	case errors.As(err, new(credential.Exhausted)):
		f.Problem = "There were too many wrong codes in a row, so codes are turned off here. Try a browser you have used before, or ask the person who runs this service."
	default:
		return false
	}
	return true
}

// errAskAgain sends somebody whose proof is not fresh to the one page that has every way to give one.
var errAskAgain = errors.New("web: a fresh proof first")

// proveUnlessFresh asks for the password field only of who has not just typed it. Who has a second factor proves both on a page of its own; who has no
// password, whatever there is instead.
func (d *Door) proveUnlessFresh(w http.ResponseWriter, r *http.Request, v visitor, form *Form) (visitor, error) {
	switch {
	case v.IsFresh(d.Now()):
		return v, nil
	case v.Account.SecondFactor, v.Account.NoPassword:
		return v, errAskAgain
	}
	return d.prove(w, r, v, form, "password")
}

// errLate sends back a form that was opened while the proof was fresh, and came when it was no more.
var errLate = errors.New("web: the form had no field for the password yet")

// proveInForm is proveUnlessFresh for a form that keeps what somebody typed: whose proof ended meanwhile sees the same form again, with the fields for it.
func (d *Door) proveInForm(w http.ResponseWriter, r *http.Request, v visitor, form *Form, p *Proof) (visitor, error) {
	if v.IsFresh(d.Now()) {
		return v, nil
	}
	if v.Account.NoPassword {
		return v, errAskAgain
	}
	if p.Late = !r.PostForm.Has("password"); p.Late {
		return v, errLate
	}
	return d.prove(w, r, v, form, "password")
}

// asks fills in what a form asks of this visitor as proof.
func (d *Door) asks(v visitor, p *Proof) {
	p.Login, p.AskPassword = v.Person.Email, !v.IsFresh(d.Now()) && !v.Account.NoPassword
	p.AskCode = p.AskPassword && v.Account.SecondFactor
}

// asksPassword reports whether a form has to have a password field for this visitor.
func (d *Door) asksPassword(v visitor) bool {
	return !v.IsFresh(d.Now()) && !v.Account.SecondFactor && !v.Account.NoPassword
}

// proved lets in who needs no second page to prove anything: people without a second factor type the password into the form itself, the others
// prove both first, so that nothing they type into the form is lost. Who has no password sets one before.
func (d *Door) proved(h visitorHandler) handler {
	return d.person(func(w http.ResponseWriter, r *http.Request, v visitor) error {
		if v.Account.NoPassword {
			return d.passwordFirst(w, r)
		}
		return d.unlessAsked(w, r, v, h)
	})
}

// proveable is proved for what asks for any full proof, and is open to who has no password.
func (d *Door) proveable(h visitorHandler) handler {
	return d.person(func(w http.ResponseWriter, r *http.Request, v visitor) error { return d.unlessAsked(w, r, v, h) })
}

// unlessAsked shows a page, but first asks whoever cannot type the proof into its form.
func (d *Door) unlessAsked(w http.ResponseWriter, r *http.Request, v visitor, h visitorHandler) error {
	if (v.Account.SecondFactor || v.Account.NoPassword) && !v.IsFresh(d.Now()) {
		return d.askAgain(w, r)
	}
	return h(w, r, v)
}

// passwordFirst leads who has no password to set one, and from there back.
func (d *Door) passwordFirst(w http.ResponseWriter, r *http.Request) error {
	return to(w, r, pathWith("/account/password", "next", d.pageOf(r)))
}
