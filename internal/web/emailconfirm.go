package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/profile"
)

// The link in the mail to a new address counts only in a browser that is signed in to the account, and only when a button is pressed:
// whoever reads that mailbox, or scans its mail, confirms nothing by opening it.

func (d *Door) getEmailConfirm(w http.ResponseWriter, r *http.Request, v visitor) error {
	ticket := d.ticket(r, linkChange)
	c, err := d.Profile.OpenLink(r.Context(), v.Found, ticket)
	if errors.Is(err, profile.ErrGone) {
		return d.changeUsedUp(w, r)
	}
	if err != nil {
		return err
	}
	return d.emailConfirmPage(w, r, http.StatusOK, EmailConfirmPage{Ticket: ticket.Reveal(), Address: c.Email, ForNotices: c.Purpose == account.ForNotices}, v)
}

func (d *Door) emailConfirmPage(w http.ResponseWriter, r *http.Request, status int, p EmailConfirmPage, v visitor) error {
	d.Pages.Page(w, r, status, "email-confirm", Page{Person: v.header(), Data: p})
	return nil
}

func (d *Door) changeUsedUp(w http.ResponseWriter, r *http.Request) error {
	d.dropCookie(w, linkChange.cookie)
	return d.usedUp(w, r, Link{"Your e-mail address", "/account/email"}, Link{"Help", "/help/mail-does-not-arrive"})
}

func (d *Door) postEmailConfirm(w http.ResponseWriter, r *http.Request, v visitor) error {
	ticket := d.ticket(r, linkChange)
	c, err := d.Profile.OpenLink(r.Context(), v.Found, ticket)
	if err == nil {
		_, err = d.Profile.ConfirmLink(r.Context(), v.Found, ticket, d.client(r))
	}
	switch {
	case errors.Is(err, profile.ErrGone), errors.Is(err, credential.ErrSpent):
		return d.changeUsedUp(w, r)
	case err != nil:
		p := EmailConfirmPage{Ticket: ticket.Reveal(), Address: c.Email, ForNotices: c.Purpose == account.ForNotices}
		p.refuseChange(err)
		return d.again(w, r, &p.Form, err, func(status int) error { return d.emailConfirmPage(w, r, status, p, v) })
	}
	d.dropCookie(w, linkChange.cookie)
	for _, changed := range []addressChange{emailChange, noticeChange} {
		if changed.purpose == c.Purpose {
			return to(w, r, changed.path+"?done="+changed.saved)
		}
	}
	return to(w, r, "/account")
}
