package neighbours

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"
)

const (
	// mostLinks is how many networks are looked after; mostAddresses how many of the machine's own in each.
	mostLinks     = 16
	mostAddresses = 8
)

// link is a network that the machine is in, and what is to be said there.
type link struct {
	card *net.Interface
	// own are the machine's addresses there with what they are part of, says those of them at which the server listens.
	own  []netip.Prefix
	says []netip.Addr
	// beat is how often something was said by itself, next is when it is said again.
	beat int
	next time.Time
	// told is when the server was told of last, due when it is again, because somebody asks; zero: nobody does.
	told, due time.Time
}

// The beats: whether the name is free is asked three times; then the server is told of twice. After that it is only asked who is there.
const (
	probes    = 3
	announces = 2

	probeEvery    = 250 * time.Millisecond
	announceEvery = time.Second
	askEvery      = time.Minute
)

// find lists the networks in which the server listens; for who only hears, all of the machine's.
func (n *Neighbourhood) find() map[int]*link {
	found := map[int]*link{}
	cards, err := net.Interfaces()
	if err != nil {
		return nil // as where there is none
	}
	for i := range cards {
		c := &cards[i]
		if c.Flags&net.FlagUp == 0 || c.Flags&net.FlagMulticast == 0 || c.Flags&net.FlagLoopback != 0 || n.Passed != nil && n.Passed(c.Name) {
			continue
		}
		l := &link{card: c, own: addressesOf(c)}
		for _, p := range l.own {
			if n.Port != 0 && n.listens(p.Addr()) {
				l.says = append(l.says, p.Addr())
			}
		}
		if len(found) < mostLinks && len(l.own) > 0 && (n.Port == 0 || len(l.says) > 0) {
			found[c.Index] = l
		}
	}
	return found
}

func (s Settings) listens(at netip.Addr) bool {
	switch s.Host {
	case netip.Addr{}, netip.IPv6Unspecified():
		return true
	case netip.IPv4Unspecified():
		return at.Is4()
	}
	return s.Host.WithZone("") == at
}

// addressesOf are the private and link-local addresses of a card. Others are told to nobody here.
func addressesOf(c *net.Interface) (own []netip.Prefix) {
	addresses, err := c.Addrs()
	if err != nil {
		return nil
	}
	for _, address := range addresses {
		p, err := netip.ParsePrefix(address.String())
		if err == nil && near(p.Addr()) && len(own) < mostAddresses {
			own = append(own, p)
		}
	}
	return own
}

func (l *link) same(other *link) bool {
	return slices.Equal(l.own, other.own) && slices.Equal(l.says, other.says)
}

// holds reports whether an address can be reached in this network without a router.
func (l *link) holds(a netip.Addr) bool {
	a = a.WithZone("")
	return slices.ContainsFunc(l.own, func(p netip.Prefix) bool { return p.Contains(a) })
}

// has reports whether an address is the machine's own here.
func (l *link) has(a netip.Addr) bool {
	a = a.WithZone("")
	return slices.ContainsFunc(l.own, func(p netip.Prefix) bool { return p.Addr() == a })
}

// begin says everything again, from asking for the name on.
func (l *link) begin(now time.Time) {
	l.beat, l.due = 0, time.Time{}
	l.next = now.Add(upTo(probeEvery)) // whoever else starts just now does so a little earlier or later
}

// upTo is a part of a time, by chance.
func upTo(d time.Duration) time.Duration { return rand.N(d) } //nolint:gosec // so that not all speak at once; whoever foresees it has nothing of it

const (
	// tellEvery is the shortest between two packets that tell of the server; defendEvery where somebody may want its name (RFC 6762 section 6).
	tellEvery   = time.Second
	defendEvery = probeEvery
	// The answers of several servers come one after the other.
	soonest, latest = 20 * time.Millisecond, 120 * time.Millisecond
)

// answer has the server told of soon, however often somebody asks.
func (l *link) answer(now time.Time, asks asked) {
	if len(l.says) == 0 || l.beat < probes {
		return // nothing is to be told, or not yet
	}
	due, least := now.Add(soonest+upTo(latest-soonest)), l.told.Add(tellEvery)
	if asks == aboutUs {
		due, least = now, l.told.Add(defendEvery)
	}
	if due.Before(least) {
		due = least
	}
	if l.due.IsZero() || due.Before(l.due) {
		l.due = due
	}
}

// pause is how long there is nothing to be said.
func (n *Neighbourhood) pause(now time.Time) time.Duration {
	pause := wakeEvery
	for _, l := range n.links {
		pause = min(pause, l.next.Sub(now))
		if !l.due.IsZero() {
			pause = min(pause, l.due.Sub(now))
		}
	}
	return max(pause, 0)
}

// speak says what is due.
func (n *Neighbourhood) speak(now time.Time) {
	changed := false
	if n.Port != 0 {
		claimed := n.Claimed()
		changed, n.claimed = claimed != n.claimed, claimed
	}
	for _, l := range n.links {
		if changed {
			l.answer(now, anybody)
		}
		if !l.due.IsZero() && !l.due.After(now) {
			n.tell(l, life, now)
		}
		if !l.next.After(now) {
			n.speakUp(l, now)
		}
	}
}

// speakUp says what is said without being asked.
func (n *Neighbourhood) speakUp(l *link, now time.Time) {
	every := askEvery + upTo(askEvery/10)
	switch {
	case l.beat < probes:
		every = probeEvery
		n.ask(l)
	case l.beat < probes+announces && len(l.says) > 0:
		every = announceEvery
		n.tell(l, life, now)
	default:
		n.ask(l)
	}
	l.beat++
	l.next = now.Add(every)
}

func (n *Neighbourhood) tell(l *link, lifetime time.Duration, now time.Time) {
	l.told, l.due = now, time.Time{}
	if packet, err := n.tells(l, lifetime); err == nil {
		n.send(packet, l)
	}
}

func (n *Neighbourhood) ask(l *link) {
	names := []string{serviceName}
	if l.beat < probes && len(l.says) > 0 { // is ours free? RFC 6762 section 8.1
		names = append(names, instance(n.label()))
	}
	if packet, err := asksFor(names...); err == nil {
		n.send(packet, l)
	}
}

// send sends a packet from each address at which the server can be found: where it comes from is what is believed of it. Who only hears sends it from all.
func (n *Neighbourhood) send(packet []byte, l *link) {
	from := l.says
	if len(from) == 0 {
		for _, p := range l.own {
			from = append(from, p.Addr())
		}
	}
	for _, s := range n.sockets {
		for _, a := range from {
			if s.speaks(a) {
				_ = s.send(packet, a, l.card) // the network may be gone; it is looked for again
			}
		}
	}
}

// leave says that this server is gone.
func (n *Neighbourhood) leave() {
	for _, l := range n.links {
		if len(l.says) > 0 && l.beat > probes {
			n.tell(l, 0, n.Now())
		}
	}
}

func (n *Neighbourhood) close() {
	for _, s := range n.sockets {
		_ = s.Close() // nothing is written through it any more
	}
}

// ErrNowhere says that no network of this machine can be used for finding servers.
var ErrNowhere = errors.New("no network of this machine carries multicast, or none in which the server listens has private addresses")
