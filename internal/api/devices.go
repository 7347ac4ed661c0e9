package api

import (
	"errors"
	"net/http"
	"time"

	"usher/internal/device"
)

// listed is a device as programs see it.
type listed struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Product  string    `json:"product"`
	Place    string    `json:"place"`
	SignedIn time.Time `json:"signed_in"`
	LastUsed time.Time `json:"last_used"`
	This     bool      `json:"this"`
}

// devices lists what is signed in to the account, for a program that was given the password.
func (d *Door) devices(w http.ResponseWriter, r *http.Request) error {
	in, err := d.holder(r)
	if err != nil {
		return err
	}
	all, err := d.Devices.ListFor(r.Context(), in.Found)
	if err != nil {
		return err
	}
	shown := make([]listed, len(all))
	for i, dev := range all {
		shown[i] = listed{dev.ID, string(dev.Kind), dev.Name, dev.Product, dev.Seen.Place, dev.CreatedAt, dev.UsedAt, dev.ID == in.Found.DeviceID}
	}
	send(w, http.StatusOK, "application/json", map[string][]listed{"devices": shown})
	return nil
}

// signOutDevice ends one device of the account and everything made from it.
func (d *Door) signOutDevice(w http.ResponseWriter, r *http.Request) error {
	in, err := d.holder(r)
	if err != nil {
		return err
	}
	err = d.Devices.SignOutOther(r.Context(), in.Found, r.PathValue("id"), d.client(r))
	if errors.Is(err, device.ErrNotFound) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	return done(w)
}
