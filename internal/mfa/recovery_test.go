package mfa

import (
	"math"
	"strings"
	"testing"

	"usher/internal/secret"
)

func TestNewRecovery(t *testing.T) {
	if bits := recoverySymbols * math.Log2(float64(len(recoveryAlphabet))); bits < 64 {
		t.Errorf("%.0f random bits", bits)
	}
	seen, counts := map[string]bool{}, map[rune]int{}
	const sets = 1000
	for range sets {
		for i, r := range NewRecovery() {
			if r.Selector != string(rune('0'+i)) || len(r.Rest.Reveal()) != recoverySymbols || seen[r.Rest.Reveal()] {
				t.Fatalf("code %d has the selector %q", i, r.Selector)
			}
			seen[r.Rest.Reveal()] = true
			for _, c := range r.Rest.Reveal() {
				counts[c]++
			}
			back, ok := ReadRecovery(r.Text())
			if !ok || back != r {
				t.Fatal("a code does not read back")
			}
		}
	}
	mean := float64(sets*RecoveryCodes*recoverySymbols) / float64(len(recoveryAlphabet))
	for _, c := range recoveryAlphabet {
		if off := math.Abs(float64(counts[c]) - mean); off > 6*math.Sqrt(mean) {
			t.Errorf("%c came %d times, %.0f on average", c, counts[c], mean)
		}
	}
}

func TestReadRecoveryForgives(t *testing.T) {
	want := Recovery{"7", secret.TokenOf("ABCDEFGHJKLMN")}
	for _, typed := range []string{
		"7ABC-DEFG-HJKL-MN", "7abc-defg-hjkl-mn", "7ABCDEFGHJKLMN", " 7 ABC DEFG\u00a0HJKL MN ", "7ABC\u2011DEFG\u2013HJKL-MN", "-7abcdefghjklmn-", "\t7ABC-DEFG-HJKL-MN\r\n",
	} {
		if got, ok := ReadRecovery(secret.TokenOf(typed)); !ok || got != want {
			t.Errorf("%q does not read", typed)
		}
	}
	for _, typed := range []string{
		"", "7", "123456", "7ABC-DEFG-HJKL-M", "7ABC-DEFG-HJKL-MNP", "XABC-DEFG-HJKL-MN", "7ABC-DEFG-HJKL-M0", "7ABC-DEFG-HJKL-MI", "7ABC_DEFG_HJKL_MN", "٧ABCDEFGHJKLMN",
	} {
		if _, ok := ReadRecovery(secret.TokenOf(typed)); ok {
			t.Errorf("%q reads", typed)
		}
	}
}

func TestReadCodeForgives(t *testing.T) {
	for _, typed := range []string{"123456", "123 456", " 123456 ", "123\u00a0456", "123-456", "1 2 3 4 5 6"} {
		if got, ok := ReadCode(secret.TokenOf(typed)); !ok || got.Reveal() != "123456" {
			t.Errorf("%q does not read", typed)
		}
	}
	for _, typed := range []string{"", "12345", "1234567", "12345a", "7ABC-DEFG-HJKL-MN", "١٢٣٤٥٦"} {
		if _, ok := ReadCode(secret.TokenOf(typed)); ok {
			t.Errorf("%q reads", typed)
		}
	}
}

// Whatever is typed, what reads has the one spelling, and reads again as the same.
func FuzzReadRecovery(f *testing.F) {
	for _, seed := range []string{"7ABC-DEFG-HJKL-MN", "0 2345 6789 2345 6", "9zzzzzzzzzzzzz", "123456", "7abc-defg-hjkl-mı", "\u00a07ABCDEFGHJKLMN\x00", "ſ234567892345k"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		r, ok := ReadRecovery(secret.TokenOf(typed))
		if !ok {
			if !r.Rest.Empty() || r.Selector != "" {
				t.Fatal("what does not read says something")
			}
			return
		}
		if len(r.Selector) != 1 || !strings.Contains("0123456789", r.Selector) || len(r.Rest.Reveal()) != recoverySymbols || strings.Trim(r.Rest.Reveal(), recoveryAlphabet) != "" {
			t.Fatalf("%q reads as something else", typed)
		}
		if back, ok := ReadRecovery(r.Text()); !ok || back != r {
			t.Fatalf("%q has no one spelling", typed)
		}
		if _, both := ReadCode(secret.TokenOf(typed)); both {
			t.Fatalf("%q is a code and a recovery code", typed)
		}
	})
}
