package api

import (
	"errors"
	"net/http"
	"time"

	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/mediaserver"
	"usher/internal/secret"
	"usher/internal/signing"
)

// claimed answers a server that belongs to an account now.
type claimed struct {
	ID     string  `json:"id"` // its client_id, too
	Name   string  `json:"name"`
	Issuer string  `json:"issuer"`
	Owner  ownedBy `json:"owner"`
}

// ownedBy is the owner of a server, as much as a server may know before that person comes to it.
type ownedBy struct {
	Subject string `json:"sub"`
	Name    string `json:"name"` // the user name; empty where there is none, and never the address
}

// offered answers with a claim token.
type offered struct {
	Token     string `json:"claim_token"`
	ExpiresIn int    `json:"expires_in"` // seconds
}

// offerClaim makes a claim token for the account of a program that was given the password: before, or with this request, which signs nothing in then.
func (d *Door) offerClaim(w http.ResponseWriter, r *http.Request) error {
	in, err := d.caller(w, r)
	if err != nil {
		return err
	}
	var token secret.Token
	if in.Found.AccountID == "" {
		token, err = d.Servers.OfferOnce(r.Context(), in.Account.ID, in.Stamp, d.client(r))
	} else {
		token, err = d.Servers.Offer(r.Context(), in.Found, d.client(r))
	}
	if err != nil {
		return err
	}
	send(w, http.StatusCreated, "application/json", offered{token.Reveal(), int(mediaserver.OfferLife() / time.Second)})
	return nil
}

// claimServer registers a server's key for the account whose claim token it shows.
func (d *Door) claimServer(w http.ResponseWriter, r *http.Request) error {
	got, err := readObject(r, needs("claim_token", "proof", "name").may("product", "version").list("addresses"))
	if err != nil {
		return err
	}
	f := got.texts
	s, err := d.Servers.ClaimServer(r.Context(), mediaserver.ByKey{
		Token: secret.TokenOf(f["claim_token"]), Proof: secret.TokenOf(f["proof"]), Name: f["name"], Product: f["product"], Version: f["version"],
		Addresses: got.lists["addresses"], Client: d.client(r),
	})
	if err != nil {
		return err
	}
	send(w, http.StatusCreated, "application/json", claimed{s.ID, s.Name, d.Servers.Issuer, ownedBy{s.Owner.ID, s.Owner.UserName}})
	return nil
}

// reachable is a media server where a program may play.
type reachable struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	Owned     bool     `json:"owned"`
	Owner     string   `json:"owner"` // user name of who shares it; may be empty
	Token     string   `json:"token"`
	ExpiresIn int      `json:"expires_in"` // seconds
}

// servers lists the media servers where the account of whoever shows a token may play, each with a token that is made for it.
func (d *Door) servers(w http.ResponseWriter, r *http.Request) error {
	f, err := d.player(r)
	if err != nil {
		return err
	}
	all, err := d.Grants.Servers(r.Context(), f)
	if err != nil {
		return err
	}
	shown := make([]reachable, len(all))
	for i, s := range all {
		shown[i] = reachable{ID: s.ID, Name: s.Name, Addresses: []string{}, Owned: s.Owned, Owner: s.Owner, Token: s.Token.Reveal(), ExpiresIn: int(s.Life / time.Second)}
		for _, a := range s.Addresses {
			shown[i].Addresses = append(shown[i].Addresses, a.URL)
		}
	}
	send(w, http.StatusOK, "application/json", map[string][]reachable{"servers": shown})
	return nil
}

// player is a program that signed in here, or an app that did so by OpenID Connect and may play.
func (d *Door) player(r *http.Request) (credential.Found, error) {
	f, _, err := d.playing(r)
	return f, err
}

// playing is player, and what stands behind the token of an app: its sign-in.
func (d *Door) playing(r *http.Request) (f, signIn credential.Found, err error) {
	token := bearer(r)
	if !signing.Looks(token.Reveal()) {
		in, err := d.holder(r)
		return in.Found, in.Found, err
	}
	in, err := d.Grants.Player(r.Context(), token)
	switch {
	case credential.IsDead(err):
		err = errDeadToken
	case errors.Is(err, grant.ErrScope):
		err = credential.ErrMayNotAct
	}
	return in.Found, in.Grant, err
}
