// Package directory owns the gate's LDAP: who may bind, what they find, and how much of it strangers may ask for (RFC 4511). It refuses to know how accounts are
// asked about, and changes nothing: it is there to be read.
package directory

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"usher/internal/secret"
)

// Accounts is who may come in, as the gate knows it from the service.
type Accounts interface {
	// Bind lets in who shows a password of this server, or, where the owner allowed it, the account's own. The login is in its one spelling; ctx ends when they leave.
	// ErrRefused, ErrAway, ErrBusy, ErrSuspended of the door.
	Bind(ctx context.Context, login string, password secret.Token, from netip.Addr) (Bound, error)
	// People lists the owner and everybody who has come in. ErrAway, ErrSuspended of the door.
	People(ctx context.Context) ([]Person, error)
}

// Person is somebody whom the server lets in.
type Person struct {
	// ID is the subject, which stays when names change.
	ID string
	// UserName, Name and Email are empty where there is none, or where the person did not agree to tell it.
	UserName, Name, Email string
	Group                 Group
}

// Group is what somebody is to the server.
type Group string

// The groups that have an entry. Who is of another is in none.
const (
	Owner     Group = "owner"
	Household Group = "household"
	Guest     Group = "guest"
)

// Bound is who has bound.
type Bound struct {
	Person
	// Directory says that the password was made for the media server itself, which may look everybody up.
	Directory bool
	// Over is done when what was proved counts no longer; the connection ends with it.
	Over context.Context
}

// Settings are what a Directory needs.
type Settings struct {
	Accounts Accounts
	// Base is the name below which everybody is found, such as dc=usher.
	Base string
	// Certificate is for TLS; nil: there is none, and only this machine may bind.
	Certificate *Certificate
	Log         *slog.Logger
}

// Directory answers LDAP.
type Directory struct {
	Settings
	base  dn
	crowd *crowd
}

// What a connection may send, and how long it may take.
const (
	mostMessage   = 64 << 10 // of somebody who has bound, in bytes
	mostUnbound   = 8 << 10  // of anybody: names, passwords, and questions about the server itself are shorter
	mostDepth     = 16       // of elements in elements; those of media servers' filters need seven
	idleWait      = time.Minute
	unboundWait   = time.Minute // without anybody bound
	messageWait   = 10 * time.Second
	handshakeWait = 10 * time.Second
	writeWait     = 10 * time.Second
	askWait       = 15 * time.Second // for the list of people
)

// capped sets what the library would take otherwise: 2 GiB, a thousand deep. Its limits are the process's.
var capped = sync.OnceFunc(func() { ber.MaxPacketLengthBytes, ber.MaxNestingDepth = mostMessage, mostDepth })

// New returns a Directory.
func New(s Settings) (*Directory, error) {
	capped()
	base, err := parseDN(s.Base)
	if err != nil || len(base) == 0 {
		return nil, errors.New("directory: " + s.Base + " is no name")
	}
	return &Directory{Settings: s, base: base, crowd: newCrowd()}, nil
}

// Serve answers at the listener until ctx ends, and then waits for what it has begun. It closes the listener.
func (d *Directory) Serve(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			running.Go(func() { d.take(ctx, c) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default: // too many open files, say
			d.Log.Warn("LDAP takes no connection just now", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

// take answers one connection, where there is room for it.
func (d *Directory) take(ctx context.Context, c net.Conn) {
	defer func() { _ = c.Close() }()
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return
	}
	address := from.Addr().Unmap()
	if !d.crowd.enter(address) {
		d.Log.Debug("LDAP has too many connections", "from", address)
		return
	}
	defer d.crowd.leave(address)
	defer func() {
		if fault := recover(); fault != nil {
			d.Log.Error("an LDAP connection ended by a fault of ours", "fault", fault)
		}
	}()
	newConn(d, c, address).serve(ctx)
}
