package api

import (
	"net/http"

	"usher/internal/account"
	"usher/internal/household"
	"usher/internal/secret"
	"usher/internal/signin"
)

// signedIn answers a sign-in. The token is spelled out here and nowhere else.
type signedIn struct {
	Token     string `json:"token"`
	TokenType string `json:"token_type"`
	Account   person `json:"account"`
}

// person is an account as programs see it.
type person struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	UserName string `json:"user_name"`
}

func personOf(a account.Account) person { return person{a.ID, a.Called(), a.UserName} }

// switchedTo is an account as it is told to whoever of the Home switched to it: never by its address.
func switchedTo(a account.Account) person {
	return person{a.ID, household.NameOf(a), a.UserName}
}

func (d *Door) signIn(w http.ResponseWriter, r *http.Request) error {
	f, err := readFields(r, needs("login", "password").may("code", "device", "product"))
	if err != nil {
		return err
	}
	in, err := d.SignIn.Software(r.Context(), signin.SoftwareRequest{
		Login: f["login"], Password: secret.TokenOf(f["password"]), Code: secret.TokenOf(f["code"]),
		Name: f["device"], Product: f["product"], Client: d.client(r),
	})
	if err != nil {
		return err
	}
	d.touch(r, in)
	send(w, http.StatusOK, "application/json", signedIn{in.Token.Reveal(), "Bearer", personOf(in.Account)})
	return nil
}
