// Package even owns the step in which answers come that must not tell by their time whether there is an account. It refuses to know what is
// asked.
package even

import (
	"context"
	"runtime"
	"time"
)

// step is that step. The statements are the same for nobody's account, but the rows lie elsewhere and stand in other indexes, which shows after a
// few hundred tries. Work takes a small part of one step; only what happens to lie at the end of one could still tell something, and limits keep
// anybody from asking often enough to see it.
const step = 25 * time.Millisecond

// watched is how long before the end of a step the clock is watched instead of slept for. Go's timers wake up to a millisecond late, and how late
// depends on when they were set: the fraction of a millisecond that the work took would come out again at the end.
const watched = 2 * time.Millisecond

// Wait waits until the time since begin is a whole number of steps, to the microsecond.
func Wait(ctx context.Context, begin time.Time) {
	end := ends(time.Since(begin))
	timer := time.NewTimer(end - watched - time.Since(begin))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
	}
	for time.Since(begin) < end {
		runtime.Gosched()
	}
}

// ends is when a step ends after so much work, with time enough to watch the clock.
func ends(work time.Duration) time.Duration { return (work+watched)/step*step + step }
