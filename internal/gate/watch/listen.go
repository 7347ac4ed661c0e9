package watch

import (
	"context"
	"errors"
	"time"

	"usher/internal/gate/accounts"
	"usher/internal/gate/door"
	"usher/internal/gate/keep"
)

// listen hears signals until it has to be asked how the server stands, and returns how long to wait before that: not at all when it was woken meanwhile.
func (w *Watch) listen(ctx context.Context, s keep.Server, d *door.Decider) time.Duration {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	woken := make(chan bool, 1)
	go func() {
		select {
		case <-ctx.Done():
			woken <- false
		case <-w.woken:
			stop()
			woken <- true
		}
	}()
	pause := w.hear(ctx, s, d)
	stop()
	if <-woken {
		return 0
	}
	return pause
}

// hear reads signals until it fails, ctx ends, or the server's key opens nothing now. It returns how long to wait then.
func (w *Watch) hear(ctx context.Context, s keep.Server, d *door.Decider) time.Duration {
	fresh, err := w.Service.Listen(ctx)
	if errors.Is(err, accounts.ErrNoSignals) {
		return w.withoutSignals(d)
	}
	if err != nil {
		return w.failed(ctx, d, err)
	}
	w.silent = false
	if fresh {
		d.Doubt() // nobody has noted for us what ended before
	}
	w.Log.Info("signals are heard")
	for p := (accounts.Poll{Immediately: true}); ; p.Immediately = false {
		asked := time.Now()
		got, err := w.Service.Poll(ctx, p)
		if err != nil {
			return w.failed(ctx, d, err)
		}
		w.answered(d)
		w.refusals = 0
		p.Read, p.Wrong = nil, nil
		good, err := w.apply(ctx, s, d, got)
		if err != nil {
			return w.failed(ctx, d, err)
		}
		if !good {
			return w.nextLook() // its key opens nothing now; what was read comes again when it is back
		}
		for _, signal := range got.All {
			p.Read = append(p.Read, signal.ID)
		}
		p.Wrong = got.Wrong
		if len(got.All) == 0 && !p.Immediately && time.Since(asked) < shortestPause {
			pauseFor(ctx, shortestPause)
		}
	}
}

// pauseFor waits where a poll brought nothing and did not wait itself. Another gate with a copy of this one's folder sends our polls away as we send away its.
func pauseFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// withoutSignals goes on with a service that tells nothing by itself: the door asks about each token again, and we ask how the server stands.
func (w *Watch) withoutSignals(d *door.Decider) time.Duration {
	d.Unheard()
	if !w.silent {
		w.Log.Warn("the service tells nothing by itself: a sign-out closes the door when it is asked about the next time")
	}
	w.silent = true
	return quietPause
}

// apply does what signals say, and writes it down. Only then may they be acknowledged. It is not good when the server is signed out or was given up. What was
// done and comes again, because the service did not hear of it, is not done a second time: it does not end what was signed in since.
func (w *Watch) apply(ctx context.Context, s keep.Server, d *door.Decider, got accounts.Signals) (good bool, err error) {
	concerned, closes := false, false
	for _, signal := range got.All {
		if w.wasDone(signal.ID) {
			continue
		}
		switch whose := signal.Whose; {
		case signal.Everybody:
			d.End(door.Ended{})
		case signal.Revokes && whose.Account != "" && whose.Server == "":
			d.End(door.Ended{Account: whose.Account, Session: whose.Session})
		case whose.Account != "" && whose.Server == "": // the password may be another since
			d.EndPasswords(whose.Account)
		}
		if signal.Everybody || signal.Whose.Server == s.ID || signal.Whose.Account == s.Owner.Subject && signal.Whose.Session == "" {
			concerned, closes = true, closes || signal.Revokes
		}
	}
	for id, why := range got.Wrong {
		w.Log.Error("the service told something that cannot be believed: everybody is asked about again", "signal", id, "why", why)
		d.Doubt()
	}
	if concerned {
		state, err := w.look(ctx, s, d)
		if err != nil && closes { // it was signed out, or is back already: until that is known it is signed out
			err = errors.Join(err, w.suspended(d, w.Known(), Known{Server: s.ID, State: accounts.Suspended}))
		}
		if err == nil && state == accounts.Suspended {
			err = w.learn(w.Known(), got.All...) // nothing that was signed in before outlasts a suspension
		}
		if err != nil || state != accounts.Good {
			return false, err
		}
	}
	now := w.Known()
	if len(got.All) > 0 {
		if err := w.House.Remember(); err != nil {
			return false, err
		}
	}
	if !got.More {
		d.Heard(w.Now())
		now.Heard = w.Now().UTC()
	}
	return true, w.learn(now, got.All...)
}
