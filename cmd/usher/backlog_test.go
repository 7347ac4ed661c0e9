package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/config"
	"usher/internal/id"
	"usher/internal/server"
	"usher/internal/stream"
	"usher/internal/testdb"
	"usher/internal/transmitter"
)

// backlog is how many signals wait for a server whose gate was away for long.
func backlog() int {
	if os.Getenv("USHER_TEST_FULL") != "" {
		return 10_000
	}
	return 400
}

// pile has signals wait on a stream, of sign-ins of somebody that have ended.
func pile(do func(text string, args ...any), streamID, accountID string, n int, now time.Time) {
	const portion = 500
	for from := 0; from < n; from += portion {
		var rows []string
		for i := from; i < min(from+portion, n); i++ {
			what, txn, sid := string(stream.SessionEnded), id.New(now.Add(time.Duration(i)*time.Millisecond)), fmt.Sprintf("%052d", i)
			rows = append(rows, fmt.Sprintf("('%s', '%s', '%s', '%s', '%s', '%s', %d)", streamID, txn+"."+what+"."+sid, accountID, what, sid, txn, now.UnixMilli()))
		}
		do("INSERT INTO signal (stream_id, jti, account_id, what, subject, txn, at) VALUES " + strings.Join(rows, ", "))
	}
}

// allocated is how many bytes the process allocates while something is done. Tests that use it are not parallel.
func allocated(do func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// aPage is an answer to a poll.
type aPage struct {
	Sets map[string]string
	More bool `json:"moreAvailable"`
}

// asksFor polls for at most so many signals, without waiting.
func (r *reader) asksFor(most int, acks []string) (p aPage) {
	r.Helper()
	body, err := json.Marshal(map[string]any{"returnImmediately": true, "maxEvents": most, "ack": acks})
	r.must(err)
	if w := r.sends(http.MethodPost, "/ssf/poll", string(body)); w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &p) != nil {
		r.Fatalf("polling: %d %s", w.Code, w.Body)
	}
	return p
}

// Thousands of signals that wait come in pages of fifty at most, in order and each once, and one costs as much memory however many wait behind it.
func TestABacklogComesInPages(t *testing.T) {
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		d := openDoors(t, databaseURL, func(*config.Config) {})
		h := d.couple()
		gate := h.newGate(h.offer(h.anna)).reads()
		one := func() (least int64) {
			for range 5 {
				if cost := allocated(func() { gate.asksFor(1, []string{}) }); least == 0 || cost < least {
					least = cost
				}
			}
			return least
		}
		pile(d.do, gate.stream, h.anna.ID, 1, d.at.Add(-time.Hour))
		alone := one()
		n := backlog()
		pile(d.do, gate.stream, h.anna.ID, n-1, d.at)
		behind := one()
		t.Logf("a signal costs %d KiB alone, and %d KiB before %d others", alone>>10, behind>>10, n-1)
		if behind > 2*alone {
			t.Errorf("a signal costs %d bytes alone, and %d before %d others", alone, behind, n-1)
		}
		var last string
		came, acks := 0, []string{}
		for more := true; more; {
			got := gate.asksFor(1_000_000, acks)
			acks = slices.Sorted(maps.Keys(got.Sets))
			if came += len(acks); len(acks) == 0 || len(acks) > transmitter.MostSets || acks[0] <= last {
				t.Fatalf("a page of %d from %q after %q", len(acks), acks, last)
			}
			if last, more = acks[len(acks)-1], got.More; more != (came < n) {
				t.Fatalf("after %d of %d there is more: %t", came, n, more)
			}
		}
		if rest := gate.asksFor(1, acks); came != n || len(rest.Sets) > 0 {
			t.Errorf("%d of %d came, and %d afterwards", came, n, len(rest.Sets))
		}
	})
}

// tallied counts the questions behind the polls that wait.
type tallied struct {
	transmitter.Quiet
	questions int
}

func (c *tallied) QuietStreams(ctx context.Context, ids []string) ([]string, error) {
	c.questions++
	return c.Quiet.QuietStreams(ctx, ids)
}

