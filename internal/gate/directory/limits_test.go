package directory

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

func TestTwentyConnectionsFromOneAddress(t *testing.T) {
	p := opened(t, nil)
	all := make([]*client, mostFrom)
	for i := range all {
		all[i] = p.dial(t)
		if code := all[i].bind("bert", "berts"); code != success {
			t.Fatal(code)
		}
	}
	if !p.dial(t).ends(5 * time.Second) {
		t.Error("there is one more")
	}
	all[0].Close()
	for end := time.Now().Add(5 * time.Second); ; {
		c := p.dial(t)
		if !c.ends(50 * time.Millisecond) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the place of one that has gone stays taken")
		}
	}
}

// Attack: whoever holds connections without binding, from however many addresses, keeps out neither this machine nor a media server from where people have bound;
// nor does whoever binds from many keep out this machine.
func TestACrowd(t *testing.T) {
	c := newCrowd()
	address := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
	}
	fills := func(who string, from func(i int) netip.Addr, most int) (entered []netip.Addr) {
		t.Helper()
		for i := range 2 * mostConns {
			if a := from(i); c.enter(a) {
				entered = append(entered, a)
			}
		}
		if len(entered) != most {
			t.Errorf("%s has %d places, want %d", who, len(entered), most)
		}
		return entered
	}
	one := func(text string) func(int) netip.Addr {
		return func(int) netip.Addr { return netip.MustParseAddr(text) }
	}
	media := one("192.0.2.7")
	c.bound(media(0))
	all := fills("a crowd of strangers", address, mostStrangers)
	all = append(all, fills("a media server", media, mostFrom)...)
	for i := range mostStrangers / 2 { // they bind, and are strangers no more
		c.bound(address(i))
	}
	all = append(all, fills("a crowd of which some are known", func(i int) netip.Addr { return address(1000 + i) }, mostAfar-mostStrangers-mostFrom)...)
	c.bound(media(0))
	for _, here := range []string{"127.0.0.1", "::1"} {
		entered := fills("this machine", one(here), mostFrom)
		for _, a := range entered {
			c.leave(a)
		}
	}
	for _, a := range all {
		c.leave(a)
	}
	if c.all != 0 || len(c.from) != 0 {
		t.Errorf("%d are left: %v", c.all, c.from)
	}
	last := 10*mostKnown - 1
	for i := range last + 1 { // a media server that goes on is not pushed out by those who have bound since it came
		c.bound(address(i))
		if i%mostKnown == 0 {
			c.bound(media(0))
		}
	}
	if len(c.known) != mostKnown || c.strange(media(0)) || c.strange(address(last)) {
		t.Errorf("%d addresses are known", len(c.known))
	}
	for i := range mostFrom + 1 { // whoever has one address of version 6 has all of its network
		a := netip.MustParseAddr("2001:db8::1").As16()
		a[15] = byte(i)
		if in := c.enter(netip.AddrFrom16(a)); in != (i < mostFrom) {
			t.Errorf("%d: %v", i, in)
		}
	}
}

// An address is a stranger's until somebody binds from there.
func TestABindMakesAnAddressKnown(t *testing.T) {
	p := opened(t, func(l net.Listener) net.Listener { return far{l} })
	there := netip.MustParseAddr("192.0.2.7")
	strange := func() bool {
		p.d.crowd.mu.Lock()
		defer p.d.crowd.mu.Unlock()
		return p.d.crowd.strange(there)
	}
	c := p.dialTLS(t)
	if code := c.bind("bert", "wrong"); code != invalidCredentials || !strange() {
		t.Errorf("%d; a stranger: %v", code, strange())
	}
	if code := c.bind("bert", "berts"); code != success || strange() {
		t.Errorf("%d; a stranger: %v", code, strange())
	}
}

