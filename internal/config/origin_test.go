package config

import (
	"slices"
	"testing"

	"usher/internal/secret"
)

func TestOriginFacts(t *testing.T) {
	cases := []struct {
		origin, url      string
		loopback, secure bool
		hosts            []string
	}{
		{"http://localhost:8484", "http://localhost:8484", true, false, []string{"localhost:8484", "127.0.0.1:8484", "[::1]:8484"}},
		{"http://LOCALHOST:80/", "http://localhost", true, false,
			[]string{"localhost", "localhost:80", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:80"}},
		{"https://ID.Example.org/", "https://id.example.org", false, true, []string{"id.example.org", "id.example.org:443"}},
		{"HTTPS://id.example.org:443", "https://id.example.org", false, true, []string{"id.example.org", "id.example.org:443"}},
		{"https://id.example.org:8443", "https://id.example.org:8443", false, true, []string{"id.example.org:8443"}},
		{"https://[2001:DB8:0::1]", "https://[2001:db8::1]", false, true, []string{"[2001:db8::1]", "[2001:db8::1]:443"}},
		{"http://[::ffff:127.0.0.1]:1", "http://127.0.0.1:1", true, false, []string{"127.0.0.1:1", "localhost:1", "[::1]:1"}},
		{"http://tv.localhost:1", "http://tv.localhost:1", true, false, []string{"tv.localhost:1", "localhost:1", "127.0.0.1:1", "[::1]:1"}},
		{"nonsense", "", false, false, nil},
	}
	for _, tc := range cases {
		c := Config{Origin: tc.origin}
		if got := c.OriginURL().String(); got != tc.url {
			t.Errorf("%s: URL %q, want %q", tc.origin, got, tc.url)
		}
		if c.OriginIsLoopback() != tc.loopback || c.SecureCookies() != tc.secure {
			t.Errorf("%s: loopback %v, secure cookies %v", tc.origin, c.OriginIsLoopback(), c.SecureCookies())
		}
		if got := c.AllowedHosts(); !slices.Equal(got, tc.hosts) {
			t.Errorf("%s: hosts %q, want %q", tc.origin, got, tc.hosts)
		}
	}
}

func TestFurtherHosts(t *testing.T) {
	c := Config{Origin: "https://id.example.org", Hosts: []string{"Account.Example.org", "usher.internal:8484", "id.example.org", "2001:db8::1", "x:443"}}
	want := []string{"id.example.org", "id.example.org:443", "account.example.org", "account.example.org:443",
		"usher.internal:8484", "[2001:db8::1]", "[2001:db8::1]:443", "x", "x:443"}
	if got := c.AllowedHosts(); !slices.Equal(got, want) {
		t.Errorf("hosts %q, want %q", got, want)
	}
	c = Config{Origin: "https://id.example.org:8443", Hosts: []string{"a"}}
	if got := c.AllowedHosts(); !slices.Equal(got, []string{"id.example.org:8443", "a:8443"}) {
		t.Errorf("without a port, origin's port is meant; got %q", got)
	}
}

func TestOriginIsNormalAfterLoad(t *testing.T) {
	inFolder(t, "")
	c, err := Load(nil, []string{"USHER_ORIGIN=https://ID.example.org:443/"})
	if err != nil || c.Origin != "https://id.example.org" {
		t.Errorf("origin is %q, %v", c.Origin, err)
	}
}

func TestDerivedValues(t *testing.T) {
	c := Default()
	if c.Postgres() || c.SQLitePath() != "usher-data/usher.db" || c.DatabaseURL().Reveal() != "sqlite:usher-data/usher.db" {
		t.Errorf("default database is %q", c.DatabaseURL().Reveal())
	}
	if c.IncidentsPath() != "usher-data/incidents" || c.KeyRingPath() != "usher-data/keyring.json" || c.NoticeSender() != c.MailFrom {
		t.Errorf("key ring %q, notices from %q", c.KeyRingPath(), c.NoticeSender())
	}
	if c.Connections(2) != 16 || c.Connections(8) != 32 || c.HashSlotCount(6) != 6 || c.HashSlotCount(0) != 1 {
		t.Errorf("sizes are %d, %d, %d, %d", c.Connections(2), c.Connections(8), c.HashSlotCount(6), c.HashSlotCount(0))
	}
	c.Database, c.KeyRing, c.NoticeFrom = secret.TokenOf("postgres://h/n"), "ring", "n@example.org"
	c.DatabaseConnections, c.HashSlots = 5, 3
	if !c.Postgres() || c.SQLitePath() != "" || c.KeyRingPath() != "ring" || c.NoticeSender() != "n@example.org" ||
		c.Connections(2) != 5 || c.HashSlotCount(6) != 3 {
		t.Error("what is set does not win over what is derived")
	}
}

func TestContactLink(t *testing.T) {
	for contact, want := range map[string]string{
		"":                         "",
		"help@example.org":         "mailto:help@example.org",
		"mailto:help@example.org":  "mailto:help@example.org",
		"a?b@example.org":          "mailto:a%3Fb@example.org",
		"https://example.org/help": "https://example.org/help",
		"javascript:alert(1)":      "",
		"https://u:p@example.org":  "",
	} {
		if got := (Config{Contact: contact}).ContactLink(); got != want {
			t.Errorf("%q gives %q, want %q", contact, got, want)
		}
	}
}
