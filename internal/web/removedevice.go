package web

import (
	"errors"
	"net/http"

	"usher/internal/tvlink"
)

func (d *Door) getRemoveDevice(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("done") == "removed" {
		d.Pages.Page(w, r, http.StatusOK, "remove-device-done", Page{Data: struct{}{}})
		return nil
	}
	ticket := d.ticket(r, linkRemove)
	removal, err := d.Links.OpenRemoval(r.Context(), ticket)
	if err != nil {
		return d.nothingToRemove(w, r, err)
	}
	d.Pages.Page(w, r, http.StatusOK, "remove-device", Page{Data: RemoveDevicePage{Ticket: ticket.Reveal(), Device: removal.Device, At: removal.At}})
	return nil
}

// nothingToRemove sends whoever holds a dead link to the list where every device can be signed out.
func (d *Door) nothingToRemove(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, tvlink.ErrGone) {
		return err
	}
	return d.usedUp(w, r, Link{"Your devices", "/account/devices"}, Link{"About devices", "/help/devices"})
}

// postRemoveDevice takes one press: it only ever signs out one device that can do nothing to the account.
func (d *Door) postRemoveDevice(w http.ResponseWriter, r *http.Request) error {
	removal, err := d.Links.OpenRemoval(r.Context(), d.ticket(r, linkRemove))
	if err == nil {
		err = d.Links.Remove(r.Context(), removal, d.client(r))
	}
	if err != nil {
		return d.nothingToRemove(w, r, err)
	}
	d.dropCookie(w, linkRemove.cookie)
	return to(w, r, "/remove-device?done=removed")
}
