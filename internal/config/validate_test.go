package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"usher/internal/secret"
)

// remoteMail is a working mail server on another machine.
func remoteMail(c *Config) {
	c.SMTPServer, c.MailFrom = "mail.example.org:587", "Usher <usher@example.org>"
}

func TestValidateRefuses(t *testing.T) {
	cases := []struct {
		name      string
		change    func(*Config)
		key, part string
	}{
		{"origin plain http", func(c *Config) { c.Origin = "http://id.example.org" }, "origin", "set origin to https://id.example.org"},
		{"origin plain http private", func(c *Config) { c.Origin = "http://192.168.1.2:8484" }, "origin", "unprotected"},
		{"origin only looks local", func(c *Config) { c.Origin = "http://localhost.example.org" }, "origin", "unprotected"},
		{"origin without scheme", func(c *Config) { c.Origin = "localhost:8484" }, "origin", "such as https://"},
		{"origin other scheme", func(c *Config) { c.Origin = "ftp://localhost" }, "origin", "such as https://"},
		{"origin javascript", func(c *Config) { c.Origin = "javascript://localhost/%0aalert(1)" }, "origin", "such as https://"},
		{"origin empty", func(c *Config) { c.Origin = "" }, "origin", "such as https://"},
		{"origin no host", func(c *Config) { c.Origin = "https://:443" }, "origin", "such as https://"},
		{"origin path", func(c *Config) { c.Origin = "https://example.org/id" }, "origin", "without a path"},
		{"origin query", func(c *Config) { c.Origin = "https://example.org?x" }, "origin", "without a path"},
		{"origin empty query", func(c *Config) { c.Origin = "https://example.org/?" }, "origin", "without a path"},
		{"origin fragment", func(c *Config) { c.Origin = "https://example.org/#" }, "origin", "without a path"},
		{"origin user", func(c *Config) { c.Origin = "https://me@example.org" }, "origin", "user name"},
		{"origin port 0", func(c *Config) { c.Origin = "https://example.org:0" }, "origin", "from 1 to 65535"},
		{"origin port high", func(c *Config) { c.Origin = "https://example.org:65536" }, "origin", "from 1 to 65535"},
		{"origin every address", func(c *Config) { c.Origin = "https://0.0.0.0" }, "origin", "value for listen"},
		{"origin short address", func(c *Config) { c.Origin = "http://127.1" }, "origin", "not a host name"},
		{"origin hexadecimal address", func(c *Config) { c.Origin = "http://0x7f.0x1" }, "origin", "not a host name"},
		{"origin trailing dot", func(c *Config) { c.Origin = "https://example.org." }, "origin", "not a host name"},
		{"origin wildcard", func(c *Config) { c.Origin = "https://*.example.org" }, "origin", "not a host name"},
		{"origin outside ASCII", func(c *Config) { c.Origin = "https://bücher.example" }, "origin", "xn--bcher-kva.example"},
		{"origin zone", func(c *Config) { c.Origin = "http://[fe80::1%25eth0]" }, "origin", "zone"},
		{"origin http with certificate", func(c *Config) { c.TLSCertificate, c.TLSKey = "c", "k" }, "origin", "with https"},
		{"host with scheme", func(c *Config) { c.Hosts = []string{"https://a.example.org"} }, "hosts", "without http://"},
		{"host wildcard", func(c *Config) { c.Hosts = []string{"*"} }, "hosts", "not a host name"},
		{"host port", func(c *Config) { c.Hosts = []string{"a.example.org:http"} }, "hosts", "not a host such as"},
		{"host port 0", func(c *Config) { c.Hosts = []string{"a.example.org:0"} }, "hosts", "not a host such as"},
		{"host every address", func(c *Config) { c.Hosts = []string{"[::]:80"} }, "hosts", "nobody can visit"},
		{"host half bracket", func(c *Config) { c.Hosts = []string{"[::1"} }, "hosts", "not a host"},
		{"listen without port", func(c *Config) { c.Listen = "localhost" }, "listen", "host:port"},
		{"listen port word", func(c *Config) { c.Listen = ":http" }, "listen", "host:port"},
		{"listen port sign", func(c *Config) { c.Listen = ":+80" }, "listen", "host:port"},
		{"listen port high", func(c *Config) { c.Listen = ":70000" }, "listen", "host:port"},
		{"listen host", func(c *Config) { c.Listen = "a b:80" }, "listen", "not a host name"},
		{"operations everywhere", func(c *Config) { c.OperationsListen = ":8485" }, "operations_listen", "other machines"},
		{"operations 0.0.0.0", func(c *Config) { c.OperationsListen = "0.0.0.0:8485" }, "operations_listen", "other machines"},
		{"operations private", func(c *Config) { c.OperationsListen = "10.0.0.1:8485" }, "operations_listen", "other machines"},
		{"operations by name", func(c *Config) { c.OperationsListen = "usher.localhost:8485" }, "operations_listen", "other machines"},
		{"operations empty", func(c *Config) { c.OperationsListen = "" }, "operations_listen", "host:port"},
		{"operations on listen", func(c *Config) { c.OperationsListen = "127.0.0.1:8484" }, "operations_listen", "same port"},
		{"operations under listen", func(c *Config) { c.Listen = ":8485" }, "operations_listen", "same port"},
		{"everybody a proxy", func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, "trusted_proxies", "everybody"},
		{"everybody a proxy, IPv6", func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("::/0")} }, "trusted_proxies", "everybody"},
		{"proxy not masked", func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/8")} }, "trusted_proxies", "plain form"},
		{"proxy zero", func(c *Config) { c.TrustedProxies = make([]netip.Prefix, 1) }, "trusted_proxies", "plain form"},
		{"Google in part", func(c *Config) { c.GoogleClientID = "g" }, "google_client_secret", "is missing"},
		{"Apple in part", func(c *Config) { c.AppleClientID, c.AppleTeamID, c.AppleKeyID = "a", "t", "k" }, "apple_key", "is missing"},
		{"Facebook in part", func(c *Config) { c.FacebookClientSecret = secret.TokenOf("s") }, "facebook_client_id", "is missing"},
		{"Google in the clear", func(c *Config) { c.GoogleIssuer = "http://accounts.google.com" }, "google_issuer", "begin with https"},
		{"Apple nowhere", func(c *Config) { c.AppleIssuer = "" }, "apple_issuer", "is missing"},
		{"Facebook with a query", func(c *Config) { c.FacebookDialog = "https://facebook.example/?x=y" }, "facebook_dialog", "whole address"},
		{"Facebook with a password", func(c *Config) { c.FacebookGraph = "https://a:b@facebook.example/" }, "facebook_graph", "whole address"},
		{"data empty", func(c *Config) { c.Data = "" }, "data", "name a folder"},
		{"data with query", func(c *Config) { c.Data = "a?b" }, "data", "SQLite"},
		{"database path alone", func(c *Config) { c.Database = secret.TokenOf("usher.db") }, "database", "begin with sqlite:"},
		{"database other kind", func(c *Config) { c.Database = secret.TokenOf("mysql://h/n") }, "database", "begin with sqlite:"},
		{"database no path", func(c *Config) { c.Database = secret.TokenOf("sqlite:") }, "database", "name a file"},
		{"database in memory", func(c *Config) { c.Database = secret.TokenOf("sqlite::memory:") }, "database", "name a file"},
		{"database slashes", func(c *Config) { c.Database = secret.TokenOf("sqlite:///x.db") }, "database", "without //"},
		{"database parameters", func(c *Config) { c.Database = secret.TokenOf("sqlite:x.db?mode=ro") }, "database", "SQLite"},
		{"database raw slash", func(c *Config) { c.Database = secret.TokenOf("postgres://u:p/w@h/n") }, "database", "%2F"},
		{"database raw question mark", func(c *Config) { c.Database = secret.TokenOf("postgres://u:p?w@h/n") }, "database", "%3F"},
		{"database raw at", func(c *Config) { c.Database = secret.TokenOf("postgres://u:p@w@h/n") }, "database", "%40"},
		{"database bad escape", func(c *Config) { c.Database = secret.TokenOf("postgres://u:p%zz@h/n") }, "database", "%25"},
		{"database bad query", func(c *Config) { c.Database = secret.TokenOf("postgres://h/n?x=%zz") }, "database", "after ?"},
		{"connections below 0", func(c *Config) { c.DatabaseConnections = -1 }, "database_connections", "from 0 to"},
		{"connections too many", func(c *Config) { c.DatabaseConnections = 10_001 }, "database_connections", "from 0 to"},
		{"key ring is the database", func(c *Config) { c.KeyRing = "./usher-data/usher.db" }, "key_ring", "file of its own"},
		{"certificate alone", func(c *Config) { c.TLSCertificate = "c" }, "tls_key", "missing"},
		{"key alone", func(c *Config) { c.TLSKey = "k" }, "tls_certificate", "missing"},
		{"wait below 0", func(c *Config) { c.ShutdownWait = -time.Second }, "shutdown_wait", "from 0s"},
		{"wait too long", func(c *Config) { c.ShutdownWait = 61 * time.Minute }, "shutdown_wait", "to 1h"},
		{"log format", func(c *Config) { c.LogFormat = "xml" }, "log_format", "json or text"},
		{"name empty", func(c *Config) { c.Name = "" }, "name", "1 to 64"},
		{"name blank", func(c *Config) { c.Name = "  " }, "name", "1 to 64"},
		{"name with blanks", func(c *Config) { c.Name = " Usher" }, "name", "blanks"},
		{"name too long", func(c *Config) { c.Name = strings.Repeat("ü", 65) }, "name", "1 to 64"},
		{"name with line break", func(c *Config) { c.Name = "a\r\nBcc: b" }, "name", "line break"},
		{"sign up", func(c *Config) { c.SignUp = "" }, "sign_up", "open, invitation or closed"},
		{"contact script", func(c *Config) { c.Contact = "javascript:alert(1)" }, "contact", "https://"},
		{"contact words", func(c *Config) { c.Contact = "ask me" }, "contact", "e-mail address"},
		{"contact no host", func(c *Config) { c.Contact = "https:///x" }, "contact", "https://"},
		{"contact with name", func(c *Config) { c.Contact = "Me <me@example.org>" }, "contact", "e-mail address"},
		{"link code of 3", func(c *Config) { c.LinkCodeLongest = 3 }, "link_code_longest", "from 4 to 7"},
		{"link code of 8", func(c *Config) { c.LinkCodeLongest = 8 }, "link_code_longest", "from 4 to 7"},
		{"password length 7", func(c *Config) { c.PasswordMinLength = 7 }, "password_min_length", "from 8 to 15"},
		{"password length 16", func(c *Config) { c.PasswordMinLength = 16 }, "password_min_length", "from 8 to 15"},
		{"argon2 19455/2", func(c *Config) { c.Argon2Memory = 19455 }, "argon2_memory", "two passes it has to be from 19456"},
		{"argon2 47103/1", func(c *Config) { c.Argon2Memory, c.Argon2Passes = 47103, 1 }, "argon2_memory", "one pass it has to be from 47104"},
		{"argon2 12287/3", func(c *Config) { c.Argon2Memory, c.Argon2Passes = 12287, 3 }, "argon2_memory", "from 12288"},
		{"argon2 above 1 GiB", func(c *Config) { c.Argon2Memory = 1<<20 + 1 }, "argon2_memory", "to 1048576"},
		{"argon2 passes 0", func(c *Config) { c.Argon2Memory, c.Argon2Passes = 65536, 0 }, "argon2_passes", "from 1 to 16"},
		{"argon2 passes 17", func(c *Config) { c.Argon2Passes = 17 }, "argon2_passes", "from 1 to 16"},
		{"slots below 0", func(c *Config) { c.HashSlots = -1 }, "hash_slots", "from 0 to 256"},
		{"slots too many", func(c *Config) { c.HashSlots = 257 }, "hash_slots", "from 0 to 256"},
		{"server without port", func(c *Config) { remoteMail(c); c.SMTPServer = "mail.example.org" }, "smtp_server", ":587"},
		{"server without host", func(c *Config) { remoteMail(c); c.SMTPServer = ":587" }, "smtp_server", ":587"},
		{"server port 0", func(c *Config) { remoteMail(c); c.SMTPServer = "mail.example.org:0" }, "smtp_server", ":587"},
		{"server not a name", func(c *Config) { remoteMail(c); c.SMTPServer = "a_!:25" }, "smtp_server", "not a host name"},
		{"no TLS to another machine", func(c *Config) { remoteMail(c); c.SMTPTLS = TLSNone }, "smtp_tls", "on this machine"},
		{"TLS mode", func(c *Config) { c.SMTPTLS = "tls" }, "smtp_tls", "starttls, implicit or none"},
		{"user without password", func(c *Config) { remoteMail(c); c.SMTPUser = "u" }, "smtp_password", "missing"},
		{"password without user", func(c *Config) { remoteMail(c); c.SMTPPassword = secret.TokenOf("p") }, "smtp_user", "missing"},
		{"user without server", func(c *Config) { c.SMTPUser, c.SMTPPassword = "u", secret.TokenOf("p") }, "smtp_server", "missing"},
		{"sender at localhost", func(c *Config) { c.SMTPServer = "mail.example.org:587" }, "mail_from", "at localhost"},
		{"notices at localhost", func(c *Config) { remoteMail(c); c.NoticeFrom = "n@LOCALHOST" }, "notice_from", "at localhost"},
		{"sender not an address", func(c *Config) { c.MailFrom = "Usher" }, "mail_from", "one address"},
		{"sender empty", func(c *Config) { c.MailFrom = "" }, "mail_from", "one address"},
		{"two senders", func(c *Config) { c.MailFrom = "a@example.org, b@example.org" }, "mail_from", "one address"},
		{"sender outside ASCII", func(c *Config) { c.MailFrom = "üser@example.org" }, "mail_from", "plain letters"},
		{"sender with two @", func(c *Config) { c.MailFrom = `"a@b"@example.org` }, "mail_from", "plain letters"},
		{"sender domain", func(c *Config) { c.MailFrom = "a@[127.0.0.1]" }, "mail_from", "not a host name"},
		{"notices not an address", func(c *Config) { c.NoticeFrom = "@" }, "notice_from", "one address"},
		{"no mail a minute", func(c *Config) { c.MailPerMinute = 0 }, "mail_per_minute", "from 1 to"},
		{"too much mail a minute", func(c *Config) { c.MailPerMinute = 100_001 }, "mail_per_minute", "from 1 to"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := Default()
			tc.change(&c)
			problems := problemsOf(t, c.Validate())
			for _, p := range problems {
				if p.Key == tc.key && strings.Contains(p.Text, tc.part) {
					return
				}
			}
			t.Errorf("want %s … %s, got %v", tc.key, tc.part, problems)
		})
	}
}

