package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// firstKeys are made once for all issuers of a kind in this process: RSA keys take a while. No two issuers of one House share a key.
var firstKeys struct {
	sync.Mutex
	of map[string]jose.JSONWebKey
}

func firstKey(name, algorithm string) (jose.JSONWebKey, error) {
	firstKeys.Lock()
	defer firstKeys.Unlock()
	if key, made := firstKeys.of[name]; made {
		return key, nil
	}
	key, err := newKey(algorithm)
	if err != nil {
		return key, err
	}
	if firstKeys.of == nil {
		firstKeys.of = map[string]jose.JSONWebKey{}
	}
	firstKeys.of[name] = key
	return key, nil
}

func newKey(algorithm string) (jose.JSONWebKey, error) {
	var signer crypto.Signer
	var err error
	if algorithm == string(jose.RS256) {
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return jose.JSONWebKey{Key: signer, KeyID: rand.Text(), Algorithm: algorithm, Use: "sig"}, err
}

// publicText is a key's public half as its issuer publishes it elsewhere, which a reader that mixes algorithms up takes for a shared secret.
func publicText(key jose.JSONWebKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}
