package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"usher/internal/testdb"
)

// housed is a server with a gate, the people around it, and somebody outside. A router in the house passes on connections of guests as if they were its own.
type housed struct {
	*networks
	log   string // of the gate
	code  string // that it printed
	films string // the folder that it shows
}

// The gate as it is called from the house, from outside, and from behind the router.
const (
	gateAtHome  = "http://192.168.1.20:32400"
	gateOutside = "http://198.51.100.20:32400"
	gateRouted  = "http://192.168.50.1:32400"
	gateTunnel  = "http://127.0.0.1:8888"
)

func openHome(t *testing.T) *housed {
	t.Helper()
	h := &housed{networks: newNetworks(t, "gate-")}
	for _, name := range []string{"server", "owner", "neighbour", "outside", "router", "guest"} {
		h.add(name)
		h.must(os.WriteFile(h.hosts(name), []byte("127.0.0.1 localhost\n"), 0o600))
	}
	for name, m := range map[string][2]string{"server": {"2001:db8:1:101::2/64", "2001:db8:1:101::1"}, "owner": {"2001:db8:1:102::2/64", "2001:db8:1:102::1"}} {
		h.join(name, "uplink", m[0], "service", name, m[1]+"/64")
		h.must(os.WriteFile(h.hosts(name), []byte(m[1]+" accounts.example\n"), 0o600))
	}
	h.ip("-n", h.prefix+"server", "link", "add", "lan", "type", "bridge")
	h.attach("server", "lan", "192.168.1.20/24")
	for name, address := range map[string]string{"owner": "192.168.1.5/24", "neighbour": "192.168.1.66/24", "router": "192.168.1.30/24"} {
		h.ip("link", "add", "lan", "netns", h.prefix+name, "type", "veth", "peer", "name", name, "netns", h.prefix+"server")
		h.attach(name, "lan", address)
		h.ip("-n", h.prefix+"server", "link", "set", name, "master", "lan", "up")
	}
	h.join("outside", "uplink", "198.51.100.2/24", "server", "outside", "198.51.100.20/24")
	h.join("guest", "uplink", "192.168.50.2/24", "router", "guests", "192.168.50.1/24")
	return h
}

// join lays a cable between two machines.
func (n *networks) join(one, card, address, other, otherCard, otherAddress string) {
	n.Helper()
	n.ip("link", "add", card, "netns", n.prefix+one, "type", "veth", "peer", "name", otherCard, "netns", n.prefix+other)
	n.attach(one, card, address)
	n.attach(other, otherCard, otherAddress)
}

var (
	printedCode = regexp.MustCompile(`Set-up code: (\S+)`)
	pageToken   = regexp.MustCompile(`name="page" value="([0-9a-f]+)"`)
	sshCommand  = regexp.MustCompile(`ssh -L (\S+) you@([^<]+)<`)
	confirmForm = regexp.MustCompile(`action="(/[a-z]+/confirm)"`)
	claimCode   = regexp.MustCompile(`<b class="link-code">([^<]+)</b>`)
)

// background runs a program on a machine until the test ends.
func (h *housed) background(machine string, args ...string) (log string) {
	h.Helper()
	log = filepath.Join(h.dir, machine+"-"+filepath.Base(args[0])+".log")
	out, err := os.Create(log)
	h.must(err)
	command := h.on(h.Context(), machine, args...)
	command.Stdout, command.Stderr = out, out
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	h.must(command.Start())
	h.Cleanup(func() { _ = command.Process.Signal(syscall.SIGTERM); _ = command.Wait(); _ = out.Close() })
	return log
}

// startsGate runs the gate on the server, for every network.
func (h *housed) startsGate() {
	h.Helper()
	h.films = h.TempDir()
	h.log = h.background("server", "usher", "gate", "--service", "https://accounts.example:8443", "--listen", ":32400", "--folder", "gate", "--media", h.films, "--name", "Attic")
	h.code = h.awaits(h.log, printedCode)
}

// awaits waits until a file has what matches, and returns its first group.
func (h *housed) awaits(path string, pattern *regexp.Regexp) string {
	h.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		raw, err := os.ReadFile(path)
		if found := pattern.FindSubmatch(raw); err == nil && found != nil {
			return string(found[1])
		}
		if time.Now().After(end) {
			h.Fatalf("nothing in %s matches %s: %s", path, pattern, raw)
		}
	}
}

// visits asks for a page of the gate from a machine's browser, which keeps its cookies, and follows where it is sent.
func (h *housed) visits(machine, address string, more ...string) (status, page string) {
	h.Helper()
	jar := filepath.Join(h.dir, machine+"-gate.jar")
	out, err := h.on(h.Context(), machine, append([]string{"curl", "-sS", "-L", "-b", jar, "-c", jar, "-w", "%{stderr}%{http_code}", "-o", machine + ".page", address}, more...)...).CombinedOutput()
	if err != nil {
		h.Fatalf("%s at %s: %v %s", machine, address, err, out)
	}
	raw, err := os.ReadFile(filepath.Join(h.dir, machine+".page"))
	h.must(err)
	return string(out), string(raw)
}

