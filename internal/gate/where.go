package gate

import (
	"net"
	"net/netip"
	"strings"
)

// bridges are the interfaces that lead to containers and virtual machines, where nobody looks for the server.
var bridges = []string{"docker", "br-", "veth", "virbr", "cni", "podman"}

// origins are where the server can be reached, as far as the machine knows, the likeliest first; of a listener everywhere, at its private addresses and at the
// machine itself.
func origins(host, port string) []string {
	if !everywhere(host) {
		return []string{"http://" + net.JoinHostPort(host, port)}
	}
	var all []string
	for _, a := range private() {
		all = append(all, "http://"+net.JoinHostPort(a.String(), port))
	}
	return append(all, "http://"+net.JoinHostPort("127.0.0.1", port))
}

func everywhere(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "" || err == nil && a.IsUnspecified()
}

// private lists the machine's addresses in private networks, those of version 4 first.
func private() []netip.Addr {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil // then people use the address they know
	}
	var four, six []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || bridge(i.Name) {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, address := range addresses {
			prefix, err := netip.ParsePrefix(address.String())
			switch {
			case err != nil || !prefix.Addr().IsPrivate():
			case prefix.Addr().Is4():
				four = append(four, prefix.Addr())
			default:
				six = append(six, prefix.Addr())
			}
		}
	}
	return append(four, six...)
}

func bridge(name string) bool {
	for _, begin := range bridges {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}
