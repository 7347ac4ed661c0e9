package web

import (
	"net/http"
	"time"

	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/signin"
)

func (d *Door) getAppPasswords(w http.ResponseWriter, r *http.Request, v visitor) error {
	made, err := d.AppPasswords.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	p := AppPasswordsPage{Full: len(made) >= signin.MostAppPasswords, SecondStep: v.Account.SecondFactor}
	for _, m := range made {
		p.Made = append(p.Made, appPasswordShown(m))
	}
	devices, err := d.Devices.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	for _, dev := range devices {
		if dev.Method == device.ByServerPassword {
			shown := appPasswordShown(dev)
			shown.Purpose = dev.Product
			p.AtServers = append(p.AtServers, shown)
		}
	}
	d.Pages.Page(w, r, http.StatusOK, "app-passwords", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

func appPasswordShown(m device.Device) AppPassword {
	shown := AppPassword{ID: m.ID, Name: m.Name, Purpose: m.Purpose, Made: m.CreatedAt}
	if m.UsedAt.Sub(m.CreatedAt) >= time.Second {
		shown.LastUsed = m.UsedAt
	}
	return shown
}

// postAppPasswordRevoke signs the app password's device out, with everything made from it. It leads back to the page where that was pressed: of the server that
// the address names, or of the account.
func (d *Door) postAppPasswordRevoke(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := d.Devices.SignOut(r.Context(), v.Found, r.PostFormValue("id"), d.client(r)); err != nil {
		return err
	}
	back := "/account/app-passwords"
	if server := r.URL.Query().Get("server"); id.Valid(server) {
		back = serverPasswordPath(server)
	}
	return to(w, r, back+"?done=app-password")
}
