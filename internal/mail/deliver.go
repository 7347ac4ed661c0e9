package mail

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"usher/internal/notice"
)

// Deliverer empties the queue. Several may share one queue, in one process or many.
type Deliverer struct {
	Queue     Queue
	Composer  *Composer
	Transport Transport
	Now       func() time.Time
	Log       *slog.Logger
	Counter   Counter // may be nil
	PerMinute int     // messages a minute from this process; 0 is no limit
	Parallel  int     // messages on their way at once; 8 when zero
}

const (
	defaultParallel = 8
	askEvery        = time.Second
	messageTimeout  = 90 * time.Second // above the Sender's own, which ends first
	leaseFor        = 4 * time.Minute  // above messageTimeout and the time settle may take
	firstRetry      = 30 * time.Second
	lastRetry       = time.Hour
	lastChance      = 10 * time.Second // before a notice expires it is tried once more
	firstPause      = time.Second      // after the server did not serve, or the queue did not answer
	lastPause       = 30 * time.Second
	drainFor        = 5 * time.Second
)

// Run delivers until ctx ends, then gives messages under way a few seconds and returns. An outage of the queue or of the
// mail server only slows it down.
func (d *Deliverer) Run(ctx context.Context) {
	// Messages under way outlive ctx for a moment: one broken off after its last byte would be sent twice.
	flight, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	parallel := d.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	done := make(chan verdict, parallel)
	p := newPace(d.PerMinute)
	timer := time.NewTimer(0)
	defer timer.Stop()

	busy, ask := 0, true
	for ctx.Err() == nil {
		wait := askEvery
		if ask && busy < parallel {
			var room int
			if room, wait = p.room(d.Now(), parallel-busy, busy); room > 0 {
				leased := d.lease(ctx, p, room)
				for _, n := range leased {
					busy++
					go func() { done <- d.deliver(flight, n) }()
				}
				ask = len(leased) == room
				wait = askEvery
				if ask && busy < parallel {
					continue
				}
			}
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
			ask = true
		case v := <-done:
			busy--
			p.note(d.Now(), v)
		}
	}
	d.drain(abort, done, busy)
}

func (d *Deliverer) lease(ctx context.Context, p *pace, room int) []notice.Notice {
	now := d.Now()
	leased, err := d.Queue.LeaseMail(ctx, now, leaseFor, room)
	if err != nil {
		if ctx.Err() == nil {
			d.Log.Error("mail queue does not answer", "error", err)
			p.note(now, unserved)
		}
		return nil
	}
	p.spend(now, len(leased))
	return leased
}

func (d *Deliverer) drain(abort context.CancelFunc, done <-chan verdict, busy int) {
	late := time.AfterFunc(drainFor, abort)
	defer late.Stop()
	for ; busy > 0; busy-- {
		<-done
	}
}

// deliver sends one notice and writes down what became of it. It says what this tells about the
// mail server.
func (d *Deliverer) deliver(flight context.Context, n notice.Notice) verdict {
	leased := d.Now()
	if n.Expired(leased) {
		d.giveUp(flight, n, leased, Expired, "expired before it could be sent")
		return untold
	}
	m, err := d.Composer.Render(n)
	if err != nil {
		d.Log.Error("mail cannot be written", "notice", n, "error", err)
		d.giveUp(flight, n, leased, Refused, "it could not be written")
		return untold
	}
	ctx, cancel := context.WithTimeout(flight, messageTimeout)
	defer cancel()
	err = d.Transport.Send(ctx, m)
	switch {
	case err == nil:
		d.count(n, Sent)
		d.Log.Info("mail sent", "notice", n)
		d.settle(flight, leased, n, func(ctx context.Context) error { return d.Queue.MailSent(ctx, n.ID, d.Now()) })
	case errors.Is(err, ErrRefused):
		d.giveUp(flight, n, leased, Refused, reason(err))
	case errors.Is(err, ErrUnreachable):
		d.retry(flight, n, leased, firstPause, reason(err))
		return unserved
	case flight.Err() != nil:
		d.retry(flight, n, leased, 0, "stopped on the way")
	default:
		d.retry(flight, n, leased, backOff(n, leased), reason(err))
	}
	return served
}

// reason puts a failure into the words the queue shows; foreign errors might tell addresses.
func reason(err error) string {
	var f *Failure
	if errors.As(err, &f) {
		return f.Error()[len("mail: "):]
	}
	return "the mail could not be handed over"
}

func (d *Deliverer) giveUp(ctx context.Context, n notice.Notice, leased time.Time, outcome Outcome, why string) {
	d.count(n, outcome)
	d.Log.Warn("mail given up", "notice", n, "reason", why)
	d.settle(ctx, leased, n, func(ctx context.Context) error { return d.Queue.MailRefused(ctx, n.ID, why, d.Now()) })
}

func (d *Deliverer) retry(ctx context.Context, n notice.Notice, leased time.Time, after time.Duration, why string) {
	now := d.Now()
	at := now.Add(after)
	if last := n.ExpiresAt.Add(-lastChance); at.After(last) {
		at = last
	}
	if at.Before(now) {
		d.giveUp(ctx, n, leased, Expired, why)
		return
	}
	d.count(n, Retried)
	d.Log.Warn("mail waits", "notice", n, "reason", why, "until", at.UTC())
	d.settle(ctx, leased, n, func(ctx context.Context) error { return d.Queue.MailFailed(ctx, n.ID, at, why) })
}

// settle writes an outcome down, again and again while the lease lasts: a sent mail nobody wrote down is sent twice.
func (d *Deliverer) settle(flight context.Context, leased time.Time, n notice.Notice, write func(context.Context) error) {
	const perTry = 10 * time.Second
	for pause := firstPause; ; pause *= 2 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(flight), perTry)
		err := write(ctx)
		cancel()
		if err == nil {
			return
		}
		d.Log.Error("mail outcome not written down", "notice", n, "error", err)
		if d.Now().Add(pause + perTry).After(leased.Add(leaseFor)) {
			return
		}
		select {
		case <-flight.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (d *Deliverer) count(n notice.Notice, outcome Outcome) {
	if d.Counter != nil {
		d.Counter.CountMail(n.Kind, outcome)
	}
}

// backOff doubles from firstRetry to lastRetry. It never exceeds the time the notice has waited already: tries burnt by
// an outage of the server shall not make a fresh mail wait long.
func backOff(n notice.Notice, now time.Time) time.Duration {
	delay := firstRetry
	for range n.Attempts {
		if delay *= 2; delay >= lastRetry {
			delay = lastRetry
			break
		}
	}
	return min(delay, max(firstRetry, now.Sub(n.CreatedAt)))
}
