package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"usher/internal/config"
	"usher/internal/gate/neighbours"
)

// surroundings are what the gate says of itself in its networks, when it listens there.
func surroundings(s Settings, host, port string) neighbours.Settings {
	number, err := strconv.ParseUint(port, 10, 16)
	at, noNumber := netip.ParseAddr(host)
	if err != nil || noNumber != nil && host != "" {
		at = netip.IPv6Loopback() // localhost; any other name is looked up by the listener, which says what it is
	}
	return neighbours.Settings{Name: name(s.Config), Port: uint16(number), Host: at, Passed: bridge, Log: s.Log, Now: s.Now}
}

// announces reports whether the gate takes part in its networks. One that nobody there can reach does not.
func (g *gate) announces() bool {
	return g.Config.Announce == config.On && !g.around.Host.IsLoopback()
}

// listenFor is how long servers have to answer: each of them lets others speak first, for a second at most.
const listenFor = 3 * time.Second

// Around prints the servers that say in the networks of this machine that they are there, and how one is claimed at the service, which may be empty.
func Around(ctx context.Context, s Settings) error {
	found, err := neighbours.Listen(ctx, neighbours.Settings{Passed: bridge, Log: s.Log, Now: s.Now}, listenFor)
	if ctx.Err() != nil {
		return errStopped
	}
	command := "usher claim '%s' --service " + cmp.Or(s.Config.Service, "ADDRESS, which is where your accounts are, such as https://accounts.example.org") // quoted: to a shell, brackets are a pattern
	byAddress := "By its address it can be claimed all the same: " + fmt.Sprintf(command, "192.168.1.20")
	if err != nil {
		return fmt.Errorf("servers in the network cannot be heard from here: %w. %s", err, byAddress)
	}
	if len(found) == 0 {
		return errors.New("no server says in this network that it is there. One that was started with --announce off, that runs in a container or that stands in another network is not heard. " + byAddress)
	}
	_, err = io.WriteString(s.Out, listed(found, command))
	return err
}

// listed says who is heard, and how to go on.
func listed(found []neighbours.Neighbour, command string) string {
	var text strings.Builder
	text.WriteString("Servers that say in this network that they are there:\n")
	table, free := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0), ""
	for _, n := range found {
		state := "belongs to somebody"
		if !n.Claimed {
			state, free = "belongs to nobody yet", cmp.Or(free, spelled(n.At))
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", n.Name, spelled(n.At), state) // into memory
	}
	_ = table.Flush()
	if free == "" {
		return text.String() + "If one of them is yours, it stands under Servers in your account.\n"
	}
	fmt.Fprintf(&text, "Anybody in this network can call a server what they like. Yours is the one whose address stands in its own log, beside its set-up code. Claim it so:\n  "+command+"\n", free)
	return text.String()
}

// spelled is an address as usher claim takes it, without the port where every server has it.
func spelled(at netip.AddrPort) string {
	if strconv.Itoa(int(at.Port())) == serverPort {
		return at.Addr().String()
	}
	return at.String()
}
