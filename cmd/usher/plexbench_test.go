package main

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"usher/internal/loadtest/crowd"
	"usher/internal/secret"
)

// plexRequest is a request of a client of the plex.tv wire API, which has an address and a name of its own.
func plexRequest(s crowd.Service, i int, line string) []byte {
	return fmt.Appendf(nil, "%s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\nX-Plex-Client-Identifier: client %d\r\nAccept: application/json\r\nContent-Length: 0\r\n\r\n", line, s.Host, crowd.Address(i), i)
}

// plexPoll asks for the i-th PIN.
func plexPoll(s crowd.Service, i int) []byte {
	return plexRequest(s, i, fmt.Sprintf("GET /api/v2/pins/%d", i))
}

// BenchmarkPin reports the rates of polls for PINs that wait and of new PINs, each ÷ the rate of a bare handler, with 1,000 devices signed in and with more.
func BenchmarkPin(b *testing.B) {
	const turn, waiting = 2000, 1000
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
			for i := range h.waitWith(b, waiting, func(i int) secret.Token { return h.keys.Ring().PollCode(int64(i), fmt.Sprintf("client %d", i)) }) {
				all = append(all, plexPoll(h.Service, i))
			}
			houses, polls = append(houses, h), append(polls, all)
		}
		bare := listenBare(b)
		asks := []func() error{ask(b, bare, turn, http.StatusOK, requests(bare.Get, 1_000, "/"))}
		for i, h := range houses {
			asks = append(asks, ask(b, h.Service, turn, http.StatusOK, polls[i]))
			next, callers := waiting, h.call(b, 16)
			asks = append(asks, func() error {
				next += turn / 10
				return callers.Ask(turn/10, http.StatusCreated, func(k int) []byte { return plexRequest(h.Service, next+k, "POST /api/v2/pins") })
			})
		}
		t := takeTurns(b, asks...)
		b.ReportMetric(t.over(wall, 0, 1), "poll/bare")
		b.ReportMetric(t.over(cpu, 0, 1), "poll/bare-cpu")
		b.ReportMetric(t.over(wall, 3, 1), fmt.Sprintf("%.0e/1e3", float64(more)))
		b.ReportMetric(t.over(wall, 0, 2)/10, "pin/bare")
	})
}
