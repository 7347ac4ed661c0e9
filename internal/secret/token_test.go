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
