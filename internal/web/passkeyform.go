package web

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/passkey"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// cookiePasskey tells the browser that was asked for a passkey from every other: only it can answer.
const cookiePasskey = "usher-passkey"

// PasskeyForm is a form that a passkey answers. It is shown by a script that finds passkeys supported: it asks at Begin for what the authenticator is to sign,
// and posts the answer as passkey.
type PasskeyForm struct {
	Action string
	Label  string // of the button
	Next   string // local path, carried in the field next
	Ticket string // carried in the field ticket
	// Offered lets the browser offer passkeys in the address field besides.
	Offered bool
}

// Begin is where the question is asked for.
func (f PasskeyForm) Begin() string { return f.Action + "/begin" }

// refusal is what a script is told in the place of a question.
type refusal struct {
	Problem string `json:"problem"`
}

// askPasskey answers a script with what it hands to an authenticator, and gives the browser what it shows with the answer.
func (d *Door) askPasskey(w http.ResponseWriter, r *http.Request, ask func(browser secret.Token) (passkey.Options, error)) error {
	browser := d.cookie(r, cookiePasskey)
	if !browser.WellFormed() {
		browser = secret.NewToken()
	}
	options, err := ask(browser)
	switch {
	case errors.As(err, new(*ratelimit.LimitedError)):
		return writeJSON(w, http.StatusTooManyRequests, refusal{"There were too many tries from here. Wait some minutes, or go on without a passkey."})
	case errors.Is(err, credential.ErrStale):
		return writeJSON(w, http.StatusForbidden, refusal{"It is a while since you showed that it is you. Load this page anew."})
	case errors.Is(err, passkey.ErrNoName):
		return writeJSON(w, http.StatusConflict, refusal{"Passkeys belong to a name, and this service stands at a number."})
	case errors.Is(err, passkey.ErrTooMany):
		return writeJSON(w, http.StatusConflict, refusal{tooManyPasskeys})
	case err != nil:
		return err
	}
	d.setCookie(w, cookiePasskey, browser, ticketLife)
	write(w, http.StatusOK, "application/json", options.JSON())
	return nil
}

const tooManyPasskeys = "You have as many passkeys as there can be. Remove one first."

// refusePasskey says on the form why a passkey opened nothing, and reports whether that was what is wrong, and with which status it is told.
func (f *Form) refusePasskey(err error) (status int, known bool) {
	status = http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, credential.ErrPasskeySpent):
		f.Problem = "The passkey was used somewhere else in the same moment, or removed. Try once more."
	case errors.Is(err, passkey.ErrGone), errors.Is(err, credential.ErrSpent): // or was sent twice
		f.Problem, status = "That took too long, or came from another browser. Try once more.", http.StatusGone
	case errors.Is(err, passkey.ErrUnknown):
		f.Problem = "This passkey does not count here. It was removed, or is for another account. Go on without it."
	case errors.Is(err, passkey.ErrUnverified):
		f.Problem = "Your device or key did not make sure that it is you. Set up a PIN or a fingerprint on it, or go on without a passkey."
	case errors.Is(err, passkey.ErrCounter):
		f.Problem = "There may be a copy of this passkey, so we refused it this once, and wrote you an e-mail about it. If it was you, try once more."
	case errors.Is(err, passkey.ErrWrong):
		f.Problem = "That passkey did not open anything. Try once more, or go on without it."
	default:
		return 0, false
	}
	return status, true
}

// againPasskey is again for a form that a passkey has answered.
func (d *Door) againPasskey(w http.ResponseWriter, r *http.Request, form *Form, err error, show func(status int) error) error {
	status, known := form.refusePasskey(err)
	if limited := new(ratelimit.LimitedError); errors.As(err, &limited) || !known {
		return d.again(w, r, form, err, show)
	}
	return show(status)
}

// hasPasskeys reports whether an account's owner can be asked for one. Who asks has proved something of the account's.
func (d *Door) hasPasskeys(r *http.Request, accountID string) (bool, error) {
	all, err := d.Passkeys.List(r.Context(), accountID)
	return len(all) > 0, err
}
