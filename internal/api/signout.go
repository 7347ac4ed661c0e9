package api

import "net/http"

// signOut ends the device whose token is shown, and everything made from it; an app password as well, which is the token of its device.
func (d *Door) signOut(w http.ResponseWriter, r *http.Request) error {
	in, err := d.holder(r)
	if err != nil {
		return err
	}
	if err := d.Devices.SignOut(r.Context(), in.Found, in.Found.DeviceID, d.client(r)); err != nil {
		return err
	}
	return done(w)
}
