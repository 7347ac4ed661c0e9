package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/factor"
	"usher/internal/mfa"
	"usher/internal/secret"
)

func (d *Door) getSecondStep(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.secondStepPage(w, r, http.StatusOK, SecondStepPage{}, v)
}

func (d *Door) secondStepPage(w http.ResponseWriter, r *http.Request, status int, p SecondStepPage, v visitor) error {
	state, err := d.Factor.Look(r.Context(), v.Person)
	if err != nil {
		return err
	}
	p.Login, p.AskPassword = v.Person.Email, !v.IsFresh(d.Now())
	p.Since, p.Left, p.Urge, p.Removal = state.Since, state.Left, state.Urges(), state.Removal
	if p.Since.IsZero() {
		has, err := d.Factor.HasPassword(r.Context(), v.Found)
		if err != nil {
			return err
		}
		p.NoPassword = !has
	}
	for _, b := range state.Remembered {
		p.Remembered = append(p.Remembered, RememberedBrowser{ID: b.ID, Name: b.Name, Since: b.Since, Until: b.Until})
	}
	d.Pages.Page(w, r, status, "second-step", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

// refuseStep says beside a field why a code does not count.
func (f *Form) refuseStep(field string, err error) {
	switch {
	case errors.Is(err, mfa.ErrShape):
		f.Refuse(field, "Enter the six digits that your authenticator app shows now.")
	case errors.Is(err, mfa.ErrReplayed):
		f.Refuse(field, "This code was used before. Wait until the app shows the next one.")
	case errors.Is(err, mfa.ErrClock):
		f.Refuse(field, "This code belongs to another minute. Let the clock of your phone set itself, then enter the code it shows.")
	case errors.Is(err, mfa.ErrWrong):
		f.Refuse(field, "That code isn’t right. Enter the one that the app shows now.")
	case errors.As(err, new(credential.Exhausted)):
		f.Problem = "There were too many wrong codes in a row, so codes do not count any more. Ask the person who runs this service."
	}
}

// postSecondStepCodes shows the new recovery codes in its own answer, because they are shown once: there is no page to come back to.
func (d *Door) postSecondStepCodes(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := SecondStepPage{Open: "codes"}
	show := func(status int) error { return d.secondStepPage(w, r, status, p, v) }
	v, err := d.prove(w, r, v, &p.Form, "password")
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	codes, err := d.Factor.NewCodes(r.Context(), v.Found, secret.TokenOf(r.PostFormValue("code")), d.cookie(r, cookieKnown), d.client(r))
	if errors.Is(err, mfa.ErrOff) {
		return to(w, r, "/account/second-step")
	}
	if err != nil {
		p.refuseStep("code", err)
		return d.again(w, r, &p.Form, err, show)
	}
	return d.codesPage(w, r, http.StatusOK, RecoveryCodesPage{Codes: shownCodes(codes)}, v)
}

func (d *Door) postSecondStepOff(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := SecondStepPage{Open: "off"}
	err := d.Factor.TurnOff(r.Context(), v.Found, secret.TokenOf(r.PostFormValue("off_code")), d.cookie(r, cookieKnown), d.client(r))
	switch {
	case errors.Is(err, mfa.ErrOff):
		return to(w, r, "/account/second-step")
	case errors.Is(err, mfa.ErrShape):
		p.Refuse("off_code", "Enter the six digits that your authenticator app shows now, or one of your recovery codes.")
	case err != nil:
		p.refuseStep("off_code", err)
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
