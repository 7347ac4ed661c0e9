package web

import (
	"errors"
	"net/http"
	"strings"

	"usher/internal/account"
	"usher/internal/factor"
	"usher/internal/passkey"
	"usher/internal/secret"
)

// passkeyEndpoints tells password managers where passkeys are made and looked after (https://w3c.github.io/webappsec-passkey-endpoints/passkey-endpoints.html).
func (d *Door) passkeyEndpoints(w http.ResponseWriter, _ *http.Request) error {
	at := d.Pages.site.Address
	return writeJSON(w, http.StatusOK, map[string]string{"enroll": at + "/account/passkeys/new", "manage": at + "/account/passkeys"})
}

func (d *Door) getPasskeys(w http.ResponseWriter, r *http.Request, v visitor) error {
	all, err := d.Passkeys.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	p := PasskeysPage{Full: len(all) >= passkey.Most, SecondStep: v.Account.SecondFactor, NoPassword: v.Account.NoPassword}
	for _, one := range all {
		p.Passkeys = append(p.Passkeys, passkeyShown(one))
	}
	d.Pages.Page(w, r, http.StatusOK, "passkeys", Page{Person: v.header(), Notice: done(r, accountDone), Data: p})
	return nil
}

func passkeyShown(p passkey.Passkey) Passkey {
	shown := Passkey{ID: p.ID, Name: p.Name, In: passkey.Authenticator(p.AAGUID), Copied: p.BackedUp, Made: p.CreatedAt, Alarm: p.AlarmAt}
	if p.AAGUID == "" || shown.In == "Passkey" {
		shown.In = ""
	}
	if p.Used() {
		shown.LastUsed = p.UsedAt
	}
	return shown
}

func (d *Door) getPasskeyNew(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.passkeyNewPage(w, r, http.StatusOK, PasskeyNewPage{}, v)
}

func (d *Door) passkeyNewPage(w http.ResponseWriter, r *http.Request, status int, p PasskeyNewPage, v visitor) error {
	p.SecondStep, p.NoPassword = v.Account.SecondFactor, v.Account.NoPassword
	d.Pages.Page(w, r, status, "passkey-new", Page{Person: v.header(), Nav: "passkeys", Data: p})
	return nil
}

func (d *Door) postPasskeyNewBegin(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.askPasskey(w, r, func(browser secret.Token) (passkey.Options, error) {
		return d.Passkeys.Begin(r.Context(), v.Found, v.Person, browser, d.client(r))
	})
}

func (d *Door) postPasskeyNew(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !v.IsFresh(d.Now()) {
		return errAskAgain
	}
	p := PasskeyNewPage{Name: r.PostFormValue("name")}
	_, err := d.Passkeys.Add(r.Context(), v.Found, v.Person, factor.NewPasskey{Name: p.Name, Answer: r.PostFormValue("passkey"), Browser: d.cookie(r, cookiePasskey)}, d.client(r))
	switch {
	case errors.Is(err, account.ErrBadName):
		p.Refuse("name", nameTooLong)
	case errors.Is(err, passkey.ErrTaken):
		p.Problem = "This passkey is in use here already."
	case errors.Is(err, passkey.ErrTooMany):
		p.Problem = tooManyPasskeys
	}
	if err != nil {
		return d.againPasskey(w, r, &p.Form, err, func(status int) error { return d.passkeyNewPage(w, r, status, p, v) })
	}
	return to(w, r, "/account/passkeys?done=passkey")
}

const nameTooLong = "Write at most 64 characters, and no line breaks."

func (d *Door) getPasskey(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.passkeyPage(w, r, http.StatusOK, PasskeyPage{}, v)
}

func (d *Door) passkeyPage(w http.ResponseWriter, r *http.Request, status int, p PasskeyPage, v visitor) error {
	all, err := d.Passkeys.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.ID == r.PathValue("id") {
			p.Passkey = passkeyShown(one)
		}
	}
	if p.ID == "" {
		return passkey.ErrNotFound
	}
	if !p.Refused() {
		p.Typed = p.Passkey.Name
	}
	d.Pages.Page(w, r, status, "passkey", Page{Person: v.header(), Nav: "passkeys", Data: p})
	return nil
}

func (d *Door) postPasskeyRename(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := PasskeyPage{Typed: r.PostFormValue("name")}
	err := d.Passkeys.Rename(r.Context(), v.Found, r.PathValue("id"), p.Typed, d.client(r))
	if errors.Is(err, account.ErrBadName) {
		p.Refuse("name", nameTooLong)
		return d.passkeyPage(w, r, http.StatusUnprocessableEntity, p, v)
	}
	if err != nil {
		return err
	}
	return to(w, r, "/account/passkeys?done=passkey-name")
}

// postPasskeyRemove asks for a fresh proof: whoever sits before an open browser must not take the passkeys of its owner away.
func (d *Door) postPasskeyRemove(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !v.IsFresh(d.Now()) {
		return errAskAgain
	}
	p := PasskeyPage{}
	err := d.Passkeys.Remove(r.Context(), v.Found, v.Person, r.PathValue("id"), d.client(r))
	if errors.Is(err, passkey.ErrLast) {
		p.Problem = "This is the only way into your account, which has no password. Set a password first, or make another passkey."
		return d.passkeyPage(w, r, http.StatusConflict, p, v)
	}
	if err != nil {
		return err
	}
	return to(w, r, "/account/passkeys?done=passkey-gone")
}

// postPasskeyKeep takes the mark off: whoever does is its owner, by a fresh proof.
func (d *Door) postPasskeyKeep(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !v.IsFresh(d.Now()) {
		return errAskAgain
	}
	if err := d.Passkeys.Keep(r.Context(), v.Found, r.PathValue("id"), d.client(r)); err != nil {
		return err
	}
	return to(w, r, "/account/passkeys?done=passkey-kept")
}

// namesOf lists the passkeys of an account in one line; empty when there are none.
func namesOf(all []passkey.Passkey) string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}
