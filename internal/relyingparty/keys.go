package relyingparty

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"
)

// Errors about the keys of a client. Their texts are for people.
var (
	errKeys        = errors.New("This is no JWK Set: a JSON object with a list called keys.")
	errKeysPrivate = errors.New("There is a private key among them. Give only the public ones, and make new ones: this one has been shown.")
	errKeysWeak    = errors.New("Keys are RSA with at least 2,048 bits, P-256, or Ed25519, each for signatures and with a kid of its own.")
)

// ParseKeys reads a JWK Set of public keys for signatures (RFC 7517 §5).
func ParseKeys(text string) (jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	if len(text) > longestKeys || json.Unmarshal([]byte(text), &set) != nil || len(set.Keys) == 0 || len(set.Keys) > mostKeys {
		return set, errKeys
	}
	seen := map[string]bool{}
	for _, key := range set.Keys {
		if !key.IsPublic() {
			return set, errKeysPrivate
		}
		if !strong(key.Key) || !key.Valid() || key.Use != "" && key.Use != "sig" || key.KeyID == "" || seen[key.KeyID] {
			return set, errKeysWeak
		}
		seen[key.KeyID] = true
	}
	return set, nil
}

func strong(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize == 256
	case ed25519.PublicKey:
		return true
	}
	return false
}
