package neighbours

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	multicastPort = 5353
	// longestPacket is the longest that is read, in bytes. Ours are shorter; what is cut off cannot be read.
	longestPacket = 1500
	// mostRecords is how many questions and records of a packet are looked at.
	mostRecords = 32
	// life is how long a server is believed to be there after it was heard, and the longest that it may ask for.
	life = 2 * time.Minute

	serviceName = "_usher._tcp.local."
	typesName   = "_services._dns-sd._udp.local." // RFC 6763 section 9
	// flush says of a record that there are no others (RFC 6762 section 10.2).
	flush = 1 << 15
)

// asked is what a packet asks for.
type asked int

const (
	nothing asked = iota
	anybody       // which servers are there
	aboutUs       // this one, by name: somebody may want that
)

// packet is what a packet says that matters here.
type packet struct {
	asks asked
	// told says that it tells of a server: its label, host and port, whether it is claimed, and how long that holds.
	told        bool
	label, host string
	port        uint16
	claimed     bool
	life        time.Duration
}

// parse reads a packet; false where it cannot be read, or has nothing to do with servers. label and host are this server's own.
func parse(b []byte, label, host string) (packet, bool) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.OpCode != 0 || h.RCode != 0 || h.Truncated {
		return packet{}, false
	}
	if !h.Response {
		asks := question(&p, label, host)
		return packet{asks: asks}, asks != nothing
	}
	if p.SkipAllQuestions() != nil {
		return packet{}, false
	}
	return telling(&p)
}

// question finds out what is asked for. Who asks for anybody, and knows this server already, is not answered (RFC 6762 section 7.1).
func question(p *dnsmessage.Parser, label, host string) (asks asked) {
	for range mostRecords {
		q, err := p.Question()
		if err != nil {
			break
		}
		name := q.Name.String()
		pointer := q.Type == dnsmessage.TypePTR || q.Type == dnsmessage.TypeALL
		switch {
		case same(name, instance(label)), same(name, host):
			return aboutUs
		case pointer && (same(name, serviceName) || same(name, typesName)):
			asks = anybody
		}
	}
	if asks == anybody && p.SkipAllQuestions() == nil && knows(p, label) {
		return nothing
	}
	return asks
}

func knows(p *dnsmessage.Parser, label string) bool {
	for range mostRecords {
		h, err := p.AnswerHeader()
		if err != nil {
			return false
		}
		if h.Type != dnsmessage.TypePTR || !same(h.Name.String(), serviceName) {
			if p.SkipAnswer() != nil {
				return false
			}
			continue
		}
		r, err := p.PTRResource()
		if err != nil {
			return false
		}
		if same(r.PTR.String(), instance(label)) && time.Duration(h.TTL)*time.Second >= life/2 {
			return true
		}
	}
	return false
}

// telling reads of one server, all of whose records have to be there: what is put together from several packets is nobody's word.
func telling(p *dnsmessage.Parser) (told packet, ok bool) {
	var of string
	port, text := false, false
	for range mostRecords {
		h, err := p.AnswerHeader()
		if err != nil {
			break
		}
		switch {
		case h.Type == dnsmessage.TypePTR && of == "" && same(h.Name.String(), serviceName):
			r, err := p.PTRResource()
			if err != nil {
				return packet{}, false
			}
			of, told.life = r.PTR.String(), time.Duration(h.TTL)*time.Second
		case h.Type == dnsmessage.TypeSRV && of != "" && same(h.Name.String(), of):
			r, err := p.SRVResource()
			if err != nil {
				return packet{}, false
			}
			port, told.port, told.host = true, r.Port, strings.ToLower(r.Target.String())
		case h.Type == dnsmessage.TypeTXT && of != "" && same(h.Name.String(), of):
			r, err := p.TXTResource()
			if err != nil {
				return packet{}, false
			}
			text, told.claimed = true, !contains(r.TXT, "claimed=no")
		default:
			if p.SkipAnswer() != nil {
				return packet{}, false
			}
		}
	}
	told.label, ok = cutSuffix(of, "."+serviceName)
	told.told = ok && port && text && told.port != 0 && told.label != "" && !strings.Contains(told.label, ".")
	return told, told.told
}

func contains(texts []string, want string) bool {
	for _, text := range texts {
		if strings.EqualFold(text, want) {
			return true
		}
	}
	return false
}

