// Package proxytest starts the proxies that the gate's guides are for, as the guides say. It refuses to know what is asked through them.
package proxytest

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Guide returns the blocks of one language in a guide, as people copy them, to the tests of a package of the gate's.
func Guide(t testing.TB, name, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../docs/guides", name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("the guide for %s has no block of %s", name, language)
	}
	return string(found[1])
}

// freeAddress is one that nobody listens at.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// proxy starts a proxy that a guide is for, as the guide says, in front of a media server and beside a gate.
type proxy func(t testing.TB, program, folder, gate, upstream, listen string) *exec.Cmd

// installed are the proxies that Debian has, by the names of their programs.
var installed = map[string]proxy{
	"nginx": func(t testing.TB, program, folder, gate, upstream, listen string) *exec.Cmd {
		site := Guide(t, "nginx", "nginx")
		site = regexp.MustCompile(`(?m)^ *ssl_certificate.*\n`).ReplaceAllString(site, "")
		site = strings.NewReplacer("listen 443 ssl", "listen "+listen, "127.0.0.1:32400", gate, "127.0.0.1:8096", upstream).Replace(site)
		temporary := ""
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			temporary += kind + "_temp_path " + folder + "/" + kind + ";\n"
		}
		write(t, folder, "nginx.conf", "daemon off; master_process off; pid "+folder+"/pid; error_log stderr crit;\nevents {}\nhttp {\naccess_log off; keepalive_requests 10000000;\n"+temporary+site+"}\n")
		return exec.Command(program, "-p", folder, "-c", folder+"/nginx.conf", "-e", "stderr")
	},
	"caddy": caddy,
	"haproxy": func(t testing.TB, program, folder, gate, upstream, listen string) *exec.Cmd {
		write(t, folder, "usher.lua", strings.ReplaceAll(Guide(t, "haproxy", "lua"), "127.0.0.1:32400", gate))
		write(t, folder, "haproxy.cfg", strings.NewReplacer("/etc/haproxy/usher.lua", folder+"/usher.lua", ":443 ssl crt /etc/ssl/media.example.pem", listen, "127.0.0.1:32400", gate, "127.0.0.1:8096", upstream).Replace(Guide(t, "haproxy", "haproxy")))
		return exec.Command(program, "-db", "-f", folder+"/haproxy.cfg")
	},
}

func caddy(t testing.TB, program, folder, gate, upstream, listen string) *exec.Cmd {
	site := strings.NewReplacer("media.example {", "http://"+listen+" {", "127.0.0.1:32400", gate, "127.0.0.1:8096", upstream).Replace(Guide(t, "caddy", "caddyfile"))
	_, port, _ := net.SplitHostPort(listen)
	site = strings.Replace(site, "http://"+listen+" {", "http://:"+port+" {\n\tbind 127.0.0.1", 1)
	write(t, folder, "Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n"+site)
	c := exec.Command(program, "run", "--adapter", "caddyfile", "--config", folder+"/Caddyfile")
	c.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	return c
}

func write(t testing.TB, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Start runs one of the proxies until the test ends, and returns its address: in front of a media server, and beside a gate.
func Start(t testing.TB, name, gate, upstream string) string {
	t.Helper()
	program, start := find(t, name)
	listen := freeAddress(t)
	c := start(t, program, t.TempDir(), gate, upstream, listen)
	var said output
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", name, said.String())
		}
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listen+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 6000 {
		if answer, err := http.DefaultTransport.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusNotFound { // Traefik listens before it knows its routes
				return listen
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not answer: %s", name, said.String())
	return ""
}

type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *output) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}
func (l *output) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }
