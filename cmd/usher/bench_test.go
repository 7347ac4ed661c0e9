package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"usher/internal/argon2id"
	"usher/internal/config"
	"usher/internal/device"
	"usher/internal/loadtest/crowd"
	"usher/internal/middleware"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/testdb"
)

// Everything here runs the service as serve wires it, over real connections. What is compared takes turns within one run, and what is
// reported are ratios: medians over the turns. docs/performance.md tells how to read them.

// BenchmarkSignIn reports time per sign-in ÷ time per bare hash: of a browser that is known, and of a new one, about which a mail is
// queued.
func BenchmarkSignIn(b *testing.B) {
	onEngines(b, func(b *testing.B, database fresh) {
		for _, callers := range []int{1, 2, 64} {
			b.Run("callers="+strconv.Itoa(callers), func(b *testing.B) { benchmarkSignIn(b, database(b), callers) })
		}
	})
}

// benchmarkSignIn compares callers with as many workers, but no more than there are cores.
func benchmarkSignIn(b *testing.B, databaseURL string, n int) {
	const people = 1000
	h := openHouse(b, databaseURL, people)
	callers, workers, turn := h.call(b, n), min(n, runtime.NumCPU()), max(8, n)
	hash := shared(workers, turn, func() error {
		_, err := h.pool.Verify(b.Context(), h.phc, []byte(crowd.Password))
		return err
	})
	next := 0
	signIn := func(request func(i int) []byte) func() error {
		return func() error {
			next += turn
			return callers.Ask(turn, http.StatusSeeOther, func(k int) []byte { return request((next + k) % people) })
		}
	}
	t := takeTurns(b, hash, signIn(h.SignIn), signIn(h.SignInAnew))
	b.ReportMetric(t.over(wall, 1, 0), "signin/hash")
	b.ReportMetric(t.over(cpu, 1, 0), "signin/hash-cpu")
	b.ReportMetric(t.over(wall, 2, 0), "newdevice/hash")
	b.ReportMetric(t.over(cpu, 2, 0), "newdevice/hash-cpu")
	b.ReportMetric(t.median(cpu, 0)/float64(turn)/1e6, "cpu-ms/hash")
}

// BenchmarkSignInOverLibrary reports time per sign-in of a known browser ÷ time per hash of golang.org/x/crypto. It is a benchmark of its
// own because that library leaves 19 MiB of garbage with each hash, which would weigh on the others' turns.
func BenchmarkSignInOverLibrary(b *testing.B) {
	const people, turn = 1000, 8
	onEngines(b, func(b *testing.B, database fresh) {
		h := openHouse(b, database(b), people)
		callers, params, next := h.call(b, 1), h.pool.Params(), 0
		t := takeTurns(b,
			shared(1, turn, func() error {
				argon2.IDKey([]byte(crowd.Password), []byte("sixteen bytes of"), params.Passes, params.MemoryKiB, params.Lanes, 32)
				return nil
			}),
			func() error {
				next += turn
				return callers.Ask(turn, http.StatusSeeOther, func(k int) []byte { return h.SignIn((next + k) % people) })
			})
		b.ReportMetric(t.over(wall, 1, 0), "signin/library")
		b.ReportMetric(t.over(cpu, 1, 0), "signin/library-cpu")
	})
}

// shared has workers do a thing n times among them.
func shared(workers, n int, do func() error) func() error {
	return func() error {
		errs := make([]error, workers)
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for range n / workers {
					errs[w] = errors.Join(errs[w], do())
				}
			})
		}
		all.Wait()
		return errors.Join(errs...)
	}
}

// BenchmarkCheck reports the rate of the session check (what every request passes, the resolver, the account, a redirect as the answer) and
// of a whole page (/account/devices), each ÷ the rate of a bare handler; and how the check with more devices compares to that with 1,000.
func BenchmarkCheck(b *testing.B) {
	sizes := []int{1_000, 100_000}
	if os.Getenv("USHER_TEST_FULL") != "" {
		sizes = append(sizes, 1_000_000)
	}
	onEngines(b, func(b *testing.B, database fresh) { benchmarkCheck(b, database, sizes) })
}

