package web

import (
	"errors"
	"net/http"
	"strings"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/mediaserver"
	"usher/internal/secret"
	"usher/internal/server"
)

// qrForPhone is the label of the code that opens this page on a phone.
const qrForPhone = "QR code that opens this page on a phone"

// serverPasswordPath is the page of the app passwords of a server.
func serverPasswordPath(serverID string) string { return "/servers/" + serverID + "/app-password" }

func (d *Door) getServerPassword(w http.ResponseWriter, r *http.Request, v visitor) error {
	return d.serverPasswordPage(w, r, http.StatusOK, ServerPasswordPage{}, v)
}

// reached is the server that a request's address names: the visitor's own, or one that is shared with them. server.ErrNotFound.
func (d *Door) reached(r *http.Request, v visitor) (mediaserver.Shared, error) {
	if !id.Valid(r.PathValue("id")) {
		return mediaserver.Shared{}, server.ErrNotFound
	}
	return d.Servers.Find(r.Context(), v.Found, r.PathValue("id"))
}

func (d *Door) serverPasswordPage(w http.ResponseWriter, r *http.Request, status int, p ServerPasswordPage, v visitor) error {
	k, err := d.reached(r, v)
	if err != nil {
		return err
	}
	devices, err := d.Devices.List(r.Context(), v.AccountID)
	if err != nil {
		return err
	}
	for _, dev := range devices {
		if dev.Method == device.ByServerPassword && dev.Server == k.ID {
			p.Made = append(p.Made, appPasswordShown(dev))
		}
	}
	p.ID, p.Server, p.Owner = k.ID, k.Name, k.Role == server.Owner
	d.asks(v, &p.Proof)
	p.Types = k.Types == server.AccountPasswords && k.Role.MayType()
	if p.QR, err = drawQR(secret.TokenOf(d.Servers.Issuer+serverPasswordPath(k.ID)), qrForPhone); err != nil {
		return err
	}
	d.Pages.Page(w, r, status, "server-password", Page{Person: v.header(), Nav: "servers", Notice: done(r, accountDone), Data: p})
	return nil
}

// postServerPassword answers with the password itself, this once: it travels in no address and no cookie.
func (d *Door) postServerPassword(w http.ResponseWriter, r *http.Request, v visitor) error {
	p := ServerPasswordPage{Name: r.PostFormValue("name"), Directory: r.PostFormValue("directory") == "yes"}
	show := func(status int) error { return d.serverPasswordPage(w, r, status, p, v) }
	k, err := d.reached(r, v)
	if err != nil {
		return err
	}
	v, err = d.proveInForm(w, r, v, &p.Form, &p.Proof)
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	n := mediaserver.NewPassword{Name: p.Name}
	if p.Directory {
		n.Detail = credential.Directory
	}
	made, err := d.Servers.MakePassword(r.Context(), v.Found, k.ID, n, d.client(r))
	switch {
	case errors.Is(err, credential.ErrNoName):
		p.Refuse("name", "Say which app it is for.")
	case errors.Is(err, account.ErrBadName):
		p.Refuse("name", "Write at most 64 characters, and no line breaks.")
	case errors.Is(err, device.ErrTooMany):
		p.Problem = "You have as many app passwords for servers as there can be. Remove one first."
	}
	if err != nil {
		return d.again(w, r, &p.Form, err, show)
	}
	shown := ServerPasswordMadePage{ID: k.ID, Server: k.Name, Name: p.Name, Login: knownAs(v.Person), Password: made.Grouped().Reveal(), Addresses: k.Confirmed()}
	shown.ByNumber = shown.Login == v.AccountID
	if p.Directory {
		shown.BindName, shown.Base = bindName(shown.Login), gatesBase
	}
	d.Pages.Page(w, r, http.StatusOK, "server-password-made", Page{Person: v.header(), Nav: "servers", Data: shown})
	return nil
}

// knownAs is the name by which a media server knows somebody: servers are told no address that only an operator has named.
func knownAs(a account.Account) string {
	if a.UserName == "" && !a.EmailProved {
		return a.ID
	}
	return a.Login()
}

// gatesBase is below which name a gate lists people, where nobody has told it another.
const gatesBase = "dc=usher"

// bindName is the name by which somebody binds at a gate (RFC 4514 §2.4).
func bindName(login string) string {
	var name strings.Builder
	for i, c := range login {
		if strings.ContainsRune(`\,;+"<>=`, c) || c == '#' && i == 0 {
			name.WriteByte('\\')
		}
		name.WriteRune(c)
	}
	return "uid=" + name.String() + ",ou=people," + gatesBase
}
