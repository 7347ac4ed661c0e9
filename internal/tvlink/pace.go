package tvlink

import (
	"crypto/sha256"
	"sync"
	"time"

	"usher/internal/linkcode"
	"usher/internal/secret"
)

// Interval is how far apart polls are to be (RFC 8628 §3.2), and what each one that comes too soon adds (§3.5).
const Interval = 5 * time.Second

// jitter is how much of the interval a poll may lose on its way.
const jitter = time.Second

// mostPaced bounds what a Pace remembers: 100,000 pollers in each of its two generations.
const mostPaced = 100_000

// Pace keeps devices from polling too fast, in this process' memory: a poll that waits writes nothing. Its zero value is ready.
type Pace struct {
	mu    sync.Mutex
	since time.Time
	// Two generations: what has not polled for one code's life is forgotten with the older.
	polled, before map[key]polled
}

// key stands for a code: as long as any other, whatever was sent.
type key [sha256.Size]byte

type polled struct {
	at       time.Time
	interval time.Duration
}

// Allow reports whether a poll comes late enough after the one before; one that does not makes the next wait longer.
func (p *Pace) Allow(code secret.Token, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.polled == nil || now.Sub(p.since) >= linkcode.Life || len(p.polled) >= mostPaced {
		p.before, p.polled, p.since = p.polled, map[key]polled{}, now
	}
	k := keyOf(code)
	last, known := p.last(k)
	next := polled{now, Interval}
	allowed := true
	if known {
		next.interval = last.interval
		if allowed = now.Sub(last.at) >= last.interval-jitter; !allowed {
			next.interval += Interval
		}
	}
	p.polled[k] = next
	return allowed
}

// Wait is how long a code's next poll is to wait after the one before.
func (p *Pace) Wait(code secret.Token) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, _ := p.last(keyOf(code))
	return max(Interval, last.interval)
}

func keyOf(code secret.Token) key { return sha256.Sum256([]byte(code.Reveal())) }

// last is the poll before; the lock is held.
func (p *Pace) last(k key) (polled, bool) {
	if last, known := p.polled[k]; known {
		return last, true
	}
	last, known := p.before[k]
	return last, known
}
