package plexapi

import (
	"net/http"

	"usher/internal/home"
	"usher/internal/household"
	"usher/internal/secret"
	"usher/internal/signin"
)

// switchUser makes a member of the Home who plays on a device where another one is signed in. A number is nobody here: older addresses know those.
func (d *Door) switchUser(c *call) error { return c.switchTo((*call).named, (*call).user) }

func (d *Door) switchUserOld(c *call) error { return c.switchTo((*call).numbered, (*call).userOld) }

// switchTo switches to the member that the path means, and answers with that one's account.
func (c *call) switchTo(find func(*call, household.Home) (household.Member, error), spell func(*call, signin.Admitted) (node, error)) error {
	in, h, err := c.resident()
	if err != nil {
		return err
	}
	m, err := find(c, h)
	if err != nil {
		return err
	}
	c.triesPIN = true
	got, err := c.door.Home.Switch(c.r.Context(), in.Found, home.Asked{
		Member: m.ID, PIN: secret.TokenOf(c.field("pin")), Name: c.said("X-Plex-Device-Name"), Product: c.said("X-Plex-Product"), Claim: c.says(), Client: c.door.client(c.r),
	})
	if err != nil {
		return err
	}
	switched, err := c.door.SignIn.Bearer(c.r.Context(), got.Token)
	if err != nil {
		return err
	}
	told, err := spell(c, switched)
	if err != nil {
		return err
	}
	return c.reply(http.StatusCreated, told)
}
