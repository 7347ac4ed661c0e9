package local

import (
	"net/netip"
	"testing"
)

// The table of addresses that count as near, one row for each kind there is (attack R16).
func TestWhichAddressesAreNear(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1": true, "127.255.255.254": true, "::1": true,
		"10.0.0.0": true, "10.255.255.255": true, "172.16.0.0": true, "172.31.255.255": true, "192.168.0.0": true, "192.168.255.255": true,
		"fc00::1": true, "fdff:ffff::1": true,
		"169.254.0.1": true, "169.254.255.255": true, "fe80::1": true, "fe80::1%eth0": true, "febf:ffff::1": true,
		"100.64.0.1": false, "100.127.255.255": false,
		"::ffff:10.0.0.1": true, "::ffff:127.0.0.1": true, "::ffff:8.8.8.8": false, "::ffff:100.64.0.1": false,
		"64:ff9b::10.0.0.1": false, "64:ff9b::127.0.0.1": false, "64:ff9b:1::a00:1": false,
		"::10.0.0.1": false, "2002:a00:1::1": false, "2001:0:a00:1::": false,
		"172.15.255.255": false, "172.32.0.1": false, "198.18.0.1": false, "198.19.255.255": false, "192.0.0.1": false, "fec0::1": false, "0.0.0.0": false, "::": false,
		"224.0.0.1": false, "239.255.255.250": false, "ff02::1": false, "ff05::1": false, "255.255.255.255": false,
		"9.255.255.255": false, "11.0.0.0": false, "192.167.255.255": false, "192.169.0.0": false, "126.255.255.255": false, "128.0.0.0": false,
		"169.253.255.255": false, "169.255.0.0": false, "fbff::1": false, "fe00::1": false, "fe7f::1": false, "8.8.8.8": false, "2001:db8::1": false, "2a00::1": false,
	} {
		if got := Networks(nil).Near(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is near: %t", text, got)
		}
	}
	if Networks(nil).Near(netip.Addr{}) {
		t.Error("nobody is near")
	}
}

func TestAListedNetworkIsNear(t *testing.T) {
	tailscale := Networks{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("64:ff9b::/96")}
	for text, want := range map[string]bool{
		"100.64.0.1": true, "::ffff:100.64.0.1": true, "100.128.0.0": false, "10.0.0.1": true, "64:ff9b::6440:1": false, // never through a translator
	} {
		if got := tailscale.Near(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is near: %t", text, got)
		}
	}
}

func FuzzHostAddress(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:32400", "[::1]:32400", "[::1]", "localhost", "localhost.", "a.example", "0177.0.0.1", "127.1", "2130706433", "[fe80::1%25eth0]:1", "[::1", "::1", "", ":32400", "127.0.0.1.", "evil@127.0.0.1", "[[::1]]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		a, numeric := hostAddress(host)
		if numeric != a.IsValid() {
			t.Fatalf("%q is %v, %t", host, a, numeric)
		}
	})
}
