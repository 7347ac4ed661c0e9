package tvlink

import (
	"strconv"
	"testing"
	"time"

	"usher/internal/linkcode"
	"usher/internal/secret"
)

var start = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

func TestPace(t *testing.T) {
	p, code := &Pace{}, secret.TokenOf("a")
	now := start
	for i, step := range []struct {
		after time.Duration
		want  bool
	}{
		{0, true}, {Interval, true}, {Interval - jitter, true}, {time.Second, false}, {Interval, false}, // each one too soon adds five seconds
		{3*Interval - jitter, true}, {3 * Interval, true}, {2 * Interval, false}, {time.Minute, true},
	} {
		now = now.Add(step.after)
		if got := p.Allow(code, now); got != step.want {
			t.Errorf("poll %d, %v after the one before: %t", i, step.after, got)
		}
	}
	if !p.Allow(secret.TokenOf("b"), now) {
		t.Error("one device slows another down")
	}
}

// What waits is remembered across a change of generations, and what does not come back is forgotten: the memory stays flat.
func TestPaceForgets(t *testing.T) {
	p := &Pace{}
	kept := secret.TokenOf("kept")
	for i := range 3 * mostPaced {
		p.Allow(secret.TokenOf(strconv.Itoa(i)), start)
		if i%(mostPaced/2) == 0 {
			p.Allow(kept, start)
		}
		if len(p.polled)+len(p.before) > 2*mostPaced {
			t.Fatalf("%d and %d are remembered", len(p.polled), len(p.before))
		}
	}
	if p.Allow(kept, start) {
		t.Error("who polls all the time is forgotten")
	}
	for i := range 3 {
		p.Allow(secret.TokenOf("x"), start.Add(time.Duration(i+1)*linkcode.Life))
	}
	if len(p.polled) != 1 || len(p.before) != 1 {
		t.Errorf("%d and %d are left of the one that comes back", len(p.polled), len(p.before))
	}
}
