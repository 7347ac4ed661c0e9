package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"usher/internal/ratelimit"
	"usher/internal/store"
)

func TestTake(t *testing.T) {
	each(t, func(w *world) {
		one := ratelimit.Rule{Name: "one", Limit: 3, Period: time.Hour}.For("anna")
		day := ratelimit.Rule{Name: "day", Limit: 4, Period: 24 * time.Hour}.For("anna")
		for range 3 {
			w.must(w.db.Take(w.ctx(), []ratelimit.Take{one, day}, w.now))
		}
		var limited *ratelimit.LimitedError
		if err := w.db.Take(w.ctx(), []ratelimit.Take{day, one}, w.now); !errors.As(err, &limited) || !limited.Until.Equal(w.now.Add(20*time.Minute)) {
			t.Fatalf("the fourth: %v", err)
		}
		w.must(w.db.Take(w.ctx(), []ratelimit.Take{one, day}, limited.Until)) // which the refused one has not counted against
		if err := w.db.Take(w.ctx(), []ratelimit.Take{one, day}, w.now.Add(21*time.Minute)); !errors.As(err, &limited) || !limited.Until.Equal(w.now.Add(6*time.Hour)) {
			t.Errorf("the fifth: %v, want the later of the two limits", err)
		}
		w.count(0, "rate WHERE key LIKE '%anna%'")
	})
}

func TestTakeRaced(t *testing.T) {
	each(t, func(w *world) {
		takes := slices.Concat(ratelimit.Rule{Name: "x", Limit: 10, Period: time.Hour}.From(source), ratelimit.Rule{Name: "y", Limit: 500, Period: time.Hour}.From(source))
		passed := 0
		for i, err := range w.parallel(60, func(db *store.DB, i int) error {
			mine := slices.Clone(takes)
			if i%2 == 0 {
				slices.Reverse(mine) // whatever the order, nobody waits in a circle
			}
			return db.Take(w.ctx(), mine, w.now)
		}) {
			var limited *ratelimit.LimitedError
			switch {
			case err == nil:
				passed++
			case !errors.As(err, &limited):
				t.Errorf("%d got %v", i, err)
			}
		}
		if passed != 10 {
			t.Errorf("%d passed a limit of 10", passed)
		}
	})
}
