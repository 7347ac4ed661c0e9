// Package forwarded owns what proxies say about the client that they stand in front of: which headers they say it in, and whom to believe. It refuses
// to know requests: it reads texts.
package forwarded

import (
	"net/netip"
	"strings"
)

// Proxies are the peers whose word about the client is believed.
type Proxies []netip.Prefix

// Trust unmaps IPv4-mapped prefixes, because addresses are unmapped before they are compared.
func Trust(prefixes []netip.Prefix) Proxies {
	trusted := make(Proxies, 0, len(prefixes))
	for _, p := range prefixes {
		if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
		}
		if p.IsValid() {
			trusted = append(trusted, p.Masked())
		}
	}
	return trusted
}

// Include reports whether the peer is one of them.
func (p Proxies) Include(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Client walks X-Forwarded-For from its right end, where our own proxy wrote, to
// the first address that is not a trusted proxy: everything left of that is only
// what a stranger claims. An entry that is no address ends the walk at the last
// hop that was vouched for.
func (p Proxies) Client(peer netip.Addr, lines []string) netip.Addr {
	client := peer
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != ""; {
			cut := strings.LastIndexByte(rest, ',')
			entry := strings.Trim(rest[cut+1:], " \t")
			rest = rest[:max(cut, 0)]
			if entry == "" {
				continue // empty list elements are ignored, RFC 9110 section 5.6.1
			}
			hop, ok := hopAddr(entry)
			if !ok {
				return client
			}
			client = hop
			if !p.Include(hop) {
				return client
			}
		}
	}
	return client
}

// Peer reads the socket peer as net/http gives it, "address:port".
func Peer(text string) netip.Addr {
	peer, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.Addr{} // a Unix socket: nobody to name, nobody to trust
	}
	return peer.Addr().Unmap().WithZone("")
}

// hopAddr reads one X-Forwarded-For entry: an address, bare or in brackets, with
// or without a port. Zones, names, and addresses no client can have are refused.
func hopAddr(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		addr, err = addrWithPort(text)
	}
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	addr = addr.Unmap()
	if addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}, false
	}
	return addr, true
}

func addrWithPort(text string) (netip.Addr, error) {
	if bare, ok := strings.CutSuffix(text, "]"); ok && strings.HasPrefix(bare, "[") {
		text += ":0"
	}
	hop, err := netip.ParseAddrPort(text)
	return hop.Addr(), err
}

// HTTPS tells whether every value of X-Forwarded-Proto says https. It is strict on purpose: one hop that was not https, or one word we do not know, and it was not secure.
func HTTPS(lines []string) bool {
	for _, line := range lines {
		for proto := range strings.SplitSeq(line, ",") {
			if !strings.EqualFold(strings.Trim(proto, " \t"), "https") {
				return false
			}
		}
	}
	return true
}

// Speaks tells the headers in which proxies speak about the client. Via is
// not one of them: it speaks about the proxy, and hides nobody's address.
func Speaks(name string) bool {
	switch name {
	case "Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded")
}

// Network is an address's /24 or /48: enough to tell networks apart, too little to find a person. It is empty for the zero Addr.
func Network(addr netip.Addr) string {
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}
