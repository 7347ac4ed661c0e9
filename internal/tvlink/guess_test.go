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

// Whoever types on and on gets as many wrong codes looked up as the limits say, whatever day or quarter of an hour is looked at, the first included.
func TestWrongCodesOfADay(t *testing.T) {
	const step, days = 14 * time.Minute, 50 * time.Hour
	for name, c := range map[string]struct {
		born         time.Duration // before the first one
		people       int           // on one network, or one of them on a new network each time
		quarter, day int
	}{
		"account": {25 * time.Hour, 1, 5, 10}, "newborn": {0, 1, 2, 2}, "network": {25 * time.Hour, 20, 10, 30},
	} {
		t.Run(name, func(t *testing.T) {
			eachHouse(t, func(h *house) {
				var crowd []somebody
				for i := range c.people {
					crowd = append(crowd, h.person(fmt.Sprintf("guesser%02d", i), "198.51.100.9"))
				}
				born := h.now
				h.now = h.now.Add(c.born)
				var looked []time.Time
				networks := 0
				for end := h.now.Add(days); h.now.Before(end) && (c.born > 0 || h.now.Sub(born) < newborn); h.now = h.now.Add(step) {
					for refused := 0; refused < c.people; { // each until it is refused
						who := crowd[refused]
						if c.people == 1 {
							networks++
							who.client = at(fmt.Sprintf("198.%d.%d.9", 51+networks/200, networks%200))
						}
						switch err := h.types(who, linkcode.NewShort(linkcode.Shortest)); {
						case errors.As(err, new(*ratelimit.LimitedError)):
							refused++
						case errors.Is(err, linkcode.ErrNotFound):
							looked = append(looked, h.now)
						default:
							t.Fatal(err)
						}
					}
				}
				within := func(window time.Duration) (most int) {
					for i, from := range looked {
						n := 0
						for _, at := range looked[i:] {
							if at.Sub(from) < window {
								n++
							}
						}
						most = max(most, n)
					}
					return most
				}
				if quarter, day := within(15*time.Minute), within(24*time.Hour); quarter > c.quarter || day > c.day || day < c.day-1 {
					t.Errorf("%d in 15 minutes and %d in a day, want at most %d and %d", quarter, day, c.quarter, c.day)
				}
			})
		})
	}
}

// Strangers with hundreds of networks who make as many requests wait as they may, for a day: four characters that were given out before still are
// found from elsewhere, as are the longer ones that come after, and what a guess weighs stays small (LK-6, §2.5).
func TestStrangersDoNotMakeCodesUnfindable(t *testing.T) {
	const networks = 60
	eachHouse(t, func(h *house) {
		traveller := h.person("traveller", "203.0.113.1")
		h.now = h.now.Add(25 * time.Hour)
		for round := range 3 {
			before, err := h.Ask(h.Context(), Asking{Client: at("192.0.2.7")})
			h.must(err)
			for i := range networks {
				address := fmt.Sprintf("198.51.%d.9", i)
				if i%2 == 0 {
					address = fmt.Sprintf("2001:db8:%x::9", i)
				}
				for range linkcode.Most {
					_, err := h.Ask(h.Context(), Asking{Client: at(address)})
					h.must(err)
				}
			}
			after, err := h.Ask(h.Context(), Asking{Client: at("192.0.2.8")})
			h.must(err)
			if len(before.Short.Reveal()) != linkcode.Shortest || len(after.Short.Reveal()) <= linkcode.Shortest {
				t.Errorf("codes of %d and %d characters", len(before.Short.Reveal()), len(after.Short.Reveal()))
			}
			for _, p := range []Pending{before, after} { // from elsewhere, where right codes weigh as guesses do
				if err := h.types(traveller, p.Short); err != nil {
					t.Errorf("round %d, %d characters: %v", round, len(p.Short.Reveal()), err)
				}
			}
			h.now = h.now.Add(8 * time.Hour)
		}
	})
}

// One /48 has 256 households' networks, and is somebody's who rents a machine: all of them together make ten times as many codes as one, and guess
// ten times as often.
func TestManyNetworksOfOneStranger(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.now = h.now.Add(25 * time.Hour)
		made := 0
		for i := range 256 {
			for range linkcode.Most {
				if _, err := h.Ask(h.Context(), Asking{Client: at(fmt.Sprintf("2001:db8:7:%x00::9", i))}); err == nil {
					made++
				} else if !errors.As(err, new(*ratelimit.LimitedError)) {
					t.Fatal(err)
				}
			}
		}
		if most := 10 * (ratelimit.LinkRequests.Limit + ratelimit.LinkRequestsCrowded.Limit); int64(made) != most {
			t.Errorf("%d codes were made from one /48, want %d", made, most)
		}
		if _, err := h.Ask(h.Context(), Asking{Client: at("2001:db8:8::9")}); err != nil {
			t.Errorf("from another: %v", err)
		}
		looked := 0
		for i := range 40 {
			who := h.person(fmt.Sprintf("guesser%02d", i), fmt.Sprintf("2001:db8:7:%x00::9", i))
			for range 5 {
				err := h.types(who, secret.TokenOf("BBBBBBBB"))
				if errors.Is(err, linkcode.ErrNotFound) {
					looked++
				} else if !errors.As(err, new(*ratelimit.LimitedError)) {
					t.Fatal(err)
				}
			}
		}
		if most := 10 * ratelimit.LinkCodesNetwork.Limit; int64(looked) > most {
			t.Errorf("%d guesses from one /48, want at most %d", looked, most)
		}
	})
}

// Somebody behind the same address who holds all its places leaves the neighbours' TVs a code: a longer one, found from there and elsewhere like any other.
func TestNeighboursOfOneAddress(t *testing.T) {
	eachHouse(t, func(h *house) {
		neighbour := h.person("neighbour", "192.0.2.7")
		for i := range int(ratelimit.LinkRequests.Limit) {
			_, err := h.Ask(h.Context(), Asking{Asker: fmt.Sprint(i % linkcode.Most), Client: at("192.0.2.7")})
			h.must(err)
		}
		for range 2 { // by the number made, and, later, by the places held
			p, err := h.Ask(h.Context(), Asking{Client: at("192.0.2.7")})
			h.must(err)
			if len(p.Short.Reveal()) != linkcode.Longest {
				t.Errorf("a code of %d characters", len(p.Short.Reveal()))
			}
			ticket, err := h.Enter(h.Context(), neighbour.Found, neighbour.Account, p.Short.Reveal(), neighbour.client)
			h.must(err)
			if asked, err := h.Open(h.Context(), neighbour.Found, ticket); err != nil || asked.Elsewhere {
				t.Errorf("at home: %v, elsewhere %t", err, asked.Elsewhere)
			}
			h.now = h.now.Add(10 * time.Minute)
		}
		h.Longest = linkcode.Shortest // an operator's four stay four
		h.now = h.now.Add(-10 * time.Minute)
		if _, err := h.Ask(h.Context(), Asking{Client: at("192.0.2.7")}); !errors.Is(err, linkcode.ErrMost) {
			t.Errorf("where codes may have four: %v", err)
		}
	})
}
