package web

import (
	"errors"
	"net/http"

	"usher/internal/factor"
	"usher/internal/mfa"
	"usher/internal/secret"
)

// postSecondStepBegin shows the key in its own answer, because it is shown once: there is no page to come back to.
func (d *Door) postSecondStepBegin(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := SecondStepPage{}
	v, err := d.proveUnlessFresh(w, r, v, &p.Form)
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.secondStepPage(w, r, status, p, v) })
	}
	begun, err := d.Factor.Begin(r.Context(), v.Found)
	if errors.Is(err, factor.ErrOn) {
		return to(w, r, "/account/second-step") // which says so
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.secondStepPage(w, r, status, p, v) })
	}
	picture, err := drawQR(begun.Address, qrForApp)
	if err != nil {
		return err
	}
	return d.authenticatorPage(w, r, http.StatusOK, AuthenticatorPage{Ticket: begun.Ticket.Reveal(), QR: picture, Key: mfa.InFours(begun.Key.Reveal())}, v)
}

func (d *Door) authenticatorPage(w http.ResponseWriter, r *http.Request, status int, p AuthenticatorPage, v visitor) error {
	p.Account = v.Person.Email
	d.Pages.Page(w, r, status, "second-step-app", Page{Person: v.header(), Nav: "second-step", Data: p})
	return nil
}

// postSecondStepConfirm shows the recovery codes in its own answer. After a wrong code the key is not shown again.
func (d *Door) postSecondStepConfirm(w http.ResponseWriter, r *http.Request, v visitor) error {
	ticket := secret.TokenOf(r.PostFormValue("ticket"))
	typed := secret.TokenOf(r.PostFormValue("code"))
	ready, err := d.Factor.Confirm(r.Context(), v.Found, ticket, typed)
	if errors.Is(err, factor.ErrGone) {
		return d.setUpGone(w, r, v)
	}
	if err != nil {
		p := AuthenticatorPage{Ticket: ticket.Reveal()}
		if errors.Is(err, mfa.ErrShape) {
			p.Refuse("code", "Enter the six digits that your app shows.")
		} else {
			p.refuseFactor("code", typed, err)
		}
		return d.again(w, r, &p.Form, err, func(status int) error { return d.authenticatorPage(w, r, status, p, v) })
	}
	return d.codesPage(w, r, http.StatusOK, RecoveryCodesPage{Ticket: ready.Ticket.Reveal(), Codes: shownCodes(ready.Codes)}, v)
}

func (d *Door) codesPage(w http.ResponseWriter, r *http.Request, status int, p RecoveryCodesPage, v visitor) error {
	p.Account = v.Person.Email
	d.Pages.Page(w, r, status, "second-step-codes", Page{Person: v.header(), Nav: "second-step", Data: p})
	return nil
}

// shownCodes is the one place where recovery codes are told.
func shownCodes(codes factor.Codes) []string {
	shown := make([]string, len(codes))
	for i, c := range codes {
		shown[i] = c.Reveal()
	}
	return shown
}

// postSecondStepFinish turns the second step on once the box says that the codes are stored. Who did not store them may have others.
func (d *Door) postSecondStepFinish(w http.ResponseWriter, r *http.Request, v visitor) error {
	ticket := secret.TokenOf(r.PostFormValue("ticket"))
	if r.PostFormValue("codes") == "new" {
		return d.remakeCodes(w, r, v, ticket)
	}
	err := d.Factor.Waiting(r.Context(), v.Found, ticket)
	if err == nil && r.PostFormValue("stored") != "yes" {
		p := RecoveryCodesPage{Ticket: ticket.Reveal()}
		p.Refuse("stored", "Tick this if you have stored the codes.")
		return d.codesPage(w, r, http.StatusUnprocessableEntity, p, v)
	}
	if err == nil {
		err = d.Factor.Finish(r.Context(), v.Found, ticket, d.client(r))
	}
	if errors.Is(err, factor.ErrGone) {
		return d.setUpGone(w, r, v)
	}
	if err != nil {
		return err
	}
	return to(w, r, "/account/second-step?done=second-step-on")
}

func (d *Door) remakeCodes(w http.ResponseWriter, r *http.Request, v visitor, ticket secret.Token) error {
	ready, err := d.Factor.Remake(r.Context(), v.Found, ticket)
	if errors.Is(err, factor.ErrGone) {
		return d.setUpGone(w, r, v)
	}
	if err != nil {
		p := RecoveryCodesPage{Ticket: ticket.Reveal()}
		return d.again(w, r, &p.Form, err, func(status int) error { return d.codesPage(w, r, status, p, v) })
	}
	return d.codesPage(w, r, http.StatusOK, RecoveryCodesPage{Ticket: ready.Ticket.Reveal(), Codes: shownCodes(ready.Codes), Remade: true}, v)
}

// setUpGone answers whoever comes with a set-up that ended: after ten minutes, or because it was begun anew, or finished.
func (d *Door) setUpGone(w http.ResponseWriter, r *http.Request, v visitor) error {
	d.Pages.Page(w, r, http.StatusGone, "message", Page{Person: v.header(), Data: MessagePage{
		Title: "This set-up has ended", Icon: "clock",
		Paragraphs: []string{"It waits for ten minutes, and a newer one takes its place. Nothing was changed. Delete what it left in your authenticator app."},
		Action:     &Link{"Back to the second step", "/account/second-step"}, Back: &Link{"Overview", "/account"},
	}})
	return nil
}
