package api

import (
	"net/http"
	"time"

	"usher/internal/secret"
	"usher/internal/tvlink"
)

// waiting answers a device that asks for a code, in the words of RFC 8628 §3.2. The codes are spelled out here and nowhere else.
type waiting struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	LongCode   string `json:"user_code_long"`
	Where      string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	ExpiresIn  int    `json:"expires_in"` // seconds
	Interval   int    `json:"interval"`   // seconds
}

// askLink lets a device wait until somebody types its code.
func (d *Door) askLink(w http.ResponseWriter, r *http.Request) error {
	f, err := readFields(r, needs().may("device", "product", "client"))
	if err != nil {
		return err
	}
	asking := tvlink.Asking{Name: f["device"], Product: f["product"], Client: d.client(r)}
	if f["client"] != "" {
		asking.Asker = "api\x00" + f["client"]
	}
	p, err := d.Links.Ask(r.Context(), asking)
	if err != nil {
		return err
	}
	send(w, http.StatusOK, "application/json", waiting{
		p.DeviceCode.Reveal(), p.Short.Reveal(), p.Long.Reveal(), p.Where, p.Complete.Reveal(),
		int(p.ExpiresAt.Sub(d.Now()) / time.Second), int(tvlink.Interval / time.Second),
	})
	return nil
}

// pollLink answers a device that waits, and signs it in once somebody has let it in.
func (d *Door) pollLink(w http.ResponseWriter, r *http.Request) error {
	f, err := readFields(r, needs("device_code"))
	if err != nil {
		return err
	}
	in, err := d.Links.Poll(r.Context(), secret.TokenOf(f["device_code"]), d.client(r))
	if err != nil {
		return err
	}
	send(w, http.StatusOK, "application/json", signedIn{in.Token.Reveal(), "Bearer", personOf(in.Account)})
	return nil
}
