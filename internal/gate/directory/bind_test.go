package directory

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"usher/internal/gate/door"
	"usher/internal/secret"
)

func asTimeout(err error, into *net.Error) bool { return errors.As(err, into) }

// Attack L4: a name has one spelling, whatever the client makes of it.
func TestANameHasOneSpelling(t *testing.T) {
	p := opened(t, nil)
	for _, name := range []string{
		"uid=bert,ou=people,dc=usher", "UID=Bert,OU=People,DC=Usher", " uid = bert , ou = people , dc = usher ", "uid=bert;ou=people;dc=usher", `uid=\62ert,ou=pe\6fple,dc=usher`,
		"cn=bert,ou=people,dc=usher", "0.9.2342.19200300.100.1.1=BERT,2.5.4.11=people,dc=usher", "bert", " BERT ", "userid=bert,ou=people,dc=usher", `uid=\ bert,ou=people,dc=usher`, "Ｂｅｒｔ",
	} {
		c := p.dial(t)
		if code := c.bind(name, "berts"); code != success {
			t.Errorf("%q: %d", name, code)
		}
		c.send(sequence(ber.ClassApplication, opExtended, ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, whoAmI, "")))
		if _, _, answer := c.take(); answer.Children[1].Children[3].Data.String() != "dn:uid=bert,ou=people,dc=usher" {
			t.Errorf("%q is %q", name, answer.Children[1].Children[3].Data.String())
		}
	}
	if asked := slices.Compact(slices.Clone(p.asked)); !slices.Equal(asked, []string{"bert"}) {
		t.Errorf("asked for %q", asked)
	}
	for _, name := range []string{"Bert@Example.ORG", `uid=bert@example.org,ou=people,dc=usher`, "mail=bert@EXAMPLE.org,ou=people,dc=usher"} {
		if code := p.dial(t).bind(name, "berts"); code != success || p.asked[len(p.asked)-1] != "bert@example.org" {
			t.Errorf("%q: %d, asked for %q", name, code, p.asked[len(p.asked)-1])
		}
	}
}

// Names elsewhere, and what is no name, are nobody's, as an empty one is.
func TestNamesOfNobody(t *testing.T) {
	p := opened(t, nil)
	for _, name := range []string{
		"", "uid=bert", "uid=bert,dc=usher", "uid=bert,ou=people,dc=elsewhere", "uid=bert,ou=groups,dc=usher", "sn=bert,ou=people,dc=usher", "uid=bert+cn=bert,ou=people,dc=usher",
		"uid=bert,ou=people,dc=usher,", "uid=bert,,ou=people,dc=usher", `uid=bert\,ou=people,dc=usher`, `uid=bert\zz,ou=people,dc=usher`, "uid=,ou=people,dc=usher", "uid=#62657274,ou=people,dc=usher",
		"uid=x,uid=bert,ou=people,dc=usher", "   ", "bert\xff", "uid=be\x00rt,ou=people,dc=usher", string(make([]byte, 5000)),
	} {
		if code := p.dial(t).bind(name, "berts"); code != invalidCredentials {
			t.Errorf("%q: %d", name, code)
		}
	}
	if asked := slices.Compact(slices.Clone(p.asked)); !slices.Equal(asked, []string{""}) {
		t.Errorf("asked for %q", asked)
	}
}

// Attack L3: a bind without a password is no success, whoever is named.
func TestABindWithoutAPassword(t *testing.T) {
	p := opened(t, nil)
	for _, name := range []string{"", "bert", "uid=bert,ou=people,dc=usher", "nobody"} {
		c := p.dial(t)
		if code := c.bind(name, ""); code != unwillingToPerform {
			t.Errorf("%q: %d", name, code)
		}
		if _, code := c.search(searchOf("dc=usher", subScope, present("objectClass"))); code != insufficientAccess {
			t.Errorf("%q, then a search: %d", name, code)
		}
	}
	if len(p.asked) != 0 {
		t.Errorf("asked for %q", p.asked)
	}
}

func TestOtherBinds(t *testing.T) {
	p := opened(t, nil)
	for want, op := range map[int64]*ber.Packet{
		protocolError:          bindOf(2, "bert", simple("berts")),
		authMethodNotSupported: bindOf(3, "bert", sequence(ber.ClassContext, 3, octets("EXTERNAL"))),
	} {
		c := p.dial(t)
		c.send(op)
		if _, code, _ := c.take(); code != want {
			t.Errorf("%d, want %d", code, want)
		}
	}
}

