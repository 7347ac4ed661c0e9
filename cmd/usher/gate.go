package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/alecthomas/kong"

	"usher/internal/config"
	"usher/internal/gate"
	"usher/internal/gate/keep"
)

type gateCmd struct {
	Run    gateRunCmd    `cmd:"" default:"withargs" help:"Run the gate beside a media server."`
	Reopen gateReopenCmd `cmd:"" help:"Let the server be claimed on its own page for 15 minutes more."`
}

// gateSettings are the gate's flags, as its commands embed them.
type gateSettings struct {
	kong.Plugins
	flags *config.Flags
}

func newGateSettings(shown ...string) gateSettings {
	f := config.NewGateFlags(shown...)
	return gateSettings{kong.Plugins{f.Fields()}, f}
}

func (s gateSettings) load(w world) (config.Gate, error) { return config.LoadGate(s.flags, w.Environ) }

// complete reads the settings of a command that talks to the service.
func (s gateSettings) complete(w world) (config.Gate, error) {
	cfg, err := s.load(w)
	if err != nil {
		return cfg, err
	}
	return cfg, cfg.Complete()
}

type gateRunCmd struct{ gateSettings }

// Run answers until it is told to stop.
func (c gateRunCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.complete(w)
	if err != nil {
		return err
	}
	return gate.Run(ctx, gate.Settings{Config: cfg, Version: version(), Now: w.Now, Log: newLog(cfg.LogLevel, cfg.LogFormat, w), Out: w.Out})
}

type gateReopenCmd struct {
	gateSettings
	LANClaim bool `name:"lan-claim" help:"Let programs in the private network hand over a claim token without the set-up code, for old scripts that cannot send it."`
}

// Run opens the window of the gate that runs, and prints the new links.
func (c gateReopenCmd) Run(w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	window, err := keep.Reopen(cfg.Folder, w.Now(), c.LANClaim)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no gate was ever started in the folder %s; name the right one with --folder", cfg.Folder)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(w.Out, gate.Invitation(window))
	return err
}
