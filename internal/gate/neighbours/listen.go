package neighbours

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Listen asks for servers in every network of this machine, says nothing itself, and returns who is heard within the patience.
func Listen(ctx context.Context, s Settings, patience time.Duration) ([]Neighbour, error) {
	if _, err := Able(s); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	n := New(s)
	n.Run(ctx)
	return n.List(netip.IPv6Loopback()), nil
}

// ErrTaken says that another program has the port of multicast DNS, and shares it with nobody.
var ErrTaken = errors.New("port 5353 is taken by a program that shares it with nobody")

// Able reports whether anything can be said and heard, and the network cards by which. It sends nothing. ErrNowhere, ErrTaken.
func Able(s Settings) (cards []string, err error) {
	n := New(s)
	found := n.find()
	if len(found) == 0 {
		return nil, ErrNowhere
	}
	if _, err = n.openSockets(found); errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w (%w)", ErrTaken, err)
	}
	n.close()
	for _, l := range found {
		cards = append(cards, l.card.Name)
	}
	slices.Sort(cards)
	return cards, err
}
