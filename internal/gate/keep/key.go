package keep

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"github.com/go-jose/go-jose/v4"
)

const keyBlock = "PRIVATE KEY"

// formatKey writes a key as other programs read it too (PKCS #8, RFC 8410).
func formatKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

func parseKey(raw []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != keyBlock || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errForeign
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errForeign // the parser's own words could quote the key
	}
	own, is := key.(ed25519.PrivateKey)
	if !is {
		return nil, errForeign
	}
	return own, nil
}

func thumbprint(key ed25519.PrivateKey) string {
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		panic("keep: a key of ours has no thumbprint: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}
