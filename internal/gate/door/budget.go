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
	mu  sync.Mutex
	all map[string]spent
}

// spent is how much a network had used at a time.
type spent struct {
	used float64
	at   time.Time
}

func (s spent) now(now time.Time) spent {
	back := max(0, now.Sub(s.at).Seconds()) / forgedAgain.Seconds()
	return spent{math.Max(0, s.used-back), now}
}

// take uses one up, if there is one.
func (b *budget) take(network string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.all[network].now(now)
	if s.used > mostForged-1 {
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
	s := b.all[network].now(now)
	s.used = math.Max(0, s.used-1)
	b.all[network] = s
}

// forget lets go of networks that have everything back; where there are none, of all: who has so many networks is not held by counting them.
func (b *budget) forget(now time.Time) {
	for network, s := range b.all {
		if s.now(now).used == 0 {
			delete(b.all, network)
		}
	}
	if len(b.all) >= mostNetworks {
		clear(b.all)
	}
}
