package plexapi

import (
	"errors"
	"net/http"
	"unicode/utf8"

	"usher/internal/secret"
	"usher/internal/signin"
)

// signIn signs software in by name and password, with the code behind the password or in a field of its own.
func (d *Door) signIn(c *call) error {
	c.signsIn = true
	in, err := c.enter(c.body["login"], c.body["password"], c.body["verificationCode"])
	if err != nil {
		return err
	}
	told, err := c.user(in)
	if err != nil {
		return err
	}
	return c.reply(http.StatusCreated, told)
}

// signInOld is the older way: Basic, or a form, or JSON, or a token whose account is read again.
func (d *Door) signInOld(c *call) error {
	c.signsIn = true
	login, password := c.body["user[login]"], c.body["user[password]"]
	if given, typed, is := c.r.BasicAuth(); is {
		if login != "" || password != "" || len(c.r.Header["Authorization"]) != 1 {
			return errBadRequest
		}
		login, password = unicoded(given), unicoded(typed)
	}
	if login == "" && password == "" {
		in, err := c.holder()
		if errors.Is(err, errNoToken) {
			err = errNoPassword
		}
		if err != nil {
			return err
		}
		return c.signedInOld(in)
	}
	in, err := c.enter(login, password, "")
	if err != nil {
		return err
	}
	return c.signedInOld(in)
}

func (c *call) signedInOld(in signin.Admitted) error {
	told, err := c.userOld(in)
	if err != nil {
		return err
	}
	return c.reply(http.StatusCreated, told)
}

// unicoded reads Basic credentials that are not UTF-8 as Latin-1, in which older clients send them (RFC 7617 §2).
func unicoded(given string) string {
	if utf8.ValidString(given) {
		return given
	}
	letters := make([]rune, len(given))
	for i := range len(given) {
		letters[i] = rune(given[i])
	}
	return string(letters)
}

func (c *call) enter(login, password, code string) (signin.Admitted, error) {
	if _, err := c.identifier(); err != nil {
		return signin.Admitted{}, err
	}
	if login == "" || password == "" {
		return signin.Admitted{}, errNoPassword
	}
	if !clean(login) || !clean(password) {
		return signin.Admitted{}, errBadRequest
	}
	return c.door.SignIn.Software(c.r.Context(), signin.SoftwareRequest{
		Login: login, Password: secret.TokenOf(password), Code: secret.TokenOf(code),
		Name: c.said("X-Plex-Device-Name"), Product: c.said("X-Plex-Product"), Claim: c.says(), Client: c.door.client(c.r),
	})
}

// signOut ends the device whose token is shown, and everything made from it.
func (d *Door) signOut(c *call) error {
	in, err := c.holder()
	if err != nil {
		return err
	}
	if err := d.Devices.SignOut(c.r.Context(), in.Found, in.Found.DeviceID, d.client(c.r)); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
