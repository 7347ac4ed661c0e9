package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/password"
)

func (d *Door) getNotMe(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("done") == "not-me" {
		d.Pages.Page(w, r, http.StatusOK, "not-me-done", Page{})
		return nil
	}
	ticket := d.ticket(r, linkNotMe)
	report, err := d.Password.OpenNotMe(r.Context(), ticket)
	if err != nil {
		return d.noReport(w, r, err)
	}
	return d.notMePage(w, r, http.StatusOK, NotMePage{Ticket: ticket.Reveal(), Device: report.Device, At: report.At})
}

func (d *Door) notMePage(w http.ResponseWriter, r *http.Request, status int, p NotMePage) error {
	d.Pages.Page(w, r, status, "not-me", Page{Data: p})
	return nil
}

// noReport sends whoever holds a dead link to the way that is always open: a new password.
func (d *Door) noReport(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, password.ErrGone) && !errors.Is(err, credential.ErrSpent) {
		return err
	}
	return d.usedUp(w, r, Link{"Choose a new password", "/reset"}, Link{"What we never do", "/help/what-we-never-do"})
}

func (d *Door) postNotMe(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkNotMe)
	report, err := d.Password.OpenNotMe(r.Context(), ticket)
	if err != nil {
		return d.noReport(w, r, err)
	}
	p := NotMePage{Ticket: ticket.Reveal(), Email: r.PostFormValue("email"), Device: report.Device, At: report.At}
	err = d.Password.NotMe(r.Context(), ticket, p.Email, d.client(r))
	switch {
	case errors.Is(err, password.ErrOtherAddress):
		p.Refuse("email", "This is not the address of the account. Enter the one our e-mail came to.")
	case errors.Is(err, password.ErrGone), errors.Is(err, credential.ErrSpent):
		return d.noReport(w, r, err)
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.notMePage(w, r, status, p) })
	}
	d.dropCookie(w, linkNotMe.cookie)
	return to(w, r, "/not-me?done=not-me")
}
