package neighbours

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// house is a server in one network, with the clock on its wall; what it says is kept.
type house struct {
	*Neighbourhood
	*testing.T
	now     time.Time
	said    [][]byte
	claimed bool
}

func newHouse(t *testing.T, name string) *house {
	t.Helper()
	h := &house{T: t, now: time.Date(2026, 3, 14, 20, 0, 0, 0, time.UTC)}
	h.Neighbourhood = New(Settings{Name: name, Port: 32400, Claimed: func() bool { return h.claimed }, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now }})
	h.links[1] = &link{
		card: &net.Interface{Index: 1, Name: "house"},
		own:  []netip.Prefix{netip.MustParsePrefix("192.168.7.20/24")}, says: []netip.Addr{netip.MustParseAddr("192.168.7.20")},
	}
	h.table.reach(h.links)
	h.sockets["udp4"] = h
	h.links[1].begin(h.now)
	return h
}

func (h *house) send(packet []byte, _ netip.Addr, _ *net.Interface) error {
	h.said = append(h.said, slices.Clone(packet))
	return nil
}
func (h *house) read([]byte) (heard, error) { return heard{}, net.ErrClosed }
func (h *house) join(*net.Interface) error  { return nil }
func (h *house) speaks(netip.Addr) bool     { return true }
func (h *house) Close() error               { return nil }

// passes lets time go by.
func (h *house) passes(d time.Duration) {
	for end := h.now.Add(d); h.now.Before(end); {
		h.now = h.now.Add(min(max(h.pause(h.now), time.Millisecond), end.Sub(h.now)))
		h.speak(h.now)
	}
}

// hears brings a packet from an address.
func (h *house) hears(from string, packet []byte) {
	h.take(heard{packet, netip.MustParseAddrPort(from), 1})
}

// tellings are those that were said since they were looked at last, as the machine beside it understands them.
func (h *house) tellings() (all []packet) {
	h.Helper()
	for _, raw := range h.said {
		if p, ok := parse(raw, "", ""); ok && p.told {
			all = append(all, p)
		}
	}
	h.said = nil
	return all
}

func (h *house) names() (all []string) {
	for _, n := range h.List(netip.MustParseAddr("192.168.7.20")) {
		all = append(all, n.Name+" "+n.At.String())
	}
	return all
}

func (h *house) lists(want ...string) {
	h.Helper()
	if got := h.names(); !slices.Equal(got, want) {
		h.Errorf("it lists %q, want %q", got, want)
	}
}

// other is the packet of another server, of that label and port.
func other(label string, port uint16, life time.Duration) []byte {
	n := New(Settings{Name: label, Port: port})
	raw, err := n.tells(&link{}, life)
	if err != nil {
		panic(err)
	}
	return raw
}

// asking is a packet of questions, and of what is known already.
func asking(known string, ttl uint32, names ...string) []byte {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{})
	_ = b.StartQuestions()
	for _, name := range names {
		_ = b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeALL, Class: dnsmessage.ClassINET})
	}
	if known != "" {
		_ = b.StartAnswers()
		_ = b.PTRResource(dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(serviceName), Class: dnsmessage.ClassINET, TTL: ttl}, dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(instance(known))})
	}
	raw, err := b.Finish()
	if err != nil {
		panic(err)
	}
	return raw
}

