package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/profile"
)

// addressChange is one of the two addresses a person can change: where its pages are and what they say.
type addressChange struct {
	purpose        account.Purpose
	path, codePath string
	codePage       string // template of the page where its code is typed
	saved          string // key of accountDone
	same, gone     string
	show           func(d *Door, w http.ResponseWriter, r *http.Request, a answered) error
}

// answered is a form of an address page on its way back to the reader.
type answered struct {
	status int
	form   Form
	typed  string // the address, as typed
	v      visitor
}

var emailChange = addressChange{
	purpose: account.ForEmail, path: "/account/email", codePath: "/account/email/code", codePage: "email-code", saved: "email",
	same: "This is your address already.", gone: "No code is waiting any more: it was used, or it is too old. Ask for a new one here.",
	show: (*Door).emailPage,
}

func (d *Door) getEmail(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.emailPage(w, r, answered{status: http.StatusOK, v: v})
}

func (d *Door) emailPage(w http.ResponseWriter, r *http.Request, a answered) error {
	pending, err := d.pendingAddress(r, a.v, account.ForEmail)
	if err != nil {
		return err
	}
	p := EmailPage{
		Form: a.form, Address: a.v.Person.Email, Login: a.v.Person.Email, NewAddress: a.typed, PendingAddress: pending,
		NoticeAddress: a.v.Person.NoticeEmail, AskPassword: d.asksPassword(a.v),
	}
	d.Pages.Page(w, r, a.status, "email", Page{Person: a.v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

func (d *Door) postEmail(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.askAddress(w, r, v, emailChange)
}

// askAddress begins a change of an address: a code goes to the new one.
func (d *Door) askAddress(w http.ResponseWriter, r *http.Request, v visitor, c addressChange) error {
	a := answered{typed: r.PostFormValue("email")}
	rest := new(profile.ResetError)
	var err error
	a.v, err = d.proveUnlessFresh(w, r, v, &a.form)
	if err == nil {
		err = d.Profile.AskEmail(r.Context(), a.v.Found, c.purpose, a.typed, d.client(r))
	}
	if err == nil {
		return to(w, r, c.codePath)
	}
	switch {
	case errors.Is(err, account.ErrBadAddress):
		a.form.Refuse("email", account.ErrBadAddress.Error())
	case errors.As(err, &rest):
		a.form.Problem = "You chose a new password by e-mail less than a day ago. To keep your account safe, the address can be changed " + rest.Until.UTC().Format("on 2 January from 15:04 UTC") + "."
	case errors.Is(err, profile.ErrSameAddress):
		a.form.Refuse("email", c.same)
	}
	return d.again(w, r, &a.form, err, func(status int) error {
		a.status = status
		return c.show(d, w, r, a)
	})
}

func (d *Door) getEmailCode(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.getCode(w, r, v, emailChange)
}

func (d *Door) getCode(w http.ResponseWriter, r *http.Request, v visitor, c addressChange) error {
	address, err := d.pendingAddress(r, v, c.purpose)
	if err != nil {
		return err
	}
	if address == "" {
		return to(w, r, c.path)
	}
	return d.changeCodePage(w, r, http.StatusOK, CodePage{Address: address}, c)
}

func (d *Door) changeCodePage(w http.ResponseWriter, r *http.Request, status int, p CodePage, c addressChange) error {
	d.Pages.Page(w, r, status, c.codePage, Page{Notice: done(r, accountDone), Data: p})
	return nil
}

func (d *Door) postEmailCode(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.typeCode(w, r, v, emailChange)
}

// typeCode confirms an address by the digits that were sent to it.
func (d *Door) typeCode(w http.ResponseWriter, r *http.Request, v visitor, c addressChange) error {
	address, err := d.pendingAddress(r, v, c.purpose)
	if err != nil {
		return err
	}
	p := CodePage{Address: address}
	code, ok := typedCode(r, &p.Form)
	switch {
	case address == "":
		return d.codeIsGone(w, r, v, c)
	case !ok:
		return d.changeCodePage(w, r, http.StatusUnprocessableEntity, p, c)
	}
	err = d.Profile.TypeCode(r.Context(), v.Found, c.purpose, code, d.client(r))
	switch {
	case err == nil:
		return to(w, r, c.path+"?done="+c.saved)
	case errors.Is(err, profile.ErrGone), errors.Is(err, credential.ErrSpent):
		return d.codeIsGone(w, r, v, c)
	}
	p.refuseChange(err)
	return d.again(w, r, &p.Form, err, func(status int) error { return d.changeCodePage(w, r, status, p, c) })
}

// codeIsGone shows the form that asks for a new code, with the reason.
func (d *Door) codeIsGone(w http.ResponseWriter, r *http.Request, v visitor, c addressChange) error {
	return c.show(d, w, r, answered{status: http.StatusGone, form: Form{Problem: c.gone}, v: v})
}

// refuseChange says why a code or a link does not confirm a new address.
func (f *Form) refuseChange(err error) {
	switch {
	case errors.Is(err, account.ErrWrongCode):
		f.refuseCode(err)
	case errors.Is(err, account.ErrAddressTaken):
		f.Problem = "This address has an account of its own by now, so it cannot become yours."
	}
}

func (d *Door) postEmailCodeAgain(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.sendAgain(w, r, v, emailChange)
}

// sendAgain sends another code to the address that waits; the former one is dead.
func (d *Door) sendAgain(w http.ResponseWriter, r *http.Request, v visitor, c addressChange) error {
	address, err := d.pendingAddress(r, v, c.purpose)
	if err == nil {
		err = d.Profile.ResendCode(r.Context(), v.Found, c.purpose)
	}
	switch {
	case err == nil:
		return to(w, r, c.codePath+"?done=code")
	case errors.Is(err, profile.ErrGone), errors.Is(err, credential.ErrSpent):
		return d.codeIsGone(w, r, v, c)
	}
	p := CodePage{Address: address}
	return d.again(w, r, &p.Form, err, func(status int) error { return d.changeCodePage(w, r, status, p, c) })
}

func (d *Door) postEmailCancel(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := d.Profile.DropEmail(r.Context(), v.Found, account.ForEmail); err != nil {
		return err
	}
	return to(w, r, "/account/email?done=email-kept")
}
