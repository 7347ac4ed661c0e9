package web

import (
	"net/http"
	"slices"
	"time"

	"usher/internal/device"
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
	"home":            "Your choice is saved. It counts at once.",
	"back":            "It is back, and lets people in again within a minute.",
	"all-back":        "All your servers are back, and let people in again within a minute.",
	"older-back":      "The others are back. Those that were claimed in the last seven days wait for you to look at each.",
	"sign-out":        "The server is signed out. It lets nobody in until you bring it back.",
	"unclaim":         "The server belongs to your account no longer.",
	"confirm-address": "The address is confirmed. People can sign in there now.",
	"remove-address":  "The address is removed.",
	"types-on":        "You and your household can type the account’s own password there, too.",
	"types-off":       "Only app passwords of the server count there now. Whoever had typed another is signed out there.",
	"let-in":          "They are on the list. An e-mail with the invitation is on its way to that address, or to whoever has that user name. We send one a day at most.",
	"invite-again":    "They are invited again, for thirty days from now. We send one e-mail a day at most.",
	"change":          "The change is saved. The server knows within seconds.",
	"decline":         "You said no. Nobody is told, and for thirty days nothing new from them is listed here.",
	"leave":           "You left the server, and are signed out there.",
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
	invited, err := d.Servers.Invitations(r.Context(), v.Person)
	if err != nil {
		return err
	}
	shared, err := d.Servers.ListShared(r.Context(), v.Found)
	if err != nil {
		return err
	}
	p.Invited, p.Shared = allShown(invited), allShown(shared)
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
