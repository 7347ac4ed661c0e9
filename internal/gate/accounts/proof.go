package accounts

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"usher/internal/secret"
)

// proofLife is how long what the server signs counts; the service takes five minutes at most, and its clock may be another.
const proofLife = 2 * time.Minute

// The typ of what the key signs and carries along: it keeps each apart from everything else that the key signs (RFC 8725 §3.11).
const (
	claimType    = "usher-claim+jwt"
	standingType = "usher-standing+jwt"
)

// assertion is about the server, by the server, for one audience, and counts once (RFC 7523 §3).
func (c *Client) assertion(id, audience string) (string, error) {
	return c.sign((&jose.SignerOptions{}).WithType("JWT"), c.about(id, audience))
}

// question is an assertion for a service that may not know the key any more: the key comes along.
func (c *Client) question(id, audience string) (string, error) {
	return c.sign((&jose.SignerOptions{EmbedJWK: true}).WithType(standingType), c.about(id, audience))
}

func (c *Client) about(id, audience string) map[string]any {
	now := c.now()
	return map[string]any{
		"iss": id, "sub": id, "aud": audience, "iat": now.Unix(), "exp": now.Add(proofLife).Unix(), "jti": secret.NewToken().Reveal(),
	}
}

// claimProof binds a claim token to the server's key: who overhears it cannot claim with another.
func (c *Client) claimProof(token secret.Token) (string, error) {
	now := c.now()
	sum := sha256.Sum256([]byte(token.Reveal()))
	return c.sign((&jose.SignerOptions{EmbedJWK: true}).WithType(claimType), map[string]any{
		"aud": c.Issuer(), "iat": now.Unix(), "exp": now.Add(proofLife).Unix(), "jti": secret.NewToken().Reveal(),
		"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	})
}

func (c *Client) sign(how *jose.SignerOptions, claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: c.folder.Key()}, how)
	if err != nil {
		return "", fmt.Errorf("signing with the server's key: %w", err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing with the server's key: %w", err)
	}
	return text, nil
}
