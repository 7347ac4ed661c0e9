package local

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"usher/internal/forwarded"
)

// Networks are those from which the server can be claimed, besides the machine's own, private ones and the link.
type Networks []netip.Prefix

// translated are the networks that stand for others (RFC 6052, RFC 8215): what is behind such an address is as far away as it may be.
var translated = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48")}

// Near reports whether an address belongs to this machine or to somebody beside it.
func (n Networks) Near(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, prefix := range translated {
		if prefix.Contains(a) {
			return false
		}
	}
	for _, prefix := range n {
		if prefix.Contains(a) {
			return true
		}
	}
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}

// peer is who holds the other end of the connection; no header has a say in it.
func peer(r *http.Request) netip.Addr { return forwarded.Peer(r.RemoteAddr) }

// proxyMarks are what proxies add to requests. What they say is never read here; that one is there says that the peer is not who asks.
var proxyMarks = []string{
	"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip",
	"Cf-Connecting-Ip", "Fastly-Client-Ip", "X-Original-Forwarded-For",
}

func proxied(r *http.Request) bool {
	for _, name := range proxyMarks {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}

// hostAddress is the address that a Host header names by number, or by localhost. A name could be anybody's, and lead here all the same.
func hostAddress(host string) (netip.Addr, bool) {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	} else if bare, is := strings.CutPrefix(host, "["); is {
		if name, is = strings.CutSuffix(bare, "]"); !is {
			return netip.Addr{}, false
		}
	}
	if strings.EqualFold(name, "localhost") {
		return netip.IPv6Loopback(), true
	}
	a, err := netip.ParseAddr(name)
	return a, err == nil
}
