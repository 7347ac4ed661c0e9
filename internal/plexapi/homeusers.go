package plexapi

import (
	"errors"
	"net/http"
	"strconv"

	"usher/internal/device"
	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/secret"
	"usher/internal/signin"
)

// errProfiles says that a client wants something kept from a member by age. Nobody here would keep it.
var errProfiles = errors.New("plexapi: there are no restriction profiles")

// errInvites says that a client invites somebody who has an account. Who invites is to read first what that means.
var errInvites = errors.New("plexapi: an account is invited in a browser")

// adds makes a managed member out of the name that was sent.
func (c *call) adds(name string) (signin.Admitted, household.Member, error) {
	in, err := c.member()
	if err != nil {
		return in, household.Member{}, err
	}
	if wants := c.field("restrictionProfile"); wants != "" {
		return in, household.Member{}, errProfiles
	}
	m, err := c.door.Home.AddManaged(c.r.Context(), in.Found, name, int(device.Number(name)%household.Pictures), c.door.client(c.r))
	return in, household.Member{ID: m.ID, HomeID: in.Account.ID, AccountID: m.AccountID, Managed: true, Name: m.Name, Picture: m.Picture}, err
}

// field is what was sent under a name: in the query, as most clients do, or in the body.
func (c *call) field(name string) string {
	if sent := c.query.Get(name); sent != "" {
		return sent
	}
	return c.body[name]
}

// addManaged adds a member without address and password to the Home of who asks.
func (d *Door) addManaged(c *call) error {
	in, m, err := c.adds(c.field("friendlyName"))
	if err != nil {
		return err
	}
	return c.reply(http.StatusCreated, node{name: "user", fields: housemate(m, in)})
}

func (d *Door) addManagedOld(c *call) error {
	if c.field("invitedEmail") != "" {
		return errInvites
	}
	in, m, err := c.adds(c.field("title"))
	if err != nil {
		return err
	}
	return c.reply(http.StatusCreated, node{name: "User", fields: housemate(m, in)})
}

// toUser is what is done to one of the Home: the word restricted stands where an account's name does.
func (d *Door) toUser(c *call) error {
	switch act := c.part("act"); {
	case c.part("id") == "restricted":
		c.r.SetPathValue("id", act)
		return d.changeManaged(c)
	case act == "switch":
		return d.switchUser(c)
	}
	return errNotFound
}

// changeManaged gives a managed member another name, a PIN, or none.
func (d *Door) changeManaged(c *call) error {
	in, h, err := c.resident()
	if err != nil {
		return err
	}
	if c.field("restrictionProfile") != "" {
		return errProfiles
	}
	m, err := c.meant(h)
	if err != nil {
		return err
	}
	if name := c.field("friendlyName"); name != "" {
		if err := d.Home.ChangeManaged(c.r.Context(), in.Found, m.ID, name, m.Picture, d.client(c.r)); err != nil {
			return err
		}
		m.Name = name
	}
	remove, _ := strconv.ParseBool(c.field("removePin"))
	if pin := c.field("pin"); remove || pin != "" {
		if remove {
			pin = ""
		}
		if err := d.Home.SetPIN(c.r.Context(), in.Found, home.NewPIN{Member: m.ID, PIN: pin, Client: d.client(c.r)}); err != nil {
			return err
		}
		m.Protected = !remove
	}
	return c.reply(http.StatusCreated, node{name: "user", fields: housemate(m, in)})
}

// changePIN sets or removes the PIN of who asks. One that there is has to be sent along, and counts as a try where it is wrong.
func (d *Door) changePIN(c *call) error {
	in, h, err := c.resident()
	if errors.Is(err, errNoToken) || errors.Is(err, errDeadToken) {
		return c.respond(http.StatusUnauthorized, "Please sign in.")
	}
	if err != nil {
		return err
	}
	m, err := c.numbered(h)
	if err != nil || m.AccountID != in.Account.ID {
		return c.respond(http.StatusNotFound, "Invalid authentication token.")
	}
	c.triesPIN = true
	err = d.Home.SetPIN(c.r.Context(), in.Found, home.NewPIN{Member: m.ID, PIN: c.field("pin"), Current: secret.TokenOf(c.field("currentPin")), Client: d.client(c.r)})
	if errors.Is(err, household.ErrPIN) {
		return c.respond(http.StatusUnauthorized, "Incorrect PIN")
	}
	if err != nil {
		return err
	}
	return c.respond(http.StatusOK, "Updated user")
}

// respond answers in the words that clients know of this one address.
func (c *call) respond(status int, words string) error {
	code := int64(status)
	switch status {
	case http.StatusOK:
		code = 0
	case http.StatusUnauthorized:
		c.challenge()
	}
	return c.reply(status, node{name: "Response", fields: []field{{"code", code}, {"status", words}}})
}

// meant is the member that the path means, by number or by account.
func (c *call) meant(h household.Home) (household.Member, error) {
	if m, is := h.Of(c.part("id")); is {
		return m, nil
	}
	return c.numbered(h)
}

// removeMember takes somebody out of the Home of who asks. Whoever wants to leave one does so on the page.
func (d *Door) removeMember(c *call) error {
	in, h, err := c.resident()
	if err != nil {
		return err
	}
	m, err := c.meant(h)
	if err != nil {
		return err
	}
	if err := d.Home.Remove(c.r.Context(), in.Found, in.Account, m.ID, d.client(c.r)); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
