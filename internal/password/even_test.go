package password

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestWaitEven(t *testing.T) {
	for work, want := range map[time.Duration]time.Duration{
		0: even, time.Millisecond: even, even - 1: even, even: 2 * even, even + time.Millisecond: 2 * even, 5*even + 7: 6 * even,
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			time.Sleep(work)
			waitEven(t.Context(), begin)
			if took := time.Since(begin); took != want {
				t.Errorf("after %v of work the answer comes at %v, want %v", work, took, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		begin := time.Now()
		waitEven(ctx, begin)
		if time.Since(begin) != 0 {
			t.Error("it waits for somebody who is gone")
		}
	})
}
