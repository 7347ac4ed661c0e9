package backchannel

import (
	"net/netip"
	"testing"
)

// Attack L9: what is called for a stranger's client, and what for one whose administrator said that it is in a private network.
func TestGuard(t *testing.T) {
	for address, want := range map[string]string{
		"1.1.1.1": "public", "93.184.216.34": "public", "172.32.0.1": "public", "2606:4700::1111": "public", "2a00:1450:4001::1": "public",
		"10.0.0.7": "trusted", "172.16.0.1": "trusted", "172.31.255.255": "trusted", "192.168.1.1": "trusted", "127.0.0.1": "trusted", "127.9.9.9": "trusted", "::1": "trusted",
		"fd00::1": "trusted", "fc00::1": "trusted", "100.64.0.1": "trusted", "100.127.255.255": "trusted", "::ffff:10.0.0.7": "trusted", "::ffff:127.0.0.1": "trusted",
		"fd00:ec2::254": "", "fd00:ec2::253": "trusted", "fd20:ce::254": "", "100.100.100.200": "", "::ffff:100.100.100.200": "", "100.100.100.201": "trusted", "168.63.129.16": "",
		"0.0.0.0": "", "0.1.2.3": "", "169.254.169.254": "", "169.254.0.1": "", "fe80::1": "", "fe80::1%eth0": "", "::ffff:169.254.169.254": "", "224.0.0.1": "", "239.255.255.250": "",
		"255.255.255.255": "", "240.0.0.1": "", "192.0.0.1": "", "192.0.2.1": "", "198.18.0.1": "", "198.51.100.1": "", "203.0.113.1": "", "192.88.99.1": "",
		"::": "", "::7f00:1": "", "64:ff9b::7f00:1": "", "64:ff9b::a00:7": "", "64:ff9b:1::1": "", "2002:7f00:1::1": "", "2001::1": "", "2001:db8::1": "", "fec0::1": "", "ff02::1": "", "100::1": "",
	} {
		a := netip.MustParseAddr(address)
		got := ""
		switch {
		case public(a):
			got = "public"
		case trusted(a):
			got = "trusted"
		}
		if got != want || public(a) && !trusted(a) {
			t.Errorf("%s is %q, want %q", address, got, want)
		}
		for _, may := range []func(netip.Addr) bool{public, trusted} {
			if err := guard(may)("tcp", netip.AddrPortFrom(a, 443).String(), nil); (err == nil) != may(a) {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
	if guard(trusted)("tcp", "localhost:443", nil) == nil {
		t.Error("a name was let through: only addresses are judged")
	}
}
