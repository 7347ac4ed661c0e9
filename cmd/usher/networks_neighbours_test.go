package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// street is machines on two bridges: those of a house, and those next door. One stands in both.
type street struct {
	*housed
}

// openStreet lays the cables; addresses are by machine, and by bridge where it stands in both.
func openStreet(t *testing.T, bridges map[string]map[string]string) *street {
	t.Helper()
	s := &street{&housed{networks: newNetworks(t, "near-")}}
	for bridge, addresses := range bridges {
		s.ip("-n", s.prefix+"service", "link", "add", bridge, "type", "bridge")
		s.ip("-n", s.prefix+"service", "link", "set", bridge, "up")
		for name, address := range addresses {
			if _, err := os.Stat(s.hosts(name)); err != nil {
				s.add(name)
				s.must(os.WriteFile(s.hosts(name), []byte("127.0.0.1 localhost\n"), 0o600))
			}
			s.ip("link", "add", bridge, "netns", s.prefix+name, "type", "veth", "peer", "name", bridge+"-"+name, "netns", s.prefix+"service")
			s.ip("-n", s.prefix+"service", "link", "set", bridge+"-"+name, "master", bridge, "up")
			s.attach(name, bridge, address)
		}
	}
	return s
}

// gate runs a gate on a machine, whose service is away, and waits until it answers.
func (s *street) gate(machine, name string, flags ...string) (log string, stop func()) {
	s.Helper()
	command := s.on(s.Context(), machine, append([]string{"usher", "gate", "--service", "https://accounts.example:8443", "--folder", machine, "--name", name}, flags...)...)
	log = filepath.Join(s.dir, machine+".log")
	out, err := os.Create(log)
	s.must(err)
	command.Stdout, command.Stderr = out, out
	s.must(command.Start())
	stop = func() { _ = command.Process.Signal(syscall.SIGTERM); _ = command.Wait() }
	s.Cleanup(func() { stop(); _ = out.Close() })
	s.awaits(log, regexp.MustCompile(`(Set-up code)`))
	return log, stop
}

// hears is what usher claim prints on a machine.
func (s *street) hears(machine string) string {
	s.Helper()
	out, _ := s.on(s.Context(), machine, "usher", "claim", "--service", "https://accounts.example:8443").CombinedOutput()
	return string(out)
}

// eventually waits until what is heard on a machine matches everything.
func (s *street) eventually(machine string, patterns ...string) (heard string) {
	s.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		heard = s.hears(machine)
		missing := ""
		for _, pattern := range patterns {
			if !regexp.MustCompile(pattern).MatchString(heard) {
				missing = pattern
			}
		}
		if missing == "" {
			return heard
		}
		if time.Now().After(end) {
			s.Fatalf("%s hears no %q: %s", machine, missing, heard)
		}
	}
}

// listens notes the senders of all packets of multicast DNS that come to a machine.
func (s *street) listens(machine, card string) (senders func() string) {
	s.Helper()
	c, err := within(s.networks, machine, func() (*net.UDPConn, error) {
		i, err := net.InterfaceByName(card)
		if err != nil {
			return nil, err
		}
		return net.ListenMulticastUDP("udp4", i, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353})
	})
	s.must(err)
	s.Cleanup(func() { _ = c.Close() })
	seen := make(chan string, 10000)
	go func() {
		for buffer := make([]byte, 9000); ; {
			_, from, err := c.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			select {
			case seen <- from.Addr().Unmap().String() + "\n":
			default:
			}
		}
	}()
	return func() string {
		var all strings.Builder
		for len(seen) > 0 {
			all.WriteString(<-seen)
		}
		return all.String()
	}
}

// Servers of one network find each other, and those of another do not hear of them, though a machine stands in both. Two of one name take two; one that is told to
// be silent is; one that goes says so.
func TestNeighboursFindEachOther(t *testing.T) {
	t.Parallel()
	s := openStreet(t, map[string]map[string]string{
		"house": {"attic": "192.168.7.20/24", "cellar": "192.168.7.21/24", "loft": "192.168.7.22/24", "owner": "192.168.7.5/24", "both": "192.168.7.30/24"},
		"next":  {"flat": "192.168.9.20/24", "guest": "192.168.9.5/24", "both": "192.168.9.30/24"},
	})
	senders := s.listens("owner", "house")
	s.gate("attic", "Attic")
	_, stop := s.gate("cellar", "Attic")
	s.gate("loft", "Loft", "--announce", "off")
	s.gate("flat", "Flat")
	s.gate("both", "Both <b>", "--listen", ":32401")

	heard := s.eventually("owner", `  Attic +192\.168\.7\.2[01] +belongs to nobody yet\n`, `  Attic \(2\) +192\.168\.7\.2[01] +`, `  Both <b> +192\.168\.7\.30:32401 +`)
	if strings.Contains(heard, "Loft") || strings.Contains(heard, "Flat") || strings.Contains(heard, "192.168.9.") {
		t.Errorf("too much is heard in the house: %s", heard)
	}
	s.sees(heard, "usher claim '192.168.7.2")
	heard = s.eventually("guest", `  Flat +192\.168\.9\.20 +`, `  Both <b> +192\.168\.9\.30:32401 +`)
	if strings.Contains(heard, "Attic") {
		t.Errorf("the house is heard next door: %s", heard)
	}
	if who := senders(); strings.Contains(who, "192.168.7.22") || !strings.Contains(who, "192.168.7.21") {
		t.Errorf("these have said something: %s", who)
	}

	_, page := s.visits("owner", "http://192.168.7.20:32400/.usher/")
	s.sees(page, `href="http://192.168.7.21:32400/.usher/"`)
	s.sees(page, "Both &lt;b&gt;")
	if strings.Contains(page, "192.168.7.20:32400/.usher/") || strings.Contains(page, "Loft") || strings.Contains(page, "Flat") {
		t.Errorf("too much on the page of the attic: %s", page)
	}
	_, page = s.visits("guest", "http://192.168.9.30:32401/.usher/")
	s.sees(page, "Flat")
	if strings.Contains(page, "Attic") || strings.Contains(page, "192.168.7.") {
		t.Errorf("a guest learns by the machine in both networks what stands in the other: %s", page)
	}
	if _, page = s.visits("owner", "http://192.168.7.22:32400/.usher/"); strings.Contains(page, "Attic") {
		t.Errorf("a silent server hears others: %s", page)
	}

	s.sees(s.ownPage("attic"), "192.168.7.21:32400")
	stop()
	for end := time.Now().Add(5 * time.Second); strings.Contains(s.ownPage("attic"), "192.168.7.21"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a server that has gone is there still")
		}
	}
}

