package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/signin"
)

func (d *Door) getAppPasswordNew(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.appPasswordNewPage(w, r, http.StatusOK, AppPasswordNewPage{}, v)
}

func (d *Door) appPasswordNewPage(w http.ResponseWriter, r *http.Request, status int, p AppPasswordNewPage, v visitor) error {
	p.Login, p.AskPassword = v.Person.Email, d.asksPassword(v)
	d.Pages.Page(w, r, status, "app-password-new", Page{Person: v.header(), Nav: "app-passwords", Data: p})
	return nil
}

// postAppPasswordNew answers with the password itself, this once: it travels in no address and no cookie.
func (d *Door) postAppPasswordNew(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := AppPasswordNewPage{Name: r.PostFormValue("name"), Purpose: r.PostFormValue("purpose")}
	v, err := d.proveUnlessFresh(w, r, v, &p.Form)
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.appPasswordNewPage(w, r, status, p, v) })
	}
	made, err := d.AppPasswords.Make(r.Context(), v.Found, signin.NewAppPassword{Name: p.Name, Purpose: p.Purpose}, d.client(r))
	switch {
	case errors.Is(err, credential.ErrNoName):
		p.Refuse("name", "Say which app it is for.")
	case errors.Is(err, account.ErrBadName):
		p.Refuse("name", "Write at most 64 characters, here and below, and no line breaks.")
	case errors.Is(err, device.ErrTooMany):
		p.Problem = "You have as many app passwords as there can be. Remove one first."
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.appPasswordNewPage(w, r, status, p, v) })
	}
	shown := AppPasswordMadePage{Name: p.Name, Login: v.Person.Login(), Password: made.Grouped().Reveal()}
	d.Pages.Page(w, r, http.StatusOK, "app-password-made", Page{Person: v.header(), Nav: "app-passwords", Data: shown})
	return nil
}
