package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"usher/internal/audit"
	"usher/internal/blocklist"
	"usher/internal/config"
)

type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" help:"Make new keys and bring the database under them, while the service runs."`
}

type keyRotateCmd struct {
	settings
	Spread        time.Duration `default:"5s" help:"How long to wait until every node has read the new key ring. Longer than it takes you to copy the file to the others."`
	SigningLeaked bool          `help:"Somebody may have the keys that sign what apps get: the new ones sign at once, and the old ones count for nothing any more."`
}

// Run begins a rotation, or goes on with one that was stopped.
func (c keyRotateCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		if err := c.begin(ctx, s, w); err != nil {
			return err
		}
		bar := progressBar{out: w.Out, what: "accounts", now: w.Now}
		for {
			if err := s.db.Reseal(ctx, bar.show); err != nil {
				return fmt.Errorf("%w (run the same command again to go on)", err)
			}
			left, err := s.db.Unsealed(ctx)
			if err != nil {
				return err
			}
			if left == 0 {
				break
			}
		}
		return c.finish(ctx, s, w)
	})
}

func (c keyRotateCmd) begin(ctx context.Context, s *stack, w world) error {
	if s.keys.Ring().Rotating() {
		if c.SigningLeaked {
			return errors.New("a rotation was begun before; finish it by the command without --signing-leaked, and then use this one again")
		}
		_, err := fmt.Fprintln(w.Out, "A rotation was begun before; going on with it.")
		return err
	}
	next, err := s.keys.Ring().BeginRotation()
	if err == nil && c.SigningLeaked {
		next, err = next.ReplaceSigning(w.Now())
	} else if err == nil {
		next, err = next.NextSigning(w.Now())
	}
	if err != nil {
		return err
	}
	if err := s.keys.Replace(next); err != nil {
		return err
	}
	if _, err := s.db.TickInstance(ctx, w.Now()); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w.Out, "New keys are in %s. Waiting %s until every node has read it.\n", s.cfg.KeyRingPath(), c.Spread); err != nil {
		return err
	}
	select {
	case <-time.After(c.Spread):
		return nil
	case <-ctx.Done():
		return errors.New("stopped; run the same command again to go on")
	}
}

func (c keyRotateCmd) finish(ctx context.Context, s *stack, w world) error {
	last, err := s.keys.Ring().FinishRotation()
	if err != nil {
		return err
	}
	if err := s.keys.Replace(last); err != nil {
		return err
	}
	if _, err := s.db.TickInstance(ctx, w.Now()); err != nil {
		return err
	}
	if err := s.db.DropOldIndexes(ctx, audit.New(w.Now(), audit.KeysRotated, audit.CLI, "")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.Out, "Done. The old keys are gone from the ring (generation %d). Make a new backup of it, and keep the old one as long as you keep old database backups.\n", last.Generation())
	return err
}

// progressBar draws one line again and again.
type progressBar struct {
	out  io.Writer
	what string
	now  func() time.Time
	last time.Time
}

func (b *progressBar) show(done, total int64) {
	now := b.now()
	if now.Sub(b.last) < 200*time.Millisecond && done < total {
		return
	}
	b.last = now
	const width = 30
	full := width
	if total > 0 {
		full = int(min(done, total) * width / total)
	}
	bar := make([]byte, width)
	for i := range bar {
		bar[i] = '.'
		if i < full {
			bar[i] = '#'
		}
	}
	end := ""
	if done >= total {
		end = "\n"
	}
	_, _ = fmt.Fprintf(b.out, "\r[%s] %d of %d %s%s", bar, done, total, b.what, end)
}

type blocklistCmd struct {
	Build blocklistBuildCmd `cmd:"" help:"Build a filter from a Pwned Passwords download (SHA-1), a file or a folder of ranges."`
}

type blocklistBuildCmd struct {
	From     string `arg:"" type:"existingpath" help:"The download: one file, or a folder of range files."`
	To       string `arg:"" help:"The filter to write."`
	MinCount int    `default:"1" help:"Leave out passwords seen less often."`
}

// Run builds the filter; it can be stopped at any time and leaves no half a filter behind.
func (c blocklistBuildCmd) Run(ctx context.Context, w world) error {
	bar := progressBar{out: w.Out, what: "bytes", now: w.Now}
	if err := blocklist.Build(ctx, c.From, c.To, c.MinCount, bar.show); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w.Out, "Done. Set password_blocklist = %q and start the service again.\n", c.To)
	return err
}

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check the configuration and print what is in force, and where each value comes from."`
	Docs  configDocsCmd  `cmd:"" help:"Print the documentation of every setting."`
}

type configCheckCmd struct{ settings }

// Run fails when anything is wrong, naming every key that is.
func (c configCheckCmd) Run(w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	if _, _, err := configured(cfg); err != nil {
		return err
	}
	return config.Describe(w.Out, cfg)
}

type configDocsCmd struct{}

// Run prints docs/configuration.md.
func (configDocsCmd) Run(w world) error {
	_, err := io.WriteString(w.Out, config.Markdown())
	return err
}
