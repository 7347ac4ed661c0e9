package directory

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// scripted is a connection on which everything was sent already.
type scripted struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *scripted) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:4711"))
}

// Whatever comes before a bind ends, is answered by messages of LDAP alone, and lets nobody in.
func FuzzBeforeABind(f *testing.F) {
	whole := func(ops ...*ber.Packet) (all []byte) {
		for i, op := range ops {
			all = append(all, wrapped(int64(i+1), op).bytes()...)
		}
		return all
	}
	control := sequence(ber.ClassContext, 0, sequence(ber.ClassUniversal, ber.TagSequence, octets("1.2.840.113556.1.4.319"), ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, ""), octets("x")))
	controlled := wrapped(3, bindOf(3, "bert", simple("x")))
	controlled.packet.AppendChild(control)
	for _, seed := range [][]byte{
		whole(bindOf(3, "uid=bert,ou=people,dc=usher", simple("x"))), whole(bindOf(3, "", simple(""))), whole(bindOf(2, "bert", simple("x"))), controlled.bytes(),
		whole(bindOf(3, "", sequence(ber.ClassContext, 3, octets("PLAIN"), octets("\x00bert\x00x")))), whole(startTLSOf()), whole(startTLSOf(), bindOf(3, "bert", simple("x"))),
		whole(searchOf("", baseScope, present("objectClass"), "*", "+")), whole(searchOf("dc=usher", subScope, equals("uid", "bert"))), whole(ber.Encode(ber.ClassApplication, ber.TypePrimitive, opUnbind, nil, "")),
		whole(sequence(ber.ClassApplication, opSearch, octets("dc=usher"))), whole(searchOf("dc=usher", oneScope, sequence(ber.ClassContext, andFilter, sequence(ber.ClassContext, notFilter, present("uid")), sequence(ber.ClassContext, 9, part(1, "x"), part(3, "y"))))),
		whole(sequence(ber.ClassApplication, opExtended, part(0, whoAmI)), sequence(ber.ClassApplication, opCompare, octets("x"))), whole(ber.Encode(ber.ClassApplication, ber.TypePrimitive, opDelete, "uid=bert", "")),
		long(0x30, append([]byte{2, 1, 1}, long(0x63, nested(40))...)), {0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, {0x30, 0x80, 0, 0}, {0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0}, []byte("GET / HTTP/1.1\r\n\r\n"),
		{0x30, 0x0a, 0x02, 0x01, 0x01, 0x60, 0x05, 0x09, 0x03, 0x80, 0xff, 0x01}, {0x30, 0x0c, 0x02, 0x01, 0x01, 0x60, 0x07, 0x18, 0x05, '2', '0', '2', '6', '1'}, {0x30, 0x08, 0x02, 0x01, 0x01, 0x60, 0x03, 0x06, 0x01, 0x80},
	} {
		f.Add(seed)
	}
	d, err := New(Settings{Accounts: newHouse(), Base: "dc=usher", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := &scripted{in: bytes.NewReader(sent)}
		c := newConn(d, s, netip.MustParseAddr("127.0.0.1"))
		c.serve(t.Context())
		if c.bound != nil && !bytes.Contains(sent, []byte("annas")) && !bytes.Contains(sent, []byte("berts")) && !bytes.Contains(sent, []byte("cleos")) && !bytes.Contains(sent, []byte("doras")) && !bytes.Contains(sent, []byte("jellyfins")) {
			t.Errorf("somebody is in as %s", c.bound.UserName)
		}
		for s.out.Len() > 0 {
			p, err := ber.ReadPacket(&s.out)
			if err != nil || len(p.Children) < 2 || p.Children[1].ClassType != ber.ClassApplication {
				t.Fatalf("answered by something else: %v", err)
			}
		}
	})
}

// framed wraps what is written already.
func framed(tag byte, parts ...[]byte) []byte { return long(tag, bytes.Join(parts, nil)) }

