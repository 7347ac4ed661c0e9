package main

import (
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/testdb"
)

// built is the program itself, which runs beside the test on the same database and answers in its place: what the test sends goes over a socket, by a
// proxy that the program trusts, and its clock stands where the test's does.
type built struct {
	*doors
	clock string // the file that the program's clock reads
	proxy *httputil.ReverseProxy

	mu  sync.Mutex
	set time.Time // what stands in the file
}

// eachDoorsAndBuilt runs a test on both databases, and once more against the built program.
func eachDoorsAndBuilt(t *testing.T, test func(d *doors)) {
	t.Helper()
	eachDoors(t, test)
	t.Run("built", func(t *testing.T) {
		database := testdb.Postgres(t)
		d := openDoors(t, database, func(*config.Config) {})
		d.every = d.build(database)
		test(d)
	})
}

func (d *doors) build(database string) *built {
	d.Helper()
	ports, err := freePorts(2)
	d.must(err)
	n := &node{listen: "localhost:" + ports[0], operations: "localhost:" + ports[1]}
	b := &built{doors: d, clock: filepath.Join(d.TempDir(), "clock"), proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetXForwarded()
		r.Out.Header.Set("X-Forwarded-Proto", "https")
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.RawQuery = "http", n.listen, r.In.URL.RawQuery
	}}}
	b.tick()
	c := exec.Command("usher", "serve") // TestMain put it there
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.TempDir(), "GORACE=" + os.Getenv("GORACE"), "USHER_DATA=" + d.cfg.Data, "USHER_DATABASE=" + database, "USHER_ORIGIN=" + d.cfg.Origin, "USHER_LISTEN=" + n.listen,
		"USHER_OPERATIONS_LISTEN=" + n.operations, "USHER_TRUSTED_PROXIES=127.0.0.0/8,::1/128", "USHER_TEST_CLOCK=" + b.clock,
	}
	d.must(n.run(c))
	d.Cleanup(func() {
		n.stop(syscall.SIGTERM)
		if !strings.Contains(n.errs.String(), "/oauth/") {
			d.Error("the program was asked nothing")
		}
	})
	for end := time.Now().Add(60 * time.Second); !n.ready(0); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			d.Fatalf("the program is not ready: %s", n.errs.String())
		}
	}
	return b
}

// tick moves the program's clock to where the test's is.
func (b *built) tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.set.Equal(b.at) {
		return
	}
	b.set = b.at
	b.must(os.WriteFile(b.clock+".next", []byte(b.at.Format(time.RFC3339Nano)), 0o600))
	b.must(os.Rename(b.clock+".next", b.clock))
}

func (b *built) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.tick()
	b.proxy.ServeHTTP(w, r)
}
