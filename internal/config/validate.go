package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of single settings; docs/configuration.md and the tags of Config say them in words.
const (
	passwordMinFloor   = 8  // NIST SP 800-63B-4 §3.1.1.2
	passwordMinCeiling = 15 // NIST SP 800-63B-4 §3.1.1.2: 15 while it is the only factor
	linkCodeFloor      = 4
	linkCodeCeiling    = 7 // eight are a long code
	argon2MostMemory   = 1 << 20
	argon2MostPasses   = 16
	mostHashSlots      = 256
	mostConnections    = 10_000
	mostMailPerMinute  = 100_000
	longestName        = 64
	longestWait        = time.Hour
)

// review collects what the rules find.
type review struct {
	Config
	found []Problem
}

func (r *review) refuse(key, format string, args ...any) {
	r.found = append(r.found, Problem{key, r.sources[key], fmt.Sprintf(format, args...)})
}

// within refuses a number outside its range, both ends allowed.
func (r *review) within(key string, n, least, most int) {
	if n < least || n > most {
		r.refuse(key, "is %d; it has to be from %d to %d", n, least, most)
	}
}

// Validate checks every rule that holds within and between settings; the error is an *Invalid that lists all breaches.
// Whether named files exist and servers answer is for those who open them.
func (c Config) Validate() error { return invalid(c.problems()) }

func (c Config) problems() []Problem {
	r := &review{Config: c}
	r.text()
	r.origin()
	r.hosts()
	r.listeners()
	r.proxies()
	r.files()
	r.accounts()
	r.hashing()
	r.mail()
	r.outside()
	return r.found
}

// text holds for every setting what decode holds for what was given, so that a Config made by hand keeps it too.
func (r *review) text() {
	for _, s := range settings() {
		switch v := s.in(&r.Config).Interface().(type) {
		case SignUp:
			r.word(s, string(v))
		case TLSMode:
			r.word(s, string(v))
		case LogFormat:
			r.word(s, string(v))
		case string:
			if !printable(v) {
				r.refuse(s.key, "holds a line break or another character that cannot be shown")
			}
		}
	}
}

func (r *review) word(s setting, v string) {
	for _, allowed := range s.enum {
		if v == allowed {
			return
		}
	}
	r.refuse(s.key, "is %s; it can be %s", quote(v), either(s.enum))
}

func (r *review) origin() {
	o, err := parseOrigin(r.Origin)
	if err != nil {
		r.refuse("origin", "%v", err)
		return
	}
	if o.scheme == "https" {
		return
	}
	if !isLoopback(o.name) {
		r.refuse("origin", "is %s, so passwords would travel unprotected; set origin to https://%s and either put a proxy that "+
			"answers https in front (and name it in trusted_proxies) or set tls_certificate and tls_key", o, o.name)
		return
	}
	if r.TLSCertificate != "" && r.TLSKey != "" {
		r.refuse("origin", "is %s, but tls_certificate makes the service answer https; write the origin with https", o)
	}
}

func (r *review) hosts() {
	for _, text := range r.Hosts {
		name, _, err := parseHost(text)
		switch {
		case strings.Contains(text, "/"):
			r.refuse("hosts", "has %s; write the host alone, without http:// or a path", quote(text))
		case err != nil:
			r.refuse("hosts", "%v", err)
		case isUnspecified(name):
			r.refuse("hosts", "has %s, which nobody can visit", quote(text))
		}
	}
}

func (r *review) listeners() {
	host, port, listenOK := r.listener("listen", r.Listen)
	operationsHost, operationsPort, operationsOK := r.listener("operations_listen", r.OperationsListen)
	if !operationsOK {
		return
	}
	if operationsHost != "localhost" && !(isLoopback(operationsHost) && isAddress(operationsHost)) {
		r.refuse("operations_listen", "is %s, which other machines could reach; use localhost, 127.0.0.1 or [::1]", quote(r.OperationsListen))
		return
	}
	if listenOK && port != 0 && port == operationsPort && overlap(host, operationsHost) {
		r.refuse("operations_listen", "has the same port as listen (%d); give it another", port)
	}
}

