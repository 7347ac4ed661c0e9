package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"usher/internal/device"
	"usher/internal/secret"
)

func (d *Door) getDevices(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.devicesPage(w, r, http.StatusOK, DevicesPage{}, v)
}

func (d *Door) devicesPage(w http.ResponseWriter, r *http.Request, status int, p DevicesPage, v visitor) error {
	devices, err := d.Devices.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	p.Devices, p.Login, p.AskPassword = devicesShown(devices, v.DeviceID), v.Person.Email, d.asksPassword(v)
	p.Tally = device.Count(devices, v.DeviceID).String()
	if p.Servers, err = d.standing(r, v.AccountID); err != nil {
		return err
	}
	d.Pages.Page(w, r, status, "devices", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

// devicesShown is a list of devices for a page: the asking one first, the others by last use.
func devicesShown(devices []device.Device, this string) []Device {
	shown := make([]Device, len(devices))
	for i, dev := range devices {
		shown[i] = Device{
			ID: dev.ID, Kind: string(dev.Kind), Name: dev.Name, Product: dev.Product, Place: whereSeen(dev.Seen),
			SignedIn: dev.CreatedAt, By: cameBy(dev), LastUsed: dev.UsedAt, This: dev.ID == this,
		}
		if strings.Contains(dev.Name, dev.Product) { // "Firefox on Linux" says it already
			shown[i].Product = ""
		}
	}
	slices.SortStableFunc(shown, func(a, b Device) int {
		switch {
		case a.This != b.This && a.This:
			return -1
		case a.This != b.This:
			return 1
		}
		return b.LastUsed.Compare(a.LastUsed)
	})
	return shown
}

// cameBy says how a browser came in without a password.
func cameBy(dev device.Device) string {
	if dev.Kind != device.Browser && dev.Kind != device.Phone || strings.HasPrefix(dev.Method, "password") || dev.Method == "sign-up" || dev.Method == "set-up link" {
		return ""
	}
	return dev.Method
}

// whereSeen is the place of an address, or the address where that is not known.
func whereSeen(s device.Seen) string { return cmp.Or(s.Place, s.Address) }

func (d *Door) postDevicesSignOut(w http.ResponseWriter, r *http.Request, v visitor) error {
	id := r.PostFormValue("id")
	if err := d.Devices.SignOut(r.Context(), v.Found, id, d.client(r)); err != nil {
		return err
	}
	if id == v.DeviceID {
		d.dropCookie(w, cookieBrowser)
		return to(w, r, "/sign-in?why="+whyOut)
	}
	return to(w, r, "/account/devices?done=device")
}

func (d *Door) postDevicesSignOutAll(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := DevicesPage{Open: true}
	v, err := d.proveUnlessFresh(w, r, v, &p.Form)
	var token, known secret.Token
	if err == nil {
		token, known, err = d.Devices.SignOutEverything(r.Context(), v.Found, d.client(r))
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, func(status int) error { return d.devicesPage(w, r, status, p, v) })
	}
	d.keepSignIn(w, r, token, known)
	return to(w, r, "/account/devices?done=devices")
}
