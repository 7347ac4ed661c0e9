package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"time"
)

// LDAP is how the gate answers media servers that ask by LDAP.
type LDAP struct {
	Listen, Certificate, Key, Base string // Listen empty: it does not
}

// soon is how long before its end a certificate is worth a look.
const soon = 14 * 24 * time.Hour

// ldap looks whether media servers can ask, and see a certificate that counts.
func (p Patient) ldap(ctx context.Context) Finding {
	if p.LDAP.Listen == "" {
		return good("off: no media server asks by it")
	}
	how := "from this machine alone, "
	if p.LDAP.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(p.LDAP.Certificate, p.LDAP.Key)
		if err != nil {
			return wrong(fmt.Sprintf("its certificate cannot be read: %v", err), "Correct --ldap-certificate and --ldap-key, and see that the user who runs the gate may read both files.")
		}
		if f := p.lasts(pair.Leaf); f.State != Good {
			return f
		}
		how = "by ldaps or StartTLS, "
	}
	if p.Running && !p.answers(ctx) {
		return wrong("nothing answers at "+p.LDAP.Listen, "Start the gate anew; its log says why it does not listen there.")
	}
	return good("media servers ask " + how + "at " + p.LDAP.Listen + ", below " + p.LDAP.Base)
}

// lasts looks at the days between which a certificate counts.
func (p Patient) lasts(c *x509.Certificate) Finding {
	now, end := p.Now(), c.NotAfter.UTC().Format(time.DateOnly)
	const renew = "Renew it; the gate reads the new one by itself."
	switch {
	case now.Before(c.NotBefore):
		return wrong("its certificate counts from "+c.NotBefore.UTC().Format(time.DateOnly)+" on only", "Set the clock, or wait.")
	case now.After(c.NotAfter):
		return wrong("its certificate has ended on "+end+", so no media server asks", renew)
	case now.After(c.NotAfter.Add(-soon)):
		return odd("its certificate ends on "+end, renew)
	}
	return good("")
}

func (p Patient) answers(ctx context.Context) bool {
	host, port, err := net.SplitHostPort(p.LDAP.Listen)
	if err != nil {
		return false
	}
	if a := net.ParseIP(host); host == "" || a.IsUnspecified() {
		host = "localhost"
	}
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return false
	}
	return c.Close() == nil
}
