package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/server"
)

func (d *Door) getServerAccess(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.serverAccessPage(w, r, http.StatusOK, ServerAccessPage{}, v)
}

func (d *Door) serverAccessPage(w http.ResponseWriter, r *http.Request, status int, p ServerAccessPage, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	p.ID, p.Name, p.Login, p.AskPassword = k.ID, k.Name, v.Person.Email, d.asksPassword(v)
	d.Pages.Page(w, r, status, "server-access", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

// postServerAccess lets somebody in. What it answers does not depend on whether there is such an account.
func (d *Door) postServerAccess(w http.ResponseWriter, r *http.Request, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	p := ServerAccessPage{Who: r.PostFormValue("who")}
	show := func(status int) error { return d.serverAccessPage(w, r, status, p, v) }
	if p.Who == "" {
		p.Refuse("who", "Enter an e-mail address or a user name.")
		return show(http.StatusUnprocessableEntity)
	}
	v, err = d.proveUnlessFresh(w, r, v, &p.Form)
	if err == nil {
		err = d.Servers.Admit(r.Context(), v.Found, k.ID, p.Who, d.client(r))
	}
	switch {
	case errors.Is(err, account.ErrBadAddress):
		p.Refuse("who", account.ErrBadAddress.Error())
	case errors.Is(err, account.ErrBadUserName):
		p.Refuse("who", account.ErrBadUserName.Error())
	case errors.Is(err, server.ErrTooMany):
		p.Problem = "A server can have a hundred people on its list. Take somebody off first."
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	return to(w, r, pathWith("/servers/"+k.ID, "done", "let-in"))
}
