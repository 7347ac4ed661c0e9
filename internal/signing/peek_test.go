package signing

import (
	"encoding/base64"
	"testing"
)

func TestPeek(t *testing.T) {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	kid, issuer, err := Peek(part(`{"alg":"EdDSA","kid":"k"}`) + "." + part(`{"iss":"attic"}`) + ".x")
	if err != nil || kid != "k" || issuer != "attic" {
		t.Errorf("%q %q %v", kid, issuer, err)
	}
	for _, bad := range []string{
		"", "..", "a.b", part(`{}`) + "." + part(`[]`) + ".", part(`{"kid":"a","kid":"b"}`) + "." + part(`{}`) + ".", part(`{}`) + "." + part(`{"iss":"a","iss":"b"}`) + ".",
		part(`{}`) + "=." + part(`{}`) + ".", part(`{}`) + "." + part(`{}`) + ".x.y",
	} {
		if _, _, err := Peek(bad); err == nil {
			t.Errorf("%q can be read", bad)
		}
	}
	if kid, issuer, err := Peek(part(`{"kid":7}`) + "." + part(`{"iss":["a"]}`) + "."); err != nil || kid+issuer != "" {
		t.Errorf("%q %q %v", kid, issuer, err)
	}
}