// sends a form of the gate's page, with what makes it the page's own.
func (h *housed) sends(machine, gate, path string, fields ...string) (status, page string) {
	h.Helper()
	_, first := h.visits(machine, gate+"/.usher/settings")
	args := []string{"--data-urlencode", "page=" + pageToken.FindStringSubmatch(first + ` name="page" value="0"`)[1]}
	for _, field := range fields {
		args = append(args, "--data-urlencode", field)
	}
	return h.visits(machine, gate+path, args...)
}

func (h *housed) isClaimed(want string) {
	h.Helper()
	if _, page := h.visits("server", "http://127.0.0.1:32400/identity"); !strings.Contains(page, `claimed="`+want+`"`) {
		h.Errorf("the server says %s", page)
	}
}

// confirms lets a claim code in on the service's page, at home.
func (h *housed) confirms(code string) {
	h.Helper()
	page := h.page("owner", "/link", "user_code="+code)
	h.sees(page, "your network")
	h.page("owner", confirmForm.FindStringSubmatch(page)[1], decided(page))
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if _, page := h.visits("server", "http://127.0.0.1:32400/identity"); strings.Contains(page, `claimed="1"`) {
			return
		}
		if time.Now().After(end) {
			h.Fatal("the server is not claimed")
		}
	}
}

// routes passes on what comes to the router, which is what a container's bridge does: the server sees the router.
func (h *housed) routes() {
	h.Helper()
	listener, err := within(h.networks, "router", func() (net.Listener, error) { return net.Listen("tcp", "192.168.50.1:32400") })
	h.must(err)
	h.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := within(h.networks, "router", func() (net.Conn, error) { return net.Dial("tcp", "192.168.1.20:32400") })
			if err != nil {
				_ = here.Close()
				continue
			}
			pipe(here, there)
		}
	}()
}

func pipe(one, other net.Conn) {
	for _, pair := range [][2]net.Conn{{one, other}, {other, one}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		}()
	}
}

// servesSSH runs a real sshd on the server, which takes one key.
func (h *housed) servesSSH() {
	h.Helper()
	for _, name := range []string{"host_key", "own_key"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(h.dir, name)).CombinedOutput(); err != nil {
			h.Fatalf("ssh-keygen: %v %s", err, out)
		}
	}
	h.must(os.MkdirAll("/run/sshd", 0o755)) // where it goes with nothing to lose
	settings := "ListenAddress 198.51.100.20:22\nHostKey " + h.dir + "/host_key\nAuthorizedKeysFile " + h.dir + "/own_key.pub\n" +
		"PermitRootLogin prohibit-password\nPasswordAuthentication no\nUsePAM no\nStrictModes no\nPidFile none\n"
	h.must(os.WriteFile(filepath.Join(h.dir, "sshd_config"), []byte(settings), 0o600))
	h.awaits(h.background("server", "/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(h.dir, "sshd_config")), regexp.MustCompile(`Server (listening)`))
}

// The server, its owner at home, a stranger in the same network, one outside, and a router that makes everybody look near, each a machine of its own. Whoever has
// no set-up code gets nothing, from wherever; whoever is outside gets the command of a tunnel, which works (attack D12, R16).
func TestTheGateInItsHouse(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		h := openHome(t)
		h.serve(databaseURL)
		h.startsGate()
		h.sees(h.page("owner", "/sign-in", "login=ann.walker", "password="+peoplesPassword), "ann.walker")

		h.isNobodys("neighbour", gateAtHome)
		if status, _ := h.visits("neighbour", gateAtHome+"/myplex/claim?token=claim-"+strings.Repeat("a", 32), "-X", "POST"); status != "401" {
			t.Errorf("a program of the neighbour's: %s", status)
		}
		h.fromOutside()
		h.behindTheRouter()
		h.isClaimed("0")

		h.servesSSH()
		h.throughTheTunnel()
		if status, page := h.visits("neighbour", gateAtHome+"/.usher/"); status != "200" || strings.Contains(page, "ann.walker") {
			t.Errorf("the neighbour sees %s %s", status, page)
		}
		if status, page := h.visits("neighbour", gateAtHome+"/.usher/doctor"); status != "200" || !strings.Contains(page, "It belongs to somebody") || strings.Contains(page, "ann.walker") || strings.Contains(page, h.films) {
			t.Errorf("the neighbour sees what is wrong: %s %s", status, page)
		}
		if status, _ := h.sends("neighbour", gateAtHome, "/.usher/unclaim"); status != "200" && status != "403" {
			t.Errorf("the neighbour gives it up: %s", status)
		}
		h.isClaimed("1")

		// given up, and claimed again at home by the printed link
		h.visits("owner", gateAtHome+"/.usher/?setup="+h.code)
		_, page := h.sends("owner", gateAtHome, "/.usher/unclaim")
		h.sees(page, "This server belongs to nobody yet.")
		h.isClaimed("0")
		h.fromAnotherTerminal()
		h.sends("owner", gateAtHome, "/.usher/unclaim")
		h.isClaimed("0")
		_, page = h.sends("owner", gateAtHome, "/.usher/claim")
		h.confirms(claimCode.FindStringSubmatch(page)[1])
		_, page = h.visits("owner", gateAtHome+"/.usher/")
		h.sees(page, "belongs to <bdi>ann.walker</bdi>")
	})
}

