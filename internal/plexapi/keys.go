package plexapi

import (
	"encoding/json"
	"net/http"

	"usher/internal/devicekey"
)

// nonce is something new for a client's key to sign.
func (d *Door) nonce(c *call) error {
	software, err := c.identifier()
	if err != nil {
		return err
	}
	nonce, err := d.Keys.Nonce(c.r.Context(), software, d.client(c.r))
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, node{name: "auth", fields: []field{{"nonce", nonce.Reveal()}}})
}

// registerKey makes a key the one of the device whose token is shown.
func (d *Door) registerKey(c *call) error {
	in, err := c.holder()
	if err != nil {
		return err
	}
	if err := d.Keys.Register(c.r.Context(), in.Found, c.jwk(), d.client(c.r)); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// jwk is the key that a body has in it.
func (c *call) jwk() devicekey.JWK {
	return devicekey.JWK{
		KeyType: c.body["jwk[kty]"], Curve: c.body["jwk[crv]"], X: c.body["jwk[x]"], Private: c.body["jwk[d]"],
		Use: c.body["jwk[use]"], Algorithm: c.body["jwk[alg]"], KeyID: c.body["jwk[kid]"],
	}
}

// keyToken gives a token for what a device's key has signed.
func (d *Door) keyToken(c *call) error {
	token, key, err := d.Keys.Token(c.r.Context(), c.says().Identifier, c.body["jwt"])
	if err != nil {
		return err
	}
	c.used(key)
	return c.reply(http.StatusOK, node{name: "auth", fields: []field{{"auth_token", token.Reveal()}}})
}

// keys are the public keys by which anybody checks such tokens, in JSON whatever is asked for.
func (d *Door) keys(c *call) error {
	raw, err := json.Marshal(map[string]any{"keys": d.Keys.Published()})
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(append(raw, '\n')) // the reader may be gone
	return nil
}
