package gate

import "testing"

// Whoever answers at an address in the house writes nothing into a terminal but text.
func TestAnAnswerIsText(t *testing.T) {
	for answer, want := range map[string]string{
		"no\n": "no", "\x1b]0;evil\x07\x1b[2Jno": "]0;evil[2Jno", "a\u202eb\u009bc\xff": "abc?", "one\ntwo\r\n": "one\ntwo", "": "",
	} {
		if got := said([]byte(answer)); got != want {
			t.Errorf("%q is shown as %q", answer, got)
		}
	}
}
