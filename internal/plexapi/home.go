package plexapi

import (
	"cmp"
	"net/http"

	"usher/internal/account"
	"usher/internal/device"
)

// home answers as a Home with one person in it.
func (d *Door) home(c *call) error {
	in, err := c.member()
	if err != nil {
		return err
	}
	a := in.Account
	return c.reply(http.StatusOK, node{name: "home", fields: []field{
		{"id", device.Number(a.ID)}, {"name", a.Called()}, {"guestUserID", int64(0)}, {"guestUserUUID", ""}, {"guestEnabled", false}, {"subscription", false},
		{"users", list{nodes: []node{housemate("user", a)}}},
	}})
}

func (d *Door) homeOld(c *call) error {
	in, err := c.member()
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, container("User", []node{housemate("User", in.Account)}))
}

func housemate(name string, a account.Account) node {
	return node{name: name, fields: []field{
		{"id", device.Number(a.ID)}, {"uuid", a.ID}, {"title", a.Called()}, {"username", cmp.Or(a.UserName, a.Email)}, {"email", a.Email},
		{"friendlyName", a.Name}, {"thumb", ""}, {"hasPassword", true}, {"restricted", false}, {"restrictionProfile", nil}, {"admin", true},
		{"guest", false}, {"protected", false},
	}}
}

// friends lists whom the account shares with: nobody yet.
func (d *Door) friends(c *call) error {
	if _, err := c.member(); err != nil {
		return err
	}
	return c.reply(http.StatusOK, node{name: "friends", fields: []field{{"", list{}}}})
}

func (d *Door) friendsOld(c *call) error {
	if _, err := c.member(); err != nil {
		return err
	}
	return c.reply(http.StatusOK, container("User", nil))
}
