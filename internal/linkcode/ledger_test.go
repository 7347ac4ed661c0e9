package linkcode

import (
	"math"
	"testing"
	"time"
)

// Codes get longer as their own kind fills up, and no other: however many wait, one guess stays small.
func TestLength(t *testing.T) {
	for _, c := range []struct {
		crowd         Crowd
		longest, want int
	}{
		{Crowd{}, Longest, 4}, {Crowd{4: 8}, Longest, 4}, {Crowd{4: 9}, Longest, 5}, {Crowd{4: 9, 5: 256}, Longest, 5}, {Crowd{4: 9, 5: 257}, Longest, 6},
		{Crowd{4: 9, 5: 257, 6: 8193}, Longest, 7}, {Crowd{4: 9, 5: 257, 6: 8193, 7: 1_000_000}, Longest, 7},
		{Crowd{7: 90_000}, Longest, 4}, {Crowd{5: 300}, Longest, 4}, {Crowd{0: 9}, Longest, 5}, {Crowd{4: 9, 5: 300}, Shortest, 4}, {Crowd{4: 9, 5: 300}, 5, 5},
	} {
		if got := c.crowd.Length(c.longest); got != c.want {
			t.Errorf("with %v waiting a code has %d symbols, want %d", c.crowd, got, c.want)
		}
	}
	var crowd Crowd
	for range MostAtAll {
		length := crowd.Length(Longest)
		crowd[length]++
		if risk := Risk(crowd.Of(length), length); risk > riskUnit/100_000 {
			t.Fatalf("with %v waiting a guess of %d symbols hits with %d parts", crowd, length, risk)
		}
	}
	if crowd.All() != MostAtAll || crowd[Shortest] != fullAt+1 || crowd.Of(2) != 0 || crowd.Of(8) != 0 {
		t.Errorf("they stand as %v", crowd)
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