// A password in the clear is taken from this machine alone.
func TestOthersNeedTLS(t *testing.T) {
	p := opened(t, func(l net.Listener) net.Listener { return far{l} })
	for _, password := range []string{"berts", ""} {
		if code := p.dial(t).bind("bert", password); code != confidentialityRequired {
			t.Errorf("in the clear: %d", code)
		}
	}
	if len(p.asked) != 0 {
		t.Errorf("asked for %q", p.asked)
	}
	if code := p.dialTLS(t).bind("bert", "berts"); code != success {
		t.Errorf("over TLS: %d", code)
	}
	if p.house.from[0].String() != "192.0.2.7" {
		t.Errorf("it comes from %s", p.house.from[0])
	}
	if code := p.startTLS(t).bind("bert", "berts"); code != success {
		t.Errorf("with StartTLS: %d", code)
	}
}

func startTLSOf() *ber.Packet {
	return sequence(ber.ClassApplication, opExtended, ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, startTLS, ""))
}

func (p *place) startTLS(t testing.TB) *client {
	t.Helper()
	c := p.dial(t)
	c.send(startTLSOf())
	if _, code, _ := c.take(); code != success {
		t.Fatalf("StartTLS: %d", code)
	}
	return &client{t: t, Conn: tls.Client(c.Conn, &tls.Config{RootCAs: p.roots, ServerName: "127.0.0.1"})}
}

// What somebody on the way puts behind the request for TLS is not taken for what comes through it (RFC 4513 §3.1.1).
func TestNothingIsSlippedInBeforeTLS(t *testing.T) {
	p := opened(t, nil)
	c := p.dial(t)
	both := append(wrapped(1, startTLSOf()).bytes(), wrapped(2, bindOf(3, "bert", simple("berts"))).bytes()...)
	if _, err := c.Write(both); err != nil {
		t.Fatal(err)
	}
	if !c.ends(5 * time.Second) {
		t.Error("the connection goes on")
	}
	if len(p.asked) != 0 {
		t.Errorf("asked for %q", p.asked)
	}
}

// Who was in is out after StartTLS and after a bind that fails, and TLS in TLS there is none.
func TestABindEndsTheOneBefore(t *testing.T) {
	p := opened(t, nil)
	c := p.dialTLS(t)
	if code := c.bind("bert", "berts"); code != success {
		t.Fatal(code)
	}
	c.send(startTLSOf())
	if _, code, _ := c.take(); code != operationsError {
		t.Errorf("TLS in TLS: %d", code)
	}
	if code := c.bind("bert", "no"); code != invalidCredentials {
		t.Error(code)
	}
	if _, code := c.search(searchOf("dc=usher", subScope, present("objectClass"))); code != insufficientAccess {
		t.Errorf("a search after a wrong password: %d", code)
	}
}

// An outage is no wrong password, for which a media server might forget somebody.
func TestAnOutageIsNoWrongPassword(t *testing.T) {
	p := opened(t, nil)
	in := p.dial(t)
	if code := in.bind("anna", "jellyfins"); code != success {
		t.Fatal(code)
	}
	for err, want := range map[error]int64{door.ErrAway: unavailable, door.ErrSuspended: unavailable, door.ErrBusy: busy, errors.New("anything"): unavailable, door.ErrRefused: invalidCredentials} {
		p.breaks(err)
		c := p.dial(t)
		for name, password := range map[string]string{"bert": "berts", "BERT": "wrong", "uid=bert,ou=people,dc=elsewhere": "berts", "bert=,": "berts"} {
			if code := c.bind(name, password); code != want {
				t.Errorf("%v: %s %d", err, name, code)
			}
		}
		if _, code := in.search(searchOf("dc=usher", subScope, present("uid"))); code != want {
			t.Errorf("%v: a search %d", err, code)
		}
	}
	p.breaks(nil)
	if names, code := in.search(searchOf("dc=usher", subScope, present("uid"))); code != success || len(names) != 4 {
		t.Errorf("it is back: %d, %q", code, names)
	}
}

