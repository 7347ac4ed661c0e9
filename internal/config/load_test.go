package config

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"usher/internal/secret"
)

// parseArgs parses args with kong as a command of usher does.
func parseArgs(t *testing.T, args ...string) *Flags {
	t.Helper()
	flags := NewFlags()
	var cli struct {
		Serve struct{ kong.Plugins } `cmd:""`
		Check struct{ kong.Plugins } `cmd:""`
	}
	cli.Serve.Plugins = kong.Plugins{flags.Fields()}
	cli.Check.Plugins = kong.Plugins{flags.Fields()}
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatalf("kong refuses the fields: %v", err)
	}
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatalf("parse %q: %v", args, err)
	}
	return flags
}

// inFolder makes an empty working folder, with usher.toml when text is not empty.
func inFolder(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if text != "" {
		write(t, service.file, text)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// problemsOf returns the problems of a load that has to fail.
func problemsOf(t *testing.T, err error) []Problem {
	t.Helper()
	var wrong *Invalid
	if !errors.As(err, &wrong) {
		t.Fatalf("want an *Invalid, got %v", err)
	}
	return wrong.Problems
}

func TestDefaultsAreValid(t *testing.T) {
	inFolder(t, "")
	c, err := Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "localhost:8484" || c.Argon2Memory != 19456 || c.ShutdownWait != 15*time.Second ||
		c.SignUp != SignUpOpen || c.LogLevel != slog.LevelInfo || c.SMTPTLS != TLSStart || c.MailPerMinute != 600 {
		t.Errorf("defaults are %+v", c)
	}
	if err := Default().Validate(); err != nil {
		t.Errorf("Default breaks a rule: %v", err)
	}
}

func TestOrderOfSources(t *testing.T) {
	inFolder(t, "name = \"file\"\ncontact = \"file@example.org\"\nlisten = \":1\"\n")
	env := []string{"USHER_NAME=environment", "USHER_CONTACT=environment@example.org", "HOME=/nowhere", "USHERETTE=1"}
	c, err := Load(parseArgs(t, "--name", "flag"), env)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "flag" || c.Contact != "environment@example.org" || c.Listen != ":1" || c.Data != "usher-data" {
		t.Errorf("got %q %q %q %q", c.Name, c.Contact, c.Listen, c.Data)
	}
	want := map[string]string{"name": "--name", "contact": "USHER_CONTACT", "listen": "usher.toml"}
	for key, source := range want {
		if c.sources[key] != source {
			t.Errorf("%s is said to come from %q, want %q", key, c.sources[key], source)
		}
	}
	if len(c.sources) != len(want) {
		t.Errorf("sources are %v", c.sources)
	}
}

func TestEveryKeyThroughEverySource(t *testing.T) {
	samples := map[string]string{
		"origin": "https://id.example.org", "hosts": "a.example.org,b.example.org:81", "listen": ":9000",
		"tls_certificate": "c.pem", "tls_key": "k.pem", "trusted_proxies": "10.0.0.0/8,::1", "shutdown_wait": "1m30s",
		"operations_listen": "127.0.0.1:9001", "log_level": "debug", "log_format": "text", "data": "d",
		"database": "sqlite:x.db", "database_connections": "40", "key_ring": "k.json", "name": "Kino", "contact": "https://example.org/help",
		"sign_up": "invitation", "plex_api": "off", "place_data": "p.mmdb", "password_min_length": "15", "link_code_longest": "5", "link_same_network": "on", "password_blocklist": "b.bin", "password_words": "w.txt",
		"argon2_memory": "47104", "argon2_passes": "1", "hash_slots": "3", "smtp_server": "mail.example.org:465", "smtp_tls": "implicit",
		"smtp_user": "u", "smtp_password": "p", "mail_from": "a@example.org", "notice_from": "n@example.org", "mail_per_minute": "10",
		"google_client_id": "g", "google_client_secret": "gs", "google_issuer": "https://google.example", "apple_client_id": "a", "apple_team_id": "at", "apple_key_id": "ak", "apple_key": "ap",
		"apple_issuer": "https://apple.example", "facebook_client_id": "f", "facebook_client_secret": "fs", "facebook_dialog": "https://facebook.example/dialog", "facebook_graph": "https://graph.example", "outside_second_step": "on",
	}
	folder := t.TempDir()
	var args, env, filed []string
	var text strings.Builder
	for _, s := range settings() {
		sample, ok := samples[s.key]
		if !ok {
			t.Fatalf("no sample for %s", s.key)
		}
		args = append(args, "--"+s.flag()+"="+sample)
		env = append(env, s.variable()+"="+sample)
		write(t, filepath.Join(folder, s.key), sample+"\n")
		filed = append(filed, s.variable()+"_FILE="+filepath.Join(folder, s.key))
		switch {
		case s.whole():
			text.WriteString(s.key + " = " + sample + "\n")
		case s.list():
			text.WriteString(s.key + ` = ["` + strings.ReplaceAll(sample, ",", `", "`) + "\"]\n")
		default:
			text.WriteString(s.key + ` = "` + sample + "\"\n")
		}
	}
	inFolder(t, "")
	write(t, "all.toml", text.String())
	loads := map[string]func() (Config, error){
		"flags":       func() (Config, error) { return Load(parseArgs(t, args...), nil) },
		"environment": func() (Config, error) { return Load(nil, env) },
		"value files": func() (Config, error) { return Load(nil, filed) },
		"--config":    func() (Config, error) { return Load(parseArgs(t, "--config", "all.toml"), nil) },
		"USHER_CONFIG": func() (Config, error) {
			return Load(nil, []string{"USHER_CONFIG=all.toml"})
		},
	}
	for name, load := range loads {
		c, err := load()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, s := range settings() {
			shown := strings.ReplaceAll(s.show(c), ", ", ",")
			want := strings.Replace(samples[s.key], ",::1", ",::1/128", 1)
			if s.kind == reflect.TypeFor[secret.Token]() {
				shown = s.in(&c).Interface().(secret.Token).Reveal()
			}
			if shown != want {
				t.Errorf("%s: %s is %q, want %q", name, s.key, shown, want)
			}
			if c.sources[s.key] == "" {
				t.Errorf("%s: %s has no source", name, s.key)
			}
		}
	}
}

func TestLists(t *testing.T) {
	inFolder(t, `hosts = ["file.example.org"]`)
	c, err := Load(parseArgs(t, "--hosts", "a.example.org, b.example.org", "--hosts", "c.example.org"), nil)
	if err != nil || !slices.Equal(c.Hosts, []string{"a.example.org", "b.example.org", "c.example.org"}) {
		t.Errorf("hosts are %q, %v", c.Hosts, err)
	}
	c, err = Load(nil, []string{"USHER_HOSTS="})
	if err != nil || len(c.Hosts) != 0 {
		t.Errorf("an empty variable leaves %q, %v", c.Hosts, err)
	}
	c, err = Load(nil, []string{"USHER_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.7,fd00::/8,::ffff:192.0.2.9"})
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"),
		netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("192.0.2.9/32")}
	if err != nil || !slices.Equal(c.TrustedProxies, want) {
		t.Errorf("trusted_proxies are %v, %v", c.TrustedProxies, err)
	}
}

func TestConfigurationFileThatIsNamedHasToBeThere(t *testing.T) {
	inFolder(t, "")
	for name, load := range map[string]func() (Config, error){
		"flag":     func() (Config, error) { return Load(parseArgs(t, "--config", "gone.toml"), nil) },
		"variable": func() (Config, error) { return Load(nil, []string{"USHER_CONFIG=gone.toml"}) },
	} {
		_, err := load()
		if p := problemsOf(t, err); len(p) != 1 || p[0].Source != "gone.toml" {
			t.Errorf("%s: %v", name, err)
		}
	}
	write(t, service.file, `name = ""`)
	if _, err := Load(parseArgs(t, "--config="), nil); err != nil {
		t.Errorf("an empty path still reads a file: %v", err)
	}
	write(t, "other.toml", `name = "Other"`)
	if c, err := Load(parseArgs(t, "--config", "other.toml"), []string{"USHER_CONFIG=gone.toml"}); err != nil || c.Name != "Other" {
		t.Errorf("the flag does not win over the variable: %q, %v", c.Name, err)
	}
}

func TestValueFiles(t *testing.T) {
	inFolder(t, "")
	for text, want := range map[string]string{"pw": "pw", "pw\n": "pw", "pw\r\n": "pw", " p w ": " p w "} {
		write(t, "value", text)
		c, err := Load(nil, []string{"USHER_SMTP_USER=u", "USHER_SMTP_SERVER=localhost:25", "USHER_SMTP_PASSWORD_FILE=value"})
		if err != nil || c.SMTPPassword.Reveal() != want {
			t.Errorf("%q is not read as %q: %v", text, want, err)
		}
	}
	write(t, "large", strings.Repeat("x", valueFileLimit+1))
	for path, part := range map[string]string{"large": "larger than", "gone": "no such file"} {
		_, err := Load(nil, []string{"USHER_KEY_RING_FILE=" + path})
		if err == nil || !strings.Contains(err.Error(), "key_ring (USHER_KEY_RING_FILE)") || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestBadSources(t *testing.T) {
	cases := []struct {
		name, file string
		args, env  []string
		want       []string // one part of each problem, in order
	}{
		{"both", "", nil, []string{"USHER_DATA=a", "USHER_DATA_FILE=b"}, []string{"data (USHER_DATA) is given twice"}},
		{"both, one empty", "", nil, []string{"USHER_DATA=", "USHER_DATA_FILE=b"}, []string{"data (USHER_DATA) is given twice"}},
		{"unknown variable", "", nil, []string{"USHER_LISTN=x"}, []string{"USHER_LISTN is not a setting; did you mean USHER_LISTEN?"}},
		{"swapped letters", "", nil, []string{"USHER_DTAA=x"}, []string{"did you mean USHER_DATA?"}},
		{"unknown file variable", "", nil, []string{"USHER_SMTP_PASSWRD_FILE=x"}, []string{"did you mean USHER_SMTP_PASSWORD_FILE?"}},
		{"config has no file form", "", nil, []string{"USHER_CONFIG_FILE=x"}, []string{"did you mean USHER_CONFIG?"}},
		{"far from anything", "", nil, []string{"USHER_ZZZZZZ=x"}, []string{"USHER_ZZZZZZ is not a setting; docs/configuration.md"}},
		{"lower case", "", nil, []string{"USHER_listen=x"}, []string{"did you mean USHER_LISTEN?"}},
		{"other word", "", nil, []string{"USHER_PORT=8080"}, []string{"did you mean USHER_LISTEN?"}},
		{"name not fit to print", "", nil, []string{"USHER_A\x1b[2J=x"}, []string{`"USHER_A\x1b[2J" is not a setting`}},
		{"unknown key", `listn = ""`, nil, nil, []string{"listn (usher.toml) is not a setting; did you mean listen?"}},
		{"kebab key", `smtp-server = ""`, nil, nil, []string{"did you mean smtp_server?"}},
		{"start of a key", `tls_cert = ""`, nil, nil, []string{"did you mean tls_certificate?"}},
		{"table", "[smtp]\nserver = \"x:25\"", nil, nil, []string{"smtp (usher.toml) is not a setting; did you mean smtp_server, outside any table?"}},
		{"known key as table", "[listen]\nport = 1", nil, nil, []string{"listen (usher.toml) has to be a text in quotes"}},
		{"not TOML", "name = \"a\"\nlisten", nil, nil, []string{"usher.toml is not TOML at line 2"}},
		{"key twice", "name = \"a\"\nname = \"b\"", nil, nil, []string{"usher.toml is not TOML at line 2"}},
		{"number in quotes", `hash_slots = "2"`, nil, nil, []string{"hash_slots (usher.toml) has to be a whole number, without quotes"}},
		{"fraction", `hash_slots = 2.5`, nil, nil, []string{"has to be a whole number"}},
		{"text without list", `hosts = "a"`, nil, nil, []string{"hosts (usher.toml) has to be a list of texts"}},
		{"list of numbers", `hosts = [1]`, nil, nil, []string{"has to be a list of texts"}},
		{"number for text", `name = 3`, nil, nil, []string{"name (usher.toml) has to be a text in quotes"}},
		{"empty entry", "", nil, []string{"USHER_HOSTS=a,,b"}, []string{"hosts (USHER_HOSTS) has an empty entry"}},
		{"not a number", "", []string{"--hash-slots", "two"}, nil, []string{`hash_slots (--hash-slots) is "two", which is not a whole number`}},
		{"too large a number", "", nil, []string{"USHER_HASH_SLOTS=99999999999999999999"}, []string{"not a whole number"}},
		{"no number", "", nil, []string{"USHER_HASH_SLOTS="}, []string{"hash_slots (USHER_HASH_SLOTS) is empty"}},
		{"not a time", "", nil, []string{"USHER_SHUTDOWN_WAIT=15"}, []string{"not a length of time such as 15s"}},
		{"not of the words", "", nil, []string{"USHER_SIGN_UP=Open"}, []string{`sign_up (USHER_SIGN_UP) is "Open"; it can be open, invitation or closed`}},
		{"level with offset", "", nil, []string{"USHER_LOG_LEVEL=info+2"}, []string{"it can be debug, info, warn or error"}},
		{"flag twice", "", []string{"--name", "a", "--name", "b"}, nil, []string{"name (--name) is given 2 times"}},
		{"config twice", "", []string{"--config=", "--config="}, nil, []string{"--config is given more than once"}},
		{"value file's name", "", nil, []string{"USHER_NAME_FILE=a\x1bb"}, []string{`name (USHER_NAME_FILE) cannot be read: its path "a\x1bb"`}},
		{"file's name", "", []string{"--config=a\x1bb"}, nil, []string{`"a\x1bb" cannot be read`}},
		{"line break", "", nil, []string{"USHER_NAME=a\nb"}, []string{"name (USHER_NAME) holds a line break"}},
		{"not UTF-8", "", nil, []string{"USHER_NAME=\xff"}, []string{"name (USHER_NAME) holds"}},
		{"not a network", "", nil, []string{"USHER_TRUSTED_PROXIES=proxy"}, []string{`has "proxy", which is not a network`}},
		{"address inside a network", "", nil, []string{"USHER_TRUSTED_PROXIES=10.1.2.3/8"}, []string{"write 10.0.0.0/8"}},
		{"mapped network", "", nil, []string{"USHER_TRUSTED_PROXIES=::ffff:10.0.0.0/104"}, []string{"write it as an IPv4 network"}},
		{"overridden and wrong", `hash_slots = "x"`, []string{"--hash-slots=1"}, nil, []string{"hash_slots (usher.toml)"}},
		{"all at once", "wrong = 1\nhash_slots = 999", []string{"--listen=nowhere"}, []string{"USHER_X9=1", "USHER_LOG_FORMAT=xml"},
			[]string{"USHER_X9", "wrong (usher.toml)", "log_format (USHER_LOG_FORMAT)", "listen (--listen)", "hash_slots (usher.toml) is 999"}},
		{"same key twice wrong", "", nil, []string{"USHER_HOSTS=a/b,c/d"}, []string{`"a/b"`, `"c/d"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inFolder(t, c.file)
			_, err := Load(parseArgs(t, c.args...), c.env)
			problems := problemsOf(t, err)
			if len(problems) != len(c.want) {
				t.Fatalf("want %d problems, got: %v", len(c.want), err)
			}
			for i, p := range problems {
				if !strings.Contains(p.String(), c.want[i]) {
					t.Errorf("problem %d is %q, want %q in it", i, p, c.want[i])
				}
				if !strings.Contains(err.Error(), p.String()) {
					t.Errorf("the error leaves out %q: %v", p, err)
				}
			}
		})
	}
}

func TestForeignVariablesAreLeftAlone(t *testing.T) {
	inFolder(t, "")
	env := []string{
		"USHER_TEST_POSTGRES=postgres://x", "USHER_SERVICE_HOST=10.96.0.7", "USHER_SERVICE_PORT=8484", "USHER_SERVICE_PORT_HTTP=8484",
		"USHER_PORT=tcp://10.96.0.7:8484", "USHER_PORT_8484_TCP=tcp://10.96.0.7:8484", "USHER_PORT_8484_TCP_PROTO=tcp",
		"USHER_PORT_8484_TCP_PORT=8484", "USHER_PORT_8484_TCP_ADDR=10.96.0.7", "USHER_POSTGRES_SERVICE_HOST=10.96.0.8", "USHER_POSTGRES_PORT=tcp://10.96.0.8:5432",
	}
	if _, err := Load(nil, env); err != nil {
		t.Error(err)
	}
}

func TestSecretsStayOutOfErrorsAndDescriptions(t *testing.T) {
	const password = "hunter2-Zk3"
	files := []string{
		`smtp_password = ` + password, `smtp_password = "` + password, "smtp_password = \"" + password + "\"\nsmtp_password = \"" + password + "\"",
		`smtp_password = ["` + password + `"]`, `database = "postgres://u:` + password + `/x@h/n"`, `database = "` + password + `"`,
		`database = "postgres://u:` + password + `%zz@h/n"`, `database = "host=h password=` + password + `"`,
		`database = "postgres://u:` + password + `@x@h/n"`, `database = "postgres://u:p#` + password + `@h/n"`,
		`database = "postgres://u:p?` + password + `@h/%zz"`, `origin = "https://u:` + password + `@example.org"`,
		`database = "sqlite:///` + password + `"`,
	}
	for _, text := range files {
		inFolder(t, text)
		_, err := Load(nil, nil)
		if err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, address := range []string{"postgres://u:" + password + "@h/n", "postgres://h/n?password=" + password, "postgresql://u:" + password + "@h1:1,h2:2/n"} {
		c := Default()
		if err := mustSetting(t, "database").decode(&c, []string{address}); err != nil {
			t.Fatal(err)
		}
		c.SMTPPassword = c.Database
		var b strings.Builder
		if err := Describe(&b, c); err != nil || strings.Contains(b.String(), password) || !strings.Contains(b.String(), "[redacted]") {
			t.Errorf("Describe: %v\n%s", err, b.String())
		}
	}
}

func mustSetting(t *testing.T, key string) setting {
	t.Helper()
	s, ok := service.find(key)
	if !ok {
		t.Fatalf("no setting %s", key)
	}
	return s
}

// Who only moves the listener to try things out gets links that lead there.
func TestOriginFollowsAListenerOnThisMachine(t *testing.T) {
	for listen, want := range map[string]string{
		"localhost:9484": "http://localhost:9484", "127.0.0.1:9484": "http://localhost:9484", "[::1]:9484": "http://localhost:9484",
		":9484": "http://localhost:9484", "0.0.0.0:9484": "http://localhost:9484", "[::]:9484": "http://localhost:9484", "192.0.2.1:9484": "http://localhost:8484",
	} {
		c, err := Load(nil, []string{"USHER_LISTEN=" + listen})
		if err != nil {
			t.Fatalf("%s: %v", listen, err)
		}
		if c.Origin != want || c.OriginIsDefault() != (want == Default().Origin) {
			t.Errorf("listening on %s the origin is %s, by default: %t, want %s", listen, c.Origin, c.OriginIsDefault(), want)
		}
	}
	c, err := Load(nil, []string{"USHER_LISTEN=localhost:9484", "USHER_ORIGIN=http://localhost:8080"})
	if err != nil || c.Origin != "http://localhost:8080" || c.OriginIsDefault() {
		t.Errorf("an origin that was set became %s, %v", c.Origin, err)
	}
}

// What the service left for the commands beside it counts only where nobody set an origin, and only if it could be one.
func TestNotedOrigin(t *testing.T) {
	for _, c := range []struct{ environ, noted, want string }{
		{"USHER_NAME=Kino", "https://account.example.org", "https://account.example.org"},
		{"USHER_LISTEN=localhost:9484", "http://localhost:9999", "http://localhost:9999"},
		{"USHER_ORIGIN=https://set.example.org", "https://account.example.org", "https://set.example.org"},
		{"USHER_NAME=Kino", "http://account.example.org", "http://localhost:8484"},
		{"USHER_NAME=Kino", "", "http://localhost:8484"},
	} {
		before, err := Load(nil, []string{c.environ})
		if err != nil {
			t.Fatal(err)
		}
		after := before.Noted(c.noted, "data/origin")
		if after.Origin != c.want || after.OriginIsDefault() != (c.want == Default().Origin) {
			t.Errorf("%s beside a service at %q: %s, by default: %t, want %s", c.environ, c.noted, after.Origin, after.OriginIsDefault(), c.want)
		}
	}
}
