package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/gate"
	"usher/internal/loadtest/crowd"
)

// talker is a house whose people come from everywhere.
type talker struct {
	*house
	said atomic.Int64
}

// say sends a program's request to the service, or with a form a browser's, and reads what it says.
func (h *talker) say(method, path string, q request, into any) error {
	body, kind := q.form.Encode(), "application/x-www-form-urlencoded"
	if q.form == nil {
		raw, err := json.Marshal(q.object)
		if err != nil {
			return err
		}
		body, kind = string(raw), "application/json"
	}
	r, err := http.NewRequest(method, "http://"+h.Host+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if q.header != nil {
		r.Header = q.header
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Forwarded-For", crowd.Address(int(h.said.Add(1))).String()) // no network asks too often
	for name, value := range q.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s %w", method, path, answer.Status, err)
	}
	for _, c := range answer.Cookies() {
		q.cookies[c.Name] = c.Value
	}
	if into != nil {
		return json.Unmarshal(text, into)
	}
	return nil
}

// guarded is somebody of the crowd with a media server behind a gate.
type guarded struct {
	*talker
	i       int
	browser map[string]string // cookies
	id      string            // of the server
	line    *crowd.Line       // to the gate
	at      string            // where that is
	log     *lockedBuffer     // of the gate
}

func (h *talker) signIn(i int) (program request, err error) {
	var in struct{ Token string }
	err = h.say(http.MethodPost, "/api/v1/sign-in", request{object: map[string]string{"login": crowd.Email(i), "password": crowd.Password}}, &in)
	return asBearer(in.Token), err
}

// knock returns what a program sends to the gate to be let in.
func (g *guarded) knock(program request) ([]byte, error) {
	var listed struct{ Servers []struct{ ID, Token string } }
	if err := g.say(http.MethodGet, "/api/v1/servers", program, &listed); err != nil {
		return nil, err
	}
	if len(listed.Servers) != 1 {
		return nil, fmt.Errorf("person %d has %d servers", g.i, len(listed.Servers))
	}
	g.id = listed.Servers[0].ID
	return fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", g.at, listed.Servers[0].Token), nil
}

// until asks the gate again and again until it lets in, or lets in no more.
func (g *guarded) until(knock []byte, in bool) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		status, err := g.line.Ask(knock)
		if err != nil { // what was being answered when its sign-in ended is cut
			_ = g.line.Close()
			if g.line, err = crowd.Dial(g.at); err != nil {
				return err
			}
			continue
		}
		if (status == http.StatusOK) == in {
			return nil
		}
	}
	return fmt.Errorf("the gate does not let in: %t", in)
}

// claimGate runs a gate whose server belongs to person i, before a folder of nothing or whatever else is set.
func (h *talker) claimGate(b testing.TB, i int, settings ...string) *guarded {
	program, err := h.signIn(i)
	if err != nil {
		b.Fatal(err)
	}
	var offer struct {
		Token string `json:"claim_token"`
	}
	if err := h.say(http.MethodPost, "/api/v1/claim-tokens", program, &offer); err != nil {
		b.Fatal(err)
	}
	l := listen(b)
	g := &guarded{talker: h, i: i, at: l.Addr().String(), browser: map[string]string{"usher": crowd.Browser(i).Reveal()}}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	if !slices.ContainsFunc(settings, func(s string) bool { return strings.HasPrefix(s, "USHER_GATE_UPSTREAM=") }) {
		settings = append(settings, "USHER_GATE_MEDIA="+b.TempDir())
	}
	settings = append(settings, "USHER_GATE_SERVICE=http://"+h.Host, "USHER_GATE_LISTEN="+g.at, "USHER_GATE_FOLDER="+b.TempDir(), "USHER_CLAIM="+offer.Token)
	cfg, err := config.LoadGate(nil, settings)
	if err != nil {
		b.Fatal(err)
	}
	heard := &signalled{ready: make(chan struct{})}
	g.log = &heard.all
	ended := make(chan error, 1)
	go func() {
		ended <- gate.Run(b.Context(), gate.Settings{Config: cfg, Version: "bench", Now: time.Now, Log: slog.New(slog.NewTextHandler(heard, nil)), Out: io.Discard})
	}()
	b.Cleanup(func() {
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	select {
	case <-heard.ready:
	case <-time.After(30 * time.Second):
		b.Fatal("the gate hears no signals")
	}
	if g.line, err = crowd.Dial(g.at); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = g.line.Close() })
	return g
}