func TestAServerIsWhereItWasHeard(t *testing.T) {
	h := newHouse(t, "Attic")
	h.passes(time.Minute)
	for from, why := range map[string]string{
		"203.0.113.9:5353": "an address of the internet", "192.168.8.21:5353": "another network", "127.0.0.1:5353": "this machine", "192.168.7.21:5354": "another port than that of multicast DNS",
	} {
		if h.hears(from, other("Cellar", 32400, life)); len(h.names()) > 0 {
			t.Errorf("believed from %s: %v", why, h.names())
		}
	}
	h.hears("192.168.7.21:5353", other("Nowhere", 0, life))
	h.hears("192.168.7.20:5353", other("Itself", 32400, life))
	h.lists()
	h.hears("192.168.7.21:5353", other("Cellar", 65535, life))
	h.hears("192.168.7.20:5353", other("Beside it", 32401, life))
	h.lists("Beside it 192.168.7.20:32401", "Cellar 192.168.7.21:65535")
	h.hears("192.168.7.66:5353", other("Cellar", 65535, 0)) // whoever is there says so himself
	h.lists("Beside it 192.168.7.20:32401", "Cellar 192.168.7.21:65535")
	h.hears("192.168.7.66:5353", other("CELLAR", 32400, life)) // who was there first keeps the name
	h.lists("Beside it 192.168.7.20:32401", "Cellar 192.168.7.21:65535")
	h.hears("192.168.7.21:5353", other("Cellar", 65535, 0))
	h.lists("Beside it 192.168.7.20:32401", "CELLAR 192.168.7.66:32400")
	h.passes(life)
	h.lists()
	h.hears("192.168.7.21:5353", other("Cellar", 32400, 48*time.Hour))
	h.passes(life)
	h.lists() // nobody stays longer than that unheard
	if h.hears("192.168.7.21:5353", other("Cellar", 32400, life)); len(h.List(netip.MustParseAddr("192.168.9.20"))) > 0 || len(h.List(netip.Addr{})) > 0 || len(h.List(netip.MustParseAddr("::1"))) != 1 {
		t.Error("it is listed to another network, or not on the machine itself")
	}
	h.table.reach(nil)
	h.lists()
}

func TestNobodyIsShownUnderOurName(t *testing.T) {
	h := newHouse(t, "Attic")
	h.passes(time.Minute)
	h.host = "usher-ffffffffffffffff.local."
	for _, label := range []string{"Attic", "aTTIC", "Attic\u202e", " Attic\t", "At\u200btic"} {
		h.hears("192.168.7.66:5353", other2(label, "usher-0.local."))
	}
	h.lists()
	if h.label() != "Attic" {
		t.Errorf("it is called %q now", h.label())
	}
}

// other2 is the packet of somebody whose label and host are as they say, with nothing taken out.
func other2(label, host string) []byte {
	return telltale(
		dnsmessage.Resource{Header: header(serviceName), Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(instance(label))}},
		dnsmessage.Resource{Header: header(instance(label)), Body: &dnsmessage.SRVResource{Port: 32400, Target: dnsmessage.MustNewName(host)}},
		dnsmessage.Resource{Header: header(instance(label)), Body: &dnsmessage.TXTResource{TXT: []string{"claimed=no"}}},
	)
}

func header(name string) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 120}
}

func telltale(records ...dnsmessage.Resource) []byte {
	raw, err := (&dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: records}).Pack()
	if err != nil {
		panic(err)
	}
	return raw
}

func TestOnlyWholeTellingsCount(t *testing.T) {
	whole := func() []dnsmessage.Resource {
		var m dnsmessage.Message
		if err := m.Unpack(other2("Cellar", "usher-0.local.")); err != nil {
			t.Fatal(err)
		}
		return m.Answers
	}
	if p, ok := parse(telltale(whole()...), "", ""); !ok || p.label != "Cellar" || p.port != 32400 || p.claimed || p.life != life {
		t.Fatalf("read as %+v", p)
	}
	for i := range 3 {
		if p, ok := parse(telltale(slices.Delete(whole(), i, i+1)...), "", ""); ok {
			t.Errorf("without record %d it is read as %+v", i, p)
		}
	}
	for _, label := range []string{"a.b", "Cellar._http._tcp.local"} {
		if p, ok := parse(other2(label, "usher-0.local."), "", ""); ok {
			t.Errorf("read as %+v", p)
		}
	}
	foreign := whole()
	foreign[1].Header.Name = dnsmessage.MustNewName(instance("Another"))
	if p, ok := parse(telltale(foreign...), "", ""); ok {
		t.Errorf("the port of another: %+v", p)
	}
	many := make([]dnsmessage.Resource, mostRecords, mostRecords+3)
	for i := range many {
		many[i] = dnsmessage.Resource{Header: header("printer.local."), Body: &dnsmessage.AResource{}}
	}
	if p, ok := parse(telltale(append(many, whole()...)...), "", ""); ok {
		t.Errorf("after %d others: %+v", mostRecords, p)
	}
}

