package plexapi

import (
	"net/http"

	"usher/internal/credential"
	"usher/internal/mediaserver"
	"usher/internal/secret"
	"usher/internal/signin"
)

// claimToken makes a claim token for the account whose token is shown.
func (d *Door) claimToken(c *call) error {
	in, err := c.member()
	if err != nil {
		return err
	}
	claim, err := d.Servers.Offer(c.r.Context(), in.Found, d.client(c.r))
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, node{name: "MediaContainer", plain: true, fields: []field{{"token", claim.Reveal()}}})
}

// claimExchange gives a media server its own token for a claim token, in every place where one looks for it.
func (d *Door) claimExchange(c *call) error {
	if _, err := c.identifier(); err != nil {
		return err
	}
	claim := c.query.Get("token")
	if claim == "" {
		claim = c.body["token"]
	}
	made, err := d.Servers.Exchange(c.r.Context(), mediaserver.Claim{
		Token: secret.TokenOf(claim), Name: c.said("X-Plex-Device-Name"), Product: c.said("X-Plex-Product"), Says: c.says(), Client: d.client(c.r),
	})
	if err != nil {
		return err
	}
	told, err := c.userOld(signin.Admitted{Found: credential.Found{Credential: credential.Credential{Kind: credential.Server}}, Account: made.Account, Token: made.Token})
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, told)
}
