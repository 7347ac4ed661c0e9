package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/gate"
	"usher/internal/loadtest/crowd"
	"usher/internal/secret"
)

// talker is a house whose people come from everywhere.
type talker struct {
	*house
	said atomic.Int64
}

// say sends a program's request to the service and reads what it says.
func (h *talker) say(b *testing.B, method, path string, token secret.Token, body any, into any) {
	b.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.Context(), method, "http://"+h.Host+path, bytes.NewReader(raw))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", crowd.Address(int(h.said.Add(1))).String()) // no network asks too often
	if !token.Empty() {
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= http.StatusMultipleChoices {
		b.Fatalf("%s %s: %s %v", method, path, answer.Status, err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			b.Fatal(err)
		}
	}
}

// claimedGate runs a gate whose server belongs to whoever the token is of, and returns where it is.
func (h *talker) claimedGate(b *testing.B, owner secret.Token) string {
	var offer struct {
		Token string `json:"claim_token"`
	}
	h.say(b, http.MethodPost, "/api/v1/claim-tokens", owner, struct{}{}, &offer)
	l := listen(b)
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	cfg, err := config.LoadGate(nil, []string{"USHER_GATE_SERVICE=http://" + h.Host, "USHER_GATE_LISTEN=" + at, "USHER_GATE_FOLDER=" + b.TempDir(), "USHER_GATE_MEDIA=" + b.TempDir(), "USHER_CLAIM=" + offer.Token})
	if err != nil {
		b.Fatal(err)
	}
	heard := &signalled{ready: make(chan struct{})}
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
	return at
}

// signalled is a log that is waited for until signals are heard.
type signalled struct {
	ready chan struct{}
	done  bool
}

func (s *signalled) Write(line []byte) (int, error) {
	if !s.done && bytes.Contains(line, []byte("signals are heard")) {
		s.done = true
		close(s.ready)
	}
	return len(line), nil
}

// BenchmarkClosing reports how long it takes from the answer to a sign-out of one device until the gate, asked again and again, lets it in no more; in
// milliseconds. More than eight turns are more sign-ins than one account may have in a row.
func BenchmarkClosing(b *testing.B) {
	onEngines(b, func(b *testing.B, database fresh) {
		h := &talker{house: openHouse(b, database(b), 10)}
		var jobs sync.WaitGroup
		for _, j := range h.jobs() {
			if j.name == "signals watched" {
				jobs.Go(func() { h.loop(b.Context(), j, "") })
			}
		}
		b.Cleanup(jobs.Wait)
		signIn := func() secret.Token {
			var in struct{ Token string }
			h.say(b, http.MethodPost, "/api/v1/sign-in", secret.Token{}, map[string]string{"login": crowd.Email(0), "password": crowd.Password}, &in)
			return secret.TokenOf(in.Token)
		}
		at := h.claimedGate(b, signIn())
		line, err := crowd.Dial(at)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = line.Close() })
		var times []float64
		for b.Loop() {
			device := signIn()
			var listed struct{ Servers []struct{ Token string } }
			h.say(b, http.MethodGet, "/api/v1/servers", device, nil, &listed)
			request := fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", at, listed.Servers[0].Token)
			if status, err := line.Ask(request); status != http.StatusOK || err != nil {
				b.Fatalf("the gate answers %d, %v", status, err)
			}
			h.say(b, http.MethodPost, "/api/v1/sign-out", device, nil, nil)
			begin := time.Now()
			for status := http.StatusOK; status == http.StatusOK; time.Sleep(time.Millisecond) {
				if status, err = line.Ask(request); err != nil {
					b.Fatal(err)
				}
			}
			times = append(times, time.Since(begin).Seconds()*1000)
		}
		slices.Sort(times)
		b.ReportMetric(0, "ns/op") // a turn is mostly signing in
		b.ReportMetric(median(times), "closed-p50-ms")
		b.ReportMetric(times[len(times)-1], "closed-most-ms")
	})
}
