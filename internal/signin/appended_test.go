package signin

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"usher/internal/secret"
)

func TestSplitAppended(t *testing.T) {
	for typed, want := range map[string]string{
		"hunter2123456":               "hunter2|123456",
		"hunter2123456654321":         "hunter2123456|654321",
		"123456":                      "|123456",
		"pass 000000":                 "pass |000000",
		"cafe\u0301123456":            "café|123456", // composed first, then counted
		"🔑123456":                     "🔑|123456",
		"12345":                       "",
		"":                            "",
		"hunter2":                     "",
		"hunter2123456 ":              "",
		"hunter2123456\n":             "",
		"hunter2123 456":              "",
		"hunter212345x":               "",
		"hunter2１２３４５６":               "",
		"hunter2١٢٣٤٥٦":               "",
		"hunter212345６":               "",
		"hunter2123456\u0301":         "", // an accent on the last digit
		"hunter2123456\u200d":         "",
		"hunter27ABC-DEFG-HJKL-MN":    "",
		strings.Repeat("1", 20<<10):   "",
		"\xff\xfe123456":              "\xff\xfe|123456", // no password is like that, which is found out later
		"0" + strings.Repeat("0", 12): "0000000|000000",
	} {
		password, code, ok := splitAppended(secret.TokenOf(typed))
		if got := password.Reveal() + "|" + code.Reveal(); ok != (want != "") || ok && got != want {
			t.Errorf("%.40q is split into %.40q, %t; want %q", typed, got, ok, want)
		}
	}
}

// Whatever is typed, a split loses and invents nothing, and takes six ASCII digits from the end or none.
func FuzzSplitAppended(f *testing.F) {
	for _, typed := range []string{"", "hunter2123456", "hunter2１２３４５６", "a\u0301111111", "123456\u0301", "\xff123456"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		password, code, ok := splitAppended(secret.TokenOf(typed))
		if !ok {
			if !password.Empty() || !code.Empty() {
				t.Fatal("not split, and in parts")
			}
			return
		}
		if len(code.Reveal()) != 6 || strings.Trim(code.Reveal(), "0123456789") != "" {
			t.Fatalf("the code is %q", code.Reveal())
		}
		if password.Reveal()+code.Reveal() != norm.NFC.String(typed) {
			t.Fatalf("%q came apart into %q and %q", typed, password.Reveal(), code.Reveal())
		}
		if again := norm.NFC.String(password.Reveal()); utf8.ValidString(typed) && again != password.Reveal() {
			t.Fatalf("the password is not normal: %q", password.Reveal())
		}
	})
}
