// Package signing owns what others check by our published keys: JSON Web Tokens of our own, the keys published for them, and the strict reading of
// tokens, ours and those that clients sign. It refuses to know what a token is for.
package signing

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/outage"
	"usher/internal/secret"
)

// Kind is a kind of token: one typ, one algorithm, keys of one use. A token of one kind is never taken for another (RFC 8725 §3.11).
type Kind struct {
	typ string
	use secret.SigningUse
}

// The kinds there are.
var (
	Identity = Kind{"JWT", secret.SignsIdentity}          // OpenID Connect Core §2
	Logout   = Kind{"logout+jwt", secret.SignsIdentity}   // OpenID Connect Back-Channel Logout §2.4
	Event    = Kind{"secevent+jwt", secret.SignsIdentity} // RFC 8417 §2.3
	Access   = Kind{"at+jwt", secret.SignsAccess}         // RFC 9068 §2.1
	Device   = Kind{"device+jwt", secret.SignsAccess}     // what the key of a device has got: ours alone
)

// algorithms are what the keys of a use sign with.
var algorithms = map[secret.SigningUse]jose.SignatureAlgorithm{secret.SignsIdentity: jose.RS256, secret.SignsAccess: jose.EdDSA}

// ErrInvalid says that a text is not a token of the wanted kind, or not one of ours. Why is told to nobody.
var ErrInvalid = errors.New("signing: not a valid token")

// ErrNoKeys says that the key ring has no signing keys yet.
var ErrNoKeys = fmt.Errorf("signing: the key ring has no signing keys; usher key rotate makes them: %w", outage.Err)

// longest bounds how much of a presented token is looked at, in bytes.
const longest = 8 << 10

// encoding refuses what decodes to the same bytes in another spelling, but for line breaks, which Looks refuses.
var encoding = base64.RawURLEncoding.Strict()

// Keys sign and check with the keys of the newest ring.
type Keys struct {
	Ring func() *secret.Ring
	Now  func() time.Time

	known atomic.Pointer[known]
	right memory
}

// known is a ring's signing keys, ready for use.
type known struct {
	ring *secret.Ring
	keys map[secret.SigningUse][]ready
}

type ready struct {
	secret.SigningKey
	public jose.JSONWebKey
}

// published returns the keys of a use that are published now, in the order in which they sign.
func (k *Keys) published(use secret.SigningUse) []ready {
	ring := k.Ring()
	have := k.known.Load()
	if have == nil || have.ring != ring {
		have = &known{ring, map[secret.SigningUse][]ready{}}
		for use, algorithm := range algorithms {
			for _, key := range ring.Signing(use, time.Time{}) { // every one there is
				have.keys[use] = append(have.keys[use], ready{key, publicHalf(key, algorithm)})
			}
		}
		k.known.Store(have)
	}
	all := have.keys[use]
	return all[len(all)-len(ring.Signing(use, k.Now())):] // the oldest go first
}

// publicHalf names a key by its thumbprint (RFC 7638).
func publicHalf(key secret.SigningKey, algorithm jose.SignatureAlgorithm) jose.JSONWebKey {
	jwk := jose.JSONWebKey{Key: key.Key.Public(), Algorithm: string(algorithm), Use: "sig"}
	print, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		panic("signing: a key of ours has no thumbprint: " + err.Error())
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(print)
	return jwk
}

// Published returns the public keys as others read them (RFC 7517 §5): those in use, those about to be used, and those whose tokens may still live.
func (k *Keys) Published() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, use := range []secret.SigningUse{secret.SignsIdentity, secret.SignsAccess} {
		for _, key := range k.published(use) {
			set.Keys = append(set.Keys, key.public)
		}
	}
	return set
}

// header is how a token of the kind begins when the key signed it. There is one spelling, and nothing in it is ever believed.
func (kind Kind) header(id string) string {
	return encoding.EncodeToString([]byte(`{"alg":"` + string(algorithms[kind.use]) + `","kid":"` + id + `","typ":"` + kind.typ + `"}`))
}

// Sign returns claims as a token of the kind. ErrNoKeys.
func (k *Keys) Sign(kind Kind, claims any) (string, error) {
	now := k.Now()
	var by ready
	for _, key := range k.published(kind.use) {
		if by.Key == nil || !key.From.After(now) {
			by = key
		}
	}
	if by.Key == nil {
		return "", ErrNoKeys
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("writing the claims: %w", err)
	}
	text := kind.header(by.public.KeyID) + "." + encoding.EncodeToString(raw)
	sum, how := digest(kind.use, text)
	signature, err := by.Key.Sign(nil, sum, how) // neither of the two schemes takes anything random
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return text + "." + encoding.EncodeToString(signature), nil
}

func digest(use secret.SigningUse, text string) ([]byte, crypto.SignerOpts) {
	if use == secret.SignsAccess {
		return []byte(text), crypto.Hash(0)
	}
	sum := sha256.Sum256([]byte(text))
	return sum[:], crypto.SHA256
}

// Open returns what a token of the kind says that we signed. It does not look at the claims: Claims.Check does. ErrInvalid.
func (k *Keys) Open(kind Kind, token string) (Claims, error) {
	head, rest, _ := strings.Cut(token, ".")
	body, tail, _ := strings.Cut(rest, ".")
	if !Looks(token) {
		return nil, ErrInvalid
	}
	for _, key := range k.published(kind.use) {
		if head != kind.header(key.public.KeyID) {
			continue
		}
		whole := sha256.Sum256([]byte(token))
		if known := k.right.knows(whole); known != nil {
			return known, nil
		}
		signature, err := encoding.DecodeString(tail)
		if err != nil || !verified(key.public.Key, head+"."+body, signature) {
			return nil, ErrInvalid
		}
		c, err := part(body)
		if err == nil {
			k.right.learn(whole, c)
		}
		return c, err
	}
	return nil, ErrInvalid
}

func verified(key any, text string, signature []byte) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(text), signature)
	case *rsa.PublicKey:
		sum := sha256.Sum256([]byte(text))
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
	}
	return false
}
