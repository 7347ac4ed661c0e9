package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/factor"
	"usher/internal/mfa"
	"usher/internal/secret"
	"usher/internal/signin"
)

func (d *Door) getSecondStep(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.secondStepPage(w, r, http.StatusOK, SecondStepPage{}, v)
}

func (d *Door) secondStepPage(w http.ResponseWriter, r *http.Request, status int, p SecondStepPage, v visitor) error {
	state, err := d.Factor.Look(r.Context(), v.Person)
	if err != nil {
		return err
	}
	p.Login, p.AskPassword = v.Person.Email, d.asksPassword(v)
	p.Since, p.Left, p.Urge, p.Removal = state.Since, state.Left, state.Urges(), state.Removal
	p.NoPassword = v.Account.NoPassword
	if err := d.afterServices(r, &p, v); err != nil {
		return err
	}
	for _, b := range state.Remembered {
		p.Remembered = append(p.Remembered, RememberedBrowser{ID: b.ID, Name: b.Name, Since: b.Since, Until: b.Until})
	}
	d.Pages.Page(w, r, status, "second-step", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

// postSecondStepCodes shows the new recovery codes in its own answer, because they are shown once: there is no page to come back to.
func (d *Door) postSecondStepCodes(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := SecondStepPage{Open: "codes"}
	show := func(status int) error { return d.secondStepPage(w, r, status, p, v) }
	proof := factor.Proof{Password: secret.TokenOf(r.PostFormValue("password")), Code: secret.TokenOf(r.PostFormValue("code")), Known: d.cookie(r, cookieKnown)}
	if proof.Password.Empty() {
		p.Refuse("password", "Enter your password.")
	}
	if proof.Code.Empty() {
		p.Refuse("code", "Enter the six digits from your authenticator app.")
	}
	if p.Refused() {
		return show(http.StatusUnprocessableEntity)
	}
	codes, err := d.Factor.NewCodes(r.Context(), v.Found, proof, d.client(r))
	switch {
	case errors.Is(err, mfa.ErrOff):
		return to(w, r, "/account/second-step")
	case errors.Is(err, signin.ErrWrong):
		p.Refuse("password", "That password isn’t right.")
	case errors.Is(err, mfa.ErrShape):
		p.Refuse("code", "Only six digits from your authenticator app do here.")
	case err != nil:
		p.refuseFactor("code", proof.Code, err)
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	return d.codesPage(w, r, http.StatusOK, RecoveryCodesPage{Codes: shownCodes(codes)}, v)
}

func (d *Door) postSecondStepOff(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := SecondStepPage{Open: "off"}
	typed := secret.TokenOf(r.PostFormValue("off_code"))
	err := d.Factor.TurnOff(r.Context(), v.Found, typed, d.cookie(r, cookieKnown), d.client(r))
	switch {
	case errors.Is(err, mfa.ErrOff):
		return to(w, r, "/account/second-step")
	case err != nil:
		p.refuseFactor("off_code", typed, err)
	default:
		return to(w, r, "/account/second-step?done=second-step-off")
	}
	return d.again(w, r, &p.Form, err, func(status int) error { return d.secondStepPage(w, r, status, p, v) })
}

func (d *Door) postSecondStepForget(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := d.Factor.Forget(r.Context(), v.Found, r.PostFormValue("id"), d.client(r))
	if err != nil && !errors.Is(err, credential.ErrSpent) { // pressed twice is done once
		return err
	}
	return to(w, r, "/account/second-step?done=browser")
}

func (d *Door) postSecondStepForgetAll(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := d.Factor.ForgetAll(r.Context(), v.Found, d.client(r))
	if err != nil && !errors.Is(err, credential.ErrSpent) {
		return err
	}
	return to(w, r, "/account/second-step?done=browsers")
}

// postSecondStepKeep stops an operator's removal by the press of who is signed in.
func (d *Door) postSecondStepKeep(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := d.Factor.StopRemoval(r.Context(), v.Found, d.client(r))
	if errors.Is(err, factor.ErrGone) {
		return to(w, r, "/account/second-step")
	}
	if err != nil {
		return err
	}
	return to(w, r, "/account/second-step?done=second-step-kept")
}
