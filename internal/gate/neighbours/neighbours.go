// Package neighbours owns how servers of one network find each other: it says there that this one is here, by multicast DNS (RFC 6762, RFC 6763), and hears who
// else is. It refuses to know what is shown of that, and believes nothing but where a packet came from.
package neighbours

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// Neighbour is another server that is heard in a network of this machine.
type Neighbour struct {
	// Name is what it calls itself, fit to be shown.
	Name string
	// At is where it listens. A link-local address of version 6 has the zone of the card it was heard by.
	At      netip.AddrPort
	Claimed bool
}

// Settings are what a server says of itself, and where.
type Settings struct {
	Name string
	// Port is where it listens; 0: it says nothing, and hears only. Host is the address it listens at, as the zero Addr and :: every one.
	Port uint16
	Host netip.Addr
	// Claimed reports whether it belongs to somebody.
	Claimed func() bool
	// Passed reports whether a network card of that name leads to no network in which anybody looks for servers.
	Passed func(card string) bool
	Log    *slog.Logger
	Now    func() time.Time
}

// Neighbourhood is the servers around this one.
type Neighbourhood struct {
	Settings
	table   table
	heard   chan heard
	sockets map[string]socket
	links   map[int]*link // by the number of their card
	host    string        // this start's own, in records
	tries   int           // how many names were somebody else's
	renamed time.Time
	claimed bool // as it was said last
	looked  time.Time
	problem string // as it was logged last
}

// New returns a neighbourhood in which nobody is known yet.
func New(s Settings) *Neighbourhood {
	return &Neighbourhood{Settings: s, heard: make(chan heard), sockets: map[string]socket{}, links: map[int]*link{}, host: newHost()}
}

// List returns who is heard in the network in which this machine has the address here, by name. On the machine itself, all are.
func (n *Neighbourhood) List(here netip.Addr) []Neighbour {
	return n.table.list(here, n.Now())
}

const (
	// lookEvery is how often it is looked which networks the machine is in.
	lookEvery = 10 * time.Second
	// wakeEvery is the longest until what is to be said is looked at.
	wakeEvery = 2 * time.Second
	// mostPackets is how many packets a second are read by each of the two protocols; burst: at once. What comes above that waits, or is lost.
	mostPackets, burst = 200, 400
)

// Run takes part until ctx ends; then it says that this server is gone.
func (n *Neighbourhood) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer n.close()
	defer n.leave()
	for {
		now := n.Now()
		if now.Sub(n.looked) >= lookEvery || now.Before(n.looked) {
			n.looked = now
			n.look(ctx)
		}
		n.speak(now)
		wait := time.NewTimer(n.pause(now))
		select {
		case <-ctx.Done():
		case h := <-n.heard:
			n.take(h)
		case <-wait.C:
		}
		wait.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// look finds the networks of the machine, and joins those that are new.
func (n *Neighbourhood) look(ctx context.Context) {
	found := n.find()
	n.open(ctx, found)
	for number, l := range n.links {
		if now := found[number]; now == nil || !now.same(l) {
			delete(n.links, number)
		}
	}
	for number, l := range found {
		if n.links[number] == nil {
			n.links[number] = l
			l.begin(n.Now())
		}
	}
	n.table.reach(n.links)
}

// open opens what is not open yet, once there is a network, and has it hear all that are found. That nothing can be opened is logged once.
func (n *Neighbourhood) open(ctx context.Context, found map[int]*link) {
	if len(found) == 0 {
		return
	}
	opened, err := n.openSockets(found)
	for _, s := range opened {
		go n.read(ctx, s)
	}
	for _, l := range found {
		for _, s := range n.sockets {
			_ = s.join(l.card) // it was joined before, or has no address of this version
		}
	}
	why := ""
	if err != nil {
		why = err.Error()
	}
	if why != "" && why != n.problem {
		n.Log.Warn("this server is not announced in its network, and hears no others there", "error", why, "helps", "usher gate doctor says more; --announce off ends this line")
	}
	n.problem = why
}

// heard is a packet and where it came from.
type heard struct {
	packet []byte
	from   netip.AddrPort
	link   int
}

// read reads from a socket until it is closed.
func (n *Neighbourhood) read(ctx context.Context, s socket) {
	limit := rate.NewLimiter(mostPackets, burst)
	buffer := make([]byte, longestPacket)
	for limit.Wait(ctx) == nil {
		h, err := s.read(buffer)
		if err != nil {
			continue // closed, in which case ctx ends; or one packet was not to be had
		}
		if h.packet == nil {
			continue
		}
		select {
		case n.heard <- h:
		case <-ctx.Done():
			return
		}
		buffer = make([]byte, longestPacket) // the other is being read
	}
}

// take does what follows from a packet.
func (n *Neighbourhood) take(h heard) {
	l := n.links[h.link]
	if l == nil || !l.holds(h.from.Addr()) {
		return
	}
	p, ok := parse(h.packet, n.label(), n.host)
	switch {
	case !ok:
	case p.asks != nothing:
		l.answer(n.Now(), p.asks)
	case p.told && h.from.Port() == multicastPort:
		n.hear(p, l, h.from.Addr())
	}
}

// hear remembers a server, unless it is this one. One that has the name of this one is nobody's neighbour: one of the two takes another.
func (n *Neighbourhood) hear(p packet, l *link, from netip.Addr) {
	now := n.Now()
	switch {
	case p.host == n.host, n.Port != 0 && p.port == n.Port && l.has(from):
		return
	case n.Port != 0 && same(p.label, n.label()):
		n.clash(p, now)
		return
	}
	name := shown(p.label)
	if name == "" || n.Port != 0 && same(name, shown(n.label())) {
		return
	}
	n.table.take(sighting{Neighbour: Neighbour{name, netip.AddrPortFrom(from, p.port), p.claimed}, link: l.card.Index}, min(p.life, life), now)
}

// mostTries is how many names are tried; renameEvery is the shortest between two. Whoever takes them all leaves this server without one, and no worse off.
const (
	mostTries   = 99
	renameEvery = time.Second
)

// clash settles which of two servers with one name keeps it: the one that had it already, and of two that had, the one whose host comes later.
func (n *Neighbourhood) clash(p packet, now time.Time) {
	if p.life == 0 {
		return // it leaves
	}
	if n.settled() && p.host < n.host {
		for _, l := range n.links {
			l.answer(now, aboutUs)
		}
		return
	}
	if n.tries >= mostTries-1 || now.Sub(n.renamed) < renameEvery {
		return
	}
	n.tries, n.renamed = n.tries+1, now
	for _, l := range n.links {
		l.begin(now)
	}
}

// settled reports whether the name was said, and nobody had it.
func (n *Neighbourhood) settled() bool {
	for _, l := range n.links {
		if l.beat < probes {
			return false
		}
	}
	return true
}

// label is the name under which this server is announced.
func (n *Neighbourhood) label() string { return labelOf(cmp.Or(n.Name, "Media server"), n.tries) }
