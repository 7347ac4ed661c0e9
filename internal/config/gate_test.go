package config

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// gateArgs reads a command line as usher gate does.
func gateArgs(t *testing.T, args ...string) *Flags {
	t.Helper()
	flags := NewGateFlags()
	var cli struct{ kong.Plugins }
	cli.Plugins = kong.Plugins{flags.Fields()}
	parser, err := kong.New(&cli, kong.Name("gate"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags
}

func TestTheGateTakesFlagsBeforeVariablesBeforeItsFile(t *testing.T) {
	inFolder(t, "") // the service's file is not the gate's
	write(t, "usher-gate.toml", "service = \"https://Accounts.example.org/\"\nfolder = \"from-file\"\nname = \"from-file\"\naddress = [\"https://media.example.org\"]\noutage_limit = \"1h\"")
	g, err := LoadGate(gateArgs(t, "--name", "Attic", "--trusted-proxy", "10.0.0.1", "--local-network", "100.64.0.0/10"), []string{
		"USHER_GATE_FOLDER=from-environ", "USHER_GATE_NAME=from-environ", "USHER_GATE_UPSTREAM=http://127.0.0.1:8096", "USHER_ORIGIN=https://accounts.example.org",
	})
	if err != nil {
		t.Fatal(err)
	}
	if g.Service != "https://accounts.example.org" || g.Folder != "from-environ" || g.Name != "Attic" || g.Listen != ":32400" || g.OutageLimit != time.Hour {
		t.Errorf("%+v", g)
	}
	if g.ServiceURL().String() != "https://accounts.example.org" || g.Address[0] != "https://media.example.org" || g.TrustedProxy[0].String() != "10.0.0.1/32" {
		t.Errorf("%+v", g)
	}
	if err := g.Complete(); err != nil {
		t.Error(err)
	}
}

func TestTheGateNamesAllThatIsWrong(t *testing.T) {
	inFolder(t, "")
	_, err := LoadGate(gateArgs(t, "--service=http://accounts.example.org", "--upstream=127.0.0.1:8096", "--media=/films", "--listen=32400", "--address=media.example.org",
		"--outage-limit=1000h", "--local-network=0.0.0.0/0", "--trusted-proxy=10.0.0.1/8", "--folder=", "--shutdown-wait=2h", "--name= x"), []string{"USHER_GATE_SEVICE=x"})
	for _, want := range []string{
		"service (--service) is http://accounts.example.org", "upstream (--upstream)", "media (--media) stands beside", "listen (--listen)", "address (--address)",
		"outage_limit (--outage-limit)", "local_network (--local-network) has 0.0.0.0/0, which is everybody", "trusted_proxy (--trusted-proxy)", "folder (--folder) is empty",
		"shutdown_wait", "name (--name)", "did you mean USHER_GATE_SERVICE",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestTheGateHasToKnowItsService(t *testing.T) {
	inFolder(t, "")
	g, err := LoadGate(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Complete(); err == nil || !strings.Contains(err.Error(), "service is missing") {
		t.Error(err)
	}
	for _, local := range []string{"http://localhost:8484", "http://127.0.0.1:8484", "http://[::1]:8484"} {
		if _, err := LoadGate(gateArgs(t, "--service", local), nil); err != nil {
			t.Errorf("%s: %v", local, err)
		}
	}
}

func TestAClaimTokenHasManyNames(t *testing.T) {
	inFolder(t, "")
	const file = "claim"
	write(t, "claim", "claim-file\r\n")
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"none":               {nil, ""},
		"own":                {[]string{"USHER_GATE_CLAIM=claim-a", "PLEX_CLAIM=claim-b"}, "claim-a"},
		"short":              {[]string{"USHER_CLAIM=claim-a", "PLEX_CLAIM=claim-b"}, "claim-a"},
		"plex":               {[]string{"PLEX_CLAIM= claim-b "}, "claim-b"},
		"empty":              {[]string{"USHER_CLAIM=", "PLEX_CLAIM="}, ""},
		"empty before plex":  {[]string{"USHER_CLAIM=", "PLEX_CLAIM=claim-b"}, "claim-b"},
		"file":               {[]string{"USHER_CLAIM_FILE=" + file}, "claim-file"},
		"file, as plex":      {[]string{"PLEX_CLAIM_FILE=" + file}, "claim-file"},
		"file that has gone": {[]string{"USHER_CLAIM_FILE=/nowhere/claim"}, ""},
	} {
		g, err := LoadGate(nil, test.environ)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if g.Claim.Reveal() != test.want || (g.ClaimNote() != "") != (name == "file that has gone") {
			t.Errorf("%s: taken: %t, note %q", name, g.Claim.Reveal() == test.want, g.ClaimNote())
		}
	}
	if _, err := Load(nil, []string{"USHER_CLAIM=x", "USHER_CLAIM_FILE=x", "USHER_GATE_SERVICE=x"}); err != nil {
		t.Errorf("the service minds what is the gate's: %v", err)
	}
}

func TestEveryGateSettingIsDescribed(t *testing.T) {
	var out strings.Builder
	var cli struct{ kong.Plugins }
	cli.Plugins = kong.Plugins{NewGateFlags("folder").Fields()}
	parser, err := kong.New(&cli, kong.Name("reopen"), kong.Writers(&out, &out), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = parser.Parse([]string{"--help"})
	if !strings.Contains(out.String(), "--folder=FOLDER") || strings.Contains(out.String(), "--upstream") {
		t.Errorf("the help of a command that needs the folder alone:\n%s", out.String())
	}
	if _, err := parser.Parse([]string{"--upstream", "http://127.0.0.1:1"}); err != nil {
		t.Errorf("what the help leaves out is refused: %v", err)
	}
	on, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range beside.settings() {
		if s.help == "" || s.value == "" || !strings.HasSuffix(s.help, ".") || !strings.Contains(string(on), "| `"+s.key+"` | `--"+s.flag()+"` | `"+s.variable()+"` |") {
			t.Errorf("%s is not described", s.key)
		}
		if slices.Contains([]string{"USHER_CLAIM", "USHER_TEST"}, s.variable()) || clusterNames.MatchString(s.variable()) {
			t.Errorf("%s would be taken for another variable", s.variable())
		}
	}
}

// Passwords cross a network encrypted or not at all.
func TestLDAPIsEncryptedOrStaysOnThisMachine(t *testing.T) {
	inFolder(t, "")
	for name, test := range map[string]struct {
		args []string
		want string // part of the refusal; empty: none
	}{
		"off":                     {nil, ""},
		"this machine":            {[]string{"--ldap-listen=127.0.0.1:3890"}, ""},
		"this machine, 6":         {[]string{"--ldap-listen=[::1]:3890"}, ""},
		"this machine, by name":   {[]string{"--ldap-listen=localhost:3890"}, ""},
		"everywhere":              {[]string{"--ldap-listen=:3890"}, "could read passwords"},
		"everywhere, by number":   {[]string{"--ldap-listen=0.0.0.0:3890"}, "could read passwords"},
		"in the house":            {[]string{"--ldap-listen=192.168.1.20:3890"}, "could read passwords"},
		"by another name":         {[]string{"--ldap-listen=gate:3890"}, "could read passwords"},
		"everywhere, encrypted":   {[]string{"--ldap-listen=:3890", "--ldap-certificate=c.pem", "--ldap-key=k.pem"}, ""},
		"without its key":         {[]string{"--ldap-listen=127.0.0.1:3890", "--ldap-certificate=c.pem"}, "ldap_certificate (--ldap-certificate) stands alone"},
		"a key alone":             {[]string{"--ldap-key=k.pem"}, "ldap_key (--ldap-key) stands alone"},
		"the gate's own port":     {[]string{"--ldap-listen=127.0.0.1:32400"}, "has the same port as listen"},
		"that port, elsewhere":    {[]string{"--ldap-listen=127.0.0.1:3890", "--listen=127.0.0.2:3890"}, ""},
		"that of another, by all": {[]string{"--ldap-listen=:3890", "--ldap-certificate=c.pem", "--ldap-key=k.pem", "--listen=127.0.0.1:3890"}, "has the same port as listen"},
		"any free port":           {[]string{"--ldap-listen=127.0.0.1:0", "--listen=127.0.0.1:0"}, ""},
		"another base":            {[]string{"--ldap-base=DC=example,dc=org"}, ""},
		"no base":                 {[]string{"--ldap-base=example.org"}, "ldap_base (--ldap-base)"},
		"a person for a base":     {[]string{"--ldap-base=uid=x,dc=usher"}, "ldap_base (--ldap-base)"},
		"no port":                 {[]string{"--ldap-listen=3890"}, "ldap_listen (--ldap-listen)"},
	} {
		_, err := LoadGate(gateArgs(t, test.args...), nil)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