// alone is a connection without a network, in a bubble of its own time.
func alone(t *testing.T) *client {
	d, err := New(Settings{Accounts: newHouse(), Base: "dc=usher", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	go d.take(context.Background(), from{theirs, "127.0.0.1:4711"})
	t.Cleanup(func() { ours.Close() })
	return &client{t: t, Conn: ours}
}

func TestIdleConnectionsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		bound bool
		sends []byte // before it falls silent
		after time.Duration
	}{
		"unbound":              {after: unboundWait},
		"bound":                {bound: true, after: idleWait},
		"in a message":         {sends: []byte{0x30}, after: messageWait},
		"in a message, bound":  {bound: true, sends: []byte{0x30, 0x10, 0x02}, after: messageWait},
		"in a handshake":       {sends: []byte{aHandshake}, after: 0}, // there is no certificate
		"in a message's start": {sends: []byte{0x30, 0x84, 0}, after: messageWait},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := alone(t)
				if c.bound {
					time.Sleep(50 * time.Second)
					if code := conn.bind("bert", "berts"); code != success {
						t.Fatal(code)
					}
				}
				began := time.Now()
				if c.sends != nil {
					if _, err := conn.Write(c.sends); err != nil {
						t.Fatal(err)
					}
				}
				if !conn.ends(time.Hour) || time.Since(began) != c.after {
					t.Errorf("it lasts for %v", time.Since(began))
				}
			})
		})
	}
}