// signalled is a log that is waited for until signals are heard.
type signalled struct {
	ready chan struct{}
	done  bool
	all   lockedBuffer
}

func (s *signalled) Write(line []byte) (int, error) {
	if !s.done && bytes.Contains(line, []byte("signals are heard")) {
		s.done = true
		close(s.ready)
	}
	return s.all.Write(line)
}

// closing lets a program of the owner's in, signs it out by one of ways, and returns how long it took from the answer to the closed gate.
func (g *guarded) closing(all bool) (took time.Duration, err error) {
	program, err := g.signIn(g.i)
	if err != nil {
		return 0, err
	}
	knock, err := g.knock(program)
	if err != nil {
		return 0, err
	}
	if err := g.until(knock, true); err != nil { // a gate whose server was brought back asks whether it is every few seconds
		return 0, err
	}
	// By then the gate has read what came before and waits; and not in step with the service's looking for signals.
	time.Sleep(time.Second + rand.N(500*time.Millisecond))
	if err := g.until(knock, true); err != nil { // which it decides from memory from now on
		return 0, err
	}
	page := request{form: url.Values{"password": {crowd.Password}}, cookies: g.browser}
	if all {
		err = g.say(http.MethodPost, "/account/devices/sign-out-all", page, nil)
	} else {
		err = g.say(http.MethodPost, "/api/v1/sign-out", program, nil)
	}
	begin := time.Now()
	if err == nil {
		err = g.until(knock, false)
	}
	took = time.Since(begin)
	if all && err == nil {
		err = g.say(http.MethodPost, "/servers/"+g.id+"/back", page, nil)
	}
	return took, err
}

// BenchmarkClosing reports how long it takes from the answer to a sign-out until the gate, asked again and again, lets in no more: of one device, and of everything,
// which closes the gate for all. Service and gates are one process, and speak over real connections; eight owners sign out in each turn, each when they like.
func BenchmarkClosing(b *testing.B) {
	const owners = 8
	onEngines(b, func(b *testing.B, database fresh) {
		url := database(b)
		h := &talker{house: openHouse(b, url, owners)}
		raw := behind(b, url)
		var jobs sync.WaitGroup
		for _, j := range h.jobs() {
			if j.name == "signals watched" {
				jobs.Go(func() { h.loop(b.Context(), j, "") })
			}
		}
		b.Cleanup(jobs.Wait)
		var gates []*guarded
		for i := range owners {
			gates = append(gates, h.claimGate(b, i))
		}
		for _, way := range []string{"device", "everything"} {
			b.Run(way, func(b *testing.B) {
				var times []float64
				for b.Loop() {
					if _, err := raw.Exec("DELETE FROM rate"); err != nil { // nobody signs in so often
						b.Fatal(err)
					}
					times = append(times, closings(b, gates, way == "everything")...)
				}
				slices.Sort(times)
				b.ReportMetric(0, "ns/op") // a turn is mostly signing in
				for _, p := range []int{50, 90, 99} {
					b.ReportMetric(times[(len(times)-1)*p/100], fmt.Sprintf("closed-p%d-ms", p))
				}
				b.ReportMetric(times[len(times)-1], "closed-most-ms")
				b.ReportMetric(float64(len(times)), "tries")
			})
		}
	})
}

// closings is one turn of every gate, in milliseconds.
func closings(b *testing.B, gates []*guarded, all bool) []float64 {
	times, errs := make([]float64, len(gates)), make([]error, len(gates))
	var turn sync.WaitGroup
	for i, g := range gates {
		turn.Go(func() {
			took, err := g.closing(all)
			times[i], errs[i] = took.Seconds()*1000, err
		})
	}
	turn.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return times
}
