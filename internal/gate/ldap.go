package gate

import (
	"context"
	"fmt"
	"net"

	"usher/internal/gate/directory"
)

// listenToLDAP opens the listener for LDAP, where one is wanted.
func (g *gate) listenToLDAP(ctx context.Context) error {
	c := g.Config
	if c.LDAPListen == "" {
		return nil
	}
	s := directory.Settings{Accounts: g.entrance, Base: c.LDAPBase, Log: g.Log}
	if c.LDAPCertificate != "" {
		var err error
		if s.Certificate, err = directory.Open(c.LDAPCertificate, c.LDAPKey, g.Log); err != nil {
			return fmt.Errorf("reading the certificate for LDAP: %w", err)
		}
	}
	d, err := directory.New(s)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.LDAPListen)
	if err != nil {
		return fmt.Errorf("listening for LDAP: %w; choose another port with --ldap-listen", err)
	}
	g.ldap, g.answerLDAP = l, func(ctx context.Context) error { return d.Serve(ctx, l) }
	return nil
}

// invitesLDAP is the line for whoever sets a media server up; empty where LDAP is off.
func (g *gate) invitesLDAP() string {
	if g.ldap == nil {
		return ""
	}
	return fmt.Sprintf("Media servers ask by LDAP at %s, below %s\n", g.ldap.Addr(), g.Config.LDAPBase)
}
