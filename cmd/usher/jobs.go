package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"usher/internal/id"
	"usher/internal/profile"
)

// job is work that goes on beside the requests. With a lease, one node does it at a time.
type job struct {
	name   string
	every  time.Duration
	leased bool
	run    func(ctx context.Context) error
}

func (s *service) jobs() []job {
	return []job{
		{"last uses", 5 * time.Second, false, func(ctx context.Context) error { return s.touches.Flush(ctx, s.db) }},
		{"key ring", 2 * time.Second, false, func(context.Context) error { return s.keys.Reload() }},
		{"instance", 30 * time.Second, false, s.tick},
		{"audit chain", 5 * time.Second, true, s.chain},
		{"sweep", time.Minute, true, s.sweep},
		{"incident notices", time.Second, true, func(ctx context.Context) error { return s.incidents().Tell(ctx) }},
		{"incident files", 10 * time.Second, false, func(ctx context.Context) error { return s.incidents().Keep(ctx) }},
		{"second steps", time.Minute, true, func(ctx context.Context) error { return s.factors(nil).Removals(ctx) }},
		{"sign-outs found", time.Second, false, s.findLogouts},
		{"sign-outs told", time.Second, false, s.logouts.Round},
		{"signals watched", 300 * time.Millisecond, false, func(ctx context.Context) error { return s.room.Watch(ctx, s.db) }},
		{"signals pushed", time.Second, false, s.pushes.Round},
		{"issuers", time.Hour, false, s.issuers.Discover},
		{"erase", time.Minute, true, func(ctx context.Context) error { return profile.Erase(ctx, s.db, s.now()) }},
	}
}

// startJobs runs every job in a loop of its own until ctx ends.
func (s *service) startJobs(ctx context.Context, running *sync.WaitGroup) {
	holder := id.New(s.now())
	for _, j := range s.jobs() {
		running.Go(func() { s.loop(ctx, j, holder) })
	}
	if s.deliverer != nil {
		running.Go(func() {
			s.deliverer.Run(ctx)
			s.sender.Close()
		})
	}
}

// loop runs a job again and again, a little unevenly so that nodes do not march in step. The first turn comes soon: what was due while nothing
// ran does not wait longer. An error is logged and the next turn tries again.
func (s *service) loop(ctx context.Context, j job, holder string) {
	pause := rand.N(time.Second) //nolint:gosec // spreading, not guessing
	for {
		select {
		case <-ctx.Done():
			s.leave(j, holder)
			return
		case <-time.After(pause):
		}
		if err := s.once(ctx, j, holder); err != nil && ctx.Err() == nil {
			s.log.Warn("job failed", "job", j.name, "error", err)
		}
		pause = j.every + rand.N(j.every/5+1) //nolint:gosec // spreading, not guessing
	}
}

// leave lets another node go on with a job at once. Where it fails, the lease ends by itself.
func (s *service) leave(j job, holder string) {
	if !j.leased {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	if err := s.db.EndLease(ctx, j.name, holder); err != nil {
		s.log.Warn("lease not ended", "job", j.name, "error", err)
	}
}

func (s *service) once(ctx context.Context, j job, holder string) error {
	if !j.leased {
		return j.run(ctx)
	}
	mine, err := s.db.Lease(ctx, j.name, holder, s.now(), 3*j.every+30*time.Second)
	if err != nil || !mine {
		return err
	}
	return j.run(ctx)
}

// tick records that the database is in use now, and the generation of this node's key ring.
func (s *service) tick(ctx context.Context) error {
	_, err := s.db.TickInstance(ctx, s.now())
	return err
}

// newestKeys reads the key ring again when its file changed, and fails when another node has a newer one: what that node writes could not be
// read here.
func (s *stack) newestKeys(ctx context.Context) error {
	if err := s.keys.Reload(); err != nil {
		return err
	}
	newest, err := s.db.NewestGeneration(ctx)
	if err != nil {
		return err
	}
	if have := s.keys.Ring().Generation(); newest > have {
		return fmt.Errorf("this node's key ring is generation %d and another node has %d: give this node the newer file", have, newest)
	}
	return nil
}

func (s *service) chain(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := s.db.ChainAudit(ctx, s.now())
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

func (s *service) sweep(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := s.db.Sweep(ctx, s.now())
		if err != nil || !more {
			return err
		}
	}
	return nil
}
