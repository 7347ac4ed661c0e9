package tvlink

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/mfa"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// house is the flow on a real store, with a clock that the test moves.
type house struct {
	*testing.T
	*Service
	db   *store.DB
	pool *argon2id.Pool
	now  time.Time
}

func eachHouse(t *testing.T, test func(h *house)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		h := &house{T: t, now: start}
		h.db, h.pool = teststore.Open(t, databaseURL, h.now), teststore.Hasher(t, 8)
		clock := func() time.Time { return h.now }
		resolver := &credential.Resolver{Store: h.db, Now: clock}
		factors := &mfa.Checker{Store: h.db, Hasher: h.pool, Now: clock}
		h.Service = &Service{
			Store: h.db, Resolver: resolver, Factors: factors, Pace: &Pace{}, Walks: &Walks{}, Longest: linkcode.Longest, Now: clock,
			Passwords: &signin.Service{Store: h.db, Hasher: h.pool, Resolver: resolver, Factors: factors, Now: clock},
		}
		test(h)
	})
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// somebody is a person with a browser at an address.
type somebody struct {
	account.Account
	credential.Found
	client device.Client
}

func (h *house) person(name, address string) somebody {
	h.Helper()
	a := teststore.Person(h, h.db, name, h.now, nil)
	clock, err := h.db.ReadClock(h.Context())
	h.must(err)
	return somebody{a, credential.Found{Credential: credential.Credential{AccountID: a.ID}, Clock: clock, Account: a.Standing}, at(address)}
}

func at(address string) device.Client { return device.Client{Address: netip.MustParseAddr(address)} }

func (h *house) types(who somebody, code secret.Token) error {
	_, err := h.Enter(h.Context(), who.Found, who.Account, code.Reveal(), who.client)
	return err
}

// Thirty days of guessing by ten accounts on ten networks, with three TVs waiting in other houses all the time: whatever the limits let through,
// taken together, hits with less than a ten-thousandth a day. And every day somebody at home links a TV with four characters (LK-6).
func TestThirtyDaysOfGuessing(t *testing.T) {
	const guessers, days, each, waiting = 10, 30, 4, 3
	eachHouse(t, func(h *house) {
		var crowd []somebody
		for i := range guessers {
			crowd = append(crowd, h.person(fmt.Sprintf("guesser%02d", i), fmt.Sprintf("198.51.%d.9", i)))
		}
		owner := h.person("owner", "203.0.113.1")
		h.now = h.now.Add(36 * time.Hour) // midnight, and nobody is new any more
		hits, tried, refused := 0, 0, map[string]int{}
		for day := range days {
			spent := 0.0
			for part := range 4 {
				for i := range waiting {
					_, err := h.Ask(h.Context(), Asking{Asker: fmt.Sprint(i), Client: at(fmt.Sprintf("203.0.%d.7", i))})
					h.must(err)
				}
				for i := range guessers * each {
					err := h.types(crowd[i%guessers], linkcode.NewShort(linkcode.Shortest))
					switch {
					case errors.Is(err, linkcode.ErrAskLong):
						refused["ledger"]++
						continue
					case errors.As(err, new(*ratelimit.LimitedError)):
						refused["limit"]++
						continue
					case err == nil:
						hits++
					case !errors.Is(err, linkcode.ErrNotFound):
						t.Fatal(err)
					}
					tried++
					spent += waiting / math.Pow(32, linkcode.Shortest)
				}
				if part == 3 {
					p, err := h.Ask(h.Context(), Asking{Asker: "home", Client: owner.client})
					h.must(err)
					if err := h.types(owner, p.Short); err != nil {
						t.Errorf("day %d: at home four characters are not enough: %v", day, err)
					}
				}
				h.now = h.now.Add(6 * time.Hour)
			}
			if spent > 1e-4 {
				t.Errorf("on day %d the guesses together hit with %.2g", day, spent)
			}
		}
		t.Logf("%d guesses were looked up, %d hit; refused: %v", tried, hits, refused)
		if hits > 1 || tried < days*20 || refused["ledger"] == 0 || refused["limit"] == 0 { // two hits would be chance once in 200,000 runs
			t.Errorf("%d guesses, %d hits, refused: %v", tried, hits, refused)
		}
	})
}
