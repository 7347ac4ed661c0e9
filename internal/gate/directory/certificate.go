package directory

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is a certificate and its key in two files, which are read anew when they have changed: certificates last for weeks.
type Certificate struct {
	chain, key string
	log        *slog.Logger
	mu         sync.Mutex
	read       *tls.Certificate
	changed    [2]time.Time
}

// Open reads a certificate and its key, PEM both.
func Open(chain, key string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{chain: chain, key: key, log: log}
	_, err := c.get(nil)
	return c, err
}

// get is the certificate as it is now. One that cannot be read just now is replaced no sooner than it can.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed, err := times(c.chain, c.key)
	if err == nil && c.read != nil && changed == c.changed {
		return c.read, nil
	}
	if err == nil {
		var read tls.Certificate
		if read, err = tls.LoadX509KeyPair(c.chain, c.key); err == nil {
			c.read, c.changed = &read, changed
			return c.read, nil
		}
	}
	if c.read == nil {
		return nil, err
	}
	c.log.Warn("the certificate for LDAP cannot be read; the one from before is shown", "error", err)
	return c.read, nil
}

// Leaf is the certificate itself.
func (c *Certificate) Leaf() (*x509.Certificate, error) {
	pair, err := c.get(nil)
	if err != nil {
		return nil, err
	}
	return pair.Leaf, nil
}

func times(chain, key string) (all [2]time.Time, err error) {
	for i, path := range []string{chain, key} {
		info, err := os.Stat(path)
		if err != nil {
			return all, err
		}
		all[i] = info.ModTime()
	}
	return all, nil
}
