package even

import (
	"context"
	"testing"
	"time"
)

func TestEnds(t *testing.T) {
	for work, want := range map[time.Duration]time.Duration{
		0: step, time.Millisecond: step, step - watched - 1: step, step - watched: 2 * step, step - 1: 2 * step, step: 2 * step, 5*step + 7: 6 * step,
	} {
		if got := ends(work); got != want {
			t.Errorf("after %v of work the answer comes at %v, want %v", work, got, want)
		}
	}
}

func TestWait(t *testing.T) {
	begin := time.Now()
	Wait(t.Context(), begin)
	if took := time.Since(begin); took < step {
		t.Errorf("it has waited for %v", took)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	Wait(ctx, time.Now().Add(time.Hour)) // of somebody who is gone
}
