package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/argon2id"
	"usher/internal/loadtest/crowd"
)

// measureMemory looks at a service that idles, then at the same one while many sign in.
func measureMemory(ctx context.Context, h *house) (err error) {
	p, err := h.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if _, _, err := p.ready(ctx, h.readyURL()); err != nil {
		return err
	}
	time.Sleep(5 * time.Second)
	idle, err := p.memory()
	if err != nil {
		return err
	}
	bare, at, err := h.serveBare(ctx)
	if err != nil {
		return err
	}
	_, _, err = bare.ready(ctx, "http://"+at.Listen+"/")
	least, merr := bare.memory()
	if err = errors.Join(err, merr, bare.stop()); err != nil {
		return err
	}
	row("idle memory", inMiB(idle.resident), "bare server "+inMiB(least.resident), "≤ 40 MiB")
	row("  without the program's own pages", inMiB(idle.own), "bare server "+inMiB(least.own), "")
	return h.flood(ctx, p)
}

// flood has many people sign in at once, again and again, each with a connection, an account and an address of their own.
func (h *house) flood(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, h.options.flood)
	defer cancel()
	var tally [3]atomic.Int64 // in, asked to come back, anything else
	var last atomic.Pointer[error]
	var all sync.WaitGroup
	for i := range min(h.callers, h.devices) {
		all.Go(func() {
			if err := h.signIn(ctx, i, &tally); err != nil {
				last.Store(&err)
			}
		})
	}
	most, err := watch(ctx, p)
	all.Wait()
	if failed := last.Load(); failed != nil {
		err = errors.Join(err, *failed)
	}
	if err != nil {
		return err
	}
	hash := int64(argon2id.DefaultParams().MemoryKiB) << 10 * int64(runtime.NumCPU())
	row(fmt.Sprintf("memory under %d parallel sign-ins", h.callers), inMiB(most.resident),
		fmt.Sprintf("hash memory × cores %s + %s", inMiB(hash), inMiB(most.resident-hash)), "≤ hash memory × cores + 100 MiB")
	row("  without pages of files (program, database)", inMiB(most.own), "", "")
	row("  signed in · asked to come back · failed", fmt.Sprintf("%d · %d · %d", tally[0].Load(), tally[1].Load(), tally[2].Load()),
		fmt.Sprintf("%.0f sign-ins/s", float64(tally[0].Load())/h.options.flood.Seconds()), "none failed")
	return nil
}

// signIn is one person: signed in, they sign in again; asked to come back (503), they do so after a while.
func (h *house) signIn(ctx context.Context, i int, tally *[3]atomic.Int64) error {
	line, err := crowd.Dial(h.listen)
	if err != nil {
		return err
	}
	defer func() { _ = line.Close() }()
	for ctx.Err() == nil {
		status, err := line.Ask(h.service().SignIn(i))
		switch {
		case err != nil:
			return err
		case status == http.StatusSeeOther:
			tally[0].Add(1)
		case status == http.StatusServiceUnavailable:
			tally[1].Add(1)
			time.Sleep(250 * time.Millisecond)
		default:
			tally[2].Add(1)
			time.Sleep(250 * time.Millisecond)
		}
	}
	return nil
}

// watch samples a process's memory until ctx ends, and returns the most of each kind.
func watch(ctx context.Context, p *process) (most memory, err error) {
	for {
		select {
		case <-ctx.Done():
			return most, nil
		case <-time.After(20 * time.Millisecond):
		}
		m, err := p.memory()
		if err != nil {
			return most, err
		}
		most.resident, most.own = max(most.resident, m.resident), max(most.own, m.own)
	}
}

func inMiB(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
