package web

import (
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/profile"
	"usher/internal/secret"
)

func (d *Door) getUndo(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("done") == "undo" {
		return d.undone(w, r)
	}
	ticket := d.ticket(r, linkUndo)
	u, err := d.Profile.OpenUndo(r.Context(), ticket)
	if err != nil {
		return d.noUndo(w, r, err)
	}
	return d.undoPage(w, r, http.StatusOK, undoOf(ticket, u))
}

// undoOf masks the new address, as the mail with the link does: that mailbox need not be the account owner's any more.
func undoOf(ticket secret.Token, u profile.Undo) UndoPage {
	return UndoPage{Ticket: ticket.Reveal(), NewAddress: notice.Masked(u.Now), Until: u.Until}
}

func (d *Door) undoPage(w http.ResponseWriter, r *http.Request, status int, p UndoPage) error {
	d.Pages.Page(w, r, status, "undo", Page{Data: p})
	return nil
}

func (d *Door) noUndo(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, profile.ErrGone) && !errors.Is(err, credential.ErrSpent) {
		return err
	}
	return d.usedUp(w, r, Link{"Sign in", "/sign-in"}, Link{"Help", "/help"})
}

func (d *Door) postUndo(w http.ResponseWriter, r *http.Request) error {
	ticket := d.ticket(r, linkUndo)
	u, err := d.Profile.OpenUndo(r.Context(), ticket)
	if err != nil {
		return d.noUndo(w, r, err)
	}
	accountID, err := d.Profile.Undo(r.Context(), ticket, r.PostFormValue("email"), d.client(r))
	switch {
	case errors.Is(err, profile.ErrGone), errors.Is(err, credential.ErrSpent):
		return d.noUndo(w, r, err)
	case err != nil:
		p := undoOf(ticket, u)
		p.Email = r.PostFormValue("email")
		if errors.Is(err, profile.ErrOtherAddress) {
			p.Refuse("email", "This is not the address our e-mail came to.")
		}
		if errors.Is(err, account.ErrAddressTaken) {
			p.Problem = "Your old address has another account by now, so it cannot be restored here. Ask the person who runs this service."
		}
		return d.again(w, r, &p.Form, err, func(status int) error { return d.undoPage(w, r, status, p) })
	}
	if err := d.Password.SendReset(r.Context(), accountID); err != nil {
		return err
	}
	d.dropCookie(w, linkUndo.cookie)
	return to(w, r, "/undo?done=undo")
}

func (d *Door) undone(w http.ResponseWriter, r *http.Request) error {
	d.Pages.Page(w, r, http.StatusOK, "message", Page{Data: MessagePage{
		Title: "Your address is restored", Icon: "check",
		Paragraphs: []string{"Everything is signed out, and nobody gets in until you choose a new password. An e-mail with a link for that is on its way to your address."},
		Action:     &Link{"Send the e-mail again", "/reset"}, Back: &Link{"The e-mail does not arrive", "/help/mail-does-not-arrive"},
	}})
	return nil
}
