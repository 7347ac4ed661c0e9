package gate

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"usher/internal/config"
)

// A gate that nobody has claimed lets nobody in by LDAP either, and says so to whoever asks: no password is called wrong.
func TestLDAPOfAGateThatIsNobodys(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	_ = l.Close()
	runs(t, config.Gate{Service: "http://127.0.0.1:1", Folder: t.TempDir(), LDAPListen: free, LDAPBase: "dc=usher"})
	for range 500 { // it listens for HTTP before
		if c, err := net.Dial("tcp", free); err == nil {
			_ = c.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	out, err := exec.Command("ldapwhoami", "-x", "-H", "ldap://"+free, "-D", "uid=anna,ou=people,dc=usher", "-w", "secret").CombinedOutput()
	failed := new(exec.ExitError)
	if !errors.As(err, &failed) || failed.ExitCode() != 52 {
		t.Errorf("%v\n%s", err, out)
	}
}

// What LDAP cannot begin with keeps the gate from starting, and is named.
func TestLDAPThatCannotBegin(t *testing.T) {
	taken := runs(t, config.Gate{Service: "http://127.0.0.1:1", Folder: t.TempDir()})
	for want, cfg := range map[string]config.Gate{
		"--ldap-listen":            {LDAPListen: taken, LDAPBase: "dc=usher"},
		"the certificate for LDAP": {LDAPListen: "127.0.0.1:0", LDAPCertificate: "/nowhere/c.pem", LDAPKey: "/nowhere/k.pem", LDAPBase: "dc=usher"},
	} {
		cfg.Service, cfg.Folder, cfg.Listen = "http://127.0.0.1:1", t.TempDir(), "127.0.0.1:0"
		if err := Run(t.Context(), Settings{Config: cfg, Now: time.Now, Log: slog.New(slog.DiscardHandler), Out: io.Discard}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
