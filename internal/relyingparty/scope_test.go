package relyingparty

import (
	"slices"
	"strings"
	"testing"
)

func TestParseScopes(t *testing.T) {
	for text, want := range map[string][]Scope{
		"": nil, "openid": {OpenID}, "openid profile ssf.read": {OpenID, Profile, Signals}, "openid openid email": {OpenID, Email}, "unheard-of !": {"unheard-of", "!"},
	} {
		got, err := ParseScopes(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if again, err := ParseScopes(JoinScopes(got)); err != nil || !slices.Equal(again, want) {
			t.Errorf("%q again: %v, %v", text, again, err)
		}
	}
	for _, text := range []string{" ", " openid", "openid ", "openid  email", "openid\temail", "openid\nemail", `open"id`, `open\id`, "öpenid", "open\x7f", "\x00", "\xff", strings.Repeat("a", longestScope+1)} {
		if got, err := ParseScopes(text); err != ErrScope { // the sentinel itself
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzScopes(f *testing.F) {
	f.Add("openid profile")
	f.Add(" a  b")
	f.Add("a a\xff")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseScopes(text)
		if err != nil {
			return
		}
		again, err := ParseScopes(JoinScopes(all))
		if err != nil || !slices.Equal(all, again) || len(JoinScopes(all)) > len(text) {
			t.Errorf("%q is read as %q, and then as %q: %v", text, all, again, err)
		}
	})
}
