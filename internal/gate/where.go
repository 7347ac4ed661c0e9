package gate

import (
	"net"
	"net/netip"
	"slices"
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
	return likeliest(private(), port)
}

// likeliest orders the origins of a listener everywhere by how surely somebody who opens one gets there: some terminals make no link of an address of version 6, and
// from elsewhere it is seldom reached.
func likeliest(private []netip.Addr, port string) []string {
	var four, six []string
	for _, a := range private {
		if origin := "http://" + net.JoinHostPort(a.String(), port); a.Is4() {
			four = append(four, origin)
		} else {
			six = append(six, origin)
		}
	}
	return slices.Concat(four, []string{"http://" + net.JoinHostPort("127.0.0.1", port)}, six)
}

func everywhere(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "" || err == nil && a.IsUnspecified()
}

// private lists the machine's addresses in private networks.
func private() (all []netip.Addr) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil // then people use the address they know
	}
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
			if err == nil && prefix.Addr().IsPrivate() {
				all = append(all, prefix.Addr())
			}
		}
	}
	return all
}

func bridge(name string) bool {
	for _, begin := range bridges {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}