// PW-12: an unknown name and a wrong password are answered by the same bytes, after the same work.
func TestUnknownNamesAreWrongPasswords(t *testing.T) {
	p := opened(t, nil)
	answer := func(name string) []byte {
		c := p.dial(t)
		c.send(bindOf(3, name, simple("wrong")))
		_, _, packet := c.take()
		return packet.Bytes()
	}
	known := answer("bert")
	for _, name := range []string{"nobody", "nobody@example.org", "uid=nobody,ou=people,dc=usher", "uid=bert,ou=people,dc=elsewhere", "=,=", "uid=anna,ou=people,dc=usher"} {
		if !bytes.Equal(answer(name), known) {
			t.Errorf("%q is told apart", name)
		}
	}
	if os.Getenv("USHER_TEST_FULL") == "" {
		return
	}
	var times [2][]time.Duration
	for range 300 {
		for i, name := range []string{"bert", "nobody"} {
			began := time.Now()
			answer(name)
			times[i] = append(times[i], time.Since(began))
		}
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	if d := (times[0][150] - times[1][150]).Abs(); d > 2*time.Millisecond {
		t.Errorf("the medians differ by %v", d)
	}
}

// Attack L5: a connection ends with what let it in.
func TestAConnectionEndsWithItsPassword(t *testing.T) {
	p := opened(t, nil)
	in, other := p.dialTLS(t), p.dial(t)
	for _, c := range []*client{in, other} {
		if code := c.bind("bert", "berts"); code != success {
			t.Fatal(code)
		}
	}
	if code := other.bind("cleo", "cleos"); code != success { // on from bert
		t.Fatal(code)
	}
	p.keys["berts"].end()
	if !in.ends(time.Second) {
		t.Error("bert's connection goes on")
	}
	if names, code := other.search(searchOf("dc=usher", subScope, present("uid"))); code != success || len(names) != 1 {
		t.Errorf("cleo's connection ended with bert's password: %d %q", code, names)
	}
	if code := p.dial(t).bind("bert", "berts"); code != invalidCredentials {
		t.Error(code)
	}
}

// A certificate that was renewed is shown from the next connection on; one that cannot be read leaves the one before.
func TestCertificatesAreRenewed(t *testing.T) {
	p := opened(t, nil)
	p.dialTLS(t)
	roots := certify(t, p.chain, p.key, time.Now().Add(2*time.Hour))
	later := time.Now().Add(time.Minute)
	for _, path := range []string{p.chain, p.key} {
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	}
	p.roots = roots
	p.dialTLS(t)
	if err := os.WriteFile(p.key, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.dialTLS(t)
	if _, err := Open(p.chain, p.key, nil); err == nil {
		t.Error("half a key is read")
	}
}

func TestWithoutACertificate(t *testing.T) {
	p := opened(t, nil)
	p.d.Certificate = nil
	c := p.dial(t)
	c.send(startTLSOf())
	if _, code, _ := c.take(); code != unwillingToPerform {
		t.Errorf("StartTLS: %d", code)
	}
	if _, err := tls.Dial("tcp", p.address, &tls.Config{RootCAs: p.roots}); err == nil {
		t.Error("TLS begins")
	}
	if code := c.bind("bert", "berts"); code != success {
		t.Error(code)
	}
}

// What is over before the answer is written lets nobody in. Why it is over nobody has said, so it is no wrong password yet.
func TestABindThatIsOverAlready(t *testing.T) {
	p := opened(t, nil)
	over, end := context.WithCancel(context.Background())
	end()
	p.d.Accounts = early{p.house, over}
	if code := p.dial(t).bind("bert", "berts"); code != unavailable {
		t.Error(code)
	}
}

// early lets people in by what is over.
type early struct {
	*house
	over context.Context
}

func (e early) Bind(ctx context.Context, login string, password secret.Token, from netip.Addr) (Bound, error) {
	b, err := e.house.Bind(ctx, login, password, from)
	b.Over = e.over
	return b, err
}

// What let somebody in is forgotten when they leave: by another bind, or with the connection.
func TestWhoLeavesIsForgotten(t *testing.T) {
	p := opened(t, nil)
	c := p.dial(t)
	for _, name := range []string{"bert", "cleo"} {
		if code := c.bind(name, name+"s"); code != success {
			t.Fatal(code)
		}
	}
	forgotten := func(i int) bool {
		p.mu.Lock()
		life := p.bound[i]
		p.mu.Unlock()
		select {
		case <-life.Done():
			return true
		case <-time.After(500 * time.Millisecond):
			return false
		}
	}
	if !forgotten(0) || forgotten(1) {
		t.Error("bert is not forgotten, or cleo is")
	}
	c.Close()
	if !forgotten(1) {
		t.Error("cleo is not forgotten")
	}
}
