package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/identity"
	"usher/internal/signup"
	"usher/internal/social"
)

// arrived reads who has arrived in this browser; done is true when the answer is given already.
func (d *Door) arrived(w http.ResponseWriter, r *http.Request) (a social.Arrival, done bool, err error) {
	a, err = d.Social.Look(r.Context(), d.cookie(r, cookieArrival))
	if errors.Is(err, social.ErrGone) || errors.Is(err, social.ErrNotOffered) {
		return a, true, d.outsideFailed(w, r, social.Landing{}, err)
	}
	return a, err != nil, err
}

// getOutsideArrival shows what comes next for somebody whom another service tells of.
func (d *Door) getOutsideArrival(w http.ResponseWriter, r *http.Request) error {
	a, done, err := d.arrived(w, r)
	if done {
		return err
	}
	return d.newcomerPage(w, r, http.StatusOK, a, Form{})
}

func (d *Door) newcomerPage(w http.ResponseWriter, r *http.Request, status int, a social.Arrival, form Form) error {
	switch a.Step {
	case social.AskAddress:
		d.Pages.Page(w, r, status, "newcomer-address", Page{Data: NewcomerAddressPage{Form: form, Service: a.Provider.Name, Email: a.Address}})
	case social.AskCode:
		d.Pages.Page(w, r, status, "newcomer-code", Page{Data: NewcomerCodePage{Form: form, Service: a.Provider.Name, Address: a.Address}})
	case social.Join:
		return to(w, r, joinPath)
	case social.NewAccount, social.Reclaim:
		p := NewcomerPage{Form: form, Service: a.Provider.Name, Address: a.Address, Name: a.Told.Name, Taken: a.Step == social.Reclaim}
		err := d.Social.MayEnter(r.Context(), a)
		if closed, is := whyNoAccount(err); is {
			p.Closed = closed
		} else if err != nil {
			return err
		}
		d.allowReturn(w, r, a.Next)
		d.Pages.Page(w, r, status, "newcomer", Page{Data: p})
	}
	return nil
}

// whyNoAccount says why somebody gets no account here.
func whyNoAccount(err error) (string, bool) {
	switch {
	case errors.Is(err, signup.ErrClosed):
		return "There are no new accounts at the moment.", true
	case errors.Is(err, signup.ErrInvitation):
		return "New accounts are made by invitation. If you have one for this address, open its link, and press the button there.", true
	}
	return "", false
}

// postOutsideArrival makes the account, or gives it to who has confirmed its address.
func (d *Door) postOutsideArrival(w http.ResponseWriter, r *http.Request) error {
	a, done, err := d.arrived(w, r)
	if done {
		return err
	}
	if a.Step != social.NewAccount && a.Step != social.Reclaim {
		return to(w, r, "/sign-in/arrival")
	}
	entered, err := d.Social.Enter(r.Context(), d.cookie(r, cookieArrival), d.client(r))
	switch _, closed := whyNoAccount(err); {
	case closed:
		return d.newcomerPage(w, r, http.StatusForbidden, a, Form{})
	case errors.Is(err, account.ErrAddressTaken):
		return d.newcomerPage(w, r, http.StatusConflict, a, Form{Problem: "This address belonged to another account until lately, and is held for it some days longer."})
	case errors.Is(err, identity.ErrTaken), errors.Is(err, social.ErrGone): // by another tab, or another browser
		return d.outsideFailed(w, r, social.Landing{}, social.ErrGone)
	case err != nil:
		return err
	}
	d.dropCookie(w, cookieArrival)
	if err := d.leaveFormer(r); err != nil {
		return err
	}
	d.keepSignIn(w, r, entered.Token, entered.Known)
	switch {
	case a.Step == social.Reclaim:
		return to(w, r, pathWith("/account/review", "next", entered.Next))
	case entered.Next != "":
		return to(w, r, entered.Next)
	}
	return to(w, r, "/welcome")
}

// postArrivalAddress mails a code to the address that somebody says is theirs.
func (d *Door) postArrivalAddress(w http.ResponseWriter, r *http.Request) error {
	a, done, err := d.arrived(w, r)
	if done {
		return err
	}
	a.Step, a.Address = social.AskAddress, r.PostFormValue("email")
	var form Form
	if err := d.Social.Mail(r.Context(), d.cookie(r, cookieArrival), a.Address, d.client(r)); err != nil {
		if errors.Is(err, social.ErrGone) {
			return to(w, r, "/sign-in/arrival")
		}
		form.refuseAccount(err)
		return d.again(w, r, &form, err, func(status int) error { return d.newcomerPage(w, r, status, a, form) })
	}
	return to(w, r, "/sign-in/arrival")
}

func (d *Door) postArrivalCode(w http.ResponseWriter, r *http.Request) error {
	a, done, err := d.arrived(w, r)
	if done {
		return err
	}
	if a.Step != social.AskCode {
		return to(w, r, "/sign-in/arrival")
	}
	var form Form
	code, ok := typedCode(r, &form)
	if !ok {
		return d.newcomerPage(w, r, http.StatusUnprocessableEntity, a, form)
	}
	next, err := d.Social.TypeCode(r.Context(), d.cookie(r, cookieArrival), code, d.client(r))
	if err != nil {
		if errors.Is(err, social.ErrGone) {
			return to(w, r, "/sign-in/arrival")
		}
		form.refuseCode(err)
		return d.again(w, r, &form, err, func(status int) error { return d.newcomerPage(w, r, status, a, form) })
	}
	d.setCookie(w, cookieArrival, next, credential.Rules[credential.Arrival].Life)
	return to(w, r, "/sign-in/arrival")
}