func benchmarkCheck(b *testing.B, database fresh, sizes []int) {
	const turn = 2000
	houses := make([]*house, len(sizes))
	for i, size := range sizes {
		houses[i] = openHouse(b, database(b), size)
	}
	bare := listenBare(b)
	asks := []func() error{ask(b, bare, turn, http.StatusOK, requests(bare.Get, 1_000, "/"))}
	for i, h := range houses {
		asks = append(asks, ask(b, h.Service, turn, http.StatusSeeOther, requests(h.Get, sizes[i], "/")))
	}
	asks = append(asks, ask(b, houses[0].Service, turn, http.StatusOK, requests(houses[0].Get, sizes[0], "/account/devices")))
	t := takeTurns(b, asks...)
	page := len(asks) - 1
	b.ReportMetric(t.over(wall, 0, 1), "check/bare")
	b.ReportMetric(t.over(cpu, 0, 1), "check/bare-cpu")
	b.ReportMetric(t.over(wall, 0, page), "page/bare")
	for i, size := range sizes[1:] {
		b.ReportMetric(t.over(wall, i+2, 1), fmt.Sprintf("%.0e/1e3", float64(size)))
		b.ReportMetric(t.over(cpu, i+2, 1), fmt.Sprintf("%.0e/1e3-cpu", float64(size)))
	}
	b.ReportMetric(t.median(cpu, 0)/turn/1e3, "cpu-µs/bare")
	b.ReportMetric(t.median(cpu, 1)/turn/1e3, "cpu-µs/check")
}

// BenchmarkVisit asks what is asked most, without connections, for profiles.
func BenchmarkVisit(b *testing.B) {
	onEngines(b, func(b *testing.B, database fresh) {
		h := openHouse(b, database(b), 1_000)
		p := h.connect(b, 1, "bench", "openid profile offline_access")
		h.waitWith(b, 1, func(i int) secret.Token { return h.keys.Ring().PollCode(int64(i), fmt.Sprintf("client %d", i)) })
		for _, visit := range []struct {
			name    string
			request []byte
			want    int
		}{
			{"check", h.Get(7, "/"), http.StatusSeeOther},
			{"introspection", p.introspection(h.Service, 0), http.StatusOK},
			{"userinfo", p.info(h.Service, 0), http.StatusOK},
			{"pin", plexPoll(h.Service, 0), http.StatusOK},
		} {
			b.Run(visit.name, func(b *testing.B) { h.visit(b, visit.request, visit.want) })
		}
	})
}

func (h *house) visit(b *testing.B, request []byte, want int) {
	handler, err := h.handler()
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context()) // as the server gives it
	defer stop()
	b.ReportAllocs()
	begin := spentCPU(b)
	for b.Loop() {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
		if err != nil {
			b.Fatal(err)
		}
		r.RemoteAddr = "127.0.0.1:1"
		w := &discarding{header: http.Header{}}
		handler.ServeHTTP(w, r.WithContext(ctx))
		if w.status != want {
			b.Fatalf("answered with %d", w.status)
		}
	}
	b.ReportMetric(float64(spentCPU(b)-begin)/float64(b.N), "cpu-ns/op")
}

// BenchmarkTrips is what a sign-in does in the database, without the hash between, for profiles.
func BenchmarkTrips(b *testing.B) {
	onEngines(b, func(b *testing.B, database fresh) {
		h := openHouse(b, database(b), 1_000)
		flow := signin.Service{Store: h.db, Hasher: believing{h.pool}, Now: time.Now, Log: h.log}
		next := 0
		b.ReportAllocs()
		begin := spentCPU(b)
		for b.Loop() {
			next++
			i := next % 1_000
			out, err := flow.Start(b.Context(), signin.Request{
				Login: crowd.Email(i), Password: secret.TokenOf(crowd.Password), Known: crowd.Known(i),
				Client: device.Client{Address: crowd.Address(i), UserAgent: crowd.Agent},
			})
			if err != nil || out.Step != signin.Open {
				b.Fatalf("not signed in: %v, %v", out.Step, err)
			}
		}
		b.ReportMetric(float64(spentCPU(b)-begin)/float64(b.N), "cpu-ns/op")
	})
}

// believing takes every password for right.
type believing struct{ *argon2id.Pool }

func (believing) Verify(context.Context, string, []byte) (bool, error) { return true, nil }

// discarding remembers the status of an answer and nothing else.
type discarding struct {
	header http.Header
	status int
}

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) Write(p []byte) (int, error) { return len(p), nil }
func (d *discarding) WriteHeader(status int)      { d.status = status }

// took is what one turn of one contender cost.
type took struct {
	wall time.Duration
	cpu  time.Duration // of this process, callers included: a busy machine does not change it much
}

func wall(t took) float64 { return float64(t.wall) }
func cpu(t took) float64  { return float64(t.cpu) }

