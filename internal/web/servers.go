package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/mediaserver"
	"usher/internal/server"
)

// The lights of servers.
const (
	lightOn        = "on"
	lightOff       = "off"
	lightSuspended = "suspended"
)

// whySuspended says to its owner, who is signed in, why a server is.
var whySuspended = map[server.Reason]string{
	server.SignedOut:       "It was signed out with everything else.",
	server.ServerSignedOut: "You signed this server out.",
	server.Incident:        "It was signed out with everything else, to keep your account safe.",
	server.Locked:          "Your account is locked.",
	server.Deleting:        "Your account is going to be deleted.",
	server.ResetRequired:   "A new password is required first.",
}

// serverDone says on the next page what a form about servers has done.
var serverDone = map[string]string{
	"back":            "It is back, and lets people in again.",
	"all-back":        "All your servers are back.",
	"older-back":      "The others are back. Those that were claimed in the last seven days wait for you to look at each.",
	"sign-out":        "The server is signed out. It lets nobody in until you bring it back.",
	"unclaim":         "The server belongs to your account no longer.",
	"confirm-address": "The address is confirmed. People can sign in there now.",
	"remove-address":  "The address is removed.",
	"let-in":          "They are on the list. Whoever has that address here, or that user name now, gets in.",
	"dismiss":         "They are off the list, and signed out there.",
	"device":          "The server is signed out.",
}

// serverShown is a server for a page.
func serverShown(k mediaserver.Kept, now time.Time) Server {
	s := Server{
		ID: k.ID, Name: k.Name, Product: k.Product, Version: k.Version, Light: lightOff, Since: k.Standing.Since, Seen: k.SeenAt, Claimed: k.ClaimedAt, Place: whereSeen(k.From),
	}
	switch {
	case k.Standing.State == server.Suspended:
		s.Light, s.Why = lightSuspended, whySuspended[k.Standing.Reason]
	case k.On(now):
		s.Light = lightOn
	}
	for _, a := range k.Addresses {
		s.Addresses = append(s.Addresses, ServerAddress(a))
	}
	return s
}

func (d *Door) getServers(w http.ResponseWriter, r *http.Request, v visitor) error {
	all, err := d.Servers.List(r.Context(), v.Found)
	if err != nil {
		return err
	}
	devices, err := d.Devices.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	devices = slices.DeleteFunc(devices, func(dev device.Device) bool { return dev.Kind != device.Server })
	p := ServersPage{Plain: devicesShown(devices, ""), Waiting: mediaserver.Waiting(all), Settled: mediaserver.Settled(all, d.Now())}
	for _, k := range all {
		p.Servers = append(p.Servers, serverShown(k, d.Now()))
	}
	slices.SortStableFunc(p.Servers, func(a, b Server) int {
		switch {
		case a.Suspended() == b.Suspended():
			return 0
		case a.Suspended():
			return -1
		}
		return 1
	})
	d.Pages.Page(w, r, http.StatusOK, "servers", Page{Person: v.header(), Notice: done(r, serverDone), Data: p})
	return nil
}

// standing counts the servers of an account that a sign-out would suspend.
func (d *Door) standing(r *http.Request, accountID string) (int, error) {
	all, err := d.Servers.ListOf(r.Context(), accountID)
	return len(all) - mediaserver.Waiting(all), err
}

// postServersBack brings all suspended servers back that were not claimed a few days ago.
func (d *Door) postServersBack(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !v.IsFresh(d.Now()) {
		return errAskAgain
	}
	left, err := d.Servers.BringAllBack(r.Context(), v.Found, v.Person, d.client(r))
	switch {
	case err != nil:
		return err
	case left > 0:
		return to(w, r, "/servers?done=older-back")
	}
	return to(w, r, "/servers?done=all-back")
}

// postServersSignOut signs a server out that has a token only: nothing of it stays.
func (d *Door) postServersSignOut(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := d.Devices.SignOut(r.Context(), v.Found, r.PostFormValue("id"), d.client(r)); err != nil {
		return err
	}
	return to(w, r, "/servers?done=device")
}

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
	for _, g := range guests {
		p.Guests = append(p.Guests, Guest{g.ID, g.Label, g.AddedAt})
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
	case errors.Is(err, server.ErrNotFound) && name != "confirm-address": // pressed twice is done once
		err = nil
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.serverPage(w, r, status, p, v) })
	}
	return to(w, r, pathWith(cmp.Or(act.leads, "/servers/"+k.ID), "done", name))
}

func (d *Door) getServerAccess(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.serverAccessPage(w, r, http.StatusOK, ServerAccessPage{}, v)
}

func (d *Door) serverAccessPage(w http.ResponseWriter, r *http.Request, status int, p ServerAccessPage, v visitor) error {
	k, err := d.ownServer(r, v)
	if err != nil {
		return err
	}
	p.ID, p.Name, p.Login, p.AskPassword = k.ID, k.Name, v.Person.Email, d.asksPassword(v)
	d.Pages.Page(w, r, status, "server-access", Page{Person: v.header(), Nav: "servers", Data: p})
	return nil
}

// postServerAccess lets somebody in. What it answers does not depend on whether there is such an account.
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
	v, err = d.proveUnlessFresh(w, r, v, &p.Form)
	if err == nil {
		err = d.Servers.Admit(r.Context(), v.Found, k.ID, p.Who, d.client(r))
	}
	switch {
	case errors.Is(err, account.ErrBadAddress):
		p.Refuse("who", account.ErrBadAddress.Error())
	case errors.Is(err, account.ErrBadUserName):
		p.Refuse("who", account.ErrBadUserName.Error())
	case errors.Is(err, server.ErrTooMany):
		p.Problem = "A server can have a hundred people on its list. Take somebody off first."
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	return to(w, r, pathWith("/servers/"+k.ID, "done", "let-in"))
}