// A thousand gates that wait cost a few dozen KiB each, and one question for all of them at each look. A sign-out wakes those of its owner, and nobody else.
func TestManyGatesWait(t *testing.T) {
	n := 80
	if os.Getenv("USHER_TEST_FULL") != "" {
		n = 1000
	}
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		d := openDoors(t, databaseURL, func(*config.Config) {})
		h := d.couple()
		gates := []*reader{h.newGate(h.offer(h.anna)).reads(), h.newGate(h.offer(h.anna)).reads()}
		var owner account.Account
		for i := len(gates); i < n; i++ {
			if i%40 == 2 {
				owner = d.person("owner"+strconv.Itoa(i), h.password, false)
			}
			gates = append(gates, h.newGate(h.offer(owner)).reads())
		}
		now := d.at.Add(time.Minute)
		far, handler := openService(t, d.cfg, func() time.Time { return now })
		far.room.Patience = 10 * time.Minute
		l := listen(t)
		serveHere(t, l, handler, far.log)
		woken := make(chan int, n)
		held := inUse()
		for i, gate := range gates {
			go func() {
				woken <- longPoll(t, l.Addr().String(), gate.token, i)
			}()
		}
		wait := func(want int) {
			t.Helper()
			for end := time.Now().Add(time.Minute); far.room.Waiting() != want; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%d wait, want %d", far.room.Waiting(), want)
				}
			}
		}
		wait(n)
		held = (inUse() - held) / int64(n)
		t.Logf("%d polls wait, for %d KiB each, connections and both ends included", n, held>>10)
		if held > 100<<10 {
			t.Errorf("a poll that waits holds %d KiB", held>>10)
		}
		asks := &tallied{Quiet: far.db}
		const looks = 5
		for range looks {
			d.must(far.room.Watch(t.Context(), asks))
		}
		if wait(n); asks.questions != looks || len(woken) > 0 {
			t.Errorf("%d questions at %d looks, and %d polls woken by nothing", asks.questions, looks, len(woken))
		}
		d.must(d.db.EndEverything(t.Context(), h.anna.ID, nil, audit.Act{At: d.at}))
		d.must(far.room.Watch(t.Context(), asks))
		if a, b := <-woken, <-woken; a+b != 1 {
			t.Errorf("%d and %d are woken, want the gates of the owner", a, b)
		}
		wait(n - 2)
		if asks.questions != looks+1 || len(woken) > 0 {
			t.Errorf("%d questions, and %d more polls woken", asks.questions, len(woken))
		}
		far.room.Close()
		for range n - 2 {
			<-woken
		}
	})
}

// inUse is what the process holds of heap and stacks, after it has thrown away what it can. Tests that use it are not parallel.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// longPoll waits for signals, with little of its own, and returns which poll it is.
func longPoll(t *testing.T, address, token string, which int) int {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return which
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /ssf/poll HTTP/1.1\r\nHost: usher.example.org\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", token)
	if err != nil {
		t.Error(err)
		return which
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
		t.Errorf("a poll is answered %q, %v", answer, err)
	}
	return which
}

// A gate that was away while thousands of signals came, and a sign-out of everything behind them, closes before it has read them. Brought back, it reads them all,
// and lets people in.
func TestAGateClosesBeforeItsBacklog(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL string) {
		s := besiege(t, databaseURL, 10)
		g := s.openGate()
		gate, n := g.gate.command.Process, backlog()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(gate.Signal(syscall.SIGSTOP)) // its poll waits
		stopped := true
		defer func() {
			if stopped {
				_ = gate.Signal(syscall.SIGCONT)
			}
		}()
		pile(func(text string, _ ...any) {
			_, err := s.raw.ExecContext(t.Context(), text)
			must(err)
		}, s.rows(`SELECT id FROM stream`)[0], g.machine.owner, n, time.Now().Add(-time.Hour))
		must(g.owner.everything(g.machine))
		must(gate.Signal(syscall.SIGCONT))
		stopped = false
		g.eventually("close", func() bool { return g.shows(g.player) == http.StatusForbidden })
		waiting := func() int {
			count, err := strconv.Atoi(s.rows(`SELECT COUNT(*) FROM signal`)[0])
			must(err)
			return count
		}
		if left := waiting(); left < n+1-transmitter.MostSets {
			t.Errorf("%d of %d signals were read before it closed", n+1-left, n+1)
		}
		must(g.owner.press(g.machine, "back", server.Good, ""))
		must(g.another())
		g.eventually("open", func() bool { return g.shows(g.unseen) == http.StatusOK })
		g.eventually("read to the end", func() bool { return waiting() == 0 })
		if status := g.shows(g.unseen); status != http.StatusOK {
			t.Errorf("after the backlog it answers %d", status)
		}
	})
}
