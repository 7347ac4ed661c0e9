package config

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// origin is an origin taken apart (RFC 6454 §4); port is 0 when it is the scheme's own.
type origin struct {
	scheme string
	name   string
	port   int
}

// parseOrigin reads an origin; the error completes a sentence that begins with the key.
func parseOrigin(text string) (origin, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Opaque != "" || u.Hostname() == "" {
		return origin{}, errors.New("has to be a whole address, with https:// in front, such as https://accounts.example.org")
	}
	switch {
	case u.User != nil:
		return origin{}, errors.New("has to be without a user name or password")
	case (u.Path != "" && u.Path != "/") || strings.ContainsAny(text, "?#"):
		return origin{}, errors.New("has to end after the host or port, without a path or anything else")
	}
	name, err := parseName(u.Hostname())
	if err != nil {
		return origin{}, err
	}
	if isUnspecified(name) {
		return origin{}, errors.New("has the host " + name + ", which nobody can visit; that is a value for listen")
	}
	o := origin{scheme: u.Scheme, name: name}
	if digits := u.Port(); digits != "" {
		port, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || port == 0 {
			return origin{}, errors.New("has the port " + quote(digits) + ", which is not a number from 1 to 65535")
		}
		o.port = o.withoutDefault(int(port))
	}
	return o, nil
}

func (o origin) defaultPort() int {
	if o.scheme == "https" {
		return 443
	}
	return 80
}

func (o origin) withoutDefault(port int) int {
	if port == o.defaultPort() {
		return 0
	}
	return port
}

func (o origin) String() string { return o.scheme + "://" + withPort(o.name, o.port) }

// hostForms lists how browsers may write a host at this port in the Host header.
func (o origin) hostForms(name string, port int) []string {
	if port = o.withoutDefault(port); port != 0 {
		return []string{withPort(name, port)}
	}
	return []string{withPort(name, 0), withPort(name, o.defaultPort())}
}

// normalOrigin writes an origin in its one form: lower case, without the scheme's own port, without a slash at the end.
// What is not an origin stays as it is, for Validate to refuse.
func normalOrigin(text string) string {
	o, err := parseOrigin(text)
	if err != nil {
		return text
	}
	return o.String()
}

// OriginURL returns the origin as a URL of its own, without a path; it is the zero URL when Validate refuses the origin.
func (c Config) OriginURL() *url.URL {
	o, err := parseOrigin(c.Origin)
	if err != nil {
		return &url.URL{}
	}
	return &url.URL{Scheme: o.scheme, Host: withPort(o.name, o.port)}
}

// OriginIsDefault reports whether nothing was set that says which address people type.
func (c Config) OriginIsDefault() bool {
	return c.sources["origin"] == "" && c.Origin == Default().Origin
}

// Noted is c with the origin that the service left in a file when it started, unless one was set. A text that could not be the service's is
// left out.
func (c Config) Noted(text, path string) Config {
	next := c
	next.Origin, next.sources = text, maps.Clone(c.sources)
	next.sources["origin"] = path
	if c.sources["origin"] != "" || next.Validate() != nil {
		return c
	}
	return next
}

// OriginIsLoopback reports whether the origin is localhost, a name under it, or a loopback address.
func (c Config) OriginIsLoopback() bool {
	o, err := parseOrigin(c.Origin)
	return err == nil && isLoopback(o.name)
}

// SecureCookies reports whether cookies carry Secure and the __Host- prefix: always, but on a plain http origin, which
// Validate allows for this machine only.
func (c Config) SecureCookies() bool {
	o, err := parseOrigin(c.Origin)
	return err == nil && o.scheme == "https"
}

// AllowedHosts lists every Host header that is answered, lower case, each with and without the port where the port is
// the scheme's own. A loopback origin is answered as localhost, 127.0.0.1 and [::1].
func (c Config) AllowedHosts() []string {
	o, err := parseOrigin(c.Origin)
	if err != nil {
		return nil
	}
	list := o.hostForms(o.name, o.port)
	if isLoopback(o.name) {
		for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
			list = append(list, o.hostForms(name, o.port)...)
		}
	}
	for _, text := range c.Hosts {
		name, port, err := parseHost(text)
		if err != nil {
			continue
		}
		if port == 0 {
			port = o.port
		}
		list = append(list, o.hostForms(name, port)...)
	}
	var once []string
	for _, host := range list {
		if !slices.Contains(once, host) {
			once = append(once, host)
		}
	}
	return once
}
