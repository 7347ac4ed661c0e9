package directory

import (
	"net/netip"
	"sync"
)

// How many connections there may be: everybody behind one media server comes from one address.
const (
	mostFrom  = 20
	mostConns = 200
)

// crowd counts connections.
type crowd struct {
	mu   sync.Mutex
	all  int
	from map[netip.Addr]int
}

// network is what is counted as one address: of version 6, everybody has as many as they like.
func network(a netip.Addr) netip.Addr {
	if p, err := a.WithZone("").Prefix(64); a.Is6() && err == nil {
		return p.Addr()
	}
	return a
}

func (c *crowd) enter(from netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := network(from)
	if c.all >= mostConns || c.from[n] >= mostFrom {
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
