package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/secret"
)

// Gate is every setting of usher gate. The tags are the documentation.
type Gate struct {
	Service     string        `key:"service" group:"Gate" zero:"has to be given" value:"URL" help:"The account service, as people type it: https://accounts.example.org."`
	Upstream    string        `key:"upstream" zero:"none" value:"URL" help:"The media server behind the gate, such as http://127.0.0.1:8096. Not together with media."`
	Media       string        `key:"media" zero:"none" value:"FOLDER" help:"A folder that the gate shows by itself, where there is no media server. Not together with upstream."`
	Listen      string        `key:"listen" default:":32400" value:"HOST:PORT" help:"Where the gate answers. Without a host: on every address of the machine."`
	Address     []string      `key:"address" zero:"guessed from the machine's own" value:"URL" help:"An address under which people and players find the server. Its owner confirms it on the service."`
	Name        string        `key:"name" zero:"the name of this machine" value:"TEXT" help:"What the server is called among those of its owner."`
	Folder      string        `key:"folder" default:"usher-gate" value:"FOLDER" help:"Holds the server's key and whose server it is. It is made at the first start. Whoever has it is the server: keep it from others, and keep a backup."`
	OutageLimit time.Duration `key:"outage_limit" default:"12h" value:"TIME" help:"How long those who were let in stay in while the service does not answer."`

	Claim secret.Token `key:"claim" group:"Claiming" zero:"none" value:"TOKEN" help:"A claim token from the service's page, for a server that belongs to nobody yet. USHER_CLAIM and PLEX_CLAIM are taken too, and with _FILE at their end the file they name."`

	TrustedProxy []netip.Prefix `key:"trusted_proxy" group:"Network" zero:"none" value:"NETWORK" help:"Address or network of a proxy in front of the gate, whose X-Forwarded-For is believed. Never for who may claim: that goes by the connection itself."`
	LocalNetwork []netip.Prefix `key:"local_network" zero:"loopback, private and link-local" value:"NETWORK" help:"A further network from which the server can be claimed, such as 100.64.0.0/10 for Tailscale."`
	Announce     Switch         `key:"announce" default:"on" enum:"on,off" value:"SWITCH" help:"Whether the server says in its network, by multicast DNS, that it is there, and hears who else is."`

	LDAPListen      string `key:"ldap_listen" group:"LDAP" zero:"off" value:"HOST:PORT" help:"Where media servers ask by LDAP who may come in, such as 127.0.0.1:3890. Without a certificate it has to be an address that only this machine reaches."`
	LDAPCertificate string `key:"ldap_certificate" zero:"none" value:"FILE" help:"The certificate for LDAP, in PEM, and behind it those that it rests on. With it ldap_listen takes ldaps and StartTLS. It is read again when it has changed."`
	LDAPKey         string `key:"ldap_key" zero:"none" value:"FILE" help:"The key of ldap_certificate, in PEM."`
	LDAPBase        string `key:"ldap_base" default:"dc=usher" value:"NAME" help:"The name below which people and groups are found, as ou=people and ou=groups."`

	ShutdownWait time.Duration `key:"shutdown_wait" group:"Running" default:"15s" value:"TIME" help:"How long answers that have begun may take to end when the gate stops."`
	LogLevel     slog.Level    `key:"log_level" default:"info" enum:"debug,info,warn,error" value:"LEVEL" help:"The least important lines to log."`
	LogFormat    LogFormat     `key:"log_format" default:"text" enum:"json,text" value:"FORMAT" help:"How log lines are written."`

	// sources says, by key, where each value that is not a default was given.
	sources   map[string]string
	claimNote string
}

// Claim tokens come in variables of these names as well, with or without _FILE.
const (
	claimVariable     = "USHER_CLAIM"
	plexClaimVariable = "PLEX_CLAIM"
)

// longestOutage is the most that outage_limit may be.
const longestOutage = 7 * 24 * time.Hour

// NewGateFlags returns Flags of the gate that nothing was given to. Those of the keys stand in the help of their command; none named: all do.
func NewGateFlags(shown ...string) *Flags { return beside.flags(shown) }

// DefaultGate returns the settings of a start with no flag, no variable and no file.
func DefaultGate() Gate {
	var g Gate
	beside.defaults(&g)
	return g
}

// LoadGate reads the settings of the gate as Load does those of the service. Which service it is need not be said: Complete asks for that.
func LoadGate(flags *Flags, environ []string) (Gate, error) {
	g := DefaultGate()
	g.sources = map[string]string{}
	environ, g.claimNote = claimed(environ)
	_, unread := beside.load(&g, g.sources, flags, environ)
	if o, err := parseOrigin(g.Service); err == nil {
		g.Service = o.String()
	}
	if err := invalid(together(unread, g.problems())); err != nil {
		return Gate{}, err
	}
	return g, nil
}

