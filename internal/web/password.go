package web

import (
	"net/http"

	"usher/internal/device"
	"usher/internal/password"
	"usher/internal/secret"
)

func (d *Door) getPassword(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.passwordPage(w, r, http.StatusOK, PasswordPage{SignOut: !v.Account.NoPassword, Next: localPath(r.URL.Query().Get("next"), "")}, v)
}

func (d *Door) passwordPage(w http.ResponseWriter, r *http.Request, status int, p PasswordPage, v visitor) error {
	devices, err := d.Devices.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	p.First, p.AskCurrent = v.Account.NoPassword, !v.Account.SecondFactor && !v.Account.NoPassword
	p.Login, p.Others = v.Person.Email, device.Count(devices, v.DeviceID).String()
	if p.Servers, err = d.standing(r, v.AccountID); err != nil {
		return err
	}
	d.Pages.Page(w, r, status, "password", Page{Person: v.header(), Data: p})
	return nil
}

func (d *Door) postPassword(w http.ResponseWriter, r *http.Request, v visitor) error {
	scope := scopeOf(r)
	p := PasswordPage{SignOut: scope == password.SignOutDevices, Next: localPath(r.PostFormValue("next"), "")}
	show := func(status int) error { return d.passwordPage(w, r, status, p, v) }
	chosen := secret.TokenOf(r.PostFormValue("password"))
	if chosen.Empty() {
		p.Refuse("password", "Enter the new password.")
		return show(http.StatusUnprocessableEntity)
	}
	v, err := d.proveCurrent(w, r, v, &p.Form)
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	changed, err := d.Password.Change(r.Context(), v.Found, chosen, scope, d.client(r))
	if err != nil {
		p.refuseAccount(err)
		return d.again(w, r, &p.Form, err, show)
	}
	said := "password"
	if scope == password.SignOutDevices {
		said = "password-everywhere"
	}
	d.keepSignIn(w, r, changed.Token, changed.Known)
	if p.Next != "" {
		return to(w, r, p.Next)
	}
	return to(w, r, "/account?done="+said)
}

// proveCurrent checks the current password; who has a second factor, or no password yet, has just given proof on the page before.
func (d *Door) proveCurrent(w http.ResponseWriter, r *http.Request, v visitor, form *Form) (visitor, error) {
	if v.Account.SecondFactor || v.Account.NoPassword {
		return d.proveUnlessFresh(w, r, v, form)
	}
	return d.prove(w, r, v, form, "current")
}

// scopeOf is what the box "Sign out connected devices" asks for.
func scopeOf(r *http.Request) password.Scope {
	if r.PostFormValue("sign_out") == "yes" {
		return password.SignOutDevices
	}
	return password.KeepDevices
}
