package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"usher/internal/certtest"
	"usher/internal/gate/door"
	"usher/internal/secret"
)

// house is who may come in, kept in memory.
type house struct {
	mu     sync.Mutex
	people []Person
	keys   map[string]key // by password
	fault  error          // what everything is answered with instead
	asked  []string       // the logins
	from   []netip.Addr
	bound  []context.Context // of each bind, for as long as it lasts
}

type key struct {
	person    int
	directory bool
	over      context.Context
	end       context.CancelFunc
}

func newHouse() *house {
	h := &house{people: []Person{
		{ID: "s-owner", UserName: "Anna", Name: "Anna van Loon", Email: "anna@example.org", Group: Owner},
		{ID: "s-bert", UserName: "bert", Name: "Bert", Email: "Bert@example.org", Group: Household},
		{ID: "s-cleo", UserName: "cleo", Name: "Cleo, (the) *star*", Group: Guest},
		{ID: "s-dora", Email: "dora@example.org", Group: Guest},
	}, keys: map[string]key{}}
	for password, k := range map[string]key{"annas": {person: 0}, "berts": {person: 1}, "cleos": {person: 2}, "doras": {person: 3}, "jellyfins": {person: 0, directory: true}} {
		k.over, k.end = context.WithCancel(context.Background())
		h.keys[password] = k
	}
	return h
}

func (h *house) Bind(ctx context.Context, login string, password secret.Token, from netip.Addr) (Bound, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked, h.from = append(h.asked, login), append(h.from, from)
	if h.fault != nil {
		return Bound{}, h.fault
	}
	k, ok := h.keys[password.Reveal()]
	if !ok || k.over.Err() != nil {
		return Bound{}, door.ErrRefused
	}
	p := h.people[k.person]
	if login != strings.ToLower(p.UserName) && login != strings.ToLower(p.Email) {
		return Bound{}, door.ErrRefused
	}
	h.bound = append(h.bound, ctx)
	return Bound{Person: p, Directory: k.directory, Over: k.over}, nil
}

func (h *house) People(context.Context) ([]Person, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.people), h.fault
}

func (h *house) breaks(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = err
}

// place is a directory that answers.
type place struct {
	*house
	d       *Directory
	address string
	roots   *x509.CertPool
	chain   string
	key     string
}

// far makes every connection come from another machine.
type far struct{ net.Listener }

func (f far) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	return from{c, "192.0.2.7:4711"}, err
}

type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.address))
}

func opened(t testing.TB, wrap func(net.Listener) net.Listener) *place {
	t.Helper()
	p := &place{house: newHouse()}
	folder := t.TempDir()
	p.chain, p.key = filepath.Join(folder, "chain.pem"), filepath.Join(folder, "key.pem")
	p.roots = certify(t, p.chain, p.key, time.Now().Add(time.Hour))
	log := slog.New(slog.DiscardHandler)
	certificate, err := Open(p.chain, p.key, log)
	if err != nil {
		t.Fatal(err)
	}
	if p.d, err = New(Settings{Accounts: p.house, Base: "dc=usher", Certificate: certificate, Log: log}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	if wrap != nil {
		l = wrap(l)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.d.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("it does not end")
		}
	})
	return p
}

// certify writes a certificate for this machine that ends then, and its key.
func certify(t testing.TB, chain, key string, end time.Time) *x509.CertPool {
	t.Helper()
	return certtest.Roots(t, certtest.Make(t, certtest.Files{Chain: chain, Key: key}, end, "127.0.0.1", "localhost"))
}

// client speaks LDAP by the byte.
type client struct {
	t testing.TB
	net.Conn
	id int64
}

func (p *place) dial(t testing.TB) *client {
	t.Helper()
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{t: t, Conn: c}
}

func (p *place) dialTLS(t testing.TB) *client {
	t.Helper()
	c, err := tls.Dial("tcp", p.address, &tls.Config{RootCAs: p.roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{t: t, Conn: c}
}

func (c *client) send(op *ber.Packet, controls ...*ber.Packet) {
	c.t.Helper()
	c.id++
	m := wrapped(c.id, op)
	for _, p := range controls {
		m.packet.AppendChild(p)
	}
	if _, err := c.Write(m.bytes()); err != nil {
		c.t.Fatal(err)
	}
}

// take reads one message: its operation and result code.
func (c *client) take() (tag ber.Tag, code int64, p *ber.Packet) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	p, err := ber.ReadPacket(c)
	if err != nil {
		c.t.Fatal(err)
	}
	op := p.Children[1]
	if n, ok := op.Children[0].Value.(int64); ok {
		code = n
	}
	return op.Tag, code, p
}

func bindOf(version int64, name string, auth *ber.Packet) *ber.Packet {
	return sequence(ber.ClassApplication, opBind, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, version, ""), octets(name), auth)
}

func simple(password string) *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, password, "")
}

func (c *client) bind(name, password string) int64 {
	c.t.Helper()
	c.send(bindOf(3, name, simple(password)))
	tag, code, _ := c.take()
	if tag != opBindResponse {
		c.t.Fatalf("a bind is answered by %d", tag)
	}
	return code
}

func searchOf(base string, scope int64, filter *ber.Packet, attributes ...string) *ber.Packet {
	list := sequence(ber.ClassUniversal, ber.TagSequence)
	for _, a := range attributes {
		list.AppendChild(octets(a))
	}
	number := func(tag ber.Tag, n int64) *ber.Packet {
		return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, tag, n, "")
	}
	return sequence(ber.ClassApplication, opSearch, octets(base), number(ber.TagEnumerated, scope), number(ber.TagEnumerated, 0), number(ber.TagInteger, 0),
		number(ber.TagInteger, 0), ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, false, ""), filter, list)
}

func present(name string) *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, presentFilter, name, "")
}

func equals(name, value string) *ber.Packet {
	return sequence(ber.ClassContext, equalFilter, octets(name), octets(value))
}

// search returns the names that are found, and the result.
func (c *client) search(op *ber.Packet) (names []string, code int64) {
	c.t.Helper()
	for c.send(op); ; {
		tag, code, p := c.take()
		if tag == opSearchDone {
			return names, code
		}
		names = append(names, p.Children[1].Children[0].Value.(string))
	}
}

// ends reports whether the other side ends the connection within a time.
func (c *client) ends(within time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(within))
	for {
		if _, err := c.Read(make([]byte, 512)); err != nil {
			var timeout net.Error
			return !(asTimeout(err, &timeout) && timeout.Timeout())
		}
	}
}
