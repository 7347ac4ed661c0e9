package neighbours

import (
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// socket hears and speaks one of the two protocols, in all networks. Nothing is heard on it but what was sent to the group, which no router passes on, and
// everything is sent to the group: nobody has this server send anything to somebody else.
type socket interface {
	// read returns the next packet, or none where it is not to be believed.
	read(buffer []byte) (heard, error)
	send(packet []byte, from netip.Addr, card *net.Interface) error
	join(card *net.Interface) error
	speaks(from netip.Addr) bool
	Close() error
}

// ownHops is what packets of neighbours have left of their hops: all (RFC 6762 section 11).
const ownHops = 255

var (
	group4 = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: multicastPort}
	group6 = &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: multicastPort}
)

// protocols are the ways to open one.
var protocols = map[string]func(card *net.Interface) (socket, error){"udp4": open4, "udp6": open6}

// openSockets opens those that are not open yet, where one of the networks has it; the error says why there is none at all.
func (n *Neighbourhood) openSockets(found map[int]*link) (opened []socket, err error) {
	for name, open := range protocols {
		for _, l := range found {
			if n.sockets[name] != nil {
				break
			}
			s, why := open(l.card)
			if why != nil {
				err = why
				continue
			}
			n.sockets[name], opened = s, append(opened, s)
		}
	}
	if len(n.sockets) > 0 {
		return opened, nil
	}
	return nil, err
}

type socket4 struct {
	*ipv4.PacketConn
}

func open4(card *net.Interface) (socket, error) {
	c, err := net.ListenMulticastUDP("udp4", card, group4)
	if err != nil {
		return nil, err
	}
	p := ipv4.NewPacketConn(c)
	for _, err := range []error{p.SetMulticastLoopback(true), p.SetMulticastTTL(ownHops), p.SetControlMessage(ipv4.FlagTTL|ipv4.FlagInterface, true)} {
		if err != nil {
			_ = p.Close()
			return nil, err
		}
	}
	return socket4{p}, nil
}

func (s socket4) read(buffer []byte) (heard, error) {
	size, about, from, err := s.ReadFrom(buffer)
	if err != nil || about == nil || about.TTL != ownHops {
		return heard{}, err
	}
	return heardFrom(buffer[:size], from, about.IfIndex), nil
}

func (s socket4) send(packet []byte, from netip.Addr, card *net.Interface) error {
	_, err := s.WriteTo(packet, &ipv4.ControlMessage{Src: from.AsSlice(), IfIndex: card.Index}, group4)
	return err
}

func (s socket4) join(card *net.Interface) error { return s.JoinGroup(card, group4) }

func (s socket4) speaks(from netip.Addr) bool { return from.Is4() }

type socket6 struct {
	*ipv6.PacketConn
}

func open6(card *net.Interface) (socket, error) {
	c, err := net.ListenMulticastUDP("udp6", card, group6)
	if err != nil {
		return nil, err
	}
	p := ipv6.NewPacketConn(c)
	for _, err := range []error{p.SetMulticastLoopback(true), p.SetMulticastHopLimit(ownHops), p.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagInterface, true)} {
		if err != nil {
			_ = p.Close()
			return nil, err
		}
	}
	return socket6{p}, nil
}

func (s socket6) read(buffer []byte) (heard, error) {
	size, about, from, err := s.ReadFrom(buffer)
	if err != nil || about == nil || about.HopLimit != ownHops {
		return heard{}, err
	}
	return heardFrom(buffer[:size], from, about.IfIndex), nil
}

func (s socket6) send(packet []byte, from netip.Addr, card *net.Interface) error {
	to := *group6
	to.Zone = card.Name
	_, err := s.WriteTo(packet, &ipv6.ControlMessage{Src: from.AsSlice(), IfIndex: card.Index}, &to)
	return err
}

func (s socket6) join(card *net.Interface) error { return s.JoinGroup(card, group6) }

func (s socket6) speaks(from netip.Addr) bool { return from.Is6() && !from.Is4In6() }

func heardFrom(packet []byte, from net.Addr, link int) heard {
	udp, is := from.(*net.UDPAddr)
	if !is {
		return heard{}
	}
	at := udp.AddrPort()
	return heard{packet, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), link}
}
