package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"
	"time"

	"usher/internal/secret"
)

func pemOf(t *testing.T, key any) secret.Token {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.TokenOf(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// A secret is used again until half of its life is over, and another is made well before its end.
func TestAppleSecretIsRenewed(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := newAppleSecrets(Apple{ClientID: "c", TeamID: "t", KeyID: "k", Key: pemOf(t, key), Issuer: "https://appleid.apple.com"}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	made := func() string {
		one, err := s.secret()
		if err != nil {
			t.Fatal(err)
		}
		return one.Reveal()
	}
	first := made()
	now = now.Add(appleSecretLife - appleSecretLeft - time.Second)
	if made() != first {
		t.Error("another was made too early")
	}
	now = now.Add(time.Second)
	second := made()
	if second == first {
		t.Error("none was made in time")
	}
	now = now.Add(-5 * time.Hour)
	if made() == second {
		t.Error("a clock that was set back keeps one for longer than its life")
	}
}

func TestAppleKeyThatIsNone(t *testing.T) {
	wrong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]secret.Token{
		"empty": {}, "text": secret.TokenOf("key"), "PEM of nothing": secret.TokenOf("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "RSA": pemOf(t, wrong), "another curve": pemOf(t, curve),
	} {
		if _, err := AppleAs(Apple{Key: key}, time.Now); !errors.Is(err, ErrAppleKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