func TestTextsOfStrangers(t *testing.T) {
	for text, want := range map[string]string{
		"Küche":                    "Küche",
		"  two\n lines\x1b[2J ":    "two lines[2J",
		"a\u202eb\u2066c\u200bd":   "abcd",
		"\xff\xfe":                 "",
		"Z" + manyMarks:            "Z\u0301\u0301",
		"<script>":                 "<script>", // pages escape it
		"\u3164\u00a0\u2028\u2029": "\u3164",
	} {
		if got := shown(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

var manyMarks = strings.Repeat("\u0301", 50)

func TestLabels(t *testing.T) {
	for name, want := range map[string]string{"nas.home.lan": "nas home lan", "Attic": "Attic", ".": "Media server", strings.Repeat("ü", 64): strings.Repeat("ü", 29)} {
		if got := labelOf(name, 0); got != want {
			t.Errorf("%q is announced as %q, want %q", name, got, want)
		}
	}
	if got := labelOf(strings.Repeat("a", 64), mostTries-1); len(got) > longestLabel || !strings.HasSuffix(got, " (99)") {
		t.Errorf("the last try is %q", got)
	}
}

func TestWhatIsAnnounced(t *testing.T) {
	h := newHouse(t, "Attic")
	h.passes(probes*probeEvery - time.Nanosecond) // the first is asked by chance within one of these, and what follows the last waits for as long
	if len(h.said) != probes || len(h.tellings()) != 0 {
		t.Error("it tells before it has asked whether the name is free")
	}
	h.passes(5 * time.Second)
	var all dnsmessage.Message
	if err := all.Unpack(h.said[0]); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for _, r := range all.Answers {
		fmt.Fprintf(&said, "%s %s\n", r.Header.Name, strings.TrimPrefix(r.Header.Type.String(), "Type"))
	}
	if want := "_usher._tcp.local. PTR\nAttic._usher._tcp.local. SRV\nAttic._usher._tcp.local. TXT\n" + h.host + " A\n_services._dns-sd._udp.local. PTR\n"; said.String() != want {
		t.Errorf("it says:\n%swant:\n%s", said.String(), want)
	}
	if p := h.tellings(); len(p) != announces || p[0].claimed || p[0].port != 32400 {
		t.Errorf("it tells %+v", p)
	}
	h.claimed = true
	h.passes(3 * time.Second)
	if p := h.tellings(); len(p) != 1 || !p[0].claimed {
		t.Errorf("when it is claimed it tells %+v", p)
	}
	h.leave()
	if p := h.tellings(); len(p) != 1 || p[0].life != 0 {
		t.Errorf("leaving it tells %+v", p)
	}
}

func TestQuestionsAreAnsweredOnceASecond(t *testing.T) {
	h := newHouse(t, "Attic")
	h.passes(10 * time.Second)
	h.tellings()
	answers := func(packet []byte) int {
		for range 1000 {
			h.hears("192.168.7.66:5353", packet)
			h.passes(10 * time.Millisecond)
		}
		h.passes(2 * time.Second)
		return len(h.tellings())
	}
	if n := answers(asking("", 0, serviceName)); n < 9 || n > 12 {
		t.Errorf("a thousand questions in ten seconds have %d answers", n)
	}
	if n := answers(asking("", 0, instance("attic"))); n < 35 || n > 45 {
		t.Errorf("a thousand questions for its name in ten seconds have %d answers", n)
	}
	if n := answers(asking("Attic", 60, serviceName)); n != 0 {
		t.Errorf("those who know it already get %d answers", n)
	}
	if n := answers(asking("Attic", 59, serviceName)); n == 0 {
		t.Error("those who forget it soon get no answer")
	}
	if n := answers(asking("", 0, "_ipp._tcp.local.", instance("Cellar"))); n != 0 {
		t.Errorf("questions for others get %d answers", n)
	}
	h.take(heard{asking("", 0, serviceName), netip.MustParseAddrPort("203.0.113.9:5353"), 1})
	if h.passes(2 * time.Second); len(h.tellings()) != 0 {
		t.Error("somebody from elsewhere is answered")
	}
}

func TestOfTwoWithOneNameOneTakesAnother(t *testing.T) {
	begins := func() *house {
		h := newHouse(t, "Attic")
		h.host = "usher-5.local."
		return h
	}
	h := begins()
	h.passes(300 * time.Millisecond)
	h.hears("192.168.7.21:5353", other2("Attic", "usher-1.local."))
	if h.passes(5 * time.Second); h.label() != "Attic (2)" {
		t.Errorf("who comes second is called %q", h.label())
	}
	h.hears("192.168.7.21:5353", other2("Attic", "usher-1.local."))
	h.lists("Attic 192.168.7.21:32400")

	h = begins()
	h.passes(5 * time.Second)
	h.tellings()
	h.hears("192.168.7.21:5353", other2("attic", "usher-1.local."))
	if h.passes(time.Second); h.label() != "Attic" || len(h.tellings()) != 1 {
		t.Errorf("who was there, and has the later host, is called %q, or does not say so", h.label())
	}
	h.hears("192.168.7.21:5353", other2("Attic", "usher-9.local."))
	if h.passes(5 * time.Second); h.label() != "Attic (2)" {
		t.Errorf("who was there, and has the earlier host, is called %q", h.label())
	}

	tries := h.tries
	for range 5000 { // somebody who wants every name
		h.hears("192.168.7.66:5353", other2(h.label(), "usher-f.local."))
		h.passes(10 * time.Millisecond)
	}
	if h.tries <= tries || h.tries > tries+51 {
		t.Errorf("in 50 seconds it took %d other names", h.tries-tries)
	}
	for range 200 {
		h.passes(renameEvery)
		h.hears("192.168.7.66:5353", other2(h.label(), "usher-f.local."))
	}
	if h.label() != "Attic (99)" {
		t.Errorf("at last it is called %q", h.label())
	}
}

// Whatever comes, and however much of it, takes no more room than the table has. Who was heard before stays.
func TestAFloodTakesNoRoom(t *testing.T) {
	h := newHouse(t, "Attic")
	h.passes(10 * time.Second)
	h.hears("192.168.7.21:5353", other("Cellar", 32400, life))
	h.passes(time.Second)
	noise := rand.New(rand.NewPCG(1, 2))
	flood := func(count int) {
		for i := range count {
			raw := other(fmt.Sprint("Made up ", i), uint16(1+i%65535), life)
			if i%3 == 0 {
				raw[noise.IntN(len(raw))] ^= byte(1 + noise.IntN(255))
			}
			h.hears(fmt.Sprintf("192.168.7.%d:5353", 30+i%220), raw)
		}
		h.said = nil
	}
	flood(2000)
	before := inUse()
	flood(30_000)
	if grown := int64(inUse()) - int64(before); grown > 256<<10 {
		t.Errorf("thirty thousand packets leave %d bytes behind", grown)
	}
	if got := h.names(); len(got) != mostNeighbours || !slices.Contains(got, "Cellar 192.168.7.21:32400") || len(h.table.all) != mostSightings {
		t.Errorf("it lists %d, of %d: %q", len(got), len(h.table.all), got)
	}
	h.passes(life)
	for i := range 10 {
		h.hears("192.168.7.66:5353", other("Made up", uint16(100+i), life))
	}
	if len(h.table.all) != mostOfOne {
		t.Errorf("one address has %d servers", len(h.table.all))
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Whatever a packet is, it is read within bounds, what is told is fit to be shown, and nothing is listed that a browser must not be sent to.
func FuzzPackets(f *testing.F) {
	for _, seed := range [][]byte{
		nil, make([]byte, 12), other("Cellar", 32400, life), other("Cellar", 1, 0), other2("<a href=javascript:x>\u202e", "x."), asking("Attic", 60, serviceName, instance("Attic")),
		asking("", 0, typesName), append(make([]byte, 12), 0xc0, 0x0c), // a name that points to itself
		{0, 0, 0x84, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0xc0, 0x0c, 0, 12, 0, 1, 0, 0, 0, 120, 0, 2, 0xc0, 0x0c},
		{0, 0, 0x02, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 63},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > longestPacket {
			return
		}
		h := newHouse(t, "Attic")
		h.links[1].beat = probes // without the chances of time, which the fuzzer would look for in the packet
		h.hears("192.168.7.21:5353", raw)
		for _, n := range h.List(netip.MustParseAddr("192.168.7.20")) {
			if n.At.Addr() != netip.MustParseAddr("192.168.7.21") || n.At.Port() == 0 || n.Name == "" || n.Name != shown(n.Name) || len(n.Name) > longestLabel || strings.EqualFold(n.Name, "Attic") {
				t.Errorf("%x is listed as %+v", raw, n)
			}
		}
		if len(h.said) > 0 {
			t.Errorf("%x has it say something at once", raw)
		}
	})
}
