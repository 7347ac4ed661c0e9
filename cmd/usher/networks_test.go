package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"usher/internal/certtest"
	"usher/internal/config"
	"usher/internal/middleware"
	"usher/internal/secret"
	"usher/internal/signup"
	"usher/internal/testdb"
)

// networks are machines with a network each, all joined to the one where the service listens. The home's are of one IPv6 /56.
type networks struct {
	*testing.T
	prefix string
	dir    string
	ca     string // file with the certificate that they believe
}

// machines are the networks, with their end and the service's.
var machines = map[string]struct{ own, service string }{
	"tv": {"2001:db8:1:101::2/64", "2001:db8:1:101::1/64"}, "phone": {"2001:db8:1:102::2/64", "2001:db8:1:102::1/64"}, "stranger": {"198.51.100.2/24", "198.51.100.1/24"},
}

// newNetworks has the service's network and no other; kind keeps them apart from those of other tests.
func newNetworks(t *testing.T, kind string) *networks {
	t.Helper()
	n := &networks{T: t, prefix: fmt.Sprintf("usher-%d-%s%s-", os.Getpid(), kind, t.Name()[len(t.Name())-3:]), dir: t.TempDir()}
	n.ca = filepath.Join(n.dir, "ca.pem")
	n.add("service")
	return n
}

func openNetworks(t *testing.T) *networks {
	t.Helper()
	n := newNetworks(t, "")
	for name, m := range machines {
		n.add(name)
		n.ip("link", "add", "uplink", "netns", n.prefix+name, "type", "veth", "peer", "name", name, "netns", n.prefix+"service")
		n.attach(name, "uplink", m.own)
		n.attach("service", name, m.service)
		address, _, _ := strings.Cut(m.service, "/")
		n.must(os.WriteFile(n.hosts(name), []byte(address+" accounts.example\n"), 0o600))
	}
	return n
}

func (n *networks) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

func (n *networks) hosts(name string) string { return filepath.Join(n.dir, name+".hosts") }

func (n *networks) ip(args ...string) {
	n.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (n *networks) add(name string) {
	n.Helper()
	n.ip("netns", "add", n.prefix+name)
	n.Cleanup(func() { n.ip("netns", "del", n.prefix+name) })
	n.ip("-n", n.prefix+name, "link", "set", "lo", "up")
}

func (n *networks) attach(name, card, address string) {
	n.Helper()
	args := []string{"-n", n.prefix + name, "addr", "add", address, "dev", card}
	if strings.Contains(address, "::") {
		args = append(args, "nodad") // nobody else can have it
	}
	n.ip(args...)
	n.ip("-n", n.prefix+name, "link", "set", card, "up")
}

// within opens a socket in a machine's network, from this very process.
func within[T any](n *networks, machine string, open func() (T, error)) (socket T, err error) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends in the other network
		file, err := os.Open("/run/netns/" + n.prefix + machine)
		if err == nil {
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
			_ = file.Close()
		}
		if err == nil {
			socket, err = open()
		}
		done <- err
	}()
	err = <-done
	return socket, err
}

// listen opens the service's socket.
func (n *networks) listen() net.Listener {
	n.Helper()
	listener, err := within(n, "service", func() (net.Listener, error) { return net.Listen("tcp", ":8443") })
	n.must(err)
	return listener
}

// on runs a program on a machine, which finds the service under its name.
func (n *networks) on(ctx context.Context, machine string, args ...string) *exec.Cmd {
	inside := []string{"netns", "exec", n.prefix + machine, "unshare", "--mount", "sh", "-c", `mount --bind "$1" /etc/hosts && shift && exec "$@"`, "sh", n.hosts(machine)}
	command := exec.CommandContext(ctx, "ip", append(inside, args...)...)
	command.Dir = n.dir
	command.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "SSL_CERT_FILE=" + n.ca, "HOME=" + n.dir}
	return command
}

// page asks for one of the service's pages from a machine's browser, and sends a form where there are fields.
func (n *networks) page(machine, path string, fields ...string) string {
	n.Helper()
	jar := filepath.Join(n.dir, machine+".jar")
	args := []string{"curl", "-sS", "-L", "--cacert", n.ca, "-b", jar, "-c", jar, "https://accounts.example:8443" + path}
	for _, field := range fields {
		args = append(args, "--data-urlencode", field)
	}
	var said bytes.Buffer
	command := n.on(n.Context(), machine, args...)
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		n.Fatalf("%s: %v: %s", machine, err, said.String())
	}
	return string(out)
}

