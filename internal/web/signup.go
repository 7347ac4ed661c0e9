package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/passwordpolicy"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/signup"
)

func (d *Door) getSignUp(w http.ResponseWriter, r *http.Request) error {
	return d.signUpPage(w, r, http.StatusOK, SignUpPage{})
}

func (d *Door) signUpPage(w http.ResponseWriter, r *http.Request, status int, p SignUpPage) error {
	if d.SignUp.Mode == signup.ModeOpen {
		p.Outside = d.outsideButtons(w, nil)
	}
	d.Pages.Page(w, r, status, "sign-up", Page{Data: p})
	return nil
}

func (d *Door) postSignUp(w http.ResponseWriter, r *http.Request) error {
	if d.SignUp.Mode != signup.ModeOpen {
		return d.signUpPage(w, r, http.StatusForbidden, SignUpPage{})
	}
	p := SignUpPage{Email: r.PostFormValue("email")}
	err := d.beginSignUp(w, r, &p.Form, p.Email, secret.Token{})
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.signUpPage(w, r, status, p) })
	}
	return to(w, r, "/sign-up/code")
}

// beginSignUp starts a sign-up with an address and the field password, and keeps in the browser what recognises it.
func (d *Door) beginSignUp(w http.ResponseWriter, r *http.Request, form *Form, email string, invitation secret.Token) error {
	browser, err := d.SignUp.Begin(r.Context(), signup.Request{
		Email: email, Password: secret.TokenOf(r.PostFormValue("password")), Invitation: invitation, Client: d.client(r),
	})
	if err != nil {
		form.refuseAccount(err)
		return err
	}
	d.setCookie(w, cookieSignUp, browser, credential.Rules[credential.SignUp].Life)
	return nil
}

// refuseAccount puts what is wrong with an address, a name or a new password beside its field.
func (f *Form) refuseAccount(err error) {
	refused := new(passwordpolicy.RefusedError)
	switch {
	case errors.Is(err, account.ErrBadAddress):
		f.Refuse("email", account.ErrBadAddress.Error())
	case errors.As(err, &refused):
		f.Refuse("password", refused.Error())
	case errors.Is(err, account.ErrBadUserName):
		f.Refuse("user_name", account.ErrBadUserName.Error())
	case errors.Is(err, account.ErrNameTaken):
		f.Refuse("user_name", "This user name is taken. Try another one.")
	case errors.Is(err, account.ErrBadName):
		f.Refuse("display_name", account.ErrBadName.Error())
	}
}

func (d *Door) getSignUpCode(w http.ResponseWriter, r *http.Request) error {
	c, err := d.SignUp.Pending(r.Context(), d.cookie(r, cookieSignUp))
	if errors.Is(err, signup.ErrGone) {
		return to(w, r, "/sign-up")
	}
	if err != nil {
		return err
	}
	return d.codePage(w, r, http.StatusOK, "sign-up-code", CodePage{Address: c.Email})
}

func (d *Door) codePage(w http.ResponseWriter, r *http.Request, status int, name string, p CodePage) error {
	d.Pages.Page(w, r, status, name, Page{Data: p})
	return nil
}

func (d *Door) postSignUpCode(w http.ResponseWriter, r *http.Request) error {
	browser := d.cookie(r, cookieSignUp)
	c, err := d.SignUp.Pending(r.Context(), browser)
	if errors.Is(err, signup.ErrGone) {
		return to(w, r, "/sign-up")
	}
	if err != nil {
		return err
	}
	p := CodePage{Address: c.Email}
	code, ok := typedCode(r, &p.Form)
	if !ok {
		return d.codePage(w, r, http.StatusUnprocessableEntity, "sign-up-code", p)
	}
	done, err := d.SignUp.TypeCode(r.Context(), browser, code, d.client(r))
	if err != nil {
		p.refuseCode(err)
		return d.again(w, r, &p.Form, err, func(status int) error { return d.codePage(w, r, status, "sign-up-code", p) })
	}
	return d.welcome(w, r, done)
}

// typedCode reads a six-digit code, forgiving spaces and dashes; anything else is refused without counting as a try.
func typedCode(r *http.Request, form *Form) (code secret.Token, ok bool) {
	typed := strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(r.PostFormValue("code"))
	if len(typed) != 6 || strings.Trim(typed, "0123456789") != "" {
		form.Refuse("code", "The code has six digits.")
		return code, false
	}
	return secret.TokenOf(typed), true
}

// refuseCode says why a code or a link does not confirm an address.
func (f *Form) refuseCode(err error) {
	switch {
	case errors.Is(err, account.ErrWrongCode):
		f.Refuse("code", "That is not the code we sent last. After five tries a code stops working; you can have a new one sent.")
	case errors.Is(err, account.ErrAddressTaken):
		f.Problem = "This address has an account by now. Sign in with it."
	case errors.Is(err, credential.ErrSpent):
		f.Problem = "This was used already. If it was you, sign in."
	}
}

// welcome signs a new person's browser in and asks what to call them.
func (d *Door) welcome(w http.ResponseWriter, r *http.Request, done signup.Confirmed) error {
	d.keepSignIn(w, r, done.Token, done.Known)
	d.dropCookie(w, cookieSignUp)
	return to(w, r, "/welcome")
}

