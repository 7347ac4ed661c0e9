package tvlink

import (
	"errors"
	"strconv"
	"strings"
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
	if got := p.Wait(code); got != 4*Interval { // three came too soon
		t.Errorf("the next one waits %v", got)
	}
	if now = now.Add(p.Wait(code)); !p.Allow(code, now) {
		t.Error("one that waited as long as it is told comes too soon")
	}
	if got := p.Wait(secret.TokenOf("b")); got != Interval {
		t.Errorf("the first one waits %v", got)
	}
	if !p.Allow(secret.TokenOf("b"), now) {
		t.Error("one device slows another down")
	}
}

// What is no code at all is not remembered, and what is one takes as much memory as any other, however it was sent (D10).
func TestMadeUpCodesTakeNoMemory(t *testing.T) {
	eachHouse(t, func(h *house) {
		for _, code := range []string{"", "x", strings.Repeat("x", 60<<10), strings.Repeat("0", secret.TokenLength+1)} {
			if _, err := h.Poll(t.Context(), secret.TokenOf(code), at("192.0.2.1")); !errors.Is(err, ErrExpired) {
				t.Errorf("%.9q: %v", code, err)
			}
		}
		if len(h.Pace.polled) != 0 {
			t.Errorf("%d are remembered", len(h.Pace.polled))
		}
		body := strings.Repeat("x", 60<<10) + strings.Repeat("0", secret.TokenLength) // as a piece of a large body
		if _, err := h.Poll(t.Context(), secret.TokenOf(body[60<<10:]), at("192.0.2.1")); !errors.Is(err, ErrExpired) {
			t.Error(err)
		}
		for k := range h.Pace.polled {
			if len(k) != 32 {
				t.Errorf("a key of %d bytes", len(k))
			}
		}
	})
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