// isNobodys makes sure that a machine that has no set-up code can look, and no more.
func (h *housed) isNobodys(machine, gate string) {
	h.Helper()
	_, page := h.visits(machine, gate+"/web")
	h.sees(page, "To claim it, show that it is yours")
	for _, path := range []string{"/.usher/claim", "/.usher/claim/stop", "/.usher/unclaim"} {
		if _, page = h.sends(machine, gate, path); strings.Contains(page, "Confirm the code") || strings.Contains(page, "Claim Server") {
			h.Errorf("%s on %s: %s", machine, path, page)
		}
	}
	_, page = h.sends(machine, gate, "/.usher/setup", "setup=AAAA-AAAA-AAAA")
	h.sees(page, "That is not the code")
	h.isClaimed("0")
}

// fromOutside: neither the set-up code nor a forged header brings anybody near.
func (h *housed) fromOutside() {
	h.Helper()
	for _, header := range []string{"X-None: 1", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=192.168.1.5", "X-Real-IP: 192.168.1.5", "Host: 192.168.1.20:32400", "Host: localhost:32400"} {
		status, page := h.visits("outside", gateOutside+"/.usher/?setup="+h.code, "-H", header)
		if status != "403" || strings.Contains(page, "Claim Server") {
			h.Errorf("with %s: %s %s", header, status, page)
		}
	}
	if status, _ := h.visits("outside", gateOutside+"/myplex/claim?token=claim-"+strings.Repeat("a", 32), "-X", "POST", "-H", "X-Usher-Setup: "+h.code); status != "401" {
		h.Errorf("a program outside: %s", status)
	}
}

// behindTheRouter everybody looks as if they were the router: the code is all that tells them apart, and who has it is warned.
func (h *housed) behindTheRouter() {
	h.Helper()
	h.routes()
	h.isNobodys("guest", gateRouted)
	h.visits("router", gateAtHome+"/.usher/?setup="+h.code)
	_, page := h.visits("router", gateAtHome+"/.usher/")
	h.sees(page, "Claim Server")
	h.sees(page, "Another browser uses the same address as yours")
	_, page = h.visits("guest", gateRouted+"/.usher/")
	h.sees(page, "To claim it, show that it is yours")
	h.awaits(h.log, regexp.MustCompile(`(more than one browser uses one address)`))
}

// fromAnotherTerminal claims the server beside the owner's machine, by a code that the command shows there.
func (h *housed) fromAnotherTerminal() {
	h.Helper()
	log := h.background("owner", "usher", "claim", "192.168.1.20", "--service", "https://accounts.example:8443", "--code", h.code)
	h.confirms(h.awaits(log, regexp.MustCompile(`type the code (\S+) there`)))
	h.awaits(log, regexp.MustCompile(`(The server is claimed)`))
}

// throughTheTunnel claims the server from outside, by the very command that its page shows.
func (h *housed) throughTheTunnel() {
	h.Helper()
	_, page := h.visits("outside", gateOutside+"/web")
	shown := sshCommand.FindStringSubmatch(page)
	if shown == nil || shown[2] != "198.51.100.20" || shown[1] != "8888:127.0.0.1:32400" {
		h.Fatalf("it shows %v: %s", shown, page)
	}
	h.background("outside", "ssh", "-L", shown[1], "root@"+shown[2], "-N", "-i", filepath.Join(h.dir, "own_key"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if h.on(h.Context(), "outside", "curl", "-sS", "-o", "/dev/null", gateTunnel+"/identity").Run() == nil {
			break
		}
		if time.Now().After(end) {
			h.Fatal("the tunnel does not open")
		}
	}
	_, page = h.visits("outside", gateTunnel+"/web")
	h.sees(page, "To claim it, show that it is yours")
	_, page = h.sends("outside", gateTunnel, "/.usher/setup", "setup="+h.code)
	h.sees(page, "Claim Server")
	_, page = h.sends("outside", gateTunnel, "/.usher/claim")
	h.sees(page, "Confirm the code")
	h.confirms(claimCode.FindStringSubmatch(page)[1])
	_, page = h.visits("outside", gateTunnel+"/.usher/")
	h.sees(page, "belongs to <bdi>ann.walker</bdi>")
	if status, _ := h.visits("outside", gateOutside+"/.usher/"); status != "403" {
		h.Errorf("without the tunnel: %s", status)
	}
}
