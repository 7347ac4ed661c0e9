package plexapi

import (
	"cmp"
	"errors"
	"net/http"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/signin"
)

// lives is the Home of an account. One that is in none lives alone.
func (c *call) lives(a account.Account) (household.Home, error) {
	h, err := c.door.Home.Members(c.r.Context(), credential.Found{Credential: credential.Credential{AccountID: a.ID}})
	if errors.Is(err, household.ErrNone) {
		return household.Home{ID: a.ID, Members: []household.Member{{HomeID: a.ID, AccountID: a.ID, Name: cmp.Or(a.Name, a.UserName), UserName: a.UserName}}}, nil
	}
	return h, err
}

// resident lets in who may know of the Home, and reads it.
func (c *call) resident() (signin.Admitted, household.Home, error) {
	in, err := c.member()
	if err != nil {
		return in, household.Home{}, err
	}
	h, err := c.lives(in.Account)
	return in, h, err
}

// home lists who lives with who asks.
func (d *Door) home(c *call) error {
	in, h, err := c.resident()
	if err != nil {
		return err
	}
	owner, _ := h.Of(h.ID)
	return c.reply(http.StatusOK, node{name: "home", fields: []field{
		{"id", device.Number(h.ID)}, {"name", owner.Called()}, {"guestUserID", int64(0)}, {"guestUserUUID", ""}, {"guestEnabled", false}, {"subscription", false},
		{"users", list{nodes: housemates("user", h.Joined(), in)}},
	}})
}

func (d *Door) homeOld(c *call) error {
	in, h, err := c.resident()
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, container("User", housemates("User", h.Joined(), in)))
}

func housemates(name string, all []household.Member, in signin.Admitted) (nodes []node) {
	for _, m := range all {
		nodes = append(nodes, node{name: name, fields: housemate(m, in)})
	}
	return nodes
}

// housemate is a member as the others see it: nobody's address but who asks their own, and of a PIN only that there is one.
func housemate(m household.Member, in signin.Admitted) []field {
	title, login, address := m.Called(), m.UserName, ""
	if a := in.Account; m.AccountID == a.ID && !m.Managed && in.Found.Origin == "" {
		title, login, address = a.Called(), a.Login(), a.Email
	}
	return []field{
		{"id", device.Number(m.AccountID)}, {"uuid", m.AccountID}, {"title", title}, {"username", login}, {"email", address}, {"friendlyName", m.Name},
		{"thumb", ""}, {"hasPassword", !m.Managed}, {"restricted", m.Managed}, {"restrictionProfile", nil}, {"admin", m.IsOwner()}, {"guest", false},
		{"protected", m.Protected},
	}
}

// friends lists whom the account shares with: nobody yet.
func (d *Door) friends(c *call) error {
	if _, err := c.member(); err != nil {
		return err
	}
	return c.reply(http.StatusOK, node{name: "friends", fields: []field{{"", list{}}}})
}

// friendsOld lists the others of the Home: there, clients look up to whom they switch.
func (d *Door) friendsOld(c *call) error {
	in, h, err := c.resident()
	if err != nil {
		return err
	}
	var nodes []node
	for _, m := range h.Joined() {
		if m.AccountID == in.Account.ID {
			continue
		}
		nodes = append(nodes, node{name: "User", fields: append(housemate(m, in),
			field{"home", true}, field{"allowSync", false}, field{"allowCameraUpload", false}, field{"allowChannels", false}, field{"allowTuners", false}, field{"allowSubtitleAdmin", false},
			field{"filterAll", ""}, field{"filterMovies", ""}, field{"filterMusic", ""}, field{"filterPhotos", ""}, field{"filterTelevision", ""})})
	}
	return c.reply(http.StatusOK, container("User", nodes))
}

// numbered is the member that the number in the path means; household.ErrNotFound.
func (c *call) numbered(h household.Home) (household.Member, error) {
	number, err := c.number()
	if err != nil {
		return household.Member{}, household.ErrNotFound
	}
	for _, m := range h.Joined() {
		if device.Number(m.AccountID) == number {
			return m, nil
		}
	}
	return household.Member{}, household.ErrNotFound
}

// named is the member whose account the path names; household.ErrNotFound.
func (c *call) named(h household.Home) (household.Member, error) {
	m, is := h.Of(c.part("id"))
	if !is {
		return m, household.ErrNotFound
	}
	return m, nil
}
