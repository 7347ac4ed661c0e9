package web

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
)

// getAdminInvitations shows a link that was just made, which comes by a cookie and is gone with this answer.
func (d *Door) getAdminInvitations(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := AdminInvitationsPage{}
	if made := d.cookie(r, cookieInvite); made.WellFormed() {
		p.NewLink = d.whole("/invitation/" + made.Reveal())
		d.dropCookie(w, cookieInvite)
	}
	return d.adminInvitationsPage(w, r, http.StatusOK, p, v)
}

func (d *Door) adminInvitationsPage(w http.ResponseWriter, r *http.Request, status int, p AdminInvitationsPage, v visitor) error {
	open, next, err := d.Admin.Invitations(r.Context(), r.URL.Query().Get("before"))
	if err != nil {
		return err
	}
	for _, i := range open {
		by := i.By
		if by == audit.CLI {
			by = "the command line"
		}
		p.Rows = append(p.Rows, Invitation{ID: i.ID, Address: i.Email, By: cmp.Or(by, "an account that is gone"), Created: i.CreatedAt, Expires: i.ExpiresAt})
	}
	if next != "" {
		p.Next = pathWith("/admin/invitations", "before", next)
	}
	d.Pages.Page(w, r, status, "admin-invitations", Page{Person: v.header(), Notice: done(r, adminDone), Data: p})
	return nil
}

func (d *Door) postAdminInvitation(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := AdminInvitationsPage{Email: strings.TrimSpace(r.PostFormValue("email"))}
	token, err := d.Admin.Invite(r.Context(), v.by(), p.Email)
	switch {
	case errors.Is(err, account.ErrAddressTaken):
		p.Refuse("email", "This address has an account already.")
	case errors.Is(err, account.ErrBadAddress):
		p.Refuse("email", account.ErrBadAddress.Error())
	case errors.Is(err, admin.ErrClosed):
		p.Problem = "Nobody can sign up here now, so an invitation would lead nowhere."
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.adminInvitationsPage(w, r, status, p, v) })
	}
	if p.Email != "" {
		return to(w, r, "/admin/invitations?done=invited")
	}
	d.setCookie(w, cookieInvite, token, time.Minute)
	return to(w, r, "/admin/invitations")
}

// whole is a path as a link to be passed on, on the configured origin.
func (d *Door) whole(path string) string {
	scheme := "https://"
	if !d.SecureCookies {
		scheme = "http://"
	}
	return scheme + d.Pages.site.Host + path
}

func (d *Door) postAdminInvitationRevoke(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := d.Admin.Revoke(r.Context(), v.by(), r.PostFormValue("id"))
	if errors.Is(err, credential.ErrSpent) {
		p := AdminInvitationsPage{}
		p.Problem = "This invitation does not count any more: it was used, revoked or is too old."
		return d.adminInvitationsPage(w, r, http.StatusConflict, p, v)
	}
	if err != nil {
		return err
	}
	return to(w, r, "/admin/invitations?done=revoked")
}