// decided is the field by which a page says what it asks about.
func decided(page string) string {
	_, rest, _ := strings.Cut(page, `name="request" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	return "request=" + id
}

func (n *networks) sees(page, sentence string) {
	n.Helper()
	if !strings.Contains(page, sentence) {
		n.Fatalf("no %q on the page: %s", sentence, page)
	}
}

// onTV runs the player, and returns its codes once it shows them; ended tells how it ended.
func (n *networks) onTV(machine string) (short, long string, ended func() string) {
	n.Helper()
	path := filepath.Join(n.dir, machine+".out")
	out, err := os.Create(path)
	n.must(err)
	command := n.on(n.Context(), machine, "usher", "player", "login", "--service", "https://accounts.example:8443", "--name", "Living room", "--keep", machine+".json")
	command.Stdout, command.Stderr = out, out
	n.must(command.Start())
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		raw, err := os.ReadFile(path)
		n.must(err)
		if found := shownCodes.FindSubmatch(raw); found != nil {
			return string(found[1]), string(found[2]), func() string {
				_ = command.Wait()
				raw, _ := os.ReadFile(path)
				return string(raw)
			}
		}
		if time.Now().After(end) {
			n.Fatalf("the player shows no code: %s", raw)
		}
	}
}

var shownCodes = regexp.MustCompile(`type (\S+)\n\(or (\S+),`)

// peoplesPassword is that of ann.walker and of bo.stranger.
const peoplesPassword = "seven copper kettles sing"

// serve answers in the service's network. Two people have accounts.
func (n *networks) serve(databaseURL string) {
	n.Helper()
	cfg := config.Default()
	cfg.Data, cfg.Database, cfg.Origin, cfg.Argon2Memory, cfg.Argon2Passes = n.TempDir(), secret.TokenOf(databaseURL), "https://accounts.example:8443", 8, 1
	s, handler := openService(n.T, cfg, time.Now)
	for _, name := range []string{"ann.walker", "bo.stranger"} {
		_, err := s.founding().Add(n.Context(), signup.NewAccount{Email: name + "@example.org", UserName: name, Password: secret.TokenOf(peoplesPassword)})
		n.must(err)
	}
	listener := tls.NewListener(n.listen(), &tls.Config{Certificates: []tls.Certificate{certtest.Make(n.T, certtest.Files{Chain: n.ca}, time.Now().Add(time.Hour), "accounts.example")}})
	server := middleware.Server("", handler, s.log)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			n.Errorf("serving: %v", err)
		}
	}()
	n.Cleanup(func() { _ = server.Close() })
}

// A TV and a phone at home and a stranger elsewhere, each in a network of its own, with the built program on the TV. At home four characters are
// enough, though the two have different addresses; a code that a stranger started ends at the red page (LK-5, attack D16).
func TestThreeNetworks(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		n := openNetworks(t)
		n.serve(databaseURL)
		short, _, ended := n.onTV("tv")
		n.sees(n.page("phone", "/sign-in", "login=ann.walker", "password="+peoplesPassword), "ann.walker")
		page := n.page("phone", "/link", "user_code="+strings.ToLower(short))
		n.sees(page, "Is this your TV?")
		n.sees(page, "Living room")
		n.sees(page, "your network")
		n.sees(n.page("phone", "/link/confirm", decided(page)), "It is signed in")
		n.sees(ended(), "Signed in as ann.walker")
		out, err := n.on(t.Context(), "tv", "usher", "player", "me", "--keep", "tv.json").CombinedOutput()
		n.must(err)
		n.sees(string(out), "Signed in as ann.walker at https://accounts.example:8443.")

		_, long, ended := n.onTV("stranger")
		page = n.page("phone", "/link", "user_code="+long)
		n.sees(page, "Somebody else’s TV?")
		n.sees(page, "198.51.100.2")
		n.sees(page, "another network")
		n.sees(n.page("phone", "/link/confirm", decided(page), "password="+peoplesPassword), "Take a moment")
		n.sees(n.page("phone", "/link/deny", decided(page)), "It stays out")
		n.sees(ended(), "somebody said no")
	})
}
