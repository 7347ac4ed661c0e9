package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/linkcode"
	"usher/internal/loadtest/crowd"
	"usher/internal/secret"
	"usher/internal/testdb"
	"usher/internal/tvlink"
)

// wait makes n devices wait, one to a network, and returns what each polls with.
func (h *house) wait(tb testing.TB, n int) []secret.Token {
	tb.Helper()
	return h.waitWith(tb, n, func(int) secret.Token { return secret.NewToken() })
}

// waitWith is wait for devices that poll with something of their own.
func (h *house) waitWith(tb testing.TB, n int, poll func(i int) secret.Token) []secret.Token {
	tb.Helper()
	const askers = 32 // at once, else it takes minutes
	polls := make([]secret.Token, n)
	clock, err := h.db.ReadClock(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	var next atomic.Int64
	err = shared(askers, askers, func() error {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			polls[i] = poll(i)
			if err := h.begin(tb.Context(), i, polls[i], clock); err != nil {
				return err
			}
		}
		return nil
	})()
	if err != nil {
		tb.Fatal(err)
	}
	return polls
}

// begin makes the i-th device wait.
func (h *house) begin(ctx context.Context, i int, poll secret.Token, clock credential.Clock) (err error) {
	now := time.Now()
	for err = linkcode.ErrTaken; err == linkcode.ErrTaken; { // chance, once in a while among so many
		err = h.db.BeginLink(ctx, linkcode.New{
			Request: linkcode.Request{ID: id.New(now), Name: "TV", Product: "TV", CreatedAt: now, ExpiresAt: now.Add(linkcode.Life)},
			Short:   linkcode.NewShort(linkcode.Longest), Long: linkcode.NewLong(), Poll: poll, Stamp: credential.Stamp{Born: clock.Epoch},
			Network: linkcode.Network(fmt.Sprint(i)), Most: linkcode.Most,
		})
	}
	return err
}

// object is a request of a program with a JSON body.
func object(s crowd.Service, i int, path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, s.Host, crowd.Address(i), len(body), body)
}

// BenchmarkLink reports the rates of polls that wait and of new codes, each ÷ the rate of a bare handler, with 1,000 devices signed in and with more.
func BenchmarkLink(b *testing.B) {
	const turn, waiting = 2000, 20_000
	more := 100_000
	if os.Getenv("USHER_TEST_FULL") != "" {
		more = 1_000_000
	}
	onEngines(b, func(b *testing.B, database fresh) {
		var houses []*house
		var polls [][][]byte
		for _, people := range []int{1_000, more} { // all of them before anybody connects: connections are not kept for so long
			h := openHouse(b, database(b), people)
			var all [][]byte
			for i, code := range h.wait(b, waiting) { // so many that no device polls too soon
				all = append(all, object(h.Service, i, "/api/v1/link/token", `{"device_code":"`+code.Reveal()+`"}`))
			}
			houses, polls = append(houses, h), append(polls, all)
		}
		bare := listenBare(b)
		asks := []func() error{ask(b, bare, turn, http.StatusOK, requests(bare.Get, 1_000, "/"))}
		for i, h := range houses {
			asks = append(asks, ask(b, h.Service, turn, http.StatusBadRequest, polls[i]))
			next, callers := waiting, h.call(b, 16)
			asks = append(asks, func() error {
				next += turn / 10
				return callers.Ask(turn/10, http.StatusOK, func(k int) []byte { return object(h.Service, next+k, "/api/v1/link", `{"device":"TV"}`) })
			})
		}
		t := takeTurns(b, asks...)
		b.ReportMetric(t.over(wall, 0, 1), "poll/bare")
		b.ReportMetric(t.over(cpu, 0, 1), "poll/bare-cpu")
		b.ReportMetric(t.over(wall, 3, 1), fmt.Sprintf("%.0e/1e3", float64(more)))
		b.ReportMetric(t.over(wall, 0, 2)/10, "code/bare")
	})
}

// Fifty thousand devices and as many players with PINs poll again and again, over the network, in flat memory (D10). Without scripts/test --full they are few.
func TestFiftyThousandPollers(t *testing.T) {
	n := 250
	if os.Getenv("USHER_TEST_FULL") != "" {
		n = 50_000
	}
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		h := openHouse(t, databaseURL, 1)
		var devices, pins [][]byte
		for i, code := range h.wait(t, n) {
			devices = append(devices, object(h.Service, i, "/api/v1/link/token", `{"device_code":"`+code.Reveal()+`"}`))
		}
		for i := range h.waitWith(t, n, func(i int) secret.Token { return h.keys.Ring().PollCode(int64(i), fmt.Sprintf("client %d", i)) }) {
			pins = append(pins, plexPoll(h.Service, i))
		}
		callers := h.call(t, 16)
		round := func() uint64 {
			for want, polls := range map[int][][]byte{http.StatusBadRequest: devices, http.StatusOK: pins} { // waiting, or too soon; and no token yet
				if err := callers.Ask(len(polls), want, func(k int) []byte { return polls[k] }); err != nil {
					t.Fatal(err)
				}
			}
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		first := round()
		for range 4 {
			if now := round(); now > first+8<<20 {
				t.Errorf("the memory grew from %d to %d MiB", first>>20, now>>20)
			}
		}
	})
}

// A poll that waits reads once and writes nothing, whoever polls.
func TestPollsWriteNothing(t *testing.T) {
	eachDoors(t, func(d *doors) {
		w := d.send(http.MethodPost, "/api/v1/link", request{object: map[string]string{"device": "TV"}})
		var told struct {
			DeviceCode string `json:"device_code"`
		}
		d.must(json.Unmarshal(w.Body.Bytes(), &told))
		const everything = "SELECT hash || subject || expires_at FROM credential UNION ALL SELECT id || state FROM link_request UNION ALL SELECT key || tat FROM rate UNION ALL SELECT id FROM audit ORDER BY 1"
		before := d.rows(everything)
		var said *httptest.ResponseRecorder
		for range 20 {
			d.at = d.at.Add(tvlink.Interval)
			said = d.send(http.MethodPost, "/api/v1/link/token", request{object: map[string]string{"device_code": told.DeviceCode}})
		}
		if !strings.Contains(said.Body.String(), "/authorization-pending") {
			t.Fatalf("%s", said.Body)
		}
		if after := d.rows(everything); len(before) == 0 || !slices.Equal(after, before) {
			t.Errorf("polls wrote: before %d rows, after %d", len(before), len(after))
		}

		a := d.newApp("tv", aTV) // and the device grant's
		w = a.asks("/oauth/device", url.Values{"scope": {"openid player"}})
		d.must(json.Unmarshal(w.Body.Bytes(), &told))
		before = d.rows(everything)
		for range 20 {
			said = a.polls(told.DeviceCode)
		}
		if !strings.Contains(said.Body.String(), "authorization_pending") {
			t.Fatalf("%s", said.Body)
		}
		if after := d.rows(everything); !slices.Equal(after, before) {
			t.Errorf("polls of the grant wrote: before %d rows, after %d", len(before), len(after))
		}
	})
}
