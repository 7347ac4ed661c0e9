package door

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// AssertionType is the typ of what the gate signs for the media server. It keeps it apart from everything else that the gate's key signs (RFC 8725 §3.11).
const AssertionType = "usher-assertion+jwt"

const (
	assertionLife = time.Minute
	// assertionUse is for how long one is given again: the rest of its life is for the way.
	assertionUse = assertionLife / 2
)

// told is what a decision tells the media server.
type told struct {
	identity
	assertion atomic.Pointer[assertion]
}

type assertion struct {
	text string
	made time.Time
}

// Signer signs whom the gate lets in, for one media server.
type Signer struct {
	key      ed25519.PrivateKey
	issuer   string
	audience string
	head     string
	jwks     []byte
}

var encoding = base64.RawURLEncoding

// NewSigner returns a Signer with the gate's key. Issuer is the server's id, audience the origin of the media server.
func NewSigner(key ed25519.PrivateKey, issuer, audience string) (*Signer, error) {
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.EdDSA), Use: "sig"}
	print, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("naming the gate's key: %w", err)
	}
	public.KeyID = encoding.EncodeToString(print)
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	if err != nil {
		return nil, fmt.Errorf("writing the gate's public key: %w", err)
	}
	head := encoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"` + public.KeyID + `","typ":"` + AssertionType + `"}`))
	return &Signer{key, issuer, audience, head, jwks}, nil
}

// claims are what the media server reads (RFC 7519 §4.1).
type claims struct {
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"`
	Subject  string   `json:"sub"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	UserName string   `json:"preferred_username,omitempty"`
	Name     string   `json:"name,omitempty"`
	Email    string   `json:"email,omitempty"`
	Groups   []string `json:"groups"`
}

// assert returns the assertion about who was let in, at most half a minute old.
func (s *Signer) assert(a *admitted, now time.Time) (string, error) {
	if made := a.told.assertion.Load(); made != nil && now.Sub(made.made) < assertionUse && !now.Before(made.made) {
		return made.text, nil
	}
	body, err := json.Marshal(claims{
		Issuer: s.issuer, Audience: s.audience, Subject: a.Account, IssuedAt: now.Unix(), Expires: now.Add(assertionLife).Unix(),
		UserName: a.told.name(a.Account), Name: a.Name, Email: a.Email, Groups: append([]string{}, a.Groups...),
	})
	if err != nil {
		return "", fmt.Errorf("writing an assertion: %w", err)
	}
	text := s.head + "." + encoding.EncodeToString(body)
	text += "." + encoding.EncodeToString(ed25519.Sign(s.key, []byte(text)))
	a.told.assertion.Store(&assertion{text, now})
	return text, nil
}

// ServeHTTP publishes the key (RFC 7517 §5).
func (s *Signer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.jwks)
}
