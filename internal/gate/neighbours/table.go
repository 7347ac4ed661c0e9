package neighbours

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// mostNeighbours is how many are listed. A server is heard by each of its addresses, so more is remembered.
	mostNeighbours = 50
	mostSightings  = 4 * mostNeighbours
	// mostOfOne is how many servers one address may have.
	mostOfOne = 4
)

// sighting is a server as it was heard from one address.
type sighting struct {
	Neighbour
	link         int
	first, until time.Time
}

// seenAt is what makes a sighting another one.
type seenAt struct {
	link int
	at   netip.AddrPort
}

// table is what was heard lately. Who is in it stays until its time is over, whoever comes: nobody is pushed out.
type table struct {
	mu    sync.Mutex
	all   map[seenAt]sighting
	links map[int]*link
}

// take remembers a sighting for as long as it says; for no time at all: it has gone.
func (t *table) take(s sighting, life time.Duration, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := seenAt{s.link, s.At}
	before, known := t.all[at]
	s.first, s.until = now, now.Add(life)
	switch {
	case life <= 0:
		delete(t.all, at)
		return
	case known && before.Name == s.Name:
		s.first = before.first
	case !known && !t.room(s.At.Addr(), now):
		return
	}
	if t.all == nil {
		t.all = map[seenAt]sighting{}
	}
	t.all[at] = s
}

// room reports whether one more from an address can be remembered, and forgets what is over.
func (t *table) room(from netip.Addr, now time.Time) bool {
	same := 0
	for at, s := range t.all {
		if !s.until.After(now) {
			delete(t.all, at)
		} else if at.at.Addr() == from {
			same++
		}
	}
	return same < mostOfOne && len(t.all) < mostSightings
}

// reach says which networks the machine is in; what was heard in others is forgotten.
func (t *table) reach(links map[int]*link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.links = make(map[int]*link, len(links))
	for number, l := range links {
		t.links[number] = l
	}
	for at := range t.all {
		if links[at.link] == nil {
			delete(t.all, at)
		}
	}
}

// list returns the servers that are heard in the network in which the machine has an address, by name; on the machine itself, all. Where there are too many, who
// came last is left out.
func (t *table) list(here netip.Addr, now time.Time) []Neighbour {
	t.mu.Lock()
	defer t.mu.Unlock()
	best := map[string]sighting{}
	for _, s := range t.all {
		l := t.links[s.link]
		if !s.until.After(now) || l == nil || !here.IsLoopback() && !l.has(here) {
			continue
		}
		name := strings.ToLower(s.Name)
		if other, has := best[name]; !has || s.before(other) {
			best[name] = s
		}
	}
	oldest := slices.SortedFunc(maps.Values(best), func(a, b sighting) int { return a.first.Compare(b.first) })
	var all []Neighbour
	for _, s := range oldest[:min(len(oldest), mostNeighbours)] {
		all = append(all, s.Neighbour)
	}
	slices.SortFunc(all, func(a, b Neighbour) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all
}

// before reports whether the address of one is the better way to a server that is heard from two; of equal ones, who was there first keeps the name.
func (s sighting) before(other sighting) bool {
	if one, two := rank(s.At.Addr()), rank(other.At.Addr()); one != two {
		return one < two
	}
	if !s.first.Equal(other.first) {
		return s.first.Before(other.first)
	}
	return s.At.Compare(other.At) < 0
}

// rank orders addresses by how well browsers get along with them.
func rank(a netip.Addr) int {
	switch {
	case a.Is4() && a.IsPrivate():
		return 0
	case a.Is4():
		return 1
	case a.IsPrivate():
		return 2
	}
	return 3
}
