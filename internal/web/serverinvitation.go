package web

import (
	"errors"
	"net/http"

	"usher/internal/id"
	"usher/internal/mediaserver"
	"usher/internal/server"
)

// getServerInvitation shows an invitation to whom it is for. Who is not signed in sees the same page for any address, and who is signed in the same page for
// whatever is not for them.
func (d *Door) getServerInvitation(w http.ResponseWriter, r *http.Request) error {
	v, err := d.visit(r)
	if _, out := whyOutside(err); out {
		p := InvitationToServerPage{Out: true, Server: SharedServer{ID: r.PathValue("id")}}
		d.Pages.Page(w, r, http.StatusOK, "server-invitation", Page{Data: p})
		return nil
	}
	if err != nil {
		return d.turnAway(w, r, err)
	}
	p, err := d.invitation(r, v)
	if errors.Is(err, server.ErrNotFound) {
		return d.notInvited(w, r, v)
	}
	if err != nil {
		return err
	}
	d.Pages.Page(w, r, http.StatusOK, "server-invitation", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

// invitation is what the page says to who is signed in: of a server where they may come in, or have come in. server.ErrNotFound.
func (d *Door) invitation(r *http.Request, v visitor) (InvitationToServerPage, error) {
	p := InvitationToServerPage{Gets: getsOf(mediaserver.Told()), Called: v.Person.Called(), Address: v.Person.Email}
	if !id.Valid(r.PathValue("id")) {
		return p, server.ErrNotFound
	}
	s, err := d.Servers.Invitation(r.Context(), v.Person, r.PathValue("id"))
	if errors.Is(err, server.ErrNotFound) {
		p.In = true
		s, err = d.Servers.Shared(r.Context(), v.Found, r.PathValue("id"))
	}
	p.Server = sharedShown(s)
	return p, err
}

// notInvited is the one page for whatever is no invitation for who is signed in.
func (d *Door) notInvited(w http.ResponseWriter, r *http.Request, v visitor) error {
	d.Pages.Page(w, r, http.StatusNotFound, "message", Page{Person: v.header(), Data: MessagePage{
		Title: "There is no invitation for you here", Icon: "ticket",
		Paragraphs: []string{
			"You are signed in as " + v.Person.Email + ". The invitation may be for another address or account, older than thirty days, or taken back.",
			"Sign in with the account that it is for, and that has confirmed the address where the e-mail came to. Or ask whoever invited you to do it once more.",
		},
		Action: &Link{"See your servers", "/servers"}, Back: &Link{"About invitations", "/help/sharing-a-server"},
	}})
	return nil
}

// postServerInvitation accepts an invitation, or says no.
func (d *Door) postServerInvitation(w http.ResponseWriter, r *http.Request, v visitor) error {
	serverID := r.PathValue("id")
	if !id.Valid(serverID) {
		return errNotFound
	}
	var err error
	next := mediaserver.InvitationPath(serverID)
	switch r.PathValue("act") {
	case "accept":
		err = d.Servers.Accept(r.Context(), v.Found, v.Person, serverID, d.client(r))
	case "decline":
		next = pathWith("/servers", "done", "decline")
		err = d.Servers.Decline(r.Context(), v.Found, v.Person, serverID, d.client(r))
	default:
		return errNotFound
	}
	if errors.Is(err, server.ErrNotFound) { // pressed twice is done once
		_, err = d.invitation(r, v)
	}
	if errors.Is(err, server.ErrNotFound) {
		return d.notInvited(w, r, v)
	}
	if err != nil {
		return err
	}
	return to(w, r, next)
}

// postServerLeave ends that somebody is let in at a server of somebody else's.
func (d *Door) postServerLeave(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !id.Valid(r.PathValue("id")) {
		return errNotFound
	}
	if err := d.Servers.LeaveShared(r.Context(), v.Found, r.PathValue("id"), d.client(r)); err != nil {
		return err
	}
	return to(w, r, "/servers?done=leave")
}

// afterWelcome is where somebody new goes on: to the server where they are invited, if there is one.
func (d *Door) afterWelcome(w http.ResponseWriter, r *http.Request, v visitor) error {
	waiting, err := d.Servers.Invitations(r.Context(), v.Person)
	switch {
	case err != nil:
		return err
	case len(waiting) == 1:
		return to(w, r, mediaserver.InvitationPath(waiting[0].ID))
	case len(waiting) > 1:
		return to(w, r, "/servers")
	}
	return to(w, r, "/account")
}

// sharedShown is a server of somebody else's for a page.
func sharedShown(s mediaserver.Shared) SharedServer {
	return SharedServer{
		ID: s.ID, Name: s.Name, Owner: s.Owner, Household: s.Role == server.Household, Ends: s.EndsAt, Closed: s.Standing.State == server.Suspended,
		Addresses: s.Confirmed(),
	}
}

func allShown(all []mediaserver.Shared) (shown []SharedServer) {
	for _, s := range all {
		shown = append(shown, sharedShown(s))
	}
	return shown
}
