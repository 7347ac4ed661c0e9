// Command loadtest measures what a Go benchmark cannot: the memory of the real program while hundreds sign in and while nobody does, the
// time from its start to its first answer, and its rate beside that of a bare server, each in a process of its own. It refuses to judge:
// it prints ratios to bounds that it measured in the same run, beside the aims. Linux only, because it reads /proc.
//
//	go run ./internal/loadtest [-database sqlite|postgres] [-devices N] [-callers N] [-flood TIME] [-only start|rates|memory] [-usher FILE]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

type options struct {
	database string
	devices  int
	callers  int
	flood    time.Duration
	usher    string
	only     string
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == bareWord {
		fatal(serveBare(os.Args[2]))
		return
	}
	var o options
	flag.StringVar(&o.database, "database", "sqlite", "sqlite or postgres (a private cluster is started)")
	flag.IntVar(&o.devices, "devices", 100_000, "accounts, each with one signed-in browser")
	flag.IntVar(&o.callers, "callers", 500, "people who sign in side by side")
	flag.DurationVar(&o.flood, "flood", 15*time.Second, "how long they do")
	flag.StringVar(&o.usher, "usher", "", "the program; built when empty")
	flag.StringVar(&o.only, "only", "", "start, rates or memory; all when empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fatal(run(ctx, o))
}

func fatal(err error) {
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "loadtest:", err)
		os.Exit(1)
	}
}

// run prepares everything in a folder of its own and removes it at the end.
func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "usher-load-*")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.usher == "" {
		o.usher = filepath.Join(dir, "usher")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.usher, "./cmd/usher")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building usher: %w", err)
		}
	}
	h, err := newHouse(ctx, dir, o)
	if err != nil {
		return err
	}
	defer h.leave()
	for _, m := range []struct {
		name    string
		measure func(context.Context, *house) error
	}{{"start", measureStart}, {"rates", measureRates}, {"memory", measureMemory}} {
		if o.only != "" && o.only != m.name {
			continue
		}
		if err := m.measure(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// row prints one figure: what it is, the figure, the bound it is a ratio of, and the aim.
func row(what, figure, against, aim string) {
	fmt.Printf("%-44s %-22s %-44s %s\n", what, figure, against, aim)
}
