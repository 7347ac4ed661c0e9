package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// measureStart starts the service and the bare server in turns, each from nothing to its first answer.
func measureStart(ctx context.Context, h *house) error {
	const turns = 11
	var usher, usherCPU, bare, bareCPU []time.Duration
	for range turns {
		p, err := h.serve(ctx)
		if err != nil {
			return err
		}
		took, spent, err := p.ready(ctx, h.readyURL())
		if err = errors.Join(err, p.stop()); err != nil {
			return err
		}
		usher, usherCPU = append(usher, took), append(usherCPU, spent)
		b, s, err := h.serveBare(ctx)
		if err != nil {
			return err
		}
		took, spent, err = b.ready(ctx, "http://"+s.Listen+"/")
		if err = errors.Join(err, b.stop()); err != nil {
			return err
		}
		bare, bareCPU = append(bare, took), append(bareCPU, spent)
	}
	row("cold start to ready, existing database", inMS(median(usher)), "bare server "+inMS(median(bare)), "≤ 50 ms")
	row("  its processor time", inMS(median(usherCPU)), "bare server "+inMS(median(bareCPU)), "")
	row("  the quickest", inMS(slices.Min(usher)), "bare server "+inMS(slices.Min(bare)), "")
	return nil
}

func median[T time.Duration | float64 | int64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func inMS(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
