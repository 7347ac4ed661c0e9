package linkcode

import (
	"math"
	"testing"
	"time"
)

func TestLength(t *testing.T) {
	for waiting, want := range map[int64]int{0: 4, 1: 4, 8: 4, 9: 5, 256: 5, 257: 6, 8192: 6, 8193: 7, 1_000_000: 7} {
		if got := Length(waiting, Longest); got != want {
			t.Errorf("with %d waiting a code has %d symbols, want %d", waiting, got, want)
		}
	}
	if got := Length(1_000_000, Shortest); got != Shortest {
		t.Errorf("an operator's four became %d", got)
	}
	for _, waiting := range []int64{1, 8, 9, 300, 8192, 100_000} { // a single guess stays small
		if risk := Risk(waiting, Length(waiting, Longest)); risk > riskUnit/100_000 {
			t.Errorf("with %d waiting a guess hits with %d parts", waiting, risk)
		}
	}
}

func TestRisk(t *testing.T) {
	for _, waiting := range []int64{0, 1, 10, 5000, 900_000, 9_000_000} {
		for length := Shortest; length <= Longest; length++ {
			want := min(1, float64(waiting)/math.Pow(32, float64(length))) * float64(riskUnit)
			if got := float64(Risk(waiting, length)); got < want || got > want+1001 {
				t.Errorf("%d waiting, %d symbols: %.0f, want %.0f", waiting, length, got, want)
			}
		}
	}
	if guesses := MostRisk / Risk(1, Shortest); guesses != 104 { // security: how many wrong entries a day from elsewhere with one TV waiting
		t.Errorf("%d guesses a day", guesses)
	}
}

func TestDay(t *testing.T) {
	midnight := time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC)
	if Day(midnight) != Day(midnight.Add(24*time.Hour-1)) || Day(midnight)+1 != Day(midnight.Add(24*time.Hour)) {
		t.Error("a day is not a day")
	}
}