func (d *Door) postSignUpCodeAgain(w http.ResponseWriter, r *http.Request) error {
	browser := d.cookie(r, cookieSignUp)
	again, err := d.SignUp.Resend(r.Context(), browser)
	if errors.Is(err, signup.ErrGone) || errors.Is(err, credential.ErrSpent) {
		return to(w, r, "/sign-up")
	}
	if err != nil {
		c, lerr := d.SignUp.Pending(r.Context(), browser)
		if lerr != nil {
			return lerr
		}
		p := CodePage{Address: c.Email}
		return d.again(w, r, &p.Form, err, func(status int) error { return d.codePage(w, r, status, "sign-up-code", p) })
	}
	d.setCookie(w, cookieSignUp, again, credential.Rules[credential.SignUp].Life)
	return to(w, r, "/sign-up/code")
}

func (d *Door) getSignUpConfirm(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkConfirm)
	l, err := d.SignUp.OpenLink(r.Context(), ticket, d.cookie(r, cookieSignUp))
	if errors.Is(err, signup.ErrGone) {
		return d.usedUp(w, r, Link{"Sign in", "/sign-in"}, Link{"Create an account", "/sign-up"})
	}
	if err != nil {
		return err
	}
	return d.signUpConfirmPage(w, r, http.StatusOK, SignUpConfirmPage{Ticket: ticket.Reveal(), AskPassword: !l.SameBrowser, Login: l.Email()})
}

func (d *Door) signUpConfirmPage(w http.ResponseWriter, r *http.Request, status int, p SignUpConfirmPage) error {
	d.Pages.Page(w, r, status, "sign-up-confirm", Page{Data: p})
	return nil
}

func (d *Door) postSignUpConfirm(w http.ResponseWriter, r *http.Request) error {
	ticket, browser := d.ticket(r, linkConfirm), d.cookie(r, cookieSignUp)
	l, err := d.SignUp.OpenLink(r.Context(), ticket, browser)
	if err == nil {
		var done signup.Confirmed
		done, err = d.SignUp.ConfirmLink(r.Context(), ticket, browser, secret.TokenOf(r.PostFormValue("password")), d.client(r))
		if err == nil {
			d.dropCookie(w, linkConfirm.cookie)
			return d.welcome(w, r, done)
		}
	}
	if errors.Is(err, signup.ErrGone) {
		return d.usedUp(w, r, Link{"Sign in", "/sign-in"}, Link{"Create an account", "/sign-up"})
	}
	p := SignUpConfirmPage{Ticket: ticket.Reveal(), AskPassword: !l.SameBrowser, Login: l.Email()}
	p.refuseCode(err)
	if errors.Is(err, signup.ErrWrongPassword) {
		p.Refuse("password", "That is not the password you chose when you began.")
	}
	return d.again(w, r, &p.Form, err, func(status int) error { return d.signUpConfirmPage(w, r, status, p) })
}

// usedUp says that a link does not count any more, and what to do instead.
func (d *Door) usedUp(w http.ResponseWriter, r *http.Request, action, back Link) error {
	d.Pages.Page(w, r, http.StatusGone, "message", Page{Data: MessagePage{
		Title: "This link is used up", Icon: "clock",
		Paragraphs: []string{"It was used already, a newer one took its place, or it is too old. Nothing was changed."},
		Action:     &action, Back: &back,
	}})
	return nil
}

func (d *Door) getWelcome(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.welcomePage(w, r, http.StatusOK, WelcomePage{UserName: v.Person.UserName, DisplayName: v.Person.Name}, v)
}

func (d *Door) welcomePage(w http.ResponseWriter, r *http.Request, status int, p WelcomePage, v visitor) error {
	if v.Person.Admin {
		p.Address = v.Person.Email
	}
	d.Pages.Page(w, r, status, "welcome", Page{Person: v.header(), Data: p})
	return nil
}

func (d *Door) postWelcome(w http.ResponseWriter, r *http.Request, v visitor) error {
	if r.PostFormValue("do") == "skip" {
		return d.afterWelcome(w, r, v)
	}
	p := WelcomePage{UserName: r.PostFormValue("user_name"), DisplayName: r.PostFormValue("display_name")}
	if err := d.Profile.Rename(r.Context(), v.Found, p.DisplayName, p.UserName, d.client(r)); err != nil {
		p.refuseAccount(err)
		return d.again(w, r, &p.Form, err, func(status int) error { return d.welcomePage(w, r, status, p, v) })
	}
	return d.afterWelcome(w, r, v)
}

// strength judges a password while it is typed. It reads no account and keeps nothing.
func (d *Door) strength(w http.ResponseWriter, r *http.Request) error {
	if err := d.SignUp.CountStrength(r.Context(), d.client(r)); err != nil {
		limited := new(ratelimit.LimitedError)
		if errors.As(err, &limited) {
			return writeJSON(w, http.StatusTooManyRequests, Strength{})
		}
		return err
	}
	score, sentence := d.SignUp.Policy.Strength(r.PostFormValue("password"), []string{r.PostFormValue("email"), r.PostFormValue("user_name")})
	return writeJSON(w, http.StatusOK, Strength{Score: score, Sentence: sentence})
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	write(w, status, "application/json", body)
	return nil
}
