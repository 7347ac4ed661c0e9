package signing

import (
	"encoding/base64"
	"testing"
)

func TestPeek(t *testing.T) {
	spell := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for token, want := range map[string]Unverified{
		spell(`{"alg":"EdDSA","kid":"k"}`) + "." + spell(`{"iss":"attic"}`) + ".x": {KeyID: "k", Issuer: "attic"},
		spell(`{"alg":"EdDSA"}`) + "." + spell(`{"iss":"app","sub":"app"}`) + ".x": {Issuer: "app", Subject: "app"},
		spell(`{}`) + "." + spell(`{"aud":"srv-1"}`) + ".x":                        {Audience: "srv-1"}, spell(`{}`) + "." + spell(`{"aud":["srv-1","b"]}`) + ".x": {},
		spell(`{"kid":7}`) + "." + spell(`{"iss":["a"],"sub":{}}`) + ".": {},
	} {
		if got, err := Peek(token); err != nil || got != want {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	for _, bad := range []string{
		"", "..", "a.b", spell(`{}`) + "." + spell(`[]`) + ".", spell(`{"kid":"a","kid":"b"}`) + "." + spell(`{}`) + ".", spell(`{}`) + "." + spell(`{"iss":"a","iss":"b"}`) + ".",
		spell(`{}`) + "=." + spell(`{}`) + ".", spell(`{}`) + "." + spell(`{}`) + ".x.y",
	} {
		if _, err := Peek(bad); err == nil {
			t.Errorf("%q can be read", bad)
		}
	}
}
