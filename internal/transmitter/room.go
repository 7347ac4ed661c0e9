package transmitter

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// MostWaiting is how many polls wait on one node at once.
const MostWaiting = 10_000

// ErrCrowded says that as many polls wait as may.
var ErrCrowded = errors.New("transmitter: as many polls wait as may")

// Room is where the polls of one node wait until there is something to tell. One of a stream waits at a time: a second sends the first away.
type Room struct {
	// Patience is how long a poll waits; zero: Patience.
	Patience time.Duration
	// Most is how many polls wait at once; zero: MostWaiting.
	Most int

	mu     sync.Mutex
	polls  map[string]chan struct{} // by stream; closed when its poll is to go
	closed bool
}

// wait returns when there may be something to tell on a stream, when its patience or ctx is over, or when the room is closed. ErrCrowded.
func (r *Room) wait(ctx context.Context, streamID string) error {
	woken, err := r.enter(streamID)
	if err != nil {
		return err
	}
	defer r.leave(streamID, woken)
	patience := r.Patience
	if patience == 0 {
		patience = Patience
	}
	over := time.NewTimer(patience)
	defer over.Stop()
	select {
	case <-woken:
	case <-over.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (r *Room) enter(streamID string) (chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	woken := make(chan struct{})
	if r.closed {
		close(woken)
		return woken, nil
	}
	most := r.Most
	if most == 0 {
		most = MostWaiting
	}
	first, waits := r.polls[streamID]
	switch {
	case waits:
		close(first)
	case len(r.polls) >= most:
		return nil, ErrCrowded
	}
	if r.polls == nil {
		r.polls = map[string]chan struct{}{}
	}
	r.polls[streamID] = woken
	return woken, nil
}

func (r *Room) leave(streamID string, woken chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.polls[streamID] == woken {
		delete(r.polls, streamID)
	}
}

// Quiet tells which streams are there and have nothing to say.
type Quiet interface {
	QuietStreams(ctx context.Context, ids []string) ([]string, error)
}

// Watch asks once about all streams that are waited for, and wakes the polls of those that have something to say, or are gone.
func (r *Room) Watch(ctx context.Context, q Quiet) error {
	r.mu.Lock()
	ids := make([]string, 0, len(r.polls))
	for id := range r.polls {
		ids = append(ids, id)
	}
	r.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	quiet, err := q.QuietStreams(ctx, ids)
	if err != nil {
		return err
	}
	slices.Sort(quiet)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		woken, waits := r.polls[id]
		if _, still := slices.BinarySearch(quiet, id); waits && !still {
			close(woken)
			delete(r.polls, id)
		}
	}
	return nil
}

// Close sends every poll away, and whoever comes later at once: the node is about to stop.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for id, woken := range r.polls {
		close(woken)
		delete(r.polls, id)
	}
}

// Waiting returns how many polls wait.
func (r *Room) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.polls)
}
