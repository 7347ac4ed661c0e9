package web

import (
	"errors"
	"net/http"

	"usher/internal/secret"
	"usher/internal/signup"
)

func (d *Door) getSetUp(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkSetUp)
	if _, err := d.Founding.OpenSetUp(r.Context(), ticket); errors.Is(err, signup.ErrGone) {
		return d.noSetUp(w, r)
	} else if err != nil {
		return err
	}
	return d.setUpPage(w, r, http.StatusOK, SetupPage{Ticket: ticket.Reveal()})
}

func (d *Door) setUpPage(w http.ResponseWriter, r *http.Request, status int, p SetupPage) error {
	d.Pages.Page(w, r, status, "setup", Page{Data: p})
	return nil
}

func (d *Door) postSetUp(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkSetUp)
	p := SetupPage{Ticket: ticket.Reveal(), Email: r.PostFormValue("email")}
	n := signup.NewAccount{Email: p.Email, Password: secret.TokenOf(r.PostFormValue("password"))}
	done, err := d.Founding.SetUp(r.Context(), ticket, n, d.client(r))
	if errors.Is(err, signup.ErrGone) {
		return d.noSetUp(w, r)
	}
	if err != nil {
		p.refuseAccount(err)
		return d.again(w, r, &p.Form, err, func(status int) error { return d.setUpPage(w, r, status, p) })
	}
	d.dropCookie(w, linkSetUp.cookie)
	return d.welcome(w, r, done)
}

// noSetUp says why a set-up link may not work, and where the next one comes from.
func (d *Door) noSetUp(w http.ResponseWriter, r *http.Request) error {
	d.Pages.Page(w, r, http.StatusGone, "message", Page{Data: MessagePage{
		Title: "This link does not work", Icon: "clock",
		Paragraphs: []string{
			"It was used, it is over an hour old, or it was not copied whole. Nothing was changed.",
			"While nobody administers this service, each start of it prints a new link.",
		},
		Action: &Link{"Sign in", "/sign-in"}, Back: &Link{"About accounts", "/help/creating-an-account"},
	}})
	return nil
}

func (d *Door) getInvitation(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkInvitation)
	i, err := d.SignUp.Invitation(r.Context(), ticket)
	if err != nil {
		return d.noInvitation(w, r, err)
	}
	return d.invitationPage(w, r, http.StatusOK, InvitationPage{Ticket: ticket.Reveal(), Email: i.Email, Bound: i.Email != ""})
}

func (d *Door) invitationPage(w http.ResponseWriter, r *http.Request, status int, p InvitationPage) error {
	p.Outside = d.outsideButtons(w, nil)
	p.Outside.Ticket = p.Ticket
	d.Pages.Page(w, r, status, "invitation", Page{Data: p})
	return nil
}

func (d *Door) noInvitation(w http.ResponseWriter, r *http.Request, err error) error {
	switch {
	case errors.Is(err, signup.ErrClosed):
		return d.signUpPage(w, r, http.StatusForbidden, SignUpPage{})
	case errors.Is(err, signup.ErrInvitation):
		return d.usedUp(w, r, Link{"Sign in", "/sign-in"}, Link{"Help", "/help"})
	}
	return err
}

func (d *Door) postInvitation(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkInvitation)
	i, err := d.SignUp.Invitation(r.Context(), ticket)
	if err != nil {
		return d.noInvitation(w, r, err)
	}
	p := InvitationPage{Ticket: ticket.Reveal(), Email: r.PostFormValue("email"), Bound: i.Email != ""}
	if p.Bound {
		p.Email = i.Email
	}
	if err := d.beginSignUp(w, r, &p.Form, p.Email, ticket); err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.invitationPage(w, r, status, p) })
	}
	d.dropCookie(w, linkInvitation.cookie)
	return to(w, r, "/sign-up/code")
}
