package web

import (
	"net/http"

	"usher/internal/device"
)

// getReview is where the first sign-in after a reset leads: what else there is on the account, so that nothing a stranger left stays.
func (d *Door) getReview(w http.ResponseWriter, r *http.Request, v visitor) error {
	devices, err := d.Devices.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	left, err := d.SignIn.RecoveryLeft(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	passkeys, err := d.Passkeys.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	linked, err := d.Social.Linked(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	services := make([]string, len(linked))
	for i, l := range linked {
		services[i] = l.Provider
	}
	apps := 0
	for _, one := range devices {
		if one.Kind == device.App {
			apps++
		}
	}
	d.allowReturn(w, r, r.URL.Query().Get("next"))
	d.Pages.Page(w, r, http.StatusOK, "review", Page{Person: v.header(), Nav: "account", Data: ReviewPage{
		Address: v.Person.Email, NoticeAddress: v.Person.NoticeEmail, Others: device.Count(devices, v.DeviceID).String(), Apps: apps,
		SecondStep: v.Account.SecondFactor, RecoveryLeft: int(left), Passkeys: namesOf(passkeys), Services: d.servicesNamed(services), NoPassword: v.Account.NoPassword, Next: localPath(r.URL.Query().Get("next"), "/account"),
	}})
	return nil
}

func (d *Door) postReview(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := d.Profile.FinishReview(r.Context(), v.Found); err != nil {
		return err
	}
	return to(w, r, localPath(r.PostFormValue("next"), "/account"))
}