// tells is the packet that tells of this server. A lifetime of 0 says that it is gone (RFC 6762 section 10.1).
func (n *Neighbourhood) tells(l *link, lifetime time.Duration) ([]byte, error) {
	ttl := uint32(lifetime / time.Second)
	b := dnsmessage.NewBuilder(make([]byte, 0, longestPacket), dnsmessage.Header{Response: true, Authoritative: true})
	b.EnableCompression()
	if err := b.StartAnswers(); err != nil {
		return nil, err
	}
	names, err := namesOf(serviceName, typesName, instance(n.label()), n.host)
	if err != nil {
		return nil, err
	}
	service, types, us, host := names[0], names[1], names[2], names[3]
	shared := func(name dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: ttl}
	}
	own := func(name dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET | flush, TTL: ttl}
	}
	claimed := map[bool]string{true: "claimed=yes", false: "claimed=no"}[n.claimed]
	for _, err := range []error{
		b.PTRResource(shared(service), dnsmessage.PTRResource{PTR: us}),
		b.SRVResource(own(us), dnsmessage.SRVResource{Port: n.Port, Target: host}),
		b.TXTResource(own(us), dnsmessage.TXTResource{TXT: []string{"txtvers=1", claimed}}),
	} {
		if err != nil {
			return nil, err
		}
	}
	for _, a := range l.says {
		if a.Is4() {
			err = b.AResource(own(host), dnsmessage.AResource{A: a.As4()})
		} else {
			err = b.AAAAResource(own(host), dnsmessage.AAAAResource{AAAA: a.As16()})
		}
		if err != nil {
			return nil, err
		}
	}
	if ttl > 0 { // others of this kind may go on being there
		if err := b.PTRResource(shared(types), dnsmessage.PTRResource{PTR: service}); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// asksFor is the packet that asks for all that there is by some names.
func asksFor(texts ...string) ([]byte, error) {
	names, err := namesOf(texts...)
	if err != nil {
		return nil, err
	}
	b := dnsmessage.NewBuilder(make([]byte, 0, longestPacket), dnsmessage.Header{})
	b.EnableCompression()
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	for _, name := range names {
		kind := dnsmessage.TypeALL
		if name.String() == serviceName {
			kind = dnsmessage.TypePTR
		}
		if err := b.Question(dnsmessage.Question{Name: name, Type: kind, Class: dnsmessage.ClassINET}); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

func namesOf(texts ...string) (names []dnsmessage.Name, err error) {
	for _, text := range texts {
		name, err := dnsmessage.NewName(text)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func same(one, other string) bool { return strings.EqualFold(one, other) }

func cutSuffix(text, suffix string) (string, bool) {
	if len(text) < len(suffix) || !same(text[len(text)-len(suffix):], suffix) {
		return "", false
	}
	return text[:len(text)-len(suffix)], true
}

// instance is the full name of a server with that label.
func instance(label string) string { return label + "." + serviceName }

// newHost is a name for the addresses of this start. It says nothing of the machine, whose own name may be taken by another program that answers for it.
func newHost() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "usher-" + hex.EncodeToString(b[:]) + ".local."
}

// longestLabel bounds a label, in bytes (RFC 6763 section 4.1.1).
const longestLabel = 63

// labelOf is how a server of that name is called in records, after so many names that were somebody else's. Dots part labels: they are left out.
func labelOf(name string, tries int) string {
	name, number := strings.ReplaceAll(name, ".", " "), ""
	if tries > 0 {
		number = fmt.Sprintf(" (%d)", tries+1)
	}
	name = shown(name)
	if name == "" {
		name = "Media server"
	}
	for len(name) > longestLabel-len(" (99)") {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return strings.TrimSpace(name) + number
}

// mostMarks is how many marks a letter may bear: more would cover the lines above and below.
const mostMarks = 2

// shown is a text of a stranger's as a page or a terminal may show it: in one line, without anything that moves or hides what stands around it.
func shown(text string) string {
	marks := 0
	text = strings.Map(func(r rune) rune {
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > mostMarks {
			return -1
		}
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return strings.Join(strings.Fields(text), " ")
}

// near reports whether addresses of that kind are those of a house.
func near(a netip.Addr) bool { return a.IsPrivate() || a.IsLinkLocalUnicast() }
