package signing

import (
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// ClientAlgorithms are what clients may sign with: nothing with a shared secret, and never none.
var ClientAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA}

// clientTypes are the typ of a client's assertion (RFC 7523, and its successor's); the first is as good as none.
var clientTypes = []string{"", "JWT", "client-authentication+jwt"}

// OpenClient returns what a client's assertion says that one of the client's own keys signed. A token that brings a key of its own, or names a place to
// fetch one from, or asks for something that must be understood, is refused. ErrInvalid.
func OpenClient(token string, keys jose.JSONWebKeySet) (Claims, error) {
	if !spelled(token) {
		return nil, ErrInvalid
	}
	head, _, _ := strings.Cut(token, ".")
	header, err := part(head)
	if err != nil {
		return nil, err
	}
	for _, refused := range []string{"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"} {
		if _, has := header[refused]; has {
			return nil, ErrInvalid
		}
	}
	if _, has := header["typ"]; has && header.Text("typ") == "" || !slices.Contains(clientTypes, header.Text("typ")) {
		return nil, ErrInvalid
	}
	parsed, err := jose.ParseSignedCompact(token, ClientAlgorithms)
	if err != nil {
		return nil, ErrInvalid
	}
	kid, has := header.Text("kid"), header["kid"] != nil
	for _, key := range keys.Keys {
		if has && key.KeyID != kid || key.Algorithm != "" && key.Algorithm != header.Text("alg") || key.Use != "" && key.Use != "sig" || !key.IsPublic() {
			continue
		}
		if payload, err := parsed.Verify(key); err == nil {
			return members(payload)
		}
	}
	return nil, ErrInvalid
}
