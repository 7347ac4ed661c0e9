package operations

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Listen opens addr (host:port), or returns ErrNotLoopback when other machines could reach it, whatever localhost resolves to here.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("reading the operations address %q: %w", addr, err)
	}
	if !loopbackLiteral(host) && !strings.EqualFold(host, "localhost") {
		return nil, fmt.Errorf("%q: %w", addr, ErrNotLoopback)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("opening the operations listener: %w", err)
	}
	if bound, ok := listener.Addr().(*net.TCPAddr); !ok || !bound.IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("%q leads to %s: %w", addr, listener.Addr(), ErrNotLoopback)
	}
	return listener, nil
}

func loopbackLiteral(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
