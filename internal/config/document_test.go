package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

const documentPath = "../../docs/configuration.md"

func TestDocumentIsFresh(t *testing.T) {
	on, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatalf("read %s: %v", documentPath, err)
	}
	if string(on) != Markdown() {
		t.Error("docs/configuration.md is out of date; refresh it with: go run ./cmd/usher config docs > docs/configuration.md")
	}
}

func TestExampleInTheDocumentLoads(t *testing.T) {
	found, problems := service.parseFile("example", exampleFile)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	inFolder(t, exampleFile)
	c, err := Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.settings) == 0 || len(c.sources) != len(found.settings) {
		t.Errorf("of %d settings in the example %d arrived", len(found.settings), len(c.sources))
	}
	if !strings.Contains(Markdown(), exampleFile) {
		t.Error("the document does not show the example")
	}
}

func TestEverySettingIsDocumented(t *testing.T) {
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, s := range settings() {
		if !snake.MatchString(s.key) || seen[s.key] || strings.HasSuffix(s.key, "_file") {
			t.Errorf("%q cannot be a key", s.key)
		}
		seen[s.key] = true
		if s.group == "" || s.value == "" || !strings.HasSuffix(s.help, ".") {
			t.Errorf("%s lacks its group, value or help", s.key)
		}
		if s.preset == "" && s.zero == "" && !s.list() {
			t.Errorf("%s does not say what empty means", s.key)
		}
		if !strings.Contains(Markdown(), "| `"+s.key+"` | `--"+s.flag()+"` | `"+s.variable()+"` |") {
			t.Errorf("%s has no row", s.key)
		}
		if clusterNames.MatchString(s.variable()) || strings.HasPrefix(s.variable(), testPrefix) {
			t.Errorf("%s would be taken for somebody else's variable", s.variable())
		}
	}
	if exported := len(reflect.VisibleFields(reflect.TypeFor[Config]())) - 3; len(seen) != exported {
		t.Errorf("%d settings for %d exported fields", len(seen), exported)
	}
}

func TestHelpShowsEveryFlag(t *testing.T) {
	var out strings.Builder
	var cli struct{ kong.Plugins }
	cli.Plugins = kong.Plugins{NewFlags().Fields()}
	parser, err := kong.New(&cli, kong.Name("usher"), kong.Writers(&out, &out), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = parser.Parse([]string{"--help"})
	for _, s := range settings() {
		if !strings.Contains(out.String(), "--"+s.flag()+"="+s.value) {
			t.Errorf("help lacks --%s=%s", s.flag(), s.value)
		}
	}
	if !strings.Contains(out.String(), "--config=FILE") {
		t.Errorf("help lacks --config=FILE:\n%s", out.String())
	}
}

func TestDescribe(t *testing.T) {
	inFolder(t, "name = \"Kino\"\nlog_level = \"warn\"")
	write(t, "password", "secret-Vq8\n")
	c, err := Load(parseArgs(t, "--trusted-proxies=10.0.0.0/8,::1"), []string{
		"USHER_DATABASE=postgres://usher:secret-Vq8@db.example.org/usher?sslpassword=secret-Vq8", "USHER_SMTP_SERVER=localhost:25",
		"USHER_SMTP_USER=usher", "USHER_SMTP_PASSWORD_FILE=password",
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Describe(&b, c); err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(b.String()) {
		fields := regexp.MustCompile(`  +`).Split(strings.TrimSpace(line), 3)
		if len(fields) == 3 {
			lines[fields[0]] = fields[1] + " | " + fields[2]
		}
	}
	for key, want := range map[string]string{
		"name":                 "Kino | usher.toml",
		"log_level":            "warn | usher.toml",
		"trusted_proxies":      "10.0.0.0/8, ::1/128 | --trusted-proxies",
		"hosts":                "(none) | default",
		"database":             "postgres://usher:[redacted]@db.example.org/usher?[redacted] | USHER_DATABASE",
		"smtp_password":        "[redacted] | USHER_SMTP_PASSWORD_FILE",
		"notice_from":          "Usher <usher@localhost> | default",
		"key_ring":             "usher-data/keyring.json | default",
		"database_connections": "(4 for each core, at least 16) | default",
		"shutdown_wait":        "15s | default",
	} {
		if lines[key] != want {
			t.Errorf("%s is described as %q, want %q", key, lines[key], want)
		}
	}
	if len(lines) != len(settings()) || strings.Contains(b.String(), "secret-Vq8") {
		t.Errorf("%d of %d settings described:\n%s", len(lines), len(settings()), b.String())
	}
}
