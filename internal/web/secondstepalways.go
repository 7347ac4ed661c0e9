package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
)

// afterServices fills in whether the code is asked for after signing in with another service, where there is one.
func (d *Door) afterServices(r *http.Request, p *SecondStepPage, v visitor) error {
	linked, err := d.Social.Linked(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	p.Outside = len(linked) > 0 || len(d.Social.Providers.Offered()) > 0
	p.Always, p.AlwaysHere = v.Person.CodeAlways, d.Social.AskCode
	return nil
}

// postSecondStepAlways keeps whether the owner wants to be asked for the code after signing in with another service.
func (d *Door) postSecondStepAlways(w http.ResponseWriter, r *http.Request, v visitor) error {
	var done string
	var err error
	if r.PostFormValue("always") == "yes" {
		done, err = "always", d.Social.RequireCode(r.Context(), v.Found, d.client(r))
	} else {
		done, err = "seldom", d.Social.WaiveCode(r.Context(), v.Found, d.client(r))
	}
	switch {
	case errors.Is(err, credential.ErrStale):
		return errAskAgain
	case errors.Is(err, credential.ErrNoPassword):
		return to(w, r, "/account/second-step") // which says what comes first
	case err != nil:
		return err
	}
	return to(w, r, "/account/second-step?done="+done)
}
