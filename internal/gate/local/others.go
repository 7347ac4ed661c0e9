package local

import (
	"net"
	"net/http"

	"usher/internal/forwarded"
	"usher/internal/gate/neighbours"
)

// other is a server beside this one, as pages show it.
type other struct{ neighbours.Neighbour }

// Page is its own first page, which asks for nothing. What it says of itself has no part in that: it is at the address that it was heard from.
func (o other) Page() string { return "http://" + o.At.String() + Home }

// others are the servers that are heard in the network by which the request came, so that nobody learns here what stands in another.
func (d *Door) others(r *http.Request) (all []other) {
	here, known := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !known {
		return nil
	}
	for _, n := range d.Neighbours(forwarded.Peer(here.String())) {
		if n.At.Addr().Zone() == "" { // browsers know no zones
			all = append(all, other{n})
		}
	}
	return all
}
