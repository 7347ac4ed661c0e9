package plexapi

import (
	"cmp"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"usher/internal/device"
	"usher/internal/grant"
	"usher/internal/request"
	"usher/internal/signin"
)

// listed resolves who asks, and lists the devices of the account that it may know of.
func (d *Door) listed(c *call) (signin.Admitted, []device.Device, error) {
	in, err := c.holder()
	if err != nil {
		return in, nil, err
	}
	all, err := d.Devices.ListSoftware(c.r.Context(), in.Found)
	return in, all, err
}

// devices lists them without their tokens, which nobody but they has, and without where they are.
func (d *Door) devices(c *call) error {
	_, all, err := d.listed(c)
	if err != nil {
		return err
	}
	nodes := make([]node, len(all))
	for i, dev := range all {
		says := dev.Claim
		nodes[i] = node{name: "Device", fields: []field{
			{"name", dev.Name}, {"publicAddress", ""}, {"product", dev.Product}, {"productVersion", says.Version}, {"platform", says.Platform},
			{"platformVersion", says.PlatformVersion}, {"device", says.Hardware}, {"model", says.Model}, {"vendor", says.Vendor}, {"provides", says.Provides},
			{"clientIdentifier", lastingName(dev)}, {"version", says.Version}, {"id", device.Number(dev.ID)}, {"token", ""},
			{"createdAt", dev.CreatedAt.Unix()}, {"lastSeenAt", dev.UsedAt.Unix()}, {"screenResolution", ""}, {"screenDensity", ""},
		}}
	}
	here := request.From(c.r.Context()).Client
	return c.reply(http.StatusOK, node{name: "MediaContainer", fields: []field{
		{"publicAddress", here.String()}, {"size", int64(len(nodes))}, {"Device", list{nodes: nodes, bare: true}},
	}})
}

// lastingName is a device's own name for itself; where it has none, the name of its row.
func lastingName(d device.Device) string { return cmp.Or(d.Claim.Identifier, d.ID) }

// deleteDevice signs a device out, by its number.
func (d *Door) deleteDevice(c *call) error {
	in, all, err := d.listed(c)
	if err != nil {
		return err
	}
	number, err := c.number()
	if err != nil {
		return device.ErrNotFound
	}
	for _, dev := range all {
		if device.Number(dev.ID) == number {
			if err := d.Devices.SignOutOther(c.r.Context(), in.Found, dev.ID, d.client(c.r)); err != nil {
				return err
			}
			c.w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	return device.ErrNotFound
}

// resources lists the media servers that have a key of their own, each with a token that is made for it, and then the devices as places to play on. A client that
// switched takes the first that it may go to.
func (d *Door) resources(c *call) error {
	if _, err := c.identifier(); err != nil {
		return err
	}
	in, all, err := d.listed(c)
	if err != nil {
		return err
	}
	servers, err := d.Grants.Servers(c.r.Context(), in.Found)
	if err != nil {
		return err
	}
	var nodes []node
	for _, s := range servers {
		nodes = append(nodes, node{name: "resource", fields: append(reachable(s), resourceNow(s.ClaimedAt, s.SeenAt, connections(s, "connection"), from(s))...)})
	}
	for _, dev := range all {
		nodes = append(nodes, node{name: "resource", fields: append(resource(dev), resourceNow(dev.CreatedAt, dev.UsedAt, nil, nil)...)})
	}
	return c.reply(http.StatusOK, node{name: "resources", fields: []field{{"", list{nodes: nodes}}}})
}

func (d *Door) resourcesOld(c *call) error {
	in, all, err := d.listed(c)
	if err != nil {
		return err
	}
	servers, err := d.Grants.Servers(c.r.Context(), in.Found)
	if err != nil {
		return err
	}
	var nodes []node
	for _, s := range servers {
		nodes = append(nodes, node{name: "Device", fields: append(reachable(s),
			field{"createdAt", s.ClaimedAt.Unix()}, field{"lastSeenAt", s.SeenAt.Unix()}, field{"sourceTitle", from(s)}, field{"Connection", list{nodes: connections(s, "Connection"), bare: true}})})
	}
	for _, dev := range all {
		nodes = append(nodes, node{name: "Device", fields: append(resource(dev), field{"createdAt", dev.CreatedAt.Unix()}, field{"lastSeenAt", dev.UsedAt.Unix()})})
	}
	return c.reply(http.StatusOK, container("Device", nodes))
}

// resource is what both generations say about one.
func resource(dev device.Device) []field {
	return []field{
		{"name", dev.Name}, {"product", dev.Product}, {"productVersion", dev.Claim.Version}, {"platform", dev.Claim.Platform},
		{"platformVersion", dev.Claim.PlatformVersion}, {"device", dev.Claim.Hardware}, {"clientIdentifier", lastingName(dev)}, {"provides", dev.Claim.Provides},
		{"accessToken", ""}, {"owned", true}, {"presence", false}, {"publicAddressMatches", false},
	}
}

// reachable is what both generations say about a media server with a key of its own.
func reachable(s grant.Reachable) []field {
	return []field{
		{"name", s.Name}, {"product", s.Product}, {"productVersion", s.Version}, {"platform", ""}, {"platformVersion", ""}, {"device", ""}, {"clientIdentifier", s.ID},
		{"provides", "server"}, {"accessToken", s.Token.Reveal()}, {"owned", s.Owned}, {"presence", true}, {"publicAddressMatches", false},
	}
}

// from is who shares a media server, nil for the account's own.
func from(s grant.Reachable) any {
	if s.Owned {
		return nil
	}
	return s.Owner
}

// resourceNow is what the newer generation says besides: since when there is one, when it was seen, where it is, who shares it.
func resourceNow(created, seen time.Time, at []node, from any) []field {
	return []field{
		{"createdAt", created.UTC().Format(time.RFC3339)}, {"lastSeenAt", seen.UTC().Format(time.RFC3339)},
		{"ownerId", nil}, {"sourceTitle", from}, {"publicAddress", ""}, {"home", false}, {"synced", false}, {"relay", false},
		{"httpsRequired", false}, {"dnsRebindingProtection", false}, {"natLoopbackSupported", false}, {"connections", list{nodes: at}},
	}
}

// place is an address of a media server in its parts.
type place struct {
	scheme, address, uri string
	port                 int64
	number               netip.Addr // zero for a name
}

// where is where a media server says that it can be reached.
func where(s grant.Reachable) (all []place) {
	for _, a := range s.Addresses {
		u, err := url.Parse(a.URL)
		if err != nil { // it was read when it was written
			continue
		}
		port, err := strconv.ParseInt(cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme]), 10, 32)
		if err != nil {
			continue
		}
		number, _ := netip.ParseAddr(u.Hostname())
		all = append(all, place{u.Scheme, u.Hostname(), a.URL, port, number})
	}
	return all
}

