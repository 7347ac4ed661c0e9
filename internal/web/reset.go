package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/password"
	"usher/internal/secret"
)

func (d *Door) getResetAsk(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("done") == "sent" {
		d.Pages.Page(w, r, http.StatusOK, "reset-sent", Page{Data: ResetSentPage{}})
		return nil
	}
	return d.resetAskPage(w, r, http.StatusOK, ResetAskPage{})
}

func (d *Door) resetAskPage(w http.ResponseWriter, r *http.Request, status int, p ResetAskPage) error {
	d.Pages.Page(w, r, status, "reset-ask", Page{Data: p})
	return nil
}

func (d *Door) postResetAsk(w http.ResponseWriter, r *http.Request) error {
	p := ResetAskPage{Login: r.PostFormValue("login")}
	if p.Login == "" {
		p.Refuse("login", "Enter your e-mail address or your user name.")
		return d.resetAskPage(w, r, http.StatusUnprocessableEntity, p)
	}
	if err := d.Password.Ask(r.Context(), p.Login, d.client(r)); err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.resetAskPage(w, r, status, p) })
	}
	return to(w, r, "/reset?done=sent")
}

// resetRequired is the page for a right password that opens nothing; login is what was typed, for its button.
func (d *Door) resetRequired(login string) ResetRequiredPage {
	return ResetRequiredPage{
		Login:    login,
		Happened: "Your account was signed out everywhere, to keep it safe.",
		Exposed:  "That happens when somebody reports that it was used by a stranger, or when the person who runs this service asks for it.",
	}
}

// resetRequiredPage tells the owner, who has just proved who it is, what happened: in the words of the incident, where there is one.
func (d *Door) resetRequiredPage(w http.ResponseWriter, r *http.Request, p ResetRequiredPage, a account.Standing) error {
	if err := d.tellIncident(r, &p, a); err != nil {
		return err
	}
	d.Pages.Page(w, r, http.StatusForbidden, "reset-required", Page{Data: p})
	return nil
}

// tellIncident puts an incident's own words in the place of ours.
func (d *Door) tellIncident(r *http.Request, p *ResetRequiredPage, a account.Standing) error {
	parts, declared, err := d.Incident.For(r.Context(), a)
	if err != nil || !declared {
		return err
	}
	if parts.ToDo == d.Incident.Parts().ToDo {
		parts.ToDo = "" // it leads people who come from the mail to where these are already
	}
	p.Parts = noticeParts(parts)
	return nil
}

func (d *Door) postResetRequired(w http.ResponseWriter, r *http.Request) error {
	p := d.resetRequired(r.PostFormValue("login"))
	if p.Login == "" {
		return to(w, r, "/reset")
	}
	if err := d.Password.Ask(r.Context(), p.Login, d.client(r)); err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error {
			d.Pages.Page(w, r, status, "reset-required", Page{Data: p})
			return nil
		})
	}
	return to(w, r, "/reset?done=sent")
}

// How a finished reset travels to the page that says so.
const (
	resetKept       = "kept"
	resetEverywhere = "everywhere"
)

func (d *Door) getResetNew(w http.ResponseWriter, r *http.Request) error {
	if key := r.URL.Query().Get("done"); key == resetKept || key == resetEverywhere {
		d.Pages.Page(w, r, http.StatusOK, "reset-done", Page{Data: ResetDonePage{SignedOut: key == resetEverywhere}})
		return nil
	}
	ticket := d.ticket(r, linkReset)
	l, err := d.Password.OpenReset(r.Context(), ticket)
	if err != nil {
		return d.noReset(w, r, err)
	}
	if l.CodeDue {
		return d.resetCodePage(w, r, http.StatusOK, ResetCodePage{Ticket: ticket.Reveal(), Login: l.Email}, l)
	}
	return d.resetNewPage(w, r, http.StatusOK, ResetNewPage{Ticket: ticket.Reveal(), SignOut: true}, l)
}

func (d *Door) resetCodePage(w http.ResponseWriter, r *http.Request, status int, p ResetCodePage, l password.Link) error {
	has, err := d.hasPasskeys(r, l.AccountID)
	if err != nil {
		return err
	}
	if has {
		p.Passkey = &PasskeyForm{Action: "/reset/code/passkey", Label: "Use a passkey", Ticket: p.Ticket}
	}
	d.Pages.Page(w, r, status, "reset-code", Page{Data: p})
	return nil
}

// postResetCode proves the second factor. The ticket that finishes the reset takes the link's place in the browser.
func (d *Door) postResetCode(w http.ResponseWriter, r *http.Request) error {
	link := d.ticket(r, linkReset)
	l, err := d.Password.OpenReset(r.Context(), link)
	if err != nil {
		return d.noReset(w, r, err)
	}
	p := ResetCodePage{Ticket: link.Reveal(), Login: l.Email}
	show := func(status int) error { return d.resetCodePage(w, r, status, p, l) }
	typed := secret.TokenOf(r.PostFormValue("code"))
	if typed.Empty() {
		p.Refuse("code", "Enter the six digits, or one of your recovery codes.")
		return show(http.StatusUnprocessableEntity)
	}
	ticket, err := d.Password.Prove(r.Context(), link, typed, d.cookie(r, cookieKnown), d.client(r))
	switch {
	case errors.Is(err, password.ErrGone), errors.Is(err, credential.ErrSpent):
		return d.noReset(w, r, err)
	case err != nil:
		p.refuseFactor("code", typed, err)
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	d.setCookie(w, linkReset.cookie, ticket, credential.Rules[credential.Restricted].Life)
	return to(w, r, linkReset.page)
}

func (d *Door) resetNewPage(w http.ResponseWriter, r *http.Request, status int, p ResetNewPage, l password.Link) error {
	servers, err := d.standing(r, l.AccountID)
	if err != nil {
		return err
	}
	p.Login, p.SignOutFixed, p.SignsOut, p.Servers = l.Email, l.Required, l.SignsOut.String(), servers
	d.Pages.Page(w, r, status, "reset-new", Page{Data: p})
	return nil
}

func (d *Door) noReset(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, password.ErrGone) && !errors.Is(err, credential.ErrSpent) {
		return err
	}
	return d.usedUp(w, r, Link{"Send a new e-mail", "/reset"}, Link{"Sign in", "/sign-in"})
}

func (d *Door) postResetNew(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkReset)
	l, err := d.Password.OpenReset(r.Context(), ticket)
	if err != nil {
		return d.noReset(w, r, err)
	}
	p := ResetNewPage{Ticket: ticket.Reveal(), SignOut: scopeOf(r) == password.SignOutDevices}
	chosen := secret.TokenOf(r.PostFormValue("password"))
	if chosen.Empty() {
		p.Refuse("password", "Enter the new password.")
		return d.resetNewPage(w, r, http.StatusUnprocessableEntity, p, l)
	}
	scope, err := d.Password.Reset(r.Context(), ticket, chosen, scopeOf(r), d.client(r))
	switch {
	case errors.Is(err, password.ErrGone), errors.Is(err, credential.ErrSpent):
		return d.noReset(w, r, err)
	case errors.Is(err, password.ErrCodeFirst):
		return to(w, r, linkReset.page)
	case err != nil:
		p.refuseAccount(err)
		return d.again(w, r, &p.Form, err, func(status int) error { return d.resetNewPage(w, r, status, p, l) })
	}
	d.dropCookie(w, linkReset.cookie)
	said := resetKept
	if scope == password.SignOutDevices {
		said = resetEverywhere
	}
	return to(w, r, "/reset/new?done="+said)
}
