package tvlink

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/teststore"
)

func (h *house) pins() {
	h.Helper()
	h.PollCode = teststore.Keys(h.T).Ring().PollCode
}

func (h *house) pin(name, address string) Pin {
	h.Helper()
	p, err := h.AskPin(h.Context(), Asking{Claim: device.Claim{Identifier: name}, Client: at(address)})
	h.must(err)
	return p
}

func (h *house) polls(p Pin, name, address string) error {
	_, err := h.PollPin(h.Context(), PinPoll{ID: p.ID, Name: name, Client: at(address)})
	return err
}

// Whoever walks through numbers is refused once he is over the limit, also where he would hit (LK-7); others are not.
func TestWalkersAreRefused(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.pins()
		real := h.pin("one name everywhere", "192.0.2.7")
		limited := new(ratelimit.LimitedError)
		var err error
		for i := range 2 * ratelimit.PinMisses.Limit {
			if err = h.polls(Pin{ID: (real.ID + 1 + i) % (1 << 31)}, "one name everywhere", "198.51.100.9"); errors.As(err, &limited) {
				break
			}
			if !errors.Is(err, ErrExpired) {
				t.Fatal(err)
			}
		}
		if !errors.As(err, &limited) {
			t.Fatalf("nobody stops him: %v", err)
		}
		if err := h.polls(real, "one name everywhere", "198.51.100.9"); !errors.As(err, &limited) {
			t.Errorf("over the limit he finds what waits: %v", err)
		}
		h.must(h.polls(real, "one name everywhere", "192.0.2.7"))
		h.now = limited.Until
		h.must(h.polls(real, "one name everywhere", "198.51.100.9"))
	})
}

// Walks keeps no more than so many, and an IPv6 /56 is one source.
func TestWalks(t *testing.T) {
	w := &Walks{}
	w.close(at("2001:db8:1:200::1"), start.Add(1))
	if w.closed(at("2001:db8:1:2ff::9"), start) == nil || w.closed(at("2001:db8:1:300::1"), start) != nil || w.closed(at("2001:db8:1:200::1"), start.Add(1)) != nil {
		t.Error("a /56 is not one source, or waits for too long")
	}
	for i := range mostWalks {
		w.close(at(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)), start.Add(1))
	}
	if len(w.until) > mostWalks {
		t.Errorf("%d are remembered", len(w.until))
	}
}

// A name counts on its network: a stranger who knows it replaces nothing, and what somebody has let in stays.
func TestNamesCountOnTheirNetwork(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.pins()
		owner := h.person("owner", "192.0.2.7")
		first := h.pin("attic", "192.0.2.7")
		h.pin("attic", "198.51.100.9")
		h.must(h.polls(first, "attic", "192.0.2.7"))
		second := h.pin("attic", "192.0.2.7") // here, the newer one takes its place
		if err := h.polls(first, "attic", "192.0.2.7"); !errors.Is(err, ErrExpired) {
			t.Errorf("the older one: %v", err)
		}
		ticket, err := h.Enter(h.Context(), owner.Found, owner.Account, second.Short.Reveal(), owner.client)
		h.must(err)
		asked, err := h.Open(h.Context(), owner.Found, ticket)
		h.must(err)
		h.must(h.Approve(h.Context(), owner.Found, owner.Account, asked, Proof{}, owner.client))
		h.pin("attic", "192.0.2.7")
		state, err := h.PollPin(h.Context(), PinPoll{ID: second.ID, Name: "attic", Client: at("192.0.2.7")})
		if err != nil || state.Token.Empty() {
			t.Errorf("what was let in is gone: %v", err)
		}
	})
}

// What pages of other websites ask for, in a browser on somebody's network, replaces no program's request there and no other website's, and takes no program's
// place or turn (D16).
func TestPagesKeepNobodyFromACode(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.pins()
		asks := func(page string) (Pin, error) {
			return h.AskPin(h.Context(), Asking{Claim: device.Claim{Identifier: "attic"}, Client: at("192.0.2.7").OnPage(page)})
		}
		program := h.pin("attic", "192.0.2.7")
		own, err := asks("player.example")
		h.must(err)
		refused := func(again func() error) {
			t.Helper()
			var err error
			for err == nil {
				err = again()
			}
			if !errors.Is(err, linkcode.ErrMost) && !errors.As(err, new(*ratelimit.LimitedError)) {
				t.Fatal(err)
			}
			if p := h.pin("shed", "192.0.2.7"); len(p.Short.Reveal()) != linkcode.Shortest {
				t.Errorf("then a program gets a code of %d characters", len(p.Short.Reveal()))
			}
		}
		refused(func() error { _, err := asks("evil.example"); return err }) // each in the place of the one before: until there is no turn
		h.now = h.now.Add(ratelimit.LinkRequests.Period)
		refused(func() error { // and until there is no place
			_, err := h.Ask(h.Context(), Asking{Client: at("192.0.2.7").OnPage("evil.example")})
			return err
		})
		refused(func() error { // and until it may not even poll
			_, err := h.PollPin(h.Context(), PinPoll{ID: program.ID + 1, Name: "attic", Client: at("192.0.2.7").OnPage("evil.example")})
			if errors.Is(err, ErrExpired) {
				err = nil
			}
			return err
		})
		h.must(h.polls(program, "attic", "192.0.2.7"))
		h.must(h.polls(own, "attic", "192.0.2.7"))
	})
}

