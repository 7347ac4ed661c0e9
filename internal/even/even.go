// Package even owns the step in which answers come that must not tell by their time whether there is an account. It refuses to know what is
// asked.
package even

import (
	"context"
	"time"
)

// step is that step. The statements are the same for nobody's account, but the rows lie elsewhere and stand in other indexes, which shows after a
// few hundred tries. Work takes a small part of one step; only what happens to lie at the end of one could still tell something, and limits keep
// anybody from asking often enough to see it.
const step = 25 * time.Millisecond

// Wait waits until the time since begin is a whole number of steps.
func Wait(ctx context.Context, begin time.Time) {
	rest := step - time.Since(begin)%step
	select {
	case <-ctx.Done():
	case <-time.After(rest):
	}
}
