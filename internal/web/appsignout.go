package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/secret"
)

// getAppSignOut signs out who an app has proved to be signed in to it, and asks everybody else: a page of another site could send a browser here.
func (d *Door) getAppSignOut(w http.ResponseWriter, r *http.Request) error {
	p, err := d.Grants.LookLogout(r.Context(), secret.TokenOf(r.URL.Query().Get("request")))
	if err != nil {
		return d.noSignOut(w, r, err)
	}
	v, err := d.visit(r)
	if _, out := whyOutside(err); out {
		return d.backToApp(w, r, p)
	}
	if err != nil && !errors.Is(err, credential.ErrDeleting) {
		return err
	}
	proved, err := d.Grants.Proved(r.Context(), p, v.Found)
	if err != nil {
		return err
	}
	if proved {
		return d.signOutForApp(w, r, p, v)
	}
	if p.URI != "" {
		allowForm(w, p.Origin())
	}
	d.Pages.Page(w, r, http.StatusOK, "app-sign-out", Page{Data: AppSignOutPage{
		Request: p.ID.Reveal(), Account: v.AccountID, App: p.App, Called: v.Person.Called(), Where: whereTo(p.Origin()),
	}})
	return nil
}

func (d *Door) postAppSignOut(w http.ResponseWriter, r *http.Request, v visitor) error {
	p, err := d.Grants.LookLogout(r.Context(), secret.TokenOf(r.PostFormValue("request")))
	if err != nil {
		return d.noSignOut(w, r, err)
	}
	switch {
	case r.PostFormValue("holder") != v.AccountID:
		return to(w, r, "/authorize/sign-out?request="+p.ID.Reveal())
	case r.PostFormValue("act") != "leave":
		return to(w, r, "/account")
	}
	return d.signOutForApp(w, r, p, v)
}

// noSignOut tells that a request to sign out was answered, or has waited for too long.
func (d *Door) noSignOut(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, grant.ErrGone) {
		return err
	}
	d.Pages.Page(w, r, http.StatusGone, "message", Page{Data: MessagePage{
		Title: "Nothing was signed out here", Icon: "clock",
		Paragraphs: []string{"The app’s request was answered already, or has waited for too long.", "Are you still signed in here? On your account page, press “Sign out”."},
		Action:     &Link{"Your account", "/account"},
	}})
	return nil
}

// signOutForApp signs this browser out, and with it every app whose sign-in hangs on it.
func (d *Door) signOutForApp(w http.ResponseWriter, r *http.Request, p grant.PendingLogout, v visitor) error {
	err := d.Devices.SignOut(r.Context(), v.Found, v.DeviceID, d.client(r))
	if err != nil && !errors.Is(err, device.ErrNotFound) {
		return err
	}
	d.dropCookie(w, cookieBrowser)
	return d.backToApp(w, r, p)
}

// backToApp brings the browser back to the app, where it asked for that.
func (d *Door) backToApp(w http.ResponseWriter, r *http.Request, p grant.PendingLogout) error {
	if err := d.Grants.EndLogout(r.Context(), p); err != nil && !errors.Is(err, grant.ErrGone) {
		return err
	}
	if where := p.Location(); where != "" {
		w.Header().Set("Cache-Control", "no-store")
		return to(w, r, where)
	}
	return to(w, r, "/sign-in?why="+whyOut)
}
