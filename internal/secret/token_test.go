package secret

import "testing"

func TestBearer(t *testing.T) {
	for _, test := range []struct {
		lines []string
		want  string
	}{
		{nil, ""},
		{[]string{"Bearer abc"}, "abc"},
		{[]string{"bearer  abc "}, "abc"}, // schemes have no case (RFC 9110 §11.1)
		{[]string{"Bearer"}, ""},
		{[]string{"Bearer "}, ""},
		{[]string{"Basic abc"}, ""},
		{[]string{"Bearerabc"}, ""},
		{[]string{"Bearer abc", "Bearer abc"}, ""},
	} {
		if got := Bearer(test.lines).Reveal(); got != test.want {
			t.Errorf("%q shows %q, want %q", test.lines, got, test.want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	token, other := NewToken(), NewToken()
	if !token.HasFingerprint(token.Fingerprint()) || other.HasFingerprint(token.Fingerprint()) || token.HasFingerprint("") {
		t.Error("a token is not known by its own fingerprint alone")
	}
	if nobody := (Token{}); nobody.HasFingerprint(nobody.Fingerprint()) {
		t.Error("who shows nothing is known")
	}
	if text := token.Fingerprint(); len(text) != 64 || text == token.Reveal() {
		t.Errorf("%q", text)
	}
}
