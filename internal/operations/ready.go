package operations

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Check is one condition of being ready. Probe must honour its context, which ends after two seconds.
type Check struct {
	// Name is shown to whoever asks /readyz.
	Name string
	// Probe returns why the service is not ready, or nil.
	Probe func(ctx context.Context) error
}

const probeTime = 2 * time.Second

type readiness struct {
	checks []Check
	log    *slog.Logger
}

// ServeHTTP answers 200, or 503 with the names of the checks that failed, in their order.
func (s readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	failing := s.failing(r.Context())
	if len(failing) > 0 {
		plain(w, http.StatusServiceUnavailable, "not ready: "+strings.Join(failing, ", ")+"\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

// failing runs all probes side by side; one that does not come back in time has failed.
func (s readiness) failing(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	errs := make([]error, len(s.checks))
	var all sync.WaitGroup
	for i, check := range s.checks {
		all.Go(func() { errs[i] = probe(ctx, check) })
	}
	all.Wait()
	var names []string
	for i, err := range errs {
		if err == nil {
			continue
		}
		names = append(names, s.checks[i].Name)
		s.log.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("check", s.checks[i].Name), slog.String("error", err.Error()))
	}
	return names
}

func probe(ctx context.Context, check Check) error {
	done := make(chan error, 1)
	go func() { done <- check.Probe(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