// crowds is the store, where so many others wait.
type crowds struct {
	*store.DB
	others int64
}

func (s crowds) WaitingLinks(ctx context.Context, now time.Time) (linkcode.Crowd, credential.Clock, error) {
	c, clock, err := s.DB.WaitingLinks(ctx, now)
	c[linkcode.Longest] += s.others
	return c, clock, err
}

// A website that is open in many networks at once uses up the places of pages, and not all there are.
func TestPagesOfManyNetworksLeavePlaces(t *testing.T) {
	eachHouse(t, func(h *house) {
		for _, c := range []struct {
			others int64
			page   error
		}{{linkcode.MostOfPages - 1, nil}, {linkcode.MostOfPages, linkcode.ErrFull}} {
			h.Store = crowds{h.db, c.others}
			if _, err := h.Ask(h.Context(), Asking{Client: at("192.0.2.7").OnPage("evil.example")}); !errors.Is(err, c.page) {
				t.Errorf("while %d wait a page gets %v", c.others, err)
			}
			if _, err := h.Ask(h.Context(), Asking{Client: at("192.0.2.7")}); err != nil {
				t.Errorf("while %d wait a program gets %v", c.others, err)
			}
		}
	})
}

// Requests of one network that come at the same moment are counted one after the other, on every engine.
func TestPlacesOfANetworkRaced(t *testing.T) {
	eachHouse(t, func(h *house) {
		errs := make(chan error, 9)
		for i := range cap(errs) {
			go func() {
				_, err := h.Ask(h.Context(), Asking{Client: at(fmt.Sprintf("192.168.0.%d", i))}) // the service's own network
				errs <- err
			}()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if c, _, err := h.Store.WaitingLinks(h.Context(), h.now); err != nil || c[linkcode.Shortest] != linkcode.Most || c[linkcode.Longest] != int64(cap(errs)-linkcode.Most) {
			t.Errorf("%v wait, want %d with short codes", c, linkcode.Most)
		}
		for range 9 { // and of one name there is one
			go func() {
				_, err := h.Ask(h.Context(), Asking{Asker: "x", Client: at("203.0.113.5")})
				errs <- err
			}()
		}
		for range 9 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if c, _, err := h.Store.WaitingLinks(h.Context(), h.now); err != nil || c.All() != int64(cap(errs)+1) {
			t.Errorf("%d wait, want %d", c.All(), cap(errs)+1)
		}
	})
}

// Right codes leave no tickets without end.
func TestTicketsAreFew(t *testing.T) {
	eachHouse(t, func(h *house) {
		owner := h.person("owner", "192.0.2.7")
		p, err := h.Ask(h.Context(), Asking{Client: owner.client})
		h.must(err)
		var tickets []secret.Token
		for range 12 {
			h.now = h.now.Add(1e6)
			ticket, err := h.Enter(h.Context(), owner.Found, owner.Account, p.Long.Reveal(), owner.client)
			h.must(err)
			tickets = append(tickets, ticket)
		}
		for i, ticket := range tickets {
			if _, err := h.Open(h.Context(), owner.Found, ticket); (err == nil) != (i >= 2) {
				t.Errorf("ticket %d: %v", i, err)
			}
		}
	})
}

// A media server is let in by nobody whose proof is old, wherever it asks from, and by no software in the owner's name.
func TestServersTakeAFreshProof(t *testing.T) {
	eachHouse(t, func(h *house) {
		owner := h.person("owner", "203.0.113.1")
		for _, from := range []string{"203.0.113.1", "198.51.100.9"} {
			p, err := h.Ask(h.Context(), Asking{Name: "attic", Client: at(from), Party: linkcode.Party{Client: relyingparty.GateID, Scope: string(relyingparty.Claim)}})
			h.must(err)
			ticket, err := h.Enter(h.Context(), owner.Found, owner.Account, p.Long.Reveal(), owner.client)
			h.must(err)
			asked, err := h.Open(h.Context(), owner.Found, ticket)
			h.must(err)
			h.now = asked.Opens.Add(time.Second)
			owner.FreshAt = h.now.Add(-credential.Fresh)
			if err := h.Approve(h.Context(), owner.Found, owner.Account, asked, Proof{}, owner.client); !errors.Is(err, credential.ErrStale) {
				t.Errorf("from %s with an old proof: %v", from, err)
			}
			owner.FreshAt = h.now
			h.must(h.Approve(h.Context(), owner.Found, owner.Account, asked, Proof{}, owner.client))
		}
	})
}
