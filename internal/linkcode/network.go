package linkcode

import (
	"net/netip"
	"slices"
	"time"

	"usher/internal/device"
	"usher/internal/ratelimit"
)

// Network names where a request or a browser is, as coarsely as a household: one public IPv4 address, one IPv6 /56, or the network that this
// service itself stands in.
type Network string

// home is the service's own network: whoever comes from a private address without a proxy in between.
const home Network = "home"

// Page is the network as pages of other websites ask from it: nobody's own, since such a page is open in whoever's browser. Short codes are found from
// where that browser is nevertheless, and what they find is from elsewhere.
func (n Network) Page() Network { return "page " + n }

// Networks tells networks apart, as far as the service can see them from where it stands.
type Networks struct {
	// Proxied says that a proxy stands before the service: a private address behind it tells nothing about a household.
	Proxied bool
}

// Of returns the network of an address. Loopback, private and link-local addresses are one network only where no proxy stands before the service:
// behind one they may be anybody's.
func (s Networks) Of(address netip.Addr) Network {
	address = ratelimit.Plain(address)
	switch {
	case !address.IsValid():
		return ""
	case !s.Proxied && (address.IsLoopback() || address.IsPrivate() || address.IsLinkLocalUnicast()):
		return home
	case address.Is4():
		return Network(address.String())
	}
	return Network(netip.PrefixFrom(address, 56).Masked().String())
}

// remembered is how long a network where an account was used counts as its own.
const remembered = 30 * 24 * time.Hour

// Own returns the networks that short codes are found from for an account: the browser's now, and those its devices were used in lately. What was
// itself let in by a code does not count: it may stand in a stranger's living room.
func (s Networks) Own(now time.Time, here netip.Addr, devices []device.Device) []Network {
	own := map[Network]bool{s.Of(here): true}
	for _, d := range devices {
		if d.Kind != device.TV {
			own[s.lately(now, d)] = true
		}
	}
	delete(own, "")
	networks := make([]Network, 0, len(own))
	for n := range own {
		networks = append(networks, n)
	}
	return networks
}

// Browsed reports whether a browser of the account was used on a network lately. No software counts: a token that was stolen is used wherever its
// thief is, and could claim a media server there.
func (s Networks) Browsed(now time.Time, n Network, devices []device.Device) bool {
	return n != "" && slices.ContainsFunc(devices, func(d device.Device) bool {
		return (d.Kind == device.Browser || d.Kind == device.Phone) && s.lately(now, d) == n
	})
}

// lately is the network that a device was used in, if that is not too long ago. An app that a page let in was there on that day: its refreshes, which may
// come from its maker's servers, say that it is used and not where. Nothing that came by a switch in a Home counts: where it is, somebody else was signed in, and
// whoever has a player's token can switch to the account that it is of.
func (s Networks) lately(now time.Time, d device.Device) Network {
	address, err := netip.ParseAddr(d.Seen.Address)
	seen := d.UsedAt
	if d.Method == device.ByConsent {
		seen = d.CreatedAt
	}
	if err != nil || d.Origin != "" || d.Seen.Page != "" || now.Sub(seen) > remembered {
		return ""
	}
	return s.Of(address)
}
