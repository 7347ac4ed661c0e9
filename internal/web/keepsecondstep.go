package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/factor"
)

func (d *Door) getKeepSecondStep(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("done") == "kept" {
		d.Pages.Page(w, r, http.StatusOK, "message", Page{Data: MessagePage{
			Title: "The second step stays", Icon: "check",
			Paragraphs: []string{"Nothing is removed. If you did not ask for the removal, choose a new password too: somebody wants to get in."},
			Action:     &Link{"Sign in", "/sign-in"}, Back: &Link{"Choose a new password", "/reset"},
		}})
		return nil
	}
	ticket := d.ticket(r, linkKeep)
	removal, err := d.Factor.OpenKeep(r.Context(), ticket)
	if err != nil {
		return d.nothingToKeep(w, r, err)
	}
	return d.keepSecondStepPage(w, r, http.StatusOK, KeepSecondStepPage{Ticket: ticket.Reveal(), Due: removal.Due})
}

func (d *Door) keepSecondStepPage(w http.ResponseWriter, r *http.Request, status int, p KeepSecondStepPage) error {
	d.Pages.Page(w, r, status, "keep-second-step", Page{Data: p})
	return nil
}

func (d *Door) nothingToKeep(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, factor.ErrGone) && !errors.Is(err, credential.ErrSpent) {
		return err
	}
	return d.usedUp(w, r, Link{"Sign in", "/sign-in"}, Link{"Help", "/help"})
}

func (d *Door) postKeepSecondStep(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkKeep)
	removal, err := d.Factor.OpenKeep(r.Context(), ticket)
	if err != nil {
		return d.nothingToKeep(w, r, err)
	}
	p := KeepSecondStepPage{Ticket: ticket.Reveal(), Email: r.PostFormValue("email"), Due: removal.Due}
	err = d.Factor.Keep(r.Context(), ticket, p.Email, d.client(r))
	switch {
	case errors.Is(err, factor.ErrOtherAddress):
		p.Refuse("email", "This is not the address of the account. Enter the one our e-mail came to.")
	case errors.Is(err, factor.ErrGone), errors.Is(err, credential.ErrSpent):
		return d.nothingToKeep(w, r, err)
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.keepSecondStepPage(w, r, status, p) })
	}
	d.dropCookie(w, linkKeep.cookie)
	return to(w, r, "/keep-second-step?done=kept")
}
