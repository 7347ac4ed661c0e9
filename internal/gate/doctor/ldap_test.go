package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLDAP(t *testing.T) {
	folder := t.TempDir()
	chain, key := filepath.Join(folder, "chain.pem"), filepath.Join(folder, "key.pem")
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon.Add(-24 * time.Hour), NotAfter: noon.Add(60 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{chain: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
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
		"begins later":        {ldap: LDAP{Listen: here, Certificate: chain, Key: key}, ahead: -48 * time.Hour, state: Wrong, cure: "clock"},
	} {
		t.Run(name, func(t *testing.T) {
			expects(t, Patient{LDAP: test.ldap, Running: test.running, Now: at(noon.Add(test.ahead))}.ldap(t.Context()), test.state, test.cure)
		})
	}
}
