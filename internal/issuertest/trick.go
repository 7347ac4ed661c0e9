package issuertest

import (
	"crypto/rand"
	"maps"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Trick is one way in which an issuer's token or answer is wrong. What it signs is signed by the issuer's own key unless it says otherwise.
type Trick string

// The tricks.
const (
	Honest Trick = ""

	SwappedNonce       Trick = "swapped nonce"             // the token was made for another sign-in
	NoNonce            Trick = "no nonce"                  // the token says for no sign-in
	AlgorithmNone      Trick = "algorithm none"            // the token is not signed
	SignedByPublic     Trick = "signed by the public key"  // HS256, with the published key as the secret
	SignedByClient     Trick = "signed by the secret"      // HS256, with the client's secret, which was not agreed on
	StrangersKey       Trick = "a stranger's key"          // signed by another key under the name of the issuer's
	BringsKey          Trick = "a key in the token"        // signed by another key, which the token brings along
	ForeignAudience    Trick = "foreign audience"          // the token was made for another client
	SharedAudience     Trick = "shared audience"           // the token was made for this client and another, and names the other as the one it was given to
	WrongParty         Trick = "wrong authorized party"    // the token was given to another client
	Expired            Trick = "expired"                   // the token has ended an hour ago
	NeverExpires       Trick = "never expires"             // the token says no end
	NotYet             Trick = "not yet"                   // the token was made a day from now
	ForeignIssuer      Trick = "foreign issuer"            // the token names another issuer
	NoSubject          Trick = "no subject"                // the token says not who
	EmptySubject       Trick = "empty subject"             // the token says nobody
	LongSubject        Trick = "long subject"              // the subject has ten thousand letters; OpenID Connect allows 255
	NoToken            Trick = "no token"                  // the token endpoint gives only an access token
	OldSignIn          Trick = "old sign-in"               // the token says that the person proved themselves a day ago
	ForeignAnswer      Trick = "foreign issuer in answer"  // the answer that the browser brings names another issuer (RFC 9207)
	NamelessAnswer     Trick = "no issuer in answer"       // the answer names no issuer, though discovery says that all do
	ForeignState       Trick = "foreign state"             // the answer belongs to another question
	NoState            Trick = "no state"                  // the answer belongs to no question
	ForeignDiscovery   Trick = "foreign issuer discovered" // discovery names another issuer
	NothingDiscovered  Trick = "nothing discovered"        // discovery names no endpoint
	EndpointsElsewhere Trick = "endpoints elsewhere"       // discovery names a token endpoint in a private network
)

// stranger is another issuer, and a client of somebody else.
const stranger = "https://stranger.invalid"

// Play has the issuer play a trick until it is told another, or to be Honest.
func (i *Issuer) Play(trick Trick) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.trick = trick
}

// RewriteToken has f change the claims of every token until it is called with nil; the token is signed by the issuer's key.
func (i *Issuer) RewriteToken(f func(claims map[string]any)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rewrite = f
}

// RewriteUserInfo has f change what the userinfo endpoint says until it is called with nil.
func (i *Issuer) RewriteUserInfo(f func(claims map[string]any)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = f
}

// RewriteDiscovery has f change what discovery says until it is called with nil.
func (i *Issuer) RewriteDiscovery(f func(metadata map[string]any)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.document = f
}

// claims does to a token's claims what the trick says, and tells whether it changed them.
func (trick Trick) claims(claims map[string]any, client string, now time.Time) (changed bool) {
	others := map[Trick]map[string]any{
		SwappedNonce:    {"nonce": rand.Text()},
		NoNonce:         {"nonce": nil},
		ForeignAudience: {"aud": "somebody-else"},
		SharedAudience:  {"aud": []string{client, "somebody-else"}, "azp": "somebody-else"},
		WrongParty:      {"azp": "somebody-else"},
		Expired:         {"exp": now.Add(-time.Hour).Unix(), "iat": now.Add(-2 * time.Hour).Unix()},
		NeverExpires:    {"exp": nil},
		NotYet:          {"exp": now.Add(25 * time.Hour).Unix(), "iat": now.Add(24 * time.Hour).Unix(), "nbf": now.Add(24 * time.Hour).Unix()},
		ForeignIssuer:   {"iss": stranger},
		NoSubject:       {"sub": nil},
		EmptySubject:    {"sub": ""},
		LongSubject:     {"sub": strings.Repeat("a", 10000)},
		OldSignIn:       {"auth_time": now.Add(-24 * time.Hour).Unix()},
	}[trick]
	maps.Copy(claims, others)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return len(others) > 0
}

// answer does to what the browser brings back what the trick says.
func (trick Trick) answer(values url.Values) {
	switch trick {
	case ForeignAnswer:
		values.Set("iss", stranger)
	case NamelessAnswer:
		values.Del("iss")
	case ForeignState:
		values.Set("state", rand.Text())
	case NoState:
		values.Del("state")
	}
}

// discovery does to the issuer's metadata what the trick says.
func (trick Trick) discovery(metadata map[string]any) {
	switch trick {
	case ForeignDiscovery:
		metadata["issuer"] = stranger
	case NothingDiscovered:
		clear(metadata)
	case EndpointsElsewhere:
		metadata["token_endpoint"] = "http://10.0.0.1/token"
	}
}

// signer is the key by which a token is signed, and the header that names it; none for a token that is not.
func (trick Trick) signer(own jose.JSONWebKey, secret string) (*jose.SigningKey, error) {
	switch trick {
	case AlgorithmNone:
		return nil, nil
	case SignedByPublic:
		text, err := publicText(own)
		return &jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: text, KeyID: own.KeyID}}, err
	case SignedByClient:
		return &jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, nil
	case StrangersKey, BringsKey:
		key, err := newKey(own.Algorithm)
		if trick == StrangersKey {
			key.KeyID = own.KeyID
		}
		return &jose.SigningKey{Algorithm: jose.SignatureAlgorithm(own.Algorithm), Key: key}, err
	default:
		return &jose.SigningKey{Algorithm: jose.SignatureAlgorithm(own.Algorithm), Key: own}, nil
	}
}

// signs tells whether the trick is in the signature.
func (trick Trick) signs() bool {
	switch trick {
	case AlgorithmNone, SignedByPublic, SignedByClient, StrangersKey, BringsKey:
		return true
	default:
		return false
	}
}
