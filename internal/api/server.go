package api

import (
	"net/http"
	"time"

	"usher/internal/credential"
	"usher/internal/mediaserver"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/signin"
)

// StandingPath is where a server asks how it stands.
const StandingPath = "/api/v1/server/standing"

// pageServers is where owners find their servers.
const pageServers = "/servers"

// standing answers a server that asks how it stands.
type standing struct {
	Standing server.State  `json:"standing"`
	Reason   server.Reason `json:"reason,omitempty"`
	Since    *time.Time    `json:"since,omitempty"`
	Servers  string        `json:"servers"` // where its owner brings it back
}

// serverStanding tells a server how it stands, by what its key has signed.
func (d *Door) serverStanding(w http.ResponseWriter, r *http.Request) error {
	signed := bearer(r)
	if signed.Empty() {
		return errNoCredentials
	}
	s, err := d.Servers.Standing(r.Context(), signed, d.client(r))
	if credential.IsDead(err) {
		return errDeadToken
	}
	if err != nil {
		return err
	}
	says := standing{Standing: s.State, Reason: s.Reason, Servers: d.Origin.String() + pageServers}
	if !s.Since.IsZero() {
		says.Since = &s.Since
	}
	send(w, http.StatusOK, "application/json", says)
	return nil
}

// itself is what a server is told about itself.
type itself struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Addresses []located `json:"addresses"`
	// AccountPasswords says whether its owner lets household and owner type the account's own password there.
	AccountPasswords bool `json:"account_passwords"`
}

// located is a place where a server may be reached.
type located struct {
	URL       string `json:"url"`
	Confirmed bool   `json:"confirmed"`
}

// serverItself tells a server what is known of it; most of all, at which addresses its owner lets people come back after signing in.
func (d *Door) serverItself(w http.ResponseWriter, r *http.Request) error {
	id, err := d.server(r)
	if err != nil {
		return err
	}
	s, err := d.Servers.Itself(r.Context(), id)
	if err != nil {
		return err
	}
	told := itself{ID: s.ID, Name: s.Name, Addresses: make([]located, len(s.Addresses)), AccountPasswords: s.Types == server.AccountPasswords}
	for i, a := range s.Addresses {
		told.Addresses[i] = located{a.URL, a.Confirmed}
	}
	send(w, http.StatusOK, "application/json", told)
	return nil
}

// signInAtServer tells a server who somebody is that typed the account's own name and password there.
func (d *Door) signInAtServer(w http.ResponseWriter, r *http.Request) error {
	id, err := d.server(r)
	if err != nil {
		return err
	}
	f, err := readFields(r, needs("login", "password"))
	if err != nil {
		return err
	}
	s, err := d.Servers.Itself(r.Context(), id)
	switch {
	case err != nil:
		return err
	case s.Types != server.AccountPasswords:
		return errNotTyped
	}
	in, err := d.SignIn.AdmitAt(r.Context(), s, signin.SoftwareRequest{Login: f["login"], Password: secret.TokenOf(f["password"]), Client: d.client(r)})
	if err != nil {
		return err
	}
	told, err := d.Grants.Typed(r.Context(), id, in.Account, in.Terms)
	if err != nil {
		return err
	}
	told.Methods = in.Methods
	send(w, http.StatusOK, "application/json", told)
	return nil
}

// describeServer takes what a server says about itself.
func (d *Door) describeServer(w http.ResponseWriter, r *http.Request) error {
	id, err := d.server(r)
	if err != nil {
		return err
	}
	got, err := readObject(r, needs("version").may("name").list("addresses").table("visits", "sub", "at"))
	if err != nil {
		return err
	}
	visits, err := visitsOf(got.tables["visits"])
	if err != nil {
		return err
	}
	f := got.texts
	if err := d.Servers.Describe(r.Context(), id, mediaserver.ByKey{Name: f["name"], Version: f["version"], Addresses: got.lists["addresses"]}); err != nil {
		return err
	}
	if err := d.Servers.Visited(r.Context(), id, visits); err != nil {
		return err
	}
	return done(w)
}

// visitsOf reads who a server says was there. wrongFields.
func visitsOf(rows []fields) (map[string]time.Time, error) {
	visits := map[string]time.Time{}
	for _, row := range rows {
		at, err := time.Parse(time.RFC3339, row["at"])
		if err != nil {
			return nil, wrongFields{{"visits", "has an at in it that is no time of RFC 3339"}}
		}
		if at.After(visits[row["sub"]]) {
			visits[row["sub"]] = at
		}
	}
	return visits, nil
}

// unclaimServer makes a server nobody's, by its own word.
func (d *Door) unclaimServer(w http.ResponseWriter, r *http.Request) error {
	id, err := d.server(r)
	if err != nil {
		return err
	}
	if err := d.Servers.Leave(r.Context(), id, d.client(r)); err != nil {
		return err
	}
	return done(w)
}

// server is the claimed server that shows an access token of its own.
func (d *Door) server(r *http.Request) (id string, err error) {
	token := bearer(r)
	if token.Empty() {
		return "", errNoCredentials
	}
	s, err := d.Grants.ClientBearer(r.Context(), token)
	switch {
	case credential.IsDead(err):
		return "", errDeadToken
	case err != nil:
		return "", err
	case s.Client.AccountID == "" || !s.Has(relyingparty.Servers):
		return "", credential.ErrMayNotAct
	}
	return s.Client.ID, nil
}
