// Package watch owns how the gate keeps up with the service: it reads signals, asks how the server stands, and has the door do what follows. What it has learned
// is on the disk before the service is told so. It refuses to know how the service is asked, and how requests get through.
package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
	"usher/internal/outage"
)

// Service is what the account service is asked.
type Service interface {
	Issuer() string
	// Standing says how the server stands. accounts.ErrUnclaimed; outage.Err.
	Standing(ctx context.Context) (accounts.Standing, error)
	// Listen finds the server's stream of signals, or makes it; fresh, nothing is on it of what was before. accounts.ErrNoSignals; outage.Err.
	Listen(ctx context.Context) (fresh bool, err error)
	// Poll acknowledges, and waits for signals. outage.Err.
	Poll(ctx context.Context, p accounts.Poll) (accounts.Signals, error)
	// Abandon forgets a claim of which the service knows nothing any more.
	Abandon(s keep.Server) error
}

// House is the gate around.
type House interface {
	// Decider is that of the door of a server.
	Decider(s keep.Server) (*door.Decider, error)
	// Remember writes down who is let in.
	Remember() error
	// Close has the door of a server that is nobody's any more let in nobody.
	Close()
}

// Watch keeps up with the service. Run is called once.
type Watch struct {
	Service Service
	House   House
	Folder  *keep.Folder
	Log     *slog.Logger
	Now     func() time.Time

	woken    chan struct{}
	away     atomic.Int64 // when the service last did not answer, in nanoseconds since 1970; 0: it does
	fails    int          // how often there was no answer, one after the other
	refusals int          // how often there was a no
	silent   bool         // signals were said to be missing
	learned  time.Time

	mu    sync.Mutex
	known Known
	done  []string // the ids of signals that were done last, in that order
	noted written  // on the disk
	// waiting are closed when it was asked how the server stands.
	waiting []chan struct{}
}

// New returns a Watch that knows what the one before it wrote down.
func New(service Service, house House, folder *keep.Folder, log *slog.Logger, now func() time.Time) (*Watch, error) {
	w := &Watch{Service: service, House: house, Folder: folder, Log: log, Now: now, woken: make(chan struct{}, 1), learned: now()}
	return w, w.load()
}

