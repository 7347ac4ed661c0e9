package main

import (
	"cmp"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/id"
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
			{"sign-in", http.StatusUnprocessableEntity, func(i int) []byte {
				return h.Post(i, "/sign-in", url.Values{"login": {crowd.Email(i)}, "password": {"not the password"}})
			}},
			{"reset", http.StatusSeeOther, func(i int) []byte { return h.Post(i, "/reset", url.Values{"login": {crowd.Email(i)}}) }},
			{"sign-up", http.StatusSeeOther, func(i int) []byte {
				return h.Post(i, "/sign-up", url.Values{"email": {crowd.Email(i)}, "password": {"velvet orchard comet ladder"}})
			}},
		} {
			t.Run(act.name, func(t *testing.T) { act.tellsNothing(t, line) })
		}
	})
}

// TestTimesOfInvitationsTellNothing asks what the owner of a media server can ask, about addresses and about user names. An owner may ask twenty times a day.
func TestTimesOfInvitationsTellNothing(t *testing.T) {
	if os.Getenv("USHER_TEST_FULL") == "" {
		return // only with scripts/test --full
	}
	const fromEach = 5 // pairs, of each owner
	member := func(i int) string { return "member" + strconv.Itoa(i) }
	for name, typed := range map[string]func(i int) string{"address": crowd.Email, "user name": member} {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, databaseURL string) {
				h := openHouse(t, databaseURL, firstWith+rounds*pairs)
				at := make([]string, rounds*pairs/fromEach)
				for i := range at {
					at[i] = "/servers/" + h.claims(t, h.person(t, i)) + "/access"
				}
				i := firstWith - 1
				_, err := h.db.LoadAccounts(t.Context(), func() (account.Account, error) {
					if i++; i == firstWith+rounds*pairs {
						return account.Account{}, io.EOF
					}
					return account.Account{
						Standing: account.Standing{ID: id.New(h.now()), State: account.Active, Epoch: 1}, Email: member(i) + "@crowd.example", UserName: member(i), Password: h.phc, CreatedAt: h.now(),
					}, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				line, err := crowd.Dial(h.Listen)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = line.Close() })
				asked := 0
				invite := question{name, http.StatusSeeOther, func(i int) []byte {
					asked++
					owner := i % 1000 / fromEach
					return h.Send(owner, at[owner], url.Values{"who": {typed(i)}})
				}}
				invite.tellsNothing(t, line)
				var invited int
				if err := behind(t, databaseURL).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM server_access").Scan(&invited); err != nil || invited != asked {
					t.Errorf("%d of %d were invited: %v", invited, asked, err)
				}
			})
		})
	}
}

// question is what somebody sends about a person, and what every answer to it says.
type question struct {
	name   string
	status int
	about  func(i int) []byte
}

func (q question) tellsNothing(t *testing.T, line *crowd.Line) {
	for round := range rounds {
		with, without := q.measure(t, line, round*pairs)
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
func (q question) measure(t *testing.T, line *crowd.Line, skip int) (with, without []float64) {
	ask := func(i int) float64 {
		form := q.about(i)
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
