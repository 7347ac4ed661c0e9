package linkcode

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"usher/internal/secret"
)

func TestCodes(t *testing.T) {
	seen := map[rune]int{}
	for range 2000 {
		for _, c := range NewShort(Shortest).Reveal() {
			seen[c]++
		}
		if long := NewLong(); len(long.Reveal()) != longLength || strings.Trim(long.Reveal(), longSymbols) != "" || !IsLong(long) || !Spelled(long) {
			t.Fatal("a long code has another spelling")
		}
	}
	if len(seen) != len(shortSymbols) {
		t.Errorf("%d symbols in short codes, want %d", len(seen), len(shortSymbols))
	}
	for c, n := range seen { // 250 expected: outside of 150 and 350 is six standard deviations away
		if !strings.ContainsRune(shortSymbols, c) || n < 150 || n > 350 {
			t.Errorf("%c stands %d times", c, n)
		}
	}
	for length := Shortest; length <= Longest; length++ {
		if code := NewShort(length); len(code.Reveal()) != length || IsLong(code) || !Spelled(code) {
			t.Errorf("a code of %d symbols is not short", length)
		}
	}
	if strings.ContainsAny(shortSymbols, "01OI") || strings.ContainsAny(longSymbols, "AEIOUY0123456789") {
		t.Error("codes have symbols that look alike or make words")
	}
}

func TestRead(t *testing.T) {
	for typed, want := range map[string]string{
		"7RQZ": "7RQZ", "7rqz": "7RQZ", " 7 r-q z\n": "7RQZ", "7rq–z": "7RQZ", "bcdf-ghjk": "BCDFGHJK", "BCDF GHJK": "BCDFGHJK", "abcde": "ABCDE", "abcdefg": "ABCDEFG",
		"O0I1": "O0I1", "７ＲＱＺ": "７ＲＱＺ", "' OR": "",
	} {
		code, err := Read(typed)
		if got := code.Reveal(); got != want || (err != nil) != (want == "") {
			t.Errorf("%q is read as %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"O0I1", "７ＲＱＺ", "7RQ/"} {
		if Spelled(secret.TokenOf(typed)) {
			t.Errorf("%q is spelled as codes are", typed)
		}
	}
	for typed, want := range map[string]error{"": ErrTooShort, "7rq": ErrTooShort, "- - -": ErrTooShort, "BCDFGHJKL": ErrTooLong, strings.Repeat("x", 1<<20): ErrTooLong} {
		if _, err := Read(typed); !errors.Is(err, want) {
			t.Errorf("%.10q: %v", typed, err)
		}
	}
}

func TestGrouped(t *testing.T) {
	for code, want := range map[string]string{"BCDFGHJK": "BCDF-GHJK", "7RQZ": "7RQZ", "7RQZ2": "7RQZ2"} {
		if got := Grouped(secret.TokenOf(code)).Reveal(); got != want {
			t.Errorf("%s is shown as %s", code, got)
		}
	}
}

// Whatever is typed, it is a code of some length or none; and a code reads as itself in every spelling that is forgiven.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"7RQZ", "bcdf-ghjk", "\xff\xfe", "ß-ﬁ", "İıſ", strings.Repeat("-", 99)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := Read(typed)
		if err != nil {
			if !code.Empty() {
				t.Error("a code in spite of an error")
			}
			return
		}
		n := len([]rune(code.Reveal()))
		if n < Shortest || n > longLength || strings.ContainsFunc(code.Reveal(), unicode.IsSpace) {
			t.Errorf("%q is read as %q", typed, code.Reveal())
		}
		again, err := Read(strings.ToLower(Grouped(code).Reveal()) + " ")
		if isOurs(code) && (err != nil || again != code) {
			t.Errorf("%q does not read as itself", code.Reveal())
		}
	})
}

func isOurs(code secret.Token) bool {
	return strings.Trim(code.Reveal(), shortSymbols) == "" || strings.Trim(code.Reveal(), longSymbols) == ""
}
