package transmitter

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// quiet says of all streams that they have nothing to say, but for some.
type quiet []string

func (q quiet) QuietStreams(_ context.Context, ids []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(q, id) }), nil
}

// A room holds one poll of a stream and so many polls, each for so long, and lets all go when it closes.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Room{Most: 2}
		ended := map[string]chan error{}
		enters := func(name, stream string) {
			ended[name] = make(chan error, 1)
			go func() { ended[name] <- r.wait(t.Context(), stream) }()
			synctest.Wait()
		}
		left := func(name string, want error) {
			t.Helper()
			synctest.Wait()
			select {
			case err := <-ended[name]:
				if !errors.Is(err, want) {
					t.Errorf("%s ends with %v, want %v", name, err, want)
				}
			default:
				t.Errorf("%s waits still", name)
			}
		}
		waits := func(want int) {
			t.Helper()
			synctest.Wait()
			if got := r.Waiting(); got != want {
				t.Errorf("%d wait, want %d", got, want)
			}
		}
		began := time.Now()
		enters("first", "a")
		enters("second", "b")
		enters("too many", "c")
		left("too many", ErrCrowded)
		enters("again", "a")
		left("first", nil)
		waits(2)
		if err := r.Watch(t.Context(), quiet{"b", "c"}); err != nil {
			t.Fatal(err)
		}
		left("second", nil)
		waits(1)
		if err := <-ended["again"]; err != nil || time.Since(began) != Patience {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		waits(0)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := r.wait(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("who has left waits: %v", err)
		}
		enters("last", "a")
		r.Close()
		left("last", nil)
		enters("late", "a")
		left("late", nil)
		waits(0)
	})
}
