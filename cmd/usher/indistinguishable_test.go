package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"usher/internal/loadtest/crowd"
	"usher/internal/testdb"
)

// Whoever measures how long an answer takes must not learn from it whether there is an account. Each pair asks once about somebody who has one
// and once about somebody who has none, in an order that chance gives, so that whatever else the machine does falls on both alike.
const (
	pairs       = 300
	rounds      = 2 // sound code fails one round in a hundred by chance; what tells something fails them all
	mostApart   = 2 * time.Millisecond
	leastChance = 0.01

	firstWith    = 1000 // people with an account who are asked about; their addresses are as long as the others'
	firstWithout = 5000 // people who have none
)

// TestTimesTellNothing asks the running service, over a real connection, what a stranger can ask.
func TestTimesTellNothing(t *testing.T) {
	if os.Getenv("USHER_TEST_FULL") == "" {
		return // only with scripts/test --full
	}
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		h := openHouse(t, databaseURL, firstWith+rounds*pairs)
		line, err := crowd.Dial(h.Listen)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = line.Close() })
		for _, act := range []question{
			{"sign-in", http.StatusUnprocessableEntity, func(email string) url.Values {
				return url.Values{"login": {email}, "password": {"not the password"}}
			}},
			{"reset", http.StatusSeeOther, func(email string) url.Values { return url.Values{"login": {email}} }},
			{"sign-up", http.StatusSeeOther, func(email string) url.Values {
				return url.Values{"email": {email}, "password": {"velvet orchard comet ladder"}}
			}},
		} {
			t.Run(act.name, func(t *testing.T) { act.tellsNothing(t, h.Service, line) })
		}
	})
}

// question is a form of a stranger, and what every answer to it says.
type question struct {
	name   string
	status int
	form   func(email string) url.Values
}

func (q question) tellsNothing(t *testing.T, s crowd.Service, line *crowd.Line) {
	for round := range rounds {
		with, without := q.measure(t, s, line, round*pairs)
		p := chance(with, without)
		apart := time.Duration(math.Abs(median(with) - median(without)))
		t.Logf("round %d: %v with an account, %v without, %v apart; chance alone gives such a difference with %.3f",
			round+1, time.Duration(median(with)), time.Duration(median(without)), apart, p)
		if apart < mostApart && p > leastChance {
			return
		}
	}
	t.Errorf("the time of an answer tells who has an account")
}

// measure asks about a round's people, each of them once: no limit has been reached, and nobody's row is warmer than another's.
func (q question) measure(t *testing.T, s crowd.Service, line *crowd.Line, skip int) (with, without []float64) {
	ask := func(i int) float64 {
		form := s.Post(i, "/"+q.name, q.form(crowd.Email(i)))
		begin := time.Now()
		status, err := line.Ask(form)
		took := time.Since(begin)
		if err != nil || status != q.status {
			t.Fatalf("answered with %d, wanted %d: %v", status, q.status, err)
		}
		return float64(took)
	}
	for pair := range pairs {
		withFirst := rand.N(2) == 0
		if withFirst {
			with = append(with, ask(firstWith+skip+pair))
		}
		without = append(without, ask(firstWithout+skip+pair))
		if !withFirst {
			with = append(with, ask(firstWith+skip+pair))
		}
	}
	return with, without
}

// chance is the p of the two-sided rank test of Mann and Whitney, by the normal approximation: how likely it is that two samples of one kind
// differ as much as these.
func chance(a, b []float64) float64 {
	u := 0.0
	for _, x := range a {
		for _, y := range b {
			u += float64(1+cmp.Compare(x, y)) / 2
		}
	}
	n, m := float64(len(a)), float64(len(b))
	z := (math.Abs(u-n*m/2) - 0.5) / math.Sqrt(n*m*(n+m+1)/12)
	return math.Min(1, math.Erfc(z/math.Sqrt2))
}

// The rank test agrees with the books, and with as many pairs as above it sees a quarter of the spread.
func TestChance(t *testing.T) {
	low, high := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []float64{11, 12, 13, 14, 15, 16, 17, 18, 19, 20}
	if p := chance(low, high); math.Abs(p-0.000183) > 0.000001 {
		t.Errorf("two samples that are wholly apart: %g", p)
	}
	if p := chance(low, low); p != 1 {
		t.Errorf("a sample and itself: %g", p)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var one, other, slower []float64
	for range pairs {
		one = append(one, random.ExpFloat64())
		other = append(other, random.ExpFloat64())
		slower = append(slower, random.ExpFloat64()+0.25)
	}
	if p := chance(one, other); p < leastChance {
		t.Errorf("two samples of one kind: %g", p)
	}
	if p := chance(one, slower); p > leastChance {
		t.Errorf("two samples of two kinds: %g", p)
	}
}