// overlap reports whether a listener on host also takes connections to the loopback host.
func overlap(host, loopback string) bool {
	return host == "" || host == loopback || isUnspecified(host) ||
		(isLoopback(host) && (host == "localhost" || loopback == "localhost"))
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

func (r *review) listener(key, text string) (string, int, bool) {
	host, port, err := splitPort(text)
	if err != nil {
		r.refuse(key, "is %s; it has to be host:port, or a colon and a port, such as localhost:8484 or :8484", quote(text))
		return "", 0, false
	}
	if host == "" {
		return "", port, true
	}
	name, err := parseName(host)
	if err != nil {
		r.refuse(key, "%v", err)
		return "", 0, false
	}
	return name, port, true
}

func (r *review) proxies() {
	r.networks("trusted_proxies", r.TrustedProxies, "then anyone could pretend to come from any address; name your proxies only")
}

// networks refuses those that cannot be meant; everybody says what would follow from naming everybody.
func (r *review) networks(key string, all []netip.Prefix, everybody string) {
	for _, network := range all {
		switch {
		case !network.IsValid() || network.Masked() != network || network.Addr().Is4In6():
			r.refuse(key, "has a network that is not in its plain form")
		case network.Bits() == 0:
			r.refuse(key, "has %s, which is everybody: %s", network, everybody)
		}
	}
}

func (r *review) files() {
	if r.Data == "" {
		r.refuse("data", "is empty; it has to name a folder")
	}
	if text := r.Database.Reveal(); text != "" {
		if err := checkDatabase(text); err != nil {
			r.refuse("database", "%v", err)
		}
	} else if err := checkDatabase(r.DatabaseURL().Reveal()); err != nil && r.Data != "" {
		r.refuse("data", "%v", err)
	}
	r.within("database_connections", r.DatabaseConnections, 0, mostConnections)
	if filepath.Clean(r.KeyRingPath()) == filepath.Clean(r.SQLitePath()) {
		r.refuse("key_ring", "is the database file; it has to be a file of its own")
	}
	switch {
	case r.TLSCertificate != "" && r.TLSKey == "":
		r.refuse("tls_key", "is missing; tls_certificate needs it")
	case r.TLSCertificate == "" && r.TLSKey != "":
		r.refuse("tls_certificate", "is missing; tls_key needs it")
	}
	if r.ShutdownWait < 0 || r.ShutdownWait > longestWait {
		r.refuse("shutdown_wait", "is %s; it has to be from 0s to 1h", r.ShutdownWait)
	}
}

func (r *review) accounts() {
	if strings.TrimSpace(r.Name) == "" || strings.TrimSpace(r.Name) != r.Name || utf8.RuneCountInString(r.Name) > longestName {
		r.refuse("name", "has to be 1 to %d characters, without blanks at its ends", longestName)
	}
	if r.Contact != "" && r.ContactLink() == "" {
		r.refuse("contact", "is %s; it has to be an e-mail address or a web page that begins with https://", quote(r.Contact))
	}
	r.within("link_code_longest", r.LinkCodeLongest, linkCodeFloor, linkCodeCeiling)
	r.within("password_min_length", r.PasswordMinLength, passwordMinFloor, passwordMinCeiling)
}

// hashing holds the equivalents of OWASP's Password Storage Cheat Sheet for argon2id.
func (r *review) hashing() {
	r.within("argon2_passes", r.Argon2Passes, 1, argon2MostPasses)
	r.within("hash_slots", r.HashSlots, 0, mostHashSlots)
	least, passes := 12288, "three passes or more"
	switch {
	case r.Argon2Passes <= 1:
		least, passes = 47104, "one pass"
	case r.Argon2Passes == 2:
		least, passes = 19456, "two passes"
	}
	if r.Argon2Memory < least || r.Argon2Memory > argon2MostMemory {
		r.refuse("argon2_memory", "is %d; with %s it has to be from %d to %d KiB", r.Argon2Memory, passes, least, argon2MostMemory)
	}
}
