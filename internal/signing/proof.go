package signing

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The typ of what the key of a media server signs, and carries, to show that it is in hand.
const (
	ClaimProof    = "usher-claim+jwt"
	StandingProof = "usher-standing+jwt"
)

// Proof is what a key that nobody may know has signed about itself.
type Proof struct {
	Claims     Claims
	Public     string // the Ed25519 key, in base64url (RFC 8037 §2)
	Thumbprint string // RFC 7638
}

// OpenProof returns what the key in a token's own header signed, for one purpose: an Ed25519 key, public, and nothing else in the header that says where to look.
// ErrInvalid.
func OpenProof(token, typ string) (Proof, error) {
	head, _, _ := strings.Cut(token, ".")
	raw, err := encoding.DecodeString(head)
	if err != nil || !spelled(token) {
		return Proof{}, ErrInvalid
	}
	header, err := members(raw)
	if err != nil {
		return Proof{}, err
	}
	for name := range header {
		if name != "alg" && name != "typ" && name != "jwk" && name != "kid" {
			return Proof{}, ErrInvalid
		}
	}
	jwk, err := members(header["jwk"])
	if err != nil || header.Text("typ") != typ || header.Text("alg") != string(jose.EdDSA) || jwk["d"] != nil {
		return Proof{}, ErrInvalid
	}
	public, err := encoding.DecodeString(jwk.Text("x"))
	if err != nil || jwk.Text("kty") != "OKP" || jwk.Text("crv") != "Ed25519" || len(public) != ed25519.PublicKeySize {
		return Proof{}, ErrInvalid
	}
	key := jose.JSONWebKey{Key: ed25519.PublicKey(public)}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return Proof{}, ErrInvalid
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return Proof{}, ErrInvalid
	}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return Proof{}, ErrInvalid
	}
	claims, err := members(payload)
	return Proof{claims, jwk.Text("x"), base64.RawURLEncoding.EncodeToString(print)}, err
}