// Wake has it ask at once how the server stands: somebody was refused because of that, or has claimed the server.
func (w *Watch) Wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Run keeps up until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := w.round(ctx)
		if pause <= 0 {
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-w.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// The pauses between questions.
const (
	nobodysPause  = time.Minute // of a server that is nobody's; a claim wakes it
	quietPause    = time.Minute // where the service tells nothing by itself
	shortestPause = time.Second
	longestPause  = 15 * time.Second // in an outage
	// A suspended server asks often at first, when its owner may be about to bring it back, and later less often.
	firstLook = 3 * time.Second
	lastLook  = time.Minute
)

// round asks how the server stands, and reads signals while it stands well. It returns how long to wait before the next.
func (w *Watch) round(ctx context.Context) time.Duration {
	settled := w.settled()
	s, d, pause := w.stand(ctx)
	settled()
	if d == nil {
		return pause
	}
	return w.listen(ctx, s, d)
}

// stand asks how the server stands. Where it does not stand well there is no decider, but a pause before the next question.
func (w *Watch) stand(ctx context.Context) (s keep.Server, d *door.Decider, pause time.Duration) {
	s, claimed := w.Folder.Server()
	if !claimed || s.Service != w.Service.Issuer() {
		w.House.Close()
		return s, nil, nobodysPause
	}
	d, err := w.House.Decider(s)
	if err != nil {
		w.Log.Error("the door cannot be built", "error", err)
		return s, nil, longestPause
	}
	state, err := w.look(ctx, s, d)
	switch {
	case err != nil:
		return s, nil, w.failed(ctx, d, err)
	case state == accounts.Unclaimed:
		return s, nil, shortestPause
	case state != accounts.Good:
		return s, nil, w.nextLook()
	}
	return s, d, 0
}

// look asks how the server stands, and has the door do what follows.
func (w *Watch) look(ctx context.Context, s keep.Server, d *door.Decider) (state string, err error) {
	st, err := w.Service.Standing(ctx)
	if err != nil {
		return "", err
	}
	w.answered(d)
	before := w.Known()
	now := Known{Server: s.ID, State: st.State, Reason: st.Reason, Since: st.Since, Servers: st.Servers, Heard: before.Heard}
	if !strings.HasPrefix(now.Servers, w.Service.Issuer()+"/") {
		now.Servers = ""
	}
	switch st.State {
	case accounts.Suspended:
		return st.State, w.suspended(d, before, now)
	case accounts.Unclaimed:
		return st.State, w.unclaimed(s, d, now)
	case accounts.Good:
		if d.Suspended() {
			d.Resume()
			w.Log.Info("this server is back")
		}
		return st.State, w.learn(now)
	}
	return "", fmt.Errorf("the service says that this server stands %q, which means nothing here", st.State)
}

// suspended closes the door, and says so once; what is said is written down already.
func (w *Watch) suspended(d *door.Decider, before, now Known) error {
	if before.suspends(now.Server) && d.Suspended() && before.Reason == now.Reason {
		return nil
	}
	d.Suspend(now.suspension())
	w.learned = w.Now()
	err := errors.Join(w.learn(now), w.House.Remember())
	w.Log.Warn("this server is signed out: it lets nobody in until its owner brings it back", "reason", now.Reason, "page", now.Servers)
	return err
}

// unclaimed forgets whose the server was. Its key stays. One that was given up here meanwhile was not taken from anybody.
func (w *Watch) unclaimed(s keep.Server, d *door.Decider, now Known) error {
	d.Suspend(door.Suspension{})
	if still, claimed := w.Folder.Server(); !claimed || still.ID != s.ID {
		return nil
	}
	if now.Since.IsZero() {
		now.Since = w.Now().UTC()
	}
	if err := errors.Join(w.learn(now), w.Service.Abandon(s)); err != nil {
		return err
	}
	w.House.Close()
	w.Log.Warn("this server was taken off its owner's account: it belongs to nobody until it is claimed again, with 'usher gate reopen'")
	return nil
}

// nextLook is when to ask again how a suspended server stands.
func (w *Watch) nextLook() time.Duration {
	return jitter(min(max(w.Now().Sub(w.learned)/20, firstLook), lastLook))
}

// failed returns how long to wait after something did not work. Nobody listens for sign-outs meanwhile: the door asks about everybody again. A no to what a
// server asks in its own name may come of how it stands, which is asked next.
func (w *Watch) failed(ctx context.Context, d *door.Decider, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	d.Unheard()
	if !errors.Is(err, outage.Err) {
		if w.refusals++; w.refusals > 1 {
			w.Log.Warn("the service cannot be followed", "error", err)
		}
		return backOff(w.refusals - 1)
	}
	d.Unanswered()
	w.away.Store(time.Now().UnixNano())
	if w.fails++; w.fails == 1 {
		w.Log.Warn("the service tells nothing: those who were let in stay in, up to the limit, and nobody new comes in", "error", err)
	}
	return backOff(w.fails)
}

// backOff is the pause after so many failures; there is none after none.
func backOff(fails int) time.Duration {
	if fails == 0 {
		return 0
	}
	return jitter(min(shortestPause<<min(fails-1, 10), longestPause))
}

// answered says that the service is there.
func (w *Watch) answered(d *door.Decider) {
	if w.fails > 0 {
		w.Log.Info("the service answers again")
	}
	w.fails = 0
	d.Answered()
	w.away.Store(0)
}

// Answers says that the service has answered a question of the door's: whoever waits for that need not wait longer.
func (w *Watch) Answers() {
	if since := w.away.Load(); since != 0 && time.Since(time.Unix(0, since)) > shortestPause {
		w.Wake()
	}
}

// jitter keeps gates apart that began to wait together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) } //nolint:gosec // spreading, not guessing
