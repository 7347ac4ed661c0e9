package web

import (
	"net/http"

	"usher/internal/credential"
	"usher/internal/passkey"
	"usher/internal/password"
	"usher/internal/secret"
	"usher/internal/social"
)

// heldToConfirm is what a browser holds of who has no password, and whose account waits for a fresh proof. It answers by itself where there is none.
func (d *Door) heldToConfirm(w http.ResponseWriter, r *http.Request) (f credential.Found, held bool, err error) {
	f, err = d.Resolver.Resolve(r.Context(), credential.Restricted, d.cookie(r, linkReset.cookie))
	if credential.IsDead(err) || err == nil && !f.Account.NoPassword {
		return f, false, to(w, r, "/sign-in?why="+whyEnded)
	}
	return f, err == nil, err
}

// getSignInConfirm tells who has no password what happened, and asks for one fresh proof.
func (d *Door) getSignInConfirm(w http.ResponseWriter, r *http.Request) error {
	f, held, err := d.heldToConfirm(w, r)
	if !held {
		return err
	}
	return d.signInConfirmPage(w, r, http.StatusOK, SignInConfirmPage{ResetRequiredPage: d.resetRequired("")}, f)
}

func (d *Door) signInConfirmPage(w http.ResponseWriter, r *http.Request, status int, p SignInConfirmPage, f credential.Found) error {
	err := d.tellIncident(r, &p.ResetRequiredPage, f.Account)
	if err != nil {
		return err
	}
	if p.Buttons, err = d.linkedButtons(w, r, f.AccountID); err != nil {
		return err
	}
	p.Buttons.Before, p.Buttons.Verb, p.Buttons.Alone, p.Buttons.Primary = "/sign-in/confirm/with/", "Confirm with", true, true
	has, err := d.hasPasskeys(r, f.AccountID)
	if err != nil {
		return err
	}
	if has {
		p.Passkey = &PasskeyForm{Action: "/sign-in/confirm/passkey", Label: "Confirm with a passkey"}
	}
	d.Pages.Page(w, r, status, "sign-in-confirm", Page{Data: p})
	return nil
}

func (d *Door) postConfirmPasskeyBegin(w http.ResponseWriter, r *http.Request) error {
	f, held, err := d.heldToConfirm(w, r)
	if !held {
		return err
	}
	return d.askPasskey(w, r, func(browser secret.Token) (passkey.Options, error) {
		return d.Password.AskPasskeyAfresh(r.Context(), f, browser, d.client(r))
	})
}

func (d *Door) postConfirmPasskey(w http.ResponseWriter, r *http.Request) error {
	f, held, err := d.heldToConfirm(w, r)
	if !held {
		return err
	}
	p := SignInConfirmPage{ResetRequiredPage: d.resetRequired("")}
	if err := d.Password.ConfirmByPasskey(r.Context(), f, password.PasskeyAnswer(d.answer(r)), d.client(r)); err != nil {
		return d.againPasskey(w, r, &p.Form, err, func(status int) error { return d.signInConfirmPage(w, r, status, p, f) })
	}
	d.dropCookie(w, linkReset.cookie)
	return to(w, r, "/sign-in?why="+whyConfirmed)
}

// postSignInConfirm sends the browser away for the fresh proof.
func (d *Door) postSignInConfirm(w http.ResponseWriter, r *http.Request) error {
	f, err := d.Resolver.Resolve(r.Context(), credential.Restricted, d.cookie(r, linkReset.cookie))
	if credential.IsDead(err) {
		return to(w, r, "/sign-in?why="+whyEnded)
	}
	if err != nil {
		return err
	}
	return d.sendAway(w, r, social.Start{Purpose: social.ToConfirm, Held: f})
}