func TestValidateAllows(t *testing.T) {
	cases := map[string]func(*Config){
		"https":                  func(c *Config) { c.Origin = "https://id.example.org" },
		"https slash":            func(c *Config) { c.Origin = "https://id.example.org/" },
		"https here":             func(c *Config) { c.Origin, c.TLSCertificate, c.TLSKey = "https://localhost:8484", "c", "k" },
		"loopback addresses":     func(c *Config) { c.Origin = "http://[::1]:8484" },
		"loopback network":       func(c *Config) { c.Origin = "http://127.8.9.1" },
		"name under localhost":   func(c *Config) { c.Origin = "http://usher.localhost:8484" },
		"listen everywhere":      func(c *Config) { c.Listen = "[::]:443" },
		"any free port":          func(c *Config) { c.Listen, c.OperationsListen = "localhost:0", "localhost:0" },
		"other loopback address": func(c *Config) { c.Listen, c.OperationsListen = "127.0.0.1:1", "127.0.0.2:1" },
		"one pass":               func(c *Config) { c.Argon2Memory, c.Argon2Passes = 47104, 1 },
		"three passes":           func(c *Config) { c.Argon2Memory, c.Argon2Passes = 12288, 3 },
		"1 GiB":                  func(c *Config) { c.Argon2Memory = 1 << 20 },
		"mail here without TLS":  func(c *Config) { c.SMTPServer, c.SMTPTLS = "127.0.0.1:25", TLSNone },
		"mail elsewhere":         remoteMail,
		"PostgreSQL": func(c *Config) {
			c.Database = secret.TokenOf("postgres://u:p%40w@db.example.org:5432/usher?sslmode=require")
		},
		"PostgreSQL on a socket":  func(c *Config) { c.Database = secret.TokenOf("postgres:///usher?host=/run/postgresql") },
		"several PostgreSQL":      func(c *Config) { c.Database = secret.TokenOf("postgresql://u@[::1]:1,b:2/usher") },
		"SQLite elsewhere":        func(c *Config) { c.Database = secret.TokenOf("sqlite:/srv/usher.db") },
		"contact address":         func(c *Config) { c.Contact = "help@example.org" },
		"contact link":            func(c *Config) { c.Contact = "mailto:help@example.org" },
		"name outside ASCII":      func(c *Config) { c.Name = "Kino für alle" },
		"hosts":                   func(c *Config) { c.Hosts = []string{"a.example.org", "usher_app:8484", "::1", "[::1]:80"} },
		"longest password length": func(c *Config) { c.PasswordMinLength = 15 },
		"no wait":                 func(c *Config) { c.ShutdownWait = 0 },
	}
	for name, change := range cases {
		c := Default()
		change(&c)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
