package middleware

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"usher/internal/request"
)

// proxies are the peers whose word about the client is believed.
type proxies []netip.Prefix

// trust unmaps IPv4-mapped prefixes, because addresses are unmapped before they are compared.
func trust(prefixes []netip.Prefix) proxies {
	trusted := make(proxies, 0, len(prefixes))
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

func (p proxies) include(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// origin tells where the request came from and whether it left the browser as https.
func (p proxies) origin(r *http.Request) (client netip.Addr, secure bool) {
	peer := peerAddr(r.RemoteAddr)
	if !p.include(peer) {
		return peer, r.TLS != nil
	}
	secure = r.TLS != nil
	if protos := r.Header.Values("X-Forwarded-Proto"); len(protos) > 0 {
		secure = allHTTPS(protos)
	}
	return p.client(peer, r.Header.Values("X-Forwarded-For")), secure
}

// client walks X-Forwarded-For from its right end, where our own proxy wrote, to
// the first address that is not a trusted proxy: everything left of that is only
// what a stranger claims. An entry that is no address ends the walk at the last
// hop that was vouched for.
func (p proxies) client(peer netip.Addr, lines []string) netip.Addr {
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
			if !p.include(hop) {
				return client
			}
		}
	}
	return client
}

// peerAddr reads the socket peer as net/http gives it, "address:port".
func peerAddr(text string) netip.Addr {
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

// allHTTPS is strict on purpose: one hop that was not https, or one word we do not know, and it was not secure.
func allHTTPS(lines []string) bool {
	for _, line := range lines {
		for proto := range strings.SplitSeq(line, ",") {
			if !strings.EqualFold(strings.Trim(proto, " \t"), "https") {
				return false
			}
		}
	}
	return true
}

// knownProxy takes every forwarding header off the request, so that no door can be
// fooled by one, and turns proxied requests away while trusted_proxies is empty:
// then everybody would seem to come from the proxy's address, share one failure
// budget and lock each other out. The fault is the operator's, not the client's,
// hence 500: programs sign people out on 4xx, and proxies replace the body of a
// 502 or 503 by a page of their own. Once a proxy is trusted, strangers who send
// such headers are simply not believed.
func (c *chain) knownProxy(next http.Handler) http.Handler {
	var warned sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forwarded := stripForwarding(r.Header)
		if forwarded && len(c.proxies) == 0 {
			warned.Do(func() {
				c.log.Warn("requests come through a proxy, but trusted_proxies is not set", "proxy", network(peerAddr(r.RemoteAddr)))
			})
			c.page(w, r, http.StatusInternalServerError, request.RefusedProxy)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func stripForwarding(h http.Header) (found bool) {
	for name := range h {
		if isForwarding(name) {
			delete(h, name)
			found = true
		}
	}
	return found
}

// isForwarding tells the headers in which proxies speak about the client. Via is
// not one of them: it speaks about the proxy, and hides nobody's address.
func isForwarding(name string) bool {
	switch name {
	case "Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded")
}
