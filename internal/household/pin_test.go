package household

import (
	"errors"
	"strings"
	"testing"
	"time"

	"usher/internal/secret"
)

func TestReadPIN(t *testing.T) {
	for _, typed := range []string{"0000", "0417", "9999"} {
		if pin, err := ReadPIN(typed); err != nil || pin.Reveal() != typed {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for _, typed := range []string{"", "123", "12345", "12a4", " 123", "1234\n", "-123", "+123", "1.23", "１２３４", "١٢٣٤", strings.Repeat("1", 1<<16)} {
		if _, err := ReadPIN(typed); !errors.Is(err, ErrBadPIN) {
			t.Errorf("%.10q: %v", typed, err)
		}
	}
}

// Attack L24, as a count: whoever guesses without end, and never waits longer than told, has ten guesses, and spends fifteen minutes on them.
func TestHowManyGuessesThereAre(t *testing.T) {
	guesses, waited := 0, time.Duration(0)
	for f := (Failures{}); !f.Locked(); guesses++ {
		f.Count++
		waited += Wait(f.Count)
		if guesses > 1000 {
			t.Fatal("guessing has no end")
		}
	}
	if guesses != 10 || waited != 15*time.Minute {
		t.Errorf("%d guesses in %v", guesses, waited)
	}
	for n, want := range map[int64]time.Duration{0: 0, 4: 0, 5: 15 * time.Minute, 6: 0, 9: 0, 10: 0} {
		if got := Wait(n); got != want {
			t.Errorf("after %d: %v", n, got)
		}
	}
}

func TestFits(t *testing.T) {
	c := Candidate{PIN: secret.TokenOf("0417")}
	for typed, want := range map[string]bool{"0417": true, "0418": false, "417": false, "": false, "04170": false} {
		if c.Fits(secret.TokenOf(typed)) != want {
			t.Errorf("%q fits: %t", typed, !want)
		}
	}
}
