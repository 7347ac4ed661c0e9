package password

import (
	"context"
	"time"
)

// even is the step in which answers come that must not tell by their time whether there is an account. The statements are the same for nobody's
// account, but the rows they write lie elsewhere and stand in other indexes, which shows after a few hundred tries. Work takes a small part of
// one step; only what happens to lie at the end of one could still tell something, and limits keep anybody from asking often enough to see it.
const even = 25 * time.Millisecond

// waitEven waits until the time since begin is a whole number of steps.
func waitEven(ctx context.Context, begin time.Time) {
	rest := even - time.Since(begin)%even
	select {
	case <-ctx.Done():
	case <-time.After(rest):
	}
}