// Whatever somebody sends who has bound, with filters of any making, ends and is answered by messages of LDAP alone; a bind of one's own finds nobody else, and nothing
// is found by a filter and by its opposite.
func FuzzAfterABind(f *testing.F) {
	and := func(of ...*ber.Packet) *ber.Packet { return sequence(ber.ClassContext, andFilter, of...) }
	or := func(of ...*ber.Packet) *ber.Packet { return sequence(ber.ClassContext, orFilter, of...) }
	substrings := func(name string, of ...*ber.Packet) *ber.Packet {
		return sequence(ber.ClassContext, substringFilter, octets(name), sequence(ber.ClassUniversal, ber.TagSequence, of...))
	}
	compared := func(tag ber.Tag, name, value string) *ber.Packet {
		return sequence(ber.ClassContext, tag, octets(name), octets(value))
	}
	for _, filter := range []*ber.Packet{
		present("objectClass"), present("shoeSize"), equals("uid", "bert"), equals("memberOf", "cn=household,ou=groups,dc=usher"), equals("memberOf", "cn=household"), compared(approxFilter, "mail", "BERT@example.org"),
		compared(5, "uid", "b"), compared(6, "uid", "b"), and(), or(), and(present("uid"), sequence(ber.ClassContext, notFilter, equals("shoeSize", "42"))), or(equals("uid", "anna"), equals("cn", "Cleo, (the) *star*")),
		sequence(ber.ClassContext, notFilter, or(present("uid"), present("ou"))), substrings("uid", part(initialPart, "b"), part(1, "e"), part(finalPart, "t")), substrings("memberOf", part(1, "owners")), substrings("cn"),
		sequence(ber.ClassContext, 9, part(1, "2.5.13.2"), part(2, "uid"), part(3, "bert")), and(many(mostTerms)...), octets("uid=*"), sequence(ber.ClassContext, equalFilter, octets("uid")),
	} {
		for _, own := range []bool{true, false} {
			f.Add(own, filter.Bytes(), wrapped(4, searchOf("ou=people,dc=usher", oneScope, filter, "uid", "*", "1.1")).bytes())
		}
	}
	f.Add(true, present("uid").Bytes(), wrapped(4, sequence(ber.ClassApplication, opExtended, part(0, whoAmI))).bytes())
	f.Add(true, present("uid").Bytes(), append(wrapped(4, bindOf(3, "bert", simple("x"))).bytes(), wrapped(5, searchOf("dc=usher", subScope, present("uid"))).bytes()...))
	f.Add(false, nested(mostDepth), wrapped(4, ber.Encode(ber.ClassApplication, ber.TypePrimitive, opUnbind, nil, "")).bytes())
	d, err := New(Settings{Accounts: newHouse(), Base: "dc=usher", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	before, after := []byte{4, 8, 'd', 'c', '=', 'u', 's', 'h', 'e', 'r', 10, 1, subScope, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0}, []byte{0x30, 0} // in a search, around its filter
	f.Fuzz(func(t *testing.T, own bool, filter, rest []byte) {
		bind := wrapped(1, bindOf(3, "bert", simple("berts"))).bytes()
		if !own {
			bind = wrapped(1, bindOf(3, "anna", simple("jellyfins"))).bytes()
		}
		s := &scripted{in: bytes.NewReader(slices.Concat(bind,
			framed(0x30, []byte{2, 1, 2}, framed(0x63, before, filter, after)), framed(0x30, []byte{2, 1, 3}, framed(0x63, before, framed(0xa2, filter), after)), rest))}
		newConn(d, s, netip.MustParseAddr("127.0.0.1")).serve(t.Context())
		others := false // somebody else's password may be in it
		for _, password := range []string{"annas", "cleos", "doras", "jellyfins"} {
			others = others || bytes.Contains(rest, []byte(password))
		}
		var done int // searches
		found := map[string]bool{}
		for first := true; s.out.Len() > 0; first = false {
			p, err := ber.ReadPacket(&s.out)
			if err != nil || len(p.Children) < 2 || p.Children[1].ClassType != ber.ClassApplication {
				t.Fatalf("answered by something else: %v", err)
			}
			op := p.Children[1]
			if first && (op.Tag != opBindResponse || op.Children[0].Value != int64(success)) {
				t.Fatalf("the bind is answered by %d, %v", op.Tag, op.Children[0].Value)
			}
			switch op.Tag {
			case opSearchDone:
				done++
			case opSearchEntry:
				name := op.Children[0].Data.String()
				if own && !others && strings.HasPrefix(name, "uid=") && name != "uid=bert,ou=people,dc=usher" {
					t.Errorf("bert finds %s", name)
				}
				if done == 1 && found[name] {
					t.Errorf("%s is found by a filter and by its opposite", name)
				}
				found[name] = true
			}
		}
	})
}
