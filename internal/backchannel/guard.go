package backchannel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// errAddress says that a name leads to where we do not call.
var errAddress = errors.New("backchannel: the name leads to an address that is not called")

// reserved are the networks that net/netip takes for public and that are not: shared by carriers, for protocols, for examples, for measuring, for
// the future; and those in which an IPv4 address may hide.
var reserved = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

// clouds are addresses at which clouds tell a machine its own keys, though they look like a household's, or like anybody's.
var clouds = prefixes("fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32", "168.63.129.16/32")

// house are the networks of a household besides those that net/netip calls private: carriers' shared one, which some virtual networks use.
var house = prefixes("100.64.0.0/10")

func prefixes(all ...string) (list []netip.Prefix) {
	for _, text := range all {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// public reports whether an address is anybody's on the internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() && !within(reserved, a) && !within(clouds, a)
}

// trusted reports whether an address may be called for a client whose administrator said that it is in a private network. Link-local ones and those of
// clouds are not among them: keys are kept there.
func trusted(a netip.Addr) bool {
	plain := a.Unmap().WithZone("")
	return public(a) || !within(clouds, plain) && (plain.IsPrivate() || plain.IsLoopback() || within(house, plain))
}

// guard refuses, at the moment of connecting and so after every look-up of a name, what may not be called.
func guard(may func(netip.Addr) bool) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !may(to.Addr()) {
			return errAddress
		}
		return nil
	}
}

// plain says what went wrong without naming addresses, which may be somebody's.
func plain(err error) error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errAddress):
		return errAddress
	case errors.As(err, &dns):
		return errors.New("the name is not found")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in time")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nobody listens there")
	}
	return fmt.Errorf("no connection (%T)", errors.Unwrap(err))
}