// turns are the costs of the contenders, one for each turn.
type turns [][]took

// takeTurns lets each contender run once in every turn, first once unmeasured, for as long as the benchmark lasts.
func takeTurns(b *testing.B, contenders ...func() error) turns {
	t := make(turns, len(contenders))
	for _, run := range contenders {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		for i, run := range contenders {
			begin, spent := time.Now(), spentCPU(b)
			if err := run(); err != nil {
				b.Fatal(err)
			}
			t[i] = append(t[i], took{time.Since(begin), spentCPU(b) - spent})
		}
	}
	b.ReportMetric(0, "ns/op") // a turn's time says nothing
	return t
}

func spentCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// over is the median of one contender's cost ÷ another's, turn by turn.
func (t turns) over(cost func(took) float64, i, j int) float64 {
	ratios := make([]float64, len(t[i]))
	for n := range ratios {
		ratios[n] = cost(t[i][n]) / cost(t[j][n])
	}
	return median(ratios)
}

// median is the median of one contender's cost.
func (t turns) median(cost func(took) float64, i int) float64 {
	costs := make([]float64, len(t[i]))
	for n := range costs {
		costs[n] = cost(t[i][n])
	}
	return median(costs)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// requests draws people at random and writes what they send beforehand, so that writing it is not measured.
func requests(get func(i int, path string) []byte, people int, path string) [][]byte {
	all := make([][]byte, min(people, 50_000))
	for k := range all {
		all[k] = get(rand.N(people), path)
	}
	return all
}

func ask(b *testing.B, s crowd.Service, turn, want int, all [][]byte) func() error {
	const callers = 16
	c := call(b, s, callers)
	next := 0
	return func() error {
		next += turn
		return c.Ask(turn, want, func(k int) []byte { return all[(next+k)%len(all)] })
	}
}

func call(tb testing.TB, s crowd.Service, n int) *crowd.Callers {
	c, err := crowd.Call(s.Listen, n)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// house is a running service with people in it.
type house struct {
	*service
	crowd.Service
	phc string // everybody's password, hashed
}

func (h *house) call(tb testing.TB, n int) *crowd.Callers { return call(tb, h.Service, n) }

// openHouse starts the service as serve does, without its jobs, and settles people.
func openHouse(tb testing.TB, databaseURL string, people int) *house {
	return openHouseBehind(tb, databaseURL, people, nil)
}

// openHouseBehind is openHouse with something between its people and the service, unless it is nil.
func openHouseBehind(tb testing.TB, databaseURL string, people int, wrap func(http.Handler) http.Handler) *house {
	l := listen(tb)
	cfg := config.Default()
	cfg.Data, cfg.Database = tb.TempDir(), secret.TokenOf(databaseURL)
	cfg.Listen = l.Addr().String()
	cfg.Origin = "http://" + cfg.Listen
	cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s, handler := openService(tb, cfg, time.Now)
	h := &house{service: s, Service: crowd.Service{Listen: cfg.Listen, Host: cfg.Listen, Proxied: true}}
	var err error
	if h.phc, err = s.pool.Hash(tb.Context(), []byte(crowd.Password)); err != nil {
		tb.Fatal(err)
	}
	if err := crowd.Settle(tb.Context(), s.db, people, h.phc, time.Now()); err != nil {
		tb.Fatal(err)
	}
	if wrap != nil {
		handler = wrap(handler)
	}
	serveHere(tb, l, handler, s.log)
	return h
}

// listenBare starts the same server with a handler that does nothing but answer.
func listenBare(b *testing.B) crowd.Service {
	l := listen(b)
	serveHere(b, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "hello\n")
	}), slog.New(slog.DiscardHandler))
	return crowd.Service{Listen: l.Addr().String(), Host: l.Addr().String(), Proxied: true}
}

func listen(tb testing.TB) net.Listener {
	var lc net.ListenConfig
	l, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func serveHere(tb testing.TB, l net.Listener, handler http.Handler, log *slog.Logger) {
	server := middleware.Server(l.Addr().String(), handler, log)
	ended := make(chan error, 1)
	go func() { ended <- serveUntilClosed(server, l) }()
	tb.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			tb.Error(err)
		}
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
}

// fresh gives the URL of an empty database.
type fresh func(testing.TB) string

func onEngines(b *testing.B, f func(b *testing.B, database fresh)) {
	b.Run("sqlite", func(b *testing.B) { f(b, testdb.SQLite) })
	b.Run("postgres", func(b *testing.B) { f(b, testdb.Postgres) })
}
