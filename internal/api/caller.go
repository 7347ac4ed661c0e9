package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/request"
	"usher/internal/secret"
	"usher/internal/signin"
)

var (
	errNoCredentials = errors.New("api: no credentials")
	errDeadToken     = errors.New("api: the token does not count")
	errNotTyped      = errors.New("api: the server's owner does not let people type the account's own password there")
	errOtherSite     = errors.New("api: a page of another website has a browser try a password")
)

// realm is the name in challenges: the host, which needs no escaping.
func (d *Door) realm() string { return strconv.Quote(d.Origin.Host) }

// bearer returns the token a request shows; empty when it shows none.
func bearer(r *http.Request) secret.Token {
	return secret.Bearer(r.Header["Authorization"])
}

// holder lets in who shows a token. Why one does not count is told to nobody: who found it somewhere need not learn it.
func (d *Door) holder(r *http.Request) (signin.Admitted, error) {
	token := bearer(r)
	if token.Empty() {
		return signin.Admitted{}, errNoCredentials
	}
	in, err := d.SignIn.Bearer(r.Context(), token)
	if credential.IsDead(err) {
		return signin.Admitted{}, errDeadToken
	}
	if err == nil {
		d.touch(r, in)
	}
	return in, err
}

// touch notes that a device was used.
func (d *Door) touch(r *http.Request, in signin.Admitted) {
	in.Found.NoteUse(d.Touches, d.Now(), func() device.Client { return d.client(r) })
}

// caller lets in who shows a token, or a name and a password with each request. No page of another website has a browser send these, out of an address that it
// made: its guesses would count against whoever's network it is open in.
func (d *Door) caller(w http.ResponseWriter, r *http.Request) (signin.Admitted, error) {
	if !bearer(r).Empty() {
		return d.holder(r)
	}
	if request.From(r.Context()).Page != "" {
		return signin.Admitted{}, errOtherSite
	}
	w.Header().Set("WWW-Authenticate", `Basic realm=`+d.realm()+`, charset="UTF-8"`) // RFC 7617 §2.1
	login, password, _ := r.BasicAuth()
	if login == "" || password == "" {
		return signin.Admitted{}, errNoCredentials
	}
	if len(r.Header["Authorization"]) != 1 || !clean(login) || !clean(password) {
		return signin.Admitted{}, errBadRequest
	}
	in, err := d.SignIn.Admit(r.Context(), signin.SoftwareRequest{Login: login, Password: secret.TokenOf(password), Client: d.client(r)})
	if err == nil {
		w.Header().Del("WWW-Authenticate")
		d.touch(r, in)
	}
	return in, err
}

func clean(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }
