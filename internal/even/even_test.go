package even

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestWait(t *testing.T) {
	for work, want := range map[time.Duration]time.Duration{
		0: step, time.Millisecond: step, step - 1: step, step: 2 * step, step + time.Millisecond: 2 * step, 5*step + 7: 6 * step,
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			time.Sleep(work)
			Wait(t.Context(), begin)
			if took := time.Since(begin); took != want {
				t.Errorf("after %v of work the answer comes at %v, want %v", work, took, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		begin := time.Now()
		Wait(ctx, begin)
		if time.Since(begin) != 0 {
			t.Error("it waits for somebody who is gone")
		}
	})
}
