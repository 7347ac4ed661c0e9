package directory

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is written is read again, and names that differ have keys that differ.
func TestNamesComeBack(t *testing.T) {
	value := rapid.StringMatching(`[ a-zA-Z,+"\\<>;=#\x01é☃-]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		one, two := value.Draw(t, "one"), value.Draw(t, "two")
		n := dn{{"uid", one}, {"ou", "people"}}
		back, err := parseDN(n.String())
		if err != nil || len(back) != 2 || back[0].value != one || back.key() != n.key() {
			t.Fatalf("%q comes back as %q: %v", n, back, err)
		}
		m := dn{{"uid", two}, {"ou", "people"}}
		if (n.key() == m.key()) != (folded(one) == folded(two)) {
			t.Fatalf("%q and %q have the keys %q and %q", one, two, n.key(), m.key())
		}
		if strings.Count(n.key(), ",") != 1 {
			t.Fatalf("the key of %q is %q", n, n.key())
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"uid=bert,ou=people,dc=usher", `uid=\ b\2c\zz`, "a=b;c=d", "=", ",", `a=\`, "a=\xff", "uid=a+b=c", " a = b "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseDN(text)
		if err != nil {
			return
		}
		if back, err := parseDN(n.String()); err != nil || back.key() != n.key() {
			t.Errorf("%q is %q, and then %q: %v", text, n, back, err)
		}
	})
}

func TestABaseIsAName(t *testing.T) {
	for _, base := range []string{"", "usher", "dc=", "dc=usher,"} {
		if _, err := New(Settings{Base: base}); err == nil {
			t.Errorf("%q is taken", base)
		}
	}
}
