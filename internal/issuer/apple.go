package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"usher/internal/secret"
)

// Apple is what is configured for Sign in with Apple.
type Apple struct {
	ClientID string // the Services ID
	TeamID   string
	KeyID    string
	Key      secret.Token // the .p8 file
	Issuer   string
}

// The life of a secret for Apple, which allows six months, and how much of it is left when the next one is made.
const (
	appleSecretLife = time.Hour
	appleSecretLeft = 30 * time.Minute
)

// ErrAppleKey says that a text is no key for Sign in with Apple.
var ErrAppleKey = errors.New("issuer: this is no .p8 key of Apple")

// AppleAs returns Apple as an issuer of OpenID Connect. ErrAppleKey.
func AppleAs(a Apple, now func() time.Time) (OpenID, error) {
	s, err := newAppleSecrets(a, now)
	if err != nil {
		return OpenID{}, err
	}
	return OpenID{
		ID: "apple", Name: "Apple", Issuer: a.Issuer, ClientID: a.ClientID, Secret: s.secret, Scopes: []string{"openid", "email", "name"}, Logo: true,
		FormPost: true, SecretInForm: true, Again: url.Values{"prompt": {"login"}, "max_age": {"0"}}, Proves: appleProves,
	}, nil
}

// appleSecrets makes the secrets that Apple wants in the place of one that it gave: signed tokens that end.
type appleSecrets struct {
	claims jwt.Claims
	signer jose.Signer
	now    func() time.Time

	mu   sync.Mutex
	made secret.Token
	ends time.Time
}

func newAppleSecrets(a Apple, now func() time.Time) (*appleSecrets, error) {
	block, _ := pem.Decode([]byte(a.Key.Reveal()))
	if block == nil {
		return nil, ErrAppleKey
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, ErrAppleKey // the parser's words could quote it
	}
	key, is := parsed.(*ecdsa.PrivateKey)
	if !is || key.Curve != elliptic.P256() {
		return nil, ErrAppleKey
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: a.KeyID}}, nil)
	if err != nil {
		return nil, ErrAppleKey
	}
	return &appleSecrets{claims: jwt.Claims{Issuer: a.TeamID, Subject: a.ClientID, Audience: jwt.Audience{a.Issuer}}, signer: signer, now: now}, nil
}

// secret returns one that does not end soon.
func (s *appleSecrets) secret() (secret.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !s.made.Empty() && s.ends.Sub(now) > appleSecretLeft && s.ends.Sub(now) <= appleSecretLife { // else a clock that was set back would keep an old one for long
		return s.made, nil
	}
	claims := s.claims
	claims.IssuedAt, claims.Expiry = jwt.NewNumericDate(now), jwt.NewNumericDate(now.Add(appleSecretLife))
	text, err := jwt.Signed(s.signer).Claims(claims).Serialize()
	if err != nil {
		return secret.Token{}, fmt.Errorf("signing a secret for Apple: %w", err)
	}
	s.made, s.ends = secret.TokenOf(text), now.Add(appleSecretLife)
	return s.made, nil
}
