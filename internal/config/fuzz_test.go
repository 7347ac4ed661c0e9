package config

import (
	"slices"
	"strings"
	"testing"
)

func FuzzFile(f *testing.F) {
	f.Add(exampleFile)
	f.Add("origin = \"http://localhost\"\nhosts = [\"a\", \"b:1\"]\nhash_slots = 2")
	f.Add("[smtp]\nserver = \"x:25\"")
	f.Add("smtp_password = 'x'\nsmtp_user = \"u\"\nsmtp_server = \"localhost:25\"")
	f.Add("database = \"postgres://u:p@h/n?x=y\"\ntrusted_proxies = [\"::/0\", \"10.0.0.1\"]")
	f.Add("\xef\xbb\xbfname = \"\\u0000\"")
	f.Fuzz(func(t *testing.T, text string) {
		found, problems := service.parseFile("f", text)
		c := Default()
		for _, s := range settings() {
			if g, ok := found.settings[s.key]; ok {
				if err := s.decode(&c, g.texts); err != nil {
					problems = append(problems, Problem{s.key, g.source, err.Error()})
				}
			}
		}
		examine(t, c, problems)
	})
}

func FuzzEnvironment(f *testing.F) {
	f.Add("USHER_ORIGIN=https://bücher.example\nUSHER_HOSTS=a,[::1]:80,b.example.org")
	f.Add("USHER_DATABASE=postgres://u:p@h1:1,h2/n?password=q\nUSHER_SMTP_PASSWORD=x")
	f.Add("USHER_PORT=tcp://1.2.3.4:5\nUSHER_LISTN=:1\nUSHER_=\n=\nUSHER__FILE=x")
	f.Add("USHER_CONTACT=mailto:a?b@example.org\nUSHER_MAIL_FROM=\"a\\\"b\" <c@example.org>")
	f.Add("USHER_LISTEN=[::1%25x]:1\nUSHER_SHUTDOWN_WAIT=1h1ns\nUSHER_LOG_LEVEL=warn")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		// Files that a fuzzer names are not ours to read.
		lines = slices.DeleteFunc(lines, func(line string) bool {
			name, _, _ := strings.Cut(line, "=")
			return strings.HasSuffix(name, fileSuffix) && !strings.HasSuffix(name, "__FILE")
		})
		found, _, problems := service.environment(lines)
		c := Default()
		for _, s := range settings() {
			if g, ok := found[s.key]; ok {
				if err := s.decode(&c, g.texts); err != nil {
					problems = append(problems, Problem{s.key, g.source, err.Error()})
				}
			}
		}
		examine(t, c, problems)
	})
}

// examine holds what is true of every Config, however it was filled, and of every problem.
func examine(t *testing.T, c Config, problems []Problem) {
	t.Helper()
	for _, p := range append(problems, c.problems()...) {
		if !printable(p.String()) || p.Text == "" || (p.Key == "" && p.Source == "") {
			t.Errorf("not fit to print: %q", p.String())
		}
	}
	if c.Validate() != nil {
		return
	}
	o := normalOrigin(c.Origin)
	if normalOrigin(o) != o || c.OriginURL().String() != o || (!c.SecureCookies() && !c.OriginIsLoopback()) {
		t.Errorf("origin %q is not settled as %q", c.Origin, o)
	}
	hosts := c.AllowedHosts()
	if !slices.Contains(hosts, c.OriginURL().Host) {
		t.Errorf("origin's own host %q is not answered: %q", c.OriginURL().Host, hosts)
	}
	for _, host := range hosts {
		if host != strings.ToLower(host) || strings.ContainsAny(host, "/@ *\\") {
			t.Errorf("host %q is not in its one form", host)
		}
	}
	if link := c.ContactLink(); link != "" && !strings.HasPrefix(link, "mailto:") && !strings.HasPrefix(link, "http") {
		t.Errorf("contact leads to %q", link)
	}
	var b strings.Builder
	if err := Describe(&b, c); err != nil {
		t.Error(err)
	}
	if shown, err := showPostgres(c.Database.Reveal()); c.Postgres() && (err != nil || !strings.Contains(b.String(), shown)) {
		t.Errorf("an accepted database cannot be shown: %v", err)
	}
}
