package directory

import (
	"net/netip"
	"sync"
)

// How many connections there may be: everybody behind one media server comes from one address. Strangers get some of the places and this machine may have all of
// them: whoever holds connections without binding keeps no media server out.
const (
	mostFrom      = 20
	mostConns     = 200
	mostAfar      = mostConns - mostFrom // while there are as many, only this machine gets more
	mostStrangers = 140                  // from addresses from which nobody has bound
	mostKnown     = 100                  // addresses of which it is remembered that somebody has
)

// crowd counts connections.
type crowd struct {
	mu    sync.Mutex
	all   int
	from  map[netip.Addr]int
	known map[netip.Addr]uint64 // from which somebody has bound, and which bind was the last
	binds uint64
}

func newCrowd() *crowd { return &crowd{from: map[netip.Addr]int{}, known: map[netip.Addr]uint64{}} }

// network is what is counted as one address: of version 6, everybody has as many as they like.
func network(a netip.Addr) netip.Addr {
	if p, err := a.WithZone("").Prefix(64); a.Is6() && !a.IsLoopback() && err == nil {
		return p.Addr()
	}
	return a
}

func (c *crowd) enter(from netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := network(from)
	switch {
	case c.all >= mostConns, c.from[n] >= mostFrom:
		return false
	case !n.IsLoopback() && c.all >= mostAfar, c.strange(n) && c.strangers() >= mostStrangers:
		return false
	}
	c.all++
	c.from[n]++
	return true
}

func (c *crowd) leave(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := network(from)
	c.all--
	if c.from[n]--; c.from[n] == 0 {
		delete(c.from, n)
	}
}

// bound notes that somebody has bound. Once that is remembered of too many addresses, the one goes that has not been bound from for longest.
func (c *crowd) bound(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.binds++
	c.known[network(from)] = c.binds
	if len(c.known) <= mostKnown {
		return
	}
	oldest, first := netip.Addr{}, c.binds
	for n, bind := range c.known {
		if bind < first {
			oldest, first = n, bind
		}
	}
	delete(c.known, oldest)
}

func (c *crowd) strange(n netip.Addr) bool { return !n.IsLoopback() && c.known[n] == 0 }

// strangers counts the connections from where nobody has bound.
func (c *crowd) strangers() (all int) {
	for n, conns := range c.from {
		if c.strange(n) {
			all += conns
		}
	}
	return all
}
