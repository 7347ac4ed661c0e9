package api

import (
	"errors"
	"net/http"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/secret"
)

// housemate is a member of a Home as the others see it.
type housemate struct {
	ID      string `json:"id"` // of the account
	Name    string `json:"name"`
	Owner   bool   `json:"owner"`
	Managed bool   `json:"managed"`
	PIN     bool   `json:"pin"` // is asked
	You     bool   `json:"you"`
}

// home lists who of the Home may be watching, for a player that asks them. Who is in no Home lives alone.
func (d *Door) home(w http.ResponseWriter, r *http.Request) error {
	f, err := d.player(r)
	if err != nil {
		return err
	}
	h, err := d.lives(r, f)
	if err != nil {
		return err
	}
	all := []housemate{}
	for _, m := range h.Joined() {
		all = append(all, housemate{m.AccountID, m.Called(), m.IsOwner(), m.Managed, m.Protected, m.AccountID == f.AccountID})
	}
	send(w, http.StatusOK, "application/json", map[string][]housemate{"members": all})
	return nil
}

// lives is the Home of who shows a token; empty where the account is in none.
func (d *Door) lives(r *http.Request, f credential.Found) (household.Home, error) {
	h, err := d.Home.Members(r.Context(), f)
	if errors.Is(err, household.ErrNone) {
		return household.Home{}, nil
	}
	return h, err
}

// switchMember makes a member of the Home who plays where somebody else of it is signed in.
func (d *Door) switchMember(w http.ResponseWriter, r *http.Request) error {
	_, f, err := d.playing(r)
	if err != nil {
		return err
	}
	got, err := readFields(r, needs("member").may("pin", "device", "product"))
	if err != nil {
		return err
	}
	h, err := d.lives(r, f)
	if err != nil {
		return err
	}
	m, is := h.Of(got["member"])
	if !is {
		return household.ErrNotFound
	}
	asked := home.Asked{Member: m.ID, PIN: secret.TokenOf(got["pin"]), Client: d.client(r)}
	asked.Name, asked.Product = device.Claimed(got["device"], got["product"], r.UserAgent())
	made, err := d.Home.Switch(r.Context(), f, asked)
	if errors.Is(err, household.ErrPIN) && got["pin"] == "" {
		return errNoPIN
	}
	if err != nil {
		return err
	}
	in, err := d.SignIn.Bearer(r.Context(), made.Token)
	if err != nil {
		return err
	}
	send(w, http.StatusOK, "application/json", signedIn{in.Token.Reveal(), "Bearer", switchedTo(in.Account)})
	return nil
}

var errNoPIN = errors.New("api: a PIN is asked")
