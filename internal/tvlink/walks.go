package tvlink

import (
	"sync"
	"time"

	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/ratelimit"
)

// mostWalks bounds what Walks remembers.
const mostWalks = 100_000

// Walks remembers, in this process, which sources have polled for too many PINs that wait for nobody. Its zero value is ready.
type Walks struct {
	mu    sync.Mutex
	until map[linkcode.Network]time.Time
}

// source is where a client is. Inside, each address stands for itself; pages of other websites walk for nobody else.
func source(c device.Client) linkcode.Network {
	n := linkcode.Networks{Proxied: true}.Of(c.Address)
	if c.Page != "" {
		return n.Page()
	}
	return n
}

// closed returns a *ratelimit.LimitedError for a source that has to wait.
func (w *Walks) closed(c device.Client, now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if until := w.until[source(c)]; now.Before(until) {
		return &ratelimit.LimitedError{Until: until}
	}
	return nil
}

// close lets a source wait.
func (w *Walks) close(c device.Client, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until == nil || len(w.until) >= mostWalks { // the limit in the database still holds for those that are forgotten
		w.until = map[linkcode.Network]time.Time{}
	}
	w.until[source(c)] = until
}
