package signing

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// proving signs a payload by a new key, under a header that a test may change.
func proving(t testing.TB, payload string, change func(header, jwk map[string]any)) (token string, public ed25519.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return provingBy(t, private, payload, change)
}

func provingBy(t testing.TB, private ed25519.PrivateKey, payload string, change func(header, jwk map[string]any)) (token string, public ed25519.PublicKey) {
	t.Helper()
	public = private.Public().(ed25519.PublicKey)
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}
	header := map[string]any{"typ": ClaimProof, "jwk": jwk}
	if change != nil {
		change(header, jwk)
	}
	o := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	for name, value := range header {
		o.ExtraHeaders[jose.HeaderKey(name)] = value
	}
	s := signer{jose.EdDSA, jose.JSONWebKey{Key: private}}
	return s.sign(t, payload, o.ExtraHeaders), public
}

func TestOpenProof(t *testing.T) {
	good, public := proving(t, `{"aud":"us"}`, nil)
	p, err := OpenProof(good, ClaimProof)
	if err != nil || p.Claims.Text("aud") != "us" || p.Public != base64.RawURLEncoding.EncodeToString(public) || len(p.Thumbprint) != 43 {
		t.Fatalf("%+v %v", p, err)
	}
	other, _ := proving(t, `{"aud":"us"}`, nil)
	head, rest, _ := strings.Cut(good, ".")
	body, tail, _ := strings.Cut(rest, ".")
	otherHead, _, _ := strings.Cut(other, ".")
	bad := map[string]string{
		"nothing": "", "dots": "..", "another key": otherHead + "." + body + "." + tail, "unsigned": head + "." + body + ".", "padded": good + "=", "a line break": good + "\n",
		"another spelling": respelled(good),
		"another payload":  head + "." + encoding.EncodeToString([]byte(`{"aud":"them"}`)) + "." + tail,
	}
	for what, change := range map[string]func(header, jwk map[string]any){
		"another typ": func(h, _ map[string]any) { h["typ"] = "JWT" }, "no typ": func(h, _ map[string]any) { delete(h, "typ") },
		"no key": func(h, _ map[string]any) { delete(h, "jwk") }, "a private key": func(_, k map[string]any) { k["d"] = k["x"] },
		"another curve": func(_, k map[string]any) { k["crv"] = "X25519" }, "another type of key": func(_, k map[string]any) { k["kty"] = "EC" },
		"a short key": func(_, k map[string]any) { k["x"] = "AAAA" }, "a place of a key": func(h, _ map[string]any) { h["jku"] = "https://evil.example/" },
		"a certificate": func(h, _ map[string]any) { h["x5c"] = []string{"x"} }, "critical": func(h, _ map[string]any) { h["crit"] = []string{"exp"} },
	} {
		bad[what], _ = proving(t, `{}`, change)
	}
	bad["no object"], _ = proving(t, `[]`, nil)
	bad["two members of a name"], _ = proving(t, `{"aud":"us","aud":"them"}`, nil)
	for what, token := range bad {
		if _, err := OpenProof(token, ClaimProof); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s is taken: %v", what, err)
		}
	}
}

// FuzzProof looks for a text that counts and that no key signed.
func FuzzProof(f *testing.F) {
	good, _ := provingBy(f, fixedKey, `{"aud":"us"}`, nil)
	for _, seed := range []string{good, good + "=", good[:20] + "\n" + good[20:], good + "\n", "", "..", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := OpenProof(token, ClaimProof); (err == nil) != (token == good) {
			t.Errorf("%q: %v", token, err)
		}
	})
}
