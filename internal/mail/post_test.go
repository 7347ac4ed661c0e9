package mail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/notice"
)

// memory is a queue in memory; the real one is tested where it is made.
type memory struct {
	mu      sync.Mutex
	rows    map[string]*row
	broken  error // answer of every call while set
	deaf    int   // how many outcomes are refused before one is written down
	leases  int
	reasons []string
}

type row struct {
	n     notice.Notice
	due   time.Time
	state string
}

func newMemory() *memory { return &memory{rows: map[string]*row{}} }

func (q *memory) post(id string, n notice.Notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.rows[id] = &row{n: n.Posted(id, now), due: now, state: "waiting"}
}

func (q *memory) LeaseMail(_ context.Context, now time.Time, lease time.Duration, limit int) ([]notice.Notice, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leases++
	if q.broken != nil {
		return nil, q.broken
	}
	var due []*row
	for _, r := range q.rows {
		if r.state == "waiting" && !r.due.After(now) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *row) int {
		if a.n.Priority != b.n.Priority {
			return a.n.Priority - b.n.Priority
		}
		return strings.Compare(a.n.ID, b.n.ID)
	})
	var out []notice.Notice
	for _, r := range due[:min(limit, len(due))] {
		r.due = now.Add(lease)
		out = append(out, r.n)
		r.n.Attempts++
	}
	return out, nil
}

func (q *memory) end(id, state, reason string, due time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken != nil {
		return q.broken
	}
	if q.deaf > 0 {
		q.deaf--
		return errors.New("database is gone")
	}
	r := q.rows[id]
	r.state, r.due = state, due
	if reason != "" {
		q.reasons = append(q.reasons, reason)
	}
	return nil
}

func (q *memory) MailSent(_ context.Context, id string, now time.Time) error {
	return q.end(id, "sent", "", now)
}

func (q *memory) MailFailed(_ context.Context, id string, retryAt time.Time, reason string) error {
	return q.end(id, "waiting", reason, retryAt)
}

func (q *memory) MailRefused(_ context.Context, id string, reason string, now time.Time) error {
	return q.end(id, "refused", reason, now)
}

func (q *memory) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.broken = err
}

func (q *memory) asked() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.leases
}

func (q *memory) states() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	count := map[string]int{}
	for _, r := range q.rows {
		count[r.state]++
	}
	return count
}

// wire is a transport that does as told and remembers when it was asked.
type wire struct {
	mu     sync.Mutex
	answer func(m Message) error
	tried  []try
	now    int
	most   int // messages under way at once, at most
}

type try struct {
	to string
	at time.Time
	ok bool
}

func (w *wire) Send(_ context.Context, m Message) error {
	w.mu.Lock()
	answer := w.answer
	w.now++
	w.most = max(w.most, w.now)
	w.mu.Unlock()
	begun := time.Now()
	var err error
	if answer != nil {
		err = answer(m)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now--
	w.tried = append(w.tried, try{m.To, begun, err == nil})
	return err
}

func (w *wire) does(answer func(m Message) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

func (w *wire) tries() []try {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tried)
}

type tally struct {
	mu sync.Mutex
	of map[Outcome]int
}

func (c *tally) CountMail(_ notice.Kind, o Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[o]++
}

func (c *tally) counts() map[Outcome]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.of)
}

// post is a running Deliverer and all around it.
type post struct {
	*Deliverer
	queue *memory
	wire  *wire
	tally *tally
	log   *bytes.Buffer
	stop  func()
}

// inPost runs a test in virtual time, with a Deliverer at work.
func inPost(t *testing.T, set func(*Deliverer), test func(t *testing.T, p *post)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &post{queue: newMemory(), wire: &wire{}, tally: &tally{of: map[Outcome]int{}}, log: &bytes.Buffer{}}
		p.Deliverer = &Deliverer{
			Queue: p.queue, Composer: newComposer(t), Transport: p.wire, Now: time.Now,
			Log: slog.New(slog.NewJSONHandler(p.log, nil)), Counter: p.tally,
		}
		if set != nil {
			set(p.Deliverer)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { p.Run(ctx) })
		p.stop = func() { cancel(); done.Wait() }
		synctest.Wait()
		test(t, p)
		p.stop()
		for _, secret := range []string{"@", "0a1b2c3d", code} {
			if strings.Contains(p.log.String(), secret) {
				t.Errorf("the log tells %q", secret)
			}
			if strings.Contains(strings.Join(p.queue.reasons, " "), secret) {
				t.Errorf("a reason tells %q", secret)
			}
		}
	})
}

func (p *post) wants(t *testing.T, want map[string]int) {
	t.Helper()
	if got := p.queue.states(); !maps.Equal(got, want) {
		t.Errorf("the queue holds %v, want %v", got, want)
	}
}

func reset(who string) notice.Notice { return notice.Reset(who+"@example.net", path, 30) }

func newDevice(who string) notice.Notice {
	return notice.NewDevice(who+"@example.net", "", notice.Event{Device: device, At: time.Now(), NotMe: path})
}
