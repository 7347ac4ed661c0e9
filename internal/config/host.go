package config

import (
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

var (
	hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	// numberLabel is a last label that browsers take for the end of an IPv4 address (WHATWG URL, "ends in a number").
	numberLabel = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)
)

// parseName returns a host name or address in its one form: lower case, addresses as netip writes them, no brackets.
func parseName(name string) (string, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		if a.Zone() != "" {
			return "", errors.New("has an address with a zone (" + quote(name) + "), which only this machine understands")
		}
		return a.Unmap().String(), nil
	}
	lower := strings.ToLower(name)
	if ascii, err := idna.Lookup.ToASCII(name); err == nil && ascii != lower {
		return "", errors.New("has the host " + quote(name) + "; write it as " + ascii)
	}
	labels := strings.Split(lower, ".")
	if len(lower) > 253 || numberLabel.MatchString(labels[len(labels)-1]) {
		return "", errors.New("has the host " + quote(name) + ", which is not a host name")
	}
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return "", errors.New("has the host " + quote(name) + ", which is not a host name")
		}
	}
	return lower, nil
}

// splitPort splits host:port with a port in digits.
func splitPort(text string) (string, int, error) {
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, errors.New("port " + quote(digits) + " is not a number from 0 to 65535")
	}
	return host, int(port), nil
}

// parseHost reads one of hosts: a name or address, with or without a port; 0 means without.
func parseHost(text string) (string, int, error) {
	bare := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		bare = text[1 : len(text)-1]
	}
	if a, err := netip.ParseAddr(bare); err == nil && a.Is6() {
		name, err := parseName(bare)
		return name, 0, err
	}
	if !strings.Contains(text, ":") {
		name, err := parseName(text)
		return name, 0, err
	}
	host, port, err := splitPort(text)
	if err != nil || port == 0 {
		return "", 0, errors.New("has " + quote(text) + ", which is not a host such as account.example.org or usher.internal:8484")
	}
	name, err := parseName(host)
	return name, port, err
}

// isLoopback reports whether a name in the form of parseName always means this machine (RFC 6761 §6.3).
func isLoopback(name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

func isUnspecified(name string) bool {
	a, err := netip.ParseAddr(name)
	return err == nil && a.IsUnspecified()
}

// withPort writes host:port as it stands in a Host header; 0 is no port.
func withPort(name string, port int) string {
	if port != 0 {
		return net.JoinHostPort(name, strconv.Itoa(port))
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}
