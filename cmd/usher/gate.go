package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"

	"github.com/alecthomas/kong"

	"usher/internal/config"
	"usher/internal/gate"
	"usher/internal/gate/keep"
	"usher/internal/secret"
)

type gateCmd struct {
	Run    gateRunCmd    `cmd:"" default:"withargs" help:"Run the gate beside a media server."`
	Claim  gateClaimCmd  `cmd:"" help:"Claim the server by a code that somebody confirms on the service's page."`
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
	return gate.Run(ctx, gateIn(w, cfg))
}

func gateIn(w world, cfg config.Gate) gate.Settings {
	return gate.Settings{Config: cfg, Version: version(), Now: w.Now, Log: newLog(cfg.LogLevel, cfg.LogFormat, w), Out: w.Out}
}

type gateClaimCmd struct {
	gateSettings
	Wait bool `help:"When nobody confirms a code in time, ask for another, and go on until somebody does."`
}

// Run shows a code, waits, and claims the server of the folder, beside its gate or before it starts.
func (c gateClaimCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.complete(w)
	if err != nil {
		return err
	}
	return gate.Claim(ctx, gateIn(w, cfg), c.Wait)
}

type claimCmd struct {
	Server  string   `arg:"" help:"The server's IP address in this network, such as 192.168.1.20."`
	Service *url.URL `required:"" placeholder:"URL" help:"The account service's address, such as https://accounts.example.org."`
	Code    string   `placeholder:"CODE" help:"The set-up code from the server's log. Without this it is asked for."`
}

// Run shows a code, waits, and hands what it brings to the server.
func (c claimCmd) Run(ctx context.Context, w world) error {
	cfg := config.Gate{Service: c.Service.String()}
	if cfg.ServiceURL().Host == "" {
		return errors.New("the service is named by its whole address without a path, such as https://accounts.example.org")
	}
	if c.Code == "" {
		if _, err := fmt.Fprint(w.Out, "Set-up code, from the server's log (nothing where it was waived): "); err != nil {
			return err
		}
		line, err := bufio.NewReader(w.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		c.Code = strings.TrimSpace(line)
	}
	return gate.ClaimRemote(ctx, gateIn(w, cfg), c.Server, secret.TokenOf(c.Code))
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
