package web

import (
	"errors"
	"net/http"
	"time"

	"usher/internal/account"
	"usher/internal/mediaserver"
	"usher/internal/server"
)

func (d *Door) getServerAccess(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.serverAccessPage(w, r, http.StatusOK, ServerAccessPage{}, v)
}

func (d *Door) serverAccessPage(w http.ResponseWriter, r *http.Request, status int, p ServerAccessPage, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	p.ID, p.Name = k.ID, k.Name
	d.asks(v, &p.Proof)
	p.offer(d.Now())
	d.Pages.Page(w, r, status, "server-access", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

// postServerAccess invites somebody. What it answers does not depend on whether there is such an account.
func (d *Door) postServerAccess(w http.ResponseWriter, r *http.Request, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	p := ServerAccessPage{Who: r.PostFormValue("who")}
	show := func(status int) error { return d.serverAccessPage(w, r, status, p, v) }
	if p.Who == "" {
		p.Refuse("who", "Enter an e-mail address or a user name.")
		return show(http.StatusUnprocessableEntity)
	}
	on, ok := p.read(r)
	if !ok {
		return show(http.StatusUnprocessableEntity)
	}
	v, err = d.proveInForm(w, r, v, &p.Form, &p.Proof)
	if err == nil {
		err = d.Servers.Invite(r.Context(), v.Found, v.Person, k.ID, mediaserver.Invited{Typed: p.Who, Terms: on, Client: d.client(r)})
	}
	switch {
	case errors.Is(err, account.ErrBadAddress):
		p.Refuse("who", account.ErrBadAddress.Error())
	case errors.Is(err, account.ErrBadUserName):
		p.Refuse("who", account.ErrBadUserName.Error())
	case errors.Is(err, mediaserver.ErrEnd):
		p.Refuse("until", endRefused)
	case errors.Is(err, server.ErrTooMany):
		p.Problem = "A server can have a hundred people on its list. Take somebody off first."
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	return to(w, r, pathWith("/servers/"+k.ID, "done", "let-in"))
}

const endRefused = "Choose a day from today on and within ten years, such as 2027-01-31, or leave it empty."

const day = 24 * time.Hour

// read takes the terms from a form.
func (t *ServerTerms) read(r *http.Request) (on server.Terms, ok bool) {
	t.Household, t.Until = r.PostFormValue("household") == "yes", r.PostFormValue("until")
	on.Role = server.Friend
	if t.Household {
		on.Role = server.Household
	}
	if t.Until == "" {
		return on, true
	}
	until, err := time.Parse(time.DateOnly, t.Until)
	if err != nil {
		t.Refuse("until", endRefused)
		return on, false
	}
	on.EndsAt = until.Add(day - time.Second) // so that it is that day wherever an end is shown as a day
	return on, true
}

// offer says which days may be chosen: from today on, to the last that mediaserver.LongestAhead leaves whole.
func (t *ServerTerms) offer(now time.Time) {
	t.First = now.UTC().Format(time.DateOnly)
	t.Last = now.UTC().Add(mediaserver.LongestAhead - day).Format(time.DateOnly)
}

// guestShown is somebody on a list for a page.
func guestShown(g server.Guest, now time.Time) Guest {
	return Guest{
		ID: g.ID, Label: g.Label, Household: g.Role == server.Household, Ends: g.EndsAt, Ended: g.Ended(now), Invited: g.InvitedAt, Lapsed: g.Lapsed(now),
		Came: g.Came.AccountID != "", Called: g.Came.UserName, Seen: g.Came.SeenAt,
	}
}
