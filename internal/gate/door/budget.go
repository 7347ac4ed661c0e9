package door

import (
	"math"
	"sync"
	"time"
)

// What one network may have the service asked about tokens that turn out to count for nothing. It is less than may be asked at the same time, so that one
// network alone never keeps the others waiting.
const (
	mostForged   = 10
	forgedAgain  = 3 * time.Second // in which one comes back
	mostNetworks = 10_000
)

// budget counts for each network what it may have asked. A token that lets somebody in costs nothing, however many a household has.
type budget struct {
	most  float64
	again time.Duration // in which one comes back
	mu    sync.Mutex
	all   map[string]spent
}

func newBudget(most float64, again time.Duration) *budget {
	return &budget{most: most, again: again, all: map[string]spent{}}
}

// guesses are what one network may have asked about passwords that let nobody in: in all, and beside one name. Everybody behind one media server comes from one
// address, so that a single app with a dead password must not use up what there is for the others.
type guesses struct{ network, name *budget }

// newGuesses returns what is for app passwords, which are random, and for accounts' own, each of which costs the service a hash and the account's budget there.
func newGuesses() map[kind]guesses {
	return map[kind]guesses{
		byAppPassword: {newBudget(12, 500*time.Millisecond), newBudget(6, 3*time.Second)},
		byAccount:     {newBudget(10, time.Minute), newBudget(5, 2*time.Minute)},
	}
}

// take uses up one of each, if there is one; back undoes that.
func (g guesses) take(network, login string, now func() time.Time) (back func(), may bool) {
	name := network + " " + login
	if !g.network.take(network, now()) {
		return nil, false
	}
	if !g.name.take(name, now()) {
		g.network.giveBack(network, now())
		return nil, false
	}
	return func() { g.network.giveBack(network, now()); g.name.giveBack(name, now()) }, true
}

// spent is how much a network had used at a time.
type spent struct {
	used float64
	at   time.Time
}

func (s spent) now(now time.Time, again time.Duration) spent {
	back := max(0, now.Sub(s.at).Seconds()) / again.Seconds()
	return spent{math.Max(0, s.used-back), now}
}

// take uses one up, if there is one.
func (b *budget) take(network string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.all[network].now(now, b.again)
	if s.used > b.most-1 {
		return false
	}
	if len(b.all) >= mostNetworks {
		b.forget(now)
	}
	s.used++
	b.all[network] = s
	return true
}

// giveBack undoes a take.
func (b *budget) giveBack(network string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.all[network].now(now, b.again)
	s.used = math.Max(0, s.used-1)
	b.all[network] = s
}

// forget lets go of networks that have everything back; where there are none, of all: who has so many networks is not held by counting them.
func (b *budget) forget(now time.Time) {
	for network, s := range b.all {
		if s.now(now, b.again).used == 0 {
			delete(b.all, network)
		}
	}
	if len(b.all) >= mostNetworks {
		clear(b.all)
	}
}
