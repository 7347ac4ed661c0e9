package identity

import (
	"testing"

	"usher/internal/account"
)

// FE-1: a person elsewhere is issuer and subject; two issuers with one subject are two people, and no two pairs run into one another.
func TestHandle(t *testing.T) {
	seen := map[account.Handle]Told{}
	for _, told := range []Told{{Issuer: "https://a", Subject: "1"}, {Issuer: "https://b", Subject: "1"}, {Issuer: "https://a", Subject: "2"}, {Issuer: "https://a1"}, {Subject: "https://a1"}} {
		h := told.Handle()
		if other, twice := seen[h]; twice || h.Kind != account.ByIdentity {
			t.Errorf("%+v and %+v are %v", told, other, h)
		}
		seen[h] = told
		again := told
		if again.Email, again.Proved, again.Provider, again.Name = "x@example.org", true, "y", "z"; again.Handle() != h || !again.Same(told) {
			t.Errorf("%+v depends on what may change", told)
		}
	}
	if (Told{Issuer: "a", Subject: "b"}).Same(Told{Issuer: "a", Subject: "c"}) || (Told{Issuer: "a", Subject: "b"}).Same(Told{Issuer: "b", Subject: "b"}) {
		t.Error("others are the same")
	}
}
