package config

import (
	"net"
	"net/netip"
	"slices"
)

// given is what one source says about one setting.
type given struct {
	texts  []string
	source string
}

// Load reads the settings: flags before environment before file before defaults. environ is in the form of os.Environ;
// flags may be nil. The error is an *Invalid with all that is wrong in any source, values that another source overrides
// included.
func Load(flags *Flags, environ []string) (Config, error) {
	c := Default()
	c.sources = map[string]string{}
	read, unread := service.load(&c, c.sources, flags, environ)
	if c.clients = read.clients; len(c.clients) > 0 {
		c.sources[clientKey] = read.path
	}
	if c.issuers = read.issuers; len(c.issuers) > 0 {
		c.sources[issuerKey] = read.path
	}
	c.originFromListen()
	c.Origin = normalOrigin(c.Origin)
	if err := invalid(together(unread, c.problems())); err != nil {
		return Config{}, err
	}
	return c, nil
}

// load sets the fields of c, a pointer to the program's struct, from all that says something about them.
func (p program) load(c any, sources map[string]string, flags *Flags, environ []string) (inFile, []Problem) {
	env, named, problems := p.environment(environ)
	if files := flags.files(); files != nil {
		named = files
		if len(files) > 1 {
			problems = append(problems, Problem{"--config", "", "is given more than once; keep one"})
		}
	}
	read, fileProblems := p.read(named)
	problems = append(problems, fileProblems...)
	for n, s := range p.settings() {
		for _, g := range []given{read.settings[s.key], env[s.key], fromFlags(s, flags.texts(n))} {
			if g.source == "" {
				continue
			}
			if err := s.decode(c, g.texts); err != nil {
				problems = append(problems, Problem{s.key, g.source, err.Error()})
				continue
			}
			sources[s.key] = g.source
		}
	}
	return read, problems
}

// together adds to what could not be read the rules that are broken. A value that could not be read has left another in its place, about which there is
// nothing to say.
func together(unread, broken []Problem) []Problem {
	all := slices.Clone(unread)
	for _, p := range broken {
		if !slices.ContainsFunc(unread, func(earlier Problem) bool { return earlier.Key == p.Key }) {
			all = append(all, p)
		}
	}
	return all
}

// originFromListen takes the port of a listener that this machine reaches as localhost into an origin that nobody set, so that a first try on
// another port prints links that lead there.
func (c *Config) originFromListen() {
	host, port, err := net.SplitHostPort(c.Listen)
	if c.sources["origin"] != "" || c.sources["listen"] == "" || err != nil || port == "0" {
		return
	}
	address, err := netip.ParseAddr(host)
	if host == "" || host == "localhost" || err == nil && (address.IsLoopback() || address.IsUnspecified()) {
		c.Origin = "http://localhost:" + port
	}
}

func fromFlags(s setting, texts []string) given {
	if texts == nil {
		return given{}
	}
	if s.list() {
		var all []string
		for _, text := range texts {
			all = append(all, commas(text)...)
		}
		texts = all
	}
	return given{texts, "--" + s.flag()}
}

func (p program) keys() []string {
	var list []string
	for _, s := range p.settings() {
		list = append(list, s.key)
	}
	return list
}

// showName makes an unknown name fit to print.
func showName(name string) string {
	if printable(name) && len(name) <= 60 && name != "" {
		return name
	}
	return quote(name)
}
