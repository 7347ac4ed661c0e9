package signing

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// signer is a client's key with its public half.
type signer struct {
	alg jose.SignatureAlgorithm
	key jose.JSONWebKey
}

func signers(t testing.TB) map[string]signer {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]signer{
		"RS256": {jose.RS256, jose.JSONWebKey{Key: private, KeyID: "one"}},
		"PS256": {jose.PS256, jose.JSONWebKey{Key: private, KeyID: "one"}},
		"ES256": {jose.ES256, jose.JSONWebKey{Key: curve, KeyID: "one"}},
		"EdDSA": {jose.EdDSA, jose.JSONWebKey{Key: edwards, KeyID: "one"}},
	}
}

func (s signer) set() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.key.Public()}}
}

// sign makes a token with header members of the test's choosing, signed right.
func (s signer) sign(t testing.TB, payload string, extra map[jose.HeaderKey]any) string {
	t.Helper()
	o := &jose.SignerOptions{ExtraHeaders: extra}
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: s.key}, o)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := made.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What a client signs counts under its own key and in one reading only (RFC 8725, attack S9).
func TestOpenClient(t *testing.T) {
	for name, s := range signers(t) {
		good := s.sign(t, `{"sub":"me"}`, nil)
		if c, err := OpenClient(good, s.set()); err != nil || c.Text("sub") != "me" {
			t.Errorf("%s: %v", name, err)
		}
		for _, typ := range []string{"JWT", "client-authentication+jwt"} {
			if _, err := OpenClient(s.sign(t, `{}`, map[jose.HeaderKey]any{"typ": typ}), s.set()); err != nil {
				t.Errorf("%s, %s: %v", name, typ, err)
			}
		}
		bad := map[string]string{
			"another typ": s.sign(t, `{}`, map[jose.HeaderKey]any{"typ": "at+jwt"}), "typ as a number": s.sign(t, `{}`, map[jose.HeaderKey]any{"typ": 7}),
			"its own key": s.sign(t, `{}`, map[jose.HeaderKey]any{"jwk": s.key.Public()}), "a place of a key": s.sign(t, `{}`, map[jose.HeaderKey]any{"jku": "https://evil.example/"}),
			"a certificate": s.sign(t, `{}`, map[jose.HeaderKey]any{"x5c": []string{"x"}}), "a place of one": s.sign(t, `{}`, map[jose.HeaderKey]any{"x5u": "https://evil.example/"}),
			"something critical": s.sign(t, `{}`, map[jose.HeaderKey]any{"crit": []string{"exp"}, "exp": 1}), "unpacked": s.sign(t, `{}`, map[jose.HeaderKey]any{"zip": "DEF"}),
			"two members of a name": s.sign(t, `{"sub":"me","sub":"you"}`, nil), "no object": s.sign(t, `[]`, nil), "nothing": "", "dots": "..", "padded": good + "=",
			"cut": good[:len(good)-2], "too long": s.sign(t, `{"x":"`+strings.Repeat("x", longest)+`"}`, nil),
		}
		head, rest, _ := strings.Cut(good, ".")
		body, tail, _ := strings.Cut(rest, ".")
		der, err := x509.MarshalPKIXPublicKey(s.key.Public().Key)
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range []string{`{"alg":"none"}`, `{"alg":"none","kid":"one"}`, `{"alg":"HS256","kid":"one"}`, `{"kid":"one"}`, `{"alg":"` + name + `","alg":"none"}`, `{"alg":null}`} {
			h := encoding.EncodeToString([]byte(header))
			mac := hmac.New(sha256.New, der)
			mac.Write([]byte(h + "." + body))
			bad[header+", signed before"] = h + "." + body + "." + tail
			bad[header+", unsigned"] = h + "." + body + "."
			bad[header+", by the public key"] = h + "." + body + "." + encoding.EncodeToString(mac.Sum(nil))
		}
		bad["another payload"] = head + "." + encoding.EncodeToString([]byte(`{"sub":"you"}`)) + "." + tail
		for what, token := range bad {
			if _, err := OpenClient(token, s.set()); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s, %s is taken: %v", name, what, err)
			}
		}
	}
}

// A token counts under the key that its kid names, of the right algorithm, and under no private or foreign one.
func TestOpenClientChoosesTheKey(t *testing.T) {
	all := signers(t)
	s, other := all["ES256"], all["EdDSA"]
	token := s.sign(t, `{}`, nil)
	named, limited, private := s.key.Public(), s.key.Public(), s.key
	named.KeyID, limited.Algorithm = "two", "ES384"
	encrypts := s.key.Public()
	encrypts.Use = "enc"
	for what, keys := range map[string][]jose.JSONWebKey{
		"none": nil, "another's": {other.key.Public()}, "another name": {named}, "another algorithm": {limited}, "private": {private}, "for encryption": {encrypts},
	} {
		if _, err := OpenClient(token, jose.JSONWebKeySet{Keys: keys}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := OpenClient(token, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{other.key.Public(), named, s.key.Public()}}); err != nil {
		t.Error(err)
	}
}

func TestPublicHalf(t *testing.T) {
	s := signers(t)["EdDSA"]
	raw, err := json.Marshal(s.set())
	if err != nil || strings.Contains(string(raw), `"d"`) {
		t.Error("the public half is not public")
	}
}

// FuzzAssertion looks for a text that counts and that the client did not sign.
func FuzzAssertion(f *testing.F) {
	s := signer{jose.EdDSA, jose.JSONWebKey{Key: fixedKey, KeyID: "one"}}
	good := s.sign(f, `{"sub":"me"}`, nil)
	for _, seed := range []string{good, good + "=", good[:20] + "\n" + good[20:], good + "\n", "", "..", "eyJhbGciOiJub25lIn0.e30.", s.sign(f, `{"sub":"me"}`, map[jose.HeaderKey]any{"crit": []string{"x"}})} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := OpenClient(token, s.set()); (err == nil) != (token == good) {
			t.Errorf("%q: %v", token, err)
		}
	})
}
