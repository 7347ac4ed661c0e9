package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/certtest"
	"usher/internal/config"
	"usher/internal/household"
	"usher/internal/middleware"
	"usher/internal/testdb"
)

const clientPassword = "seven copper kettles sing"

// clients is the service as plex.tv, for clients that know no other address: each runs alone in a network and a file system of its own, in which
// that name is this service.
type clients struct {
	*doors
	ann, bob account.Account // bob has a second step
	busy     sync.Mutex      // held while the service answers, and while the test does something to it
	socket   string          // where a client's network ends
	ca       string          // file with the certificate that clients believe
}

// Unmodified clients of other people do with the service what they do with the original. Their folder says which, and how they are fetched.
func TestPlexClients(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		c := openClients(t, databaseURL)
		for _, script := range []string{"plex-api", "ctrl-plex", "plexjs", "plex-oauth", "pinauth", "plex-home"} {
			c.ann, c.bob = c.person("ann."+script, clientPassword, false), c.person("bob."+script, clientPassword, false)
			c.turnOnFactor(c.bob)
			c.unlimited()
			c.run(script)
		}
	})
}

func openClients(t *testing.T, databaseURL string) *clients {
	t.Helper()
	dir := t.TempDir()
	c := &clients{socket: filepath.Join(dir, "s"), ca: filepath.Join(dir, "ca.pem")}
	c.doors = openDoors(t, databaseURL, func(cfg *config.Config) {
		cfg.Origin, cfg.Hosts = "https://plex.tv", []string{"app.plex.tv", "clients.plex.tv"}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err)
	server := middleware.Server(listener.Addr().String(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.busy.Lock()
		defer c.busy.Unlock()
		c.every.ServeHTTP(w, r)
	}), c.log)
	go func() {
		err := server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certtest.Make(t, certtest.Files{Chain: c.ca}, time.Now().Add(time.Hour), "plex.tv", "app.plex.tv", "clients.plex.tv")}, NextProtos: []string{"h2", "http/1.1"}}))
		if err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "Server closed") {
			t.Errorf("serving: %v", err)
		}
	}()
	end, err := net.Listen("unix", c.socket)
	c.must(err)
	go func() {
		for {
			from, err := end.Accept()
			if err != nil {
				return
			}
			go relay(from, listener.Addr().String())
		}
	}()
	t.Cleanup(func() { _, _ = end.Close(), server.Close() })
	return c
}

func relay(from net.Conn, address string) {
	defer func() { _ = from.Close() }()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	go func() {
		_, _ = io.Copy(to, from)
		_ = to.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(from, to)
}

// alone prepares the client's world: a loopback, a card with a hardware address, which one client looks for, and a file of names.
const alone = `set -e
ip link set lo up
ip link add one type veth peer name two
ip addr add 192.0.2.1/24 dev one
ip link set one up
ip link set two up
mount --bind "$CLIENT_HOSTS" /etc/hosts
exec node "$1"
`

// run runs a client's script to its end, and does what it asks for.
func (c *clients) run(script string) {
	c.Helper()
	hosts := filepath.Join(c.TempDir(), "hosts")
	c.must(os.WriteFile(hosts, []byte("127.0.0.1 localhost plex.tv app.plex.tv clients.plex.tv\n"), 0o600))
	flags := []string{"--net", "--mount", "--kill-child"}
	if os.Geteuid() != 0 {
		flags = append(flags, "--map-root-user")
	}
	command := exec.CommandContext(c.Context(), "unshare", append(flags, "sh", "-c", alone, "sh", script+".mjs")...)
	command.Dir = "../../internal/clienttest"
	command.Env = []string{
		"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "NODE_EXTRA_CA_CERTS=" + c.ca, "NODE_NO_WARNINGS=1", "CLIENT_SOCKET=" + c.socket, "CLIENT_HOSTS=" + hosts,
		"CLIENT_LOGIN=" + c.ann.UserName, "CLIENT_SECOND_LOGIN=" + c.bob.UserName, "CLIENT_PASSWORD=" + clientPassword,
	}
	var said bytes.Buffer
	command.Stderr = &said
	asks, err := command.StdoutPipe()
	c.must(err)
	answers, err := command.StdinPipe()
	c.must(err)
	c.must(command.Start())
	for lines := bufio.NewScanner(asks); lines.Scan(); {
		_, err := fmt.Fprintln(answers, c.answer(lines.Text()))
		c.must(err)
	}
	if err := command.Wait(); err != nil {
		c.Errorf("%s: %v\n%s", script, err, said.String())
	}
}

// answer does what a client's script cannot do for itself.
func (c *clients) answer(asked string) string {
	c.Helper()
	c.busy.Lock()
	defer c.busy.Unlock()
	switch what, code, _ := strings.Cut(asked, " "); what {
	case "code":
		return c.code(c.bob)
	case "allow":
		c.allow(code)
	case "share":
		c.share()
	case "plays":
		return c.playsFor(code)
	default:
		c.Errorf("a client's script says %q", asked)
	}
	return "done"
}

// share opens a media server of ann's to everybody of her Home.
func (c *clients) share() {
	c.Helper()
	h := &holder{doors: c.doors}
	claim, server := h.offer(c.ann), c.unclaimed()
	w := server.claimedWith(claim, server.proof(claim, func(claims map[string]any) { claims["aud"] = "https://plex.tv" }))
	var told struct{ ID string }
	if w.Code != http.StatusCreated || json.Unmarshal(w.Body.Bytes(), &told) != nil {
		c.Fatalf("claiming: %d %s", w.Code, w.Body)
	}
	c.must(c.db.OpenToHome(c.Context(), c.ann.ID, told.ID, household.Shared{With: household.WithAll}, audit.Act{At: c.at}))
}

// playsFor says whose a token for a media server is.
func (c *clients) playsFor(token string) string {
	c.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		c.Fatalf("%q is no token for a media server", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	c.must(err)
	var claims struct{ Sub string }
	c.must(json.Unmarshal(raw, &claims))
	return claims.Sub
}

// allow is ann at home, who types a code into her browser and says yes.
func (c *clients) allow(code string) {
	c.Helper()
	cookies := map[string]string{"usher": (&holder{doors: c.doors}).signedIn(c.ann)}
	c.unlimited()
	w := c.send(http.MethodPost, "/link", request{form: url.Values{"user_code": {code}}, cookies: cookies, from: "127.0.0.1:4711"})
	cookies["usher-link"] = cookie(w, "usher-link")
	form := asked(c.send(http.MethodGet, "/link/confirm", request{cookies: cookies, from: "127.0.0.1:4711"}))
	w = c.send(http.MethodPost, "/link/confirm", request{form: form, cookies: cookies, from: "127.0.0.1:4711"})
	if at := w.Header().Get("Location"); at != "/link?done=allowed" {
		c.Errorf("letting the device in leads to %q", at)
	}
}
