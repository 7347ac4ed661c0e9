package credential

import (
	"testing"
	"time"
)

// A service that runs warns seven times and removes on the day it told first; one that slept gives what it owes before.
func TestRemovalsAreToldSevenTimes(t *testing.T) {
	for name, sleeps := range map[string]map[int64]time.Duration{
		"awake": nil, "a little late": {2: 5 * time.Minute, 5: 20 * time.Minute}, "asleep for a month": {1: 30 * day}, "asleep at the end": {7: 9 * day},
	} {
		r := NewRemoval("a", "cli", now)
		first := r.Due
		at := now
		for r.Told < RemovalWarnings {
			if r.Ripe(at) || r.Ripe(at.Add(1000*day)) {
				t.Fatalf("%s: ripe after %d warnings", name, r.Told)
			}
			at = at.Add(WarnEvery + sleeps[r.Told])
			r = r.Again(at)
			if r.Due.Before(first) || r.Due.Before(at.Add(WarnEvery-removalSlack)) {
				t.Errorf("%s: warning %d, at %v, is told for %v", name, r.Told, at, r.Due)
			}
		}
		if late := sleeps[1] > 0; r.Due.Equal(first) == late {
			t.Errorf("%s: the day moved from %v to %v", name, first, r.Due)
		}
		if r.Ripe(r.Due.Add(-1)) || !r.Ripe(r.Due) {
			t.Errorf("%s: not ripe at its day, or before", name)
		}
	}
}

func TestFactorTakes(t *testing.T) {
	a, b := FactorAttempt{AccountID: "a"}.Takes("one"), FactorAttempt{AccountID: "a"}.Takes("two")
	if len(a) != 2 || a[0].Key == b[0].Key || a[1].Key == b[1].Key {
		t.Error("two budgets share a limit")
	}
	if !(Factor{Selector: "0"}).IsRecovery() || (Factor{Step: 1}).IsRecovery() {
		t.Error("a recovery code has a selector")
	}
}