// ownPage is a server's page as its machine shows it to itself.
func (s *street) ownPage(machine string) string {
	s.Helper()
	_, page := s.visits(machine, "http://127.0.0.1:32400/.usher/")
	return page
}

var loftThere = regexp.MustCompile(`  Loft +(fe80::[0-9a-f:]+%house) +`)

// Where there is nothing but version 6, with addresses of the house or of the link alone, servers find each other as well.
func TestNeighboursWithoutVersion4(t *testing.T) {
	t.Parallel()
	s := openStreet(t, map[string]map[string]string{"house": {"attic": "fd07::20/64", "cellar": "fd07::21/64", "loft": "fe80::22/64", "owner": "fd07::5/64"}})
	s.gate("attic", "Attic")
	s.gate("cellar", "Cellar")
	s.gate("loft", "Loft")
	heard := s.eventually("owner", `  Attic +fd07::20 +belongs to nobody yet\n`, `  Cellar +fd07::21 +`, loftThere.String())
	_, page := s.visits("owner", "http://[fd07::20]:32400/.usher/")
	s.sees(page, `href="http://[fd07::21]:32400/.usher/"`)
	if strings.Contains(page, "Loft") {
		t.Errorf("browsers cannot open the address of a link: %s", page)
	}
	out, _ := s.on(t.Context(), "owner", "usher", "claim", loftThere.FindStringSubmatch(heard)[1], "--service", "https://accounts.example:8443", "--code", "AAAA-AAAA-AAAA").CombinedOutput()
	s.sees(string(out), "was not claimed: neither a set-up code that counts now")
}

// A program that has the port for itself, or a machine in no network, keeps nobody from running a gate. The doctor says what is missing.
func TestAGateThatCannotBeAnnounced(t *testing.T) {
	t.Parallel()
	s := openStreet(t, map[string]map[string]string{"house": {"attic": "192.168.7.20/24", "cellar": "192.168.7.21/24"}})
	s.add("hermit")
	s.must(os.WriteFile(s.hosts("hermit"), []byte("127.0.0.1 localhost\n"), 0o600))
	doctor := func(machine string, flags ...string) string {
		out, _ := s.on(t.Context(), machine, append([]string{"usher", "gate", "doctor", "--service", "https://accounts.example:8443", "--folder", machine}, flags...)...).CombinedOutput()
		return string(out)
	}
	hold, err := within(s.networks, "attic", func() (net.PacketConn, error) { return net.ListenPacket("udp", ":5353") })
	s.must(err)
	log, _ := s.gate("attic", "Attic")
	s.awaits(log, regexp.MustCompile(`(this server is not announced in its network)`))
	s.sees(s.ownPage("attic"), "This server belongs to nobody yet")
	s.sees(doctor("attic"), "look  announcing    others in the network cannot find it by themselves: port 5353 is taken by a program that shares it with nobody. Stop that program")
	s.sees(s.hears("attic"), "servers in the network cannot be heard from here: port 5353 is taken")
	s.must(hold.Close()) // it is tried again
	s.eventually("cellar", `  Attic +192\.168\.7\.20 +`)
	s.sees(doctor("attic"), "ok    announcing    it says that it is there by house")

	s.gate("hermit", "Hermit")
	s.sees(doctor("hermit"), "look  announcing    others in the network cannot find it by themselves: no network of this machine carries multicast")
	s.sees(s.hears("hermit"), "no network of this machine carries multicast")
	s.sees(doctor("cellar", "--announce", "off"), "ok    announcing    it says in no network that it is there, and hears no others: --announce is off")
	s.sees(doctor("cellar", "--listen", "localhost:32400"), "ok    announcing    it says in no network that it is there: it listens for this machine alone")
	s.sees(doctor("cellar", "--listen", "192.168.7.99:32400"), "look  announcing")
}
