package doctor

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/internal/certtest"
)

func TestLDAP(t *testing.T) {
	folder := t.TempDir()
	chain, key := filepath.Join(folder, "chain.pem"), filepath.Join(folder, "key.pem")
	certtest.Make(t, certtest.Files{Chain: chain, Key: key}, noon.Add(60*24*time.Hour), "localhost")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	here := l.Addr().String()
	everywhere := ":" + here[strings.LastIndexByte(here, ':')+1:]
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := gone.Addr().String()
	_ = gone.Close()
	t.Cleanup(func() { _ = l.Close() })
	for name, test := range map[string]struct {
		ldap    LDAP
		running bool
		ahead   time.Duration
		state   State
		cure    string
	}{
		"off":                 {state: Good},
		"here alone":          {ldap: LDAP{Listen: here}, running: true, state: Good},
		"everywhere":          {ldap: LDAP{Listen: everywhere, Certificate: chain, Key: key}, running: true, state: Good},
		"stopped":             {ldap: LDAP{Listen: nobody}, state: Good},
		"nothing answers":     {ldap: LDAP{Listen: nobody}, running: true, state: Wrong, cure: "log"},
		"no certificate":      {ldap: LDAP{Listen: here, Certificate: filepath.Join(folder, "none.pem"), Key: key}, state: Wrong, cure: "--ldap-certificate"},
		"the key for a chain": {ldap: LDAP{Listen: here, Certificate: key, Key: key}, state: Wrong, cure: "--ldap-certificate"},
		"ends soon":           {ldap: LDAP{Listen: here, Certificate: chain, Key: key}, ahead: 50 * 24 * time.Hour, state: Odd, cure: "Renew"},
		"has ended":           {ldap: LDAP{Listen: here, Certificate: chain, Key: key}, ahead: 61 * 24 * time.Hour, state: Wrong, cure: "Renew"},
		"begins later":        {ldap: LDAP{Listen: here, Certificate: chain, Key: key}, ahead: -366 * 24 * time.Hour, state: Wrong, cure: "clock"},
	} {
		t.Run(name, func(t *testing.T) {
			expects(t, Patient{LDAP: test.ldap, Running: test.running, Now: at(noon.Add(test.ahead))}.ldap(t.Context()), test.state, test.cure)
		})
	}
}
