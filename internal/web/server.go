package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/mediaserver"
	"usher/internal/server"
)

func (d *Door) getServer(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.serverPage(w, r, http.StatusOK, ServerPage{}, v)
}

// ownServer is the server that a request's address names. server.ErrNotFound.
func (d *Door) ownServer(r *http.Request, v visitor) (mediaserver.Kept, error) {
	if !id.Valid(r.PathValue("id")) {
		return mediaserver.Kept{}, server.ErrNotFound
	}
	return d.Servers.Show(r.Context(), v.Found, r.PathValue("id"))
}

func (d *Door) serverPage(w http.ResponseWriter, r *http.Request, status int, p ServerPage, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	guests, err := d.Servers.Guests(r.Context(), v.Found, k.ID)
	if err != nil {
		return err
	}
	p.Server, p.Full = serverShown(k, d.Now()), len(guests) >= server.MostGuests
	p.Types = k.Types == server.AccountPasswords
	for _, g := range guests {
		p.Guests = append(p.Guests, guestShown(g, d.Now()))
	}
	if err := d.homeAtServer(r, v, k.ID, &p); err != nil {
		return err
	}
	d.Pages.Page(w, r, status, "server", Page{Person: v.header(), Nav: "servers", Notice: done(r, serverDone), Data: p})
	return nil
}

// serverAct is what an owner does with a server, with what the form names.
type serverAct struct {
	do    func(ctx context.Context, v visitor, serverID, named string, c device.Client) error
	fresh bool   // it asks for the password, unless that was typed a moment ago
	leads string // to where, instead of the server's page
}

// serverActs is what can be done on a server's page, by the last part of the form's address.
func (d *Door) serverActs() map[string]serverAct {
	return map[string]serverAct{
		"back": {fresh: true, leads: "/servers", do: func(ctx context.Context, v visitor, serverID, _ string, c device.Client) error {
			return d.Servers.BringBack(ctx, v.Found, v.Person, serverID, c)
		}},
		"sign-out": {do: func(ctx context.Context, v visitor, serverID, _ string, c device.Client) error {
			return d.Servers.SignOut(ctx, v.Found, serverID, c)
		}},
		"unclaim": {fresh: true, leads: "/servers", do: func(ctx context.Context, v visitor, serverID, _ string, c device.Client) error {
			return d.Servers.Unclaim(ctx, v.Found, v.Person, serverID, c)
		}},
		"confirm-address": {do: func(ctx context.Context, v visitor, serverID, address string, c device.Client) error {
			return d.Servers.ConfirmAddress(ctx, v.Found, serverID, address, c)
		}},
		"remove-address": {do: func(ctx context.Context, v visitor, serverID, address string, c device.Client) error {
			return d.Servers.RemoveAddress(ctx, v.Found, serverID, address, c)
		}},
		"types-on": {fresh: true, do: func(ctx context.Context, v visitor, serverID, _ string, c device.Client) error {
			return d.Servers.LetType(ctx, v.Found, serverID, server.AccountPasswords, c)
		}},
		"types-off": {fresh: true, do: func(ctx context.Context, v visitor, serverID, _ string, c device.Client) error {
			return d.Servers.LetType(ctx, v.Found, serverID, server.OnlyAppPasswords, c)
		}},
		"invite-again": {fresh: true, do: func(ctx context.Context, v visitor, serverID, guestID string, c device.Client) error {
			return d.Servers.InviteAgain(ctx, v.Found, v.Person, serverID, guestID, c)
		}},
		"dismiss": {do: func(ctx context.Context, v visitor, serverID, guestID string, c device.Client) error {
			return d.Servers.Dismiss(ctx, v.Found, serverID, guestID, c)
		}},
	}
}

func (d *Door) postServer(w http.ResponseWriter, r *http.Request, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	name := r.PathValue("act")
	act, known := d.serverActs()[name]
	switch {
	case !known:
		return errNotFound
	case act.fresh && !v.IsFresh(d.Now()):
		return errAskAgain
	}
	p := ServerPage{Address: r.PostFormValue("address")}
	err = act.do(r.Context(), v, k.ID, cmp.Or(p.Address, r.PostFormValue("id")), d.client(r))
	switch {
	case errors.Is(err, server.ErrAddress):
		p.Refuse("address", server.ErrAddress.Error())
	case errors.Is(err, server.ErrTooMany):
		p.Refuse("address", "A server has ten addresses at most. Remove one first.")
	case name == "invite-again" && errors.Is(err, mediaserver.ErrEnd): // it is over meanwhile: the page about them says what to do first
		return to(w, r, pathWith("/servers/"+k.ID+"/change", "line", r.PostFormValue("id")))
	case name == "invite-again" && errors.Is(err, server.ErrNotFound): // they came in meanwhile, or are off the list, which says so
		return to(w, r, "/servers/"+k.ID)
	case errors.Is(err, server.ErrNotFound) && name != "confirm-address": // pressed twice is done once
		err = nil
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.serverPage(w, r, status, p, v) })
	}
	return to(w, r, pathWith(cmp.Or(act.leads, "/servers/"+k.ID), "done", name))
}