// Whoever sends a byte from time to time, or asks without binding, holds no connection for long.
func TestSlowConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := alone(t)
		began := time.Now()
		for _, b := range wrapped(1, bindOf(3, "bert", simple("berts"))).bytes() {
			if _, err := c.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > messageWait+time.Second {
			t.Errorf("a message takes %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := alone(t)
		began := time.Now()
		for range 100 {
			if _, err := c.Write(wrapped(1, searchOf("", baseScope, present("objectClass"))).bytes()); err != nil {
				break
			}
			for range 2 {
				_ = c.SetReadDeadline(time.Now().Add(time.Hour))
				if _, err := ber.ReadPacket(c); err != nil {
					break
				}
			}
			time.Sleep(5 * time.Second)
		}
		if took := time.Since(began); took > unboundWait+5*time.Second {
			t.Errorf("nobody stays for %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) { // answers that nobody takes
		c := alone(t)
		if code := c.bind("anna", "jellyfins"); code != success {
			t.Fatal(code)
		}
		began := time.Now()
		c.send(searchOf("dc=usher", subScope, present("objectClass")))
		time.Sleep(writeWait + time.Second)
		if !c.ends(time.Hour) || time.Since(began) > writeWait+2*time.Second {
			t.Errorf("it waits for %v", time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) { // a password that is tried on somebody else's connection leaves time to go on
		c := alone(t)
		for range 5 {
			if code := c.bind("anna", "jellyfins"); code != success {
				t.Fatal(code)
			}
			time.Sleep(50 * time.Second)
			if code := c.bind("bert", "wrong"); code != invalidCredentials {
				t.Fatal(code)
			}
			time.Sleep(50 * time.Second)
		}
	})
}

// nested is a filter so deep.
func nested(deep int) []byte {
	inner := present("uid").Bytes()
	for range deep {
		head := []byte{0xa2, 0x84, 0, 0, 0, 0}
		binary.BigEndian.PutUint32(head[2:], uint32(len(inner)))
		inner = append(head, inner...)
	}
	return inner
}

// Attack L2: none of these costs more than its connection.
func TestHostileMessages(t *testing.T) {
	search := func(filter []byte) []byte {
		packet := searchOf("dc=usher", subScope, present("uid"))
		packet.Children[6] = ber.DecodePacket(present("uid").Bytes())
		var body []byte
		for i, c := range packet.Children {
			if i == 6 {
				body = append(body, filter...)
			} else {
				body = append(body, c.Bytes()...)
			}
		}
		message := append([]byte{0x02, 0x01, 0x09}, long(0x63, body)...)
		return long(0x30, message)
	}
	deepest := mostDepth - 3 // the message, the search, and the term itself
	for name, c := range map[string]struct {
		sends []byte
		code  int64 // of a search; -1: the connection ends
	}{
		"deep enough":                    {search(nested(deepest)), success},
		"too deep":                       {search(nested(deepest + 1)), -1},
		"10,000 deep":                    {search(nested(10_000)), -1},
		"1 MB":                           {search(equals("uid", strings.Repeat("x", 1<<20)).Bytes()), -1},
		"just within":                    {search(equals("uid", strings.Repeat("x", mostMessage-100)).Bytes()), success},
		"2 GiB are announced":            {[]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, -1},
		"more than there are":            {[]byte{0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -1},
		"no end is announced":            {[]byte{0x30, 0x80, 0x02, 0x01, 0x01}, -1},
		"an inner part is 2 GiB":         {[]byte{0x30, 0x0c, 0x02, 0x01, 0x01, 0x63, 0x07, 0x04, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x00}, -1},
		"an inner part has no end":       {[]byte{0x30, 0x0a, 0x02, 0x01, 0x01, 0x63, 0x80, 0x04, 0x00, 0x00, 0x00, 0x00}, -1},
		"a negative number":              {[]byte{0x30, 0x05, 0x02, 0x01, 0xff, 0x42, 0x00}, -1},
		"a number of nine bytes":         {[]byte{0x30, 0x0d, 0x02, 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x42, 0x00}, -1},
		"no message":                     {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), -1},
		"many terms":                     {search(sequence(ber.ClassContext, orFilter, many(mostTerms)...).Bytes()), adminLimitExceeded},
		"many parts":                     {search(sequence(ber.ClassContext, substringFilter, octets("uid"), sequence(ber.ClassUniversal, ber.TagSequence, parts(mostTerms)...)).Bytes()), adminLimitExceeded},
		"a filter of another kind":       {search(octets("uid=*").Bytes()), -1},
		"a term without a value":         {search(sequence(ber.ClassContext, equalFilter, octets("uid")).Bytes()), -1},
		"not, of two":                    {search(sequence(ber.ClassContext, notFilter, present("uid"), present("uid")).Bytes()), -1},
		"a substring that begins twice":  {search(sequence(ber.ClassContext, substringFilter, octets("uid"), sequence(ber.ClassUniversal, ber.TagSequence, part(initialPart, "b"), part(initialPart, "b"))).Bytes()), -1},
		"an operation that there is not": {[]byte{0x30, 0x05, 0x02, 0x01, 0x01, 0x7e, 0x00}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			p := opened(t, nil)
			conn := p.dial(t)
			if code := conn.bind("anna", "jellyfins"); code != success {
				t.Fatal(code)
			}
			go func() { _, _ = conn.Write(c.sends) }()
			if c.code < 0 {
				if !conn.ends(5 * time.Second) {
					t.Error("the connection goes on")
				}
				return
			}
			for {
				tag, code, _ := conn.take()
				if tag == opSearchDone {
					if code != c.code {
						t.Errorf("%d, want %d", code, c.code)
					}
					return
				}
			}
		})
	}
	t.Run("before a bind", func(t *testing.T) {
		p := opened(t, nil)
		if code := p.dial(t).bind("bert", strings.Repeat("x", mostUnbound-100)); code != invalidCredentials {
			t.Error(code)
		}
		c := p.dial(t)
		c.send(bindOf(3, "bert", simple(strings.Repeat("x", mostUnbound))))
		if !c.ends(5 * time.Second) {
			t.Error("the connection goes on")
		}
	})
}

// The library has a limit of both length and depth of its own, which holds where readMessage did not look.
func TestTheLibraryIsCapped(t *testing.T) {
	if _, err := New(Settings{Base: "dc=usher"}); err != nil {
		t.Fatal(err)
	}
	filter := func(f *ber.Packet) []byte { return wrapped(1, searchOf("dc=usher", subScope, f)).bytes() }
	deep := func(n int) []byte { return long(0x30, append([]byte{0x02, 0x01, 0x01}, long(0x63, nested(n))...)) }
	for name, c := range map[string]struct {
		message []byte
		refused bool
	}{
		"just within": {filter(equals("uid", strings.Repeat("x", mostMessage-100))), false}, "longer": {filter(equals("uid", strings.Repeat("x", mostMessage))), true},
		"deep enough": {deep(mostDepth - 3), false}, "too deep": {deep(mostDepth - 2), true},
	} {
		if _, err := parseMessage(c.message); errors.Is(err, errMalformed) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func long(tag byte, body []byte) []byte {
	head := []byte{tag, 0x84, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[2:], uint32(len(body)))
	return append(head, body...)
}

func many(n int) (all []*ber.Packet) {
	for range n {
		all = append(all, present("uid"))
	}
	return all
}

func part(tag ber.Tag, text string) *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, tag, text, "")
}

func parts(n int) (all []*ber.Packet) {
	for range n {
		all = append(all, part(1, "e"))
	}
	return all
}