// connections are the places of a media server as nodes of that name.
func connections(s grant.Reachable, name string) (nodes []node) {
	for _, p := range where(s) {
		nodes = append(nodes, node{name: name, fields: []field{
			{"protocol", p.scheme}, {"address", p.address}, {"port", p.port}, {"uri", p.uri}, {"local", p.number.IsPrivate() || p.number.IsLoopback()}, {"relay", false},
			{"IPv6", p.number.Is6()},
		}})
	}
	return nodes
}

// container is what lists of the older generation stand in.
func container(name string, nodes []node, more ...field) node {
	fields := []field{
		{"friendlyName", "myPlex"}, {"identifier", "com.plexapp.plugins.myplex"}, {"machineIdentifier", ""}, {"totalSize", int64(len(nodes))}, {"size", int64(len(nodes))},
	}
	return node{name: "MediaContainer", fields: append(append(fields, more...), field{name, list{nodes: nodes, bare: true}})}
}

// servers lists the media servers that have told where they can be reached, each at the first of its addresses.
func (d *Door) servers(c *call) error {
	in, err := c.member()
	if err != nil {
		return err
	}
	all, err := d.Grants.Servers(c.r.Context(), in.Found)
	if err != nil {
		return err
	}
	var nodes []node
	for _, s := range all {
		at := where(s)
		if len(at) == 0 {
			continue
		}
		nodes = append(nodes, node{name: "Server", fields: []field{
			{"accessToken", s.Token.Reveal()}, {"name", s.Name}, {"address", at[0].address}, {"port", at[0].port}, {"version", s.Version}, {"scheme", at[0].scheme},
			{"host", at[0].address}, {"localAddresses", ""}, {"machineIdentifier", s.ID}, {"createdAt", s.ClaimedAt.Unix()}, {"updatedAt", s.SeenAt.Unix()}, {"owned", s.Owned},
			{"synced", false}, {"sourceTitle", from(s)},
		}})
	}
	return c.reply(http.StatusOK, container("Server", nodes))
}
