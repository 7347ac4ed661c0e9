package secret

import "testing"

func TestNewClaim(t *testing.T) {
	one, other := NewClaim(), NewClaim()
	if one == other || !one.IsClaim() || len(one.text) != len("claim-")+32 || one.WellFormed() || one.IsAppPassword() {
		t.Errorf("made %d characters", len(one.text))
	}
	for _, text := range []string{"", "claim-", one.text + "0", one.text[:37], "claim-" + one.text[6:37] + "w", "CLAIM-" + one.text[6:], one.text[6:], " " + one.text} {
		if TokenOf(text).IsClaim() {
			t.Errorf("%q is one", text)
		}
	}
}
