package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"usher/internal/mediaserver"
	"usher/internal/server"
)

func (d *Door) getServerGuest(w http.ResponseWriter, r *http.Request, v visitor) error {
	g, err := d.guest(r, v, r.URL.Query().Get("line"))
	if err != nil {
		return err
	}
	p := ServerGuestPage{Guest: g}
	if p.Household = g.Household; !g.Ends.IsZero() {
		p.Until = g.Ends.UTC().Format(time.DateOnly)
	}
	return d.serverGuestPage(w, r, http.StatusOK, p, v)
}

// guest is the line of a server's list that a form or an address names. server.ErrNotFound.
func (d *Door) guest(r *http.Request, v visitor, line string) (Guest, error) {
	k, err := d.ownServer(r, v)
	if err != nil {
		return Guest{}, err
	}
	all, err := d.Servers.Guests(r.Context(), v.Found, k.ID)
	if err != nil {
		return Guest{}, err
	}
	i := slices.IndexFunc(all, func(g server.Guest) bool { return g.ID == line })
	if i < 0 {
		return Guest{}, server.ErrNotFound
	}
	return guestShown(all[i], d.Now()), nil
}

func (d *Door) serverGuestPage(w http.ResponseWriter, r *http.Request, status int, p ServerGuestPage, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	p.ID, p.Name = k.ID, k.Name
	d.asks(v, &p.Proof)
	p.offer(d.Now())
	d.Pages.Page(w, r, status, "server-guest", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

// postServerGuest changes as what somebody is let in, and until when.
func (d *Door) postServerGuest(w http.ResponseWriter, r *http.Request, v visitor) error {
	g, err := d.guest(r, v, r.PostFormValue("line"))
	if err != nil {
		return err
	}
	p := ServerGuestPage{Guest: g}
	show := func(status int) error { return d.serverGuestPage(w, r, status, p, v) }
	on, ok := p.read(r)
	if !ok {
		return show(http.StatusUnprocessableEntity)
	}
	v, err = d.proveInForm(w, r, v, &p.Form, &p.Proof)
	if err == nil {
		err = d.Servers.Change(r.Context(), v.Found, r.PathValue("id"), g.ID, on, d.client(r))
	}
	if errors.Is(err, mediaserver.ErrEnd) {
		p.Refuse("until", endRefused)
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	return to(w, r, pathWith("/servers/"+r.PathValue("id"), "done", "change"))
}
