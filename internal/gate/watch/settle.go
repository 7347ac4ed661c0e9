package watch

import "context"

// Settle is Wake, and returns when that was asked and done, or ctx ends: whoever comes then finds the door as the service says.
func (w *Watch) Settle(ctx context.Context) {
	done := make(chan struct{})
	w.mu.Lock()
	w.waiting = append(w.waiting, done)
	w.mu.Unlock()
	w.Wake()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// settled returns what tells those who wait that what they wait for is done; whoever comes later waits for the next time.
func (w *Watch) settled() func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.waiting
	w.waiting = nil
	return func() {
		for _, done := range all {
			close(done)
		}
	}
}
