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

func TestPollCode(t *testing.T) {
	ring, err := NewRing()
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewRing()
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := ring.BeginRotation()
	if err != nil {
		t.Fatal(err)
	}
	code := ring.PollCode(7, "attic")
	if !code.WellFormed() || code != ring.PollCode(7, "attic") || code != rotated.PollCode(7, "attic") {
		t.Error("it is not the same, or no token")
	}
	for _, another := range []Token{ring.PollCode(8, "attic"), ring.PollCode(7, "attic2"), ring.PollCode(7, ""), other.PollCode(7, "attic"), ring.PollCode(77, "attic")} {
		if another == code {
			t.Error("two are the same")
		}
	}
}