// claimed takes a claim token out of the variables into the gate's own, whichever of the names it came under. An empty one is none, and so is a file
// that is not there any more: a token counts for minutes, and a server that is claimed has to start without it.
func claimed(environ []string) (rest []string, note string) {
	given := map[string]string{}
	names := []string{beside.prefix + "CLAIM", claimVariable, plexClaimVariable}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if slices.Contains(names, strings.TrimSuffix(name, fileSuffix)) {
			given[name] = strings.TrimSpace(value)
			continue
		}
		rest = append(rest, entry)
	}
	for _, name := range names {
		value := given[name]
		if path := given[name+fileSuffix]; value == "" && path != "" {
			text, err := readValue(path)
			if err != nil {
				note = name + fileSuffix + " " + err.Error()
			}
			value = strings.TrimSpace(text)
		}
		if value != "" {
			return append(rest, names[0]+"="+value), ""
		}
	}
	return rest, note
}

// ClaimNote says why a file with a claim token was not read; empty when nothing was wrong with it.
func (g Gate) ClaimNote() string { return g.claimNote }

// Complete reports what has to be said for the gate to run, and was not. The error is an *Invalid.
func (g Gate) Complete() error {
	if g.Service == "" {
		return invalid([]Problem{{"service", "", "is missing; say where your accounts are, such as --service https://accounts.example.org"}})
	}
	return nil
}

// ServiceURL is the origin of the service, without a path.
func (g Gate) ServiceURL() *url.URL { return Config{Origin: g.Service}.OriginURL() }

func (g Gate) problems() []Problem {
	r := &review{Config: Config{sources: g.sources}}
	if g.Service != "" {
		r.gateService(g.Service)
	}
	if g.Upstream != "" && g.Media != "" {
		r.refuse("media", "stands beside upstream; the gate has one of them behind it")
	}
	if u, err := url.Parse(g.Upstream); g.Upstream != "" && (err != nil || !webAddress(u)) {
		r.refuse("upstream", "is %s; it has to be an address such as http://127.0.0.1:8096", quote(g.Upstream))
	}
	for _, text := range g.Address {
		if o, err := parseOrigin(text); err != nil {
			r.refuse("address", "%v", err)
		} else if o.String() != strings.TrimSuffix(text, "/") {
			r.refuse("address", "has %s; write it as %s", quote(text), o)
		}
	}
	host, port, ok := r.listener("listen", g.Listen)
	if ok {
		r.directory(g, host, port)
	}
	if g.Folder == "" {
		r.refuse("folder", "is empty; it has to name a folder")
	}
	if g.Name != "" && (strings.TrimSpace(g.Name) != g.Name || utf8.RuneCountInString(g.Name) > longestName) {
		r.refuse("name", "has to be 1 to %d characters, without blanks at its ends", longestName)
	}
	if g.OutageLimit < 0 || g.OutageLimit > longestOutage {
		r.refuse("outage_limit", "is %s; it has to be from 0s to %s", g.OutageLimit, longestOutage)
	}
	if g.ShutdownWait < 0 || g.ShutdownWait > longestWait {
		r.refuse("shutdown_wait", "is %s; it has to be from 0s to 1h", g.ShutdownWait)
	}
	r.networks("trusted_proxy", g.TrustedProxy, "then anyone could pretend to come from any address; name your proxies only")
	r.networks("local_network", g.LocalNetwork, "then anyone could claim the server; name your own networks only")
	return r.found
}

// gateService refuses a service that the gate would have to believe without knowing who answers.
func (r *review) gateService(text string) {
	o, err := parseOrigin(text)
	if err != nil {
		r.refuse("service", "%v", err)
	} else if o.scheme != "https" && !isLoopback(o.name) {
		r.refuse("service", "is %s, where nobody could tell who answers; it has to begin with https", o)
	}
}

// aBase is a name below which LDAP finds everybody.
var aBase = regexp.MustCompile(`^(?i:dc|o|ou)=[A-Za-z0-9-]+(,(?i:dc|o|ou)=[A-Za-z0-9-]+)*$`)

// directory refuses an LDAP that would take passwords in the clear from elsewhere, or could not listen beside the gate's own host and port.
func (r *review) directory(g Gate, gateHost string, gatePort int) {
	if !aBase.MatchString(g.LDAPBase) {
		r.refuse("ldap_base", "is %s; it has to be like dc=usher or dc=example,dc=org", quote(g.LDAPBase))
	}
	switch {
	case g.LDAPCertificate != "" && g.LDAPKey == "":
		r.refuse("ldap_certificate", "stands alone; its key has to be named as ldap_key")
	case g.LDAPCertificate == "" && g.LDAPKey != "":
		r.refuse("ldap_key", "stands alone; the certificate has to be named as ldap_certificate")
	}
	if g.LDAPListen == "" {
		return
	}
	host, port, ok := r.listener("ldap_listen", g.LDAPListen)
	if ok && g.LDAPCertificate == "" && !isLoopback(host) {
		r.refuse("ldap_listen", "is %s, where others in the network could read passwords; give it a certificate (ldap_certificate and ldap_key), or use 127.0.0.1", quote(g.LDAPListen))
	}
	if ok && port != 0 && port == gatePort && (gateHost == host || host == "" || gateHost == "" || isUnspecified(host) || isUnspecified(gateHost)) {
		r.refuse("ldap_listen", "has the same port as listen (%d); give it another, such as 3890", port)
	}
}

func webAddress(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}
