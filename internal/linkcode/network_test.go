package linkcode

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"usher/internal/device"
)

func TestNetworksOf(t *testing.T) {
	for _, c := range []struct {
		address         string
		direct, proxied Network
	}{
		{"192.0.2.7", "192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:200::7", "2001:db8:1:200::/56", "2001:db8:1:200::/56"},
		{"2001:db8:1:2ff:1::8", "2001:db8:1:200::/56", "2001:db8:1:200::/56"},
		{"2001:db8:1:300::7", "2001:db8:1:300::/56", "2001:db8:1:300::/56"},
		{"64:ff9b::c000:207", "192.0.2.7", "192.0.2.7"}, {"64:ff9b::a00:1", home, "10.0.0.1"},
		{"127.0.0.1", home, "127.0.0.1"}, {"::1", home, "::/56"}, {"192.168.1.20", home, "192.168.1.20"}, {"::ffff:10.0.0.1", home, "10.0.0.1"},
		{"fd00::7", home, "fd00::/56"}, {"fe80::1%eth0", home, "fe80::/56"}, {"100.64.0.9", "100.64.0.9", "100.64.0.9"}, {"172.32.0.1", "172.32.0.1", "172.32.0.1"},
	} {
		a := netip.MustParseAddr(c.address)
		if got := (Networks{}).Of(a); got != c.direct {
			t.Errorf("%s is in %q, want %q", a, got, c.direct)
		}
		if got := (Networks{Proxied: true}).Of(a); got != c.proxied {
			t.Errorf("%s behind a proxy is in %q, want %q", a, got, c.proxied)
		}
	}
	if (Networks{}).Of(netip.Addr{}) != "" {
		t.Error("no address is somewhere")
	}
}

func TestOwn(t *testing.T) {
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	used := func(kind device.Kind, address string, ago time.Duration) device.Device {
		return device.Device{Kind: kind, Seen: device.Seen{Address: address}, UsedAt: now.Add(-ago)}
	}
	got := Networks{}.Own(now, netip.MustParseAddr("198.51.100.1"), []device.Device{
		used(device.Browser, "192.0.2.7", time.Hour), used(device.Phone, "2001:db8::9", remembered), used(device.App, "192.0.2.8", 0),
		used(device.Browser, "192.0.2.9", remembered+1), used(device.TV, "203.0.113.5", 0), used(device.Browser, "", 0), used(device.Browser, "192.0.2.7", 0),
	})
	switched := used(device.App, "192.0.2.98", 0) // whoever switched to the account in its Home is where they are
	switched.Origin = "x"
	if own := (Networks{}).Own(now, netip.Addr{}, []device.Device{switched}); len(own) != 0 {
		t.Errorf("a switch makes %v one's own", own)
	}
	page := used(device.App, "192.0.2.99", 0) // a page of another website used its token, in whoever's browser
	page.Seen.Page = "evil.example"
	if own := (Networks{}).Own(now, netip.Addr{}, []device.Device{page}); len(own) != 0 {
		t.Errorf("a page makes %v one's own", own)
	}
	slices.Sort(got)
	if want := []Network{"192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8::/56"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := (Networks{}).Own(now, netip.Addr{}, nil); len(got) != 0 { // nobody's network is no network
		t.Errorf("%v", got)
	}
}

// Only browsers show that their owner was on a network, and not for ever.
func TestBrowsed(t *testing.T) {
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	at := func(kind device.Kind, address string, ago time.Duration) device.Device {
		return device.Device{Kind: kind, Seen: device.Seen{Address: address}, UsedAt: now.Add(-ago)}
	}
	switched := at(device.Browser, "203.0.113.4", 0)
	switched.Origin = "x"
	devices := []device.Device{
		switched, at(device.Browser, "192.0.2.7", time.Hour), at(device.Phone, "2001:db8::9", remembered), at(device.Browser, "192.0.2.9", remembered+1), at(device.Browser, "", 0),
		at(device.App, "203.0.113.1", 0), at(device.TV, "203.0.113.2", 0), at(device.Server, "203.0.113.3", 0), at(device.Browser, "10.0.0.1", 0),
	}
	for n, want := range map[Network]bool{
		"192.0.2.7": true, "2001:db8::/56": true, home: true, "192.0.2.9": false, "203.0.113.1": false, "203.0.113.2": false, "203.0.113.3": false, "203.0.113.4": false, "": false, "10.0.0.1": false,
	} {
		if (Networks{}).Browsed(now, n, devices) != want {
			t.Errorf("on %q: %t", n, !want)
		}
	}
	if behind := (Networks{Proxied: true}); !behind.Browsed(now, "10.0.0.1", devices) || behind.Browsed(now, home, devices) {
		t.Error("behind a proxy a private address is everybody's")
	}
}
