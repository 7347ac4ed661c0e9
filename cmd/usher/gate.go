package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/alecthomas/kong"

	"usher/internal/config"
	"usher/internal/gate"
	"usher/internal/gate/accounts"
	"usher/internal/gate/keep"
	"usher/internal/secret"
)

type gateCmd struct {
	Run    gateRunCmd    `cmd:"" default:"withargs" help:"Run the gate beside a media server."`
	Claim  gateClaimCmd  `cmd:"" help:"Claim the server by a code that you type on the service's page /claim."`
	Reopen gateReopenCmd `cmd:"" help:"Let the server be claimed on its own page for 15 minutes more."`
	Doctor gateDoctorCmd `cmd:"" help:"Find out what is wrong with the gate, and what helps."`
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
	if c.Wait {
		return gate.ClaimPatiently(ctx, gateIn(w, cfg))
	}
	return gate.Claim(ctx, gateIn(w, cfg))
}

type gateDoctorCmd struct{ gateSettings }

// Run looks at everything that a gate needs, whether it runs or not.
func (c gateDoctorCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.complete(w)
	if err != nil {
		return err
	}
	return gate.Doctor(ctx, gateIn(w, cfg))
}

type claimCmd struct {
	Server  string   `arg:"" optional:"" help:"The server's IP address in this network, such as 192.168.1.20. Where it listens on another port than 32400: 192.168.1.20:32401. Without it, the servers that are heard in this network are listed."`
	Service *url.URL `placeholder:"URL" help:"The account service's address, such as https://accounts.example.org."`
	Code    string   `placeholder:"CODE" help:"The set-up code from the server's log. Without this it is asked for, where the server wants one."`
	Login   string   `placeholder:"NAME" help:"Claim it for the account of this e-mail address or user name; password and code are asked for. Without this a code is shown, which you confirm on the service's page."`
}

// Run gets a claim token, by a code or by name and password, and hands it to the server. Without a server, it lists those in the network.
func (c claimCmd) Run(ctx context.Context, w world) error {
	var cfg config.Gate
	if c.Service != nil {
		cfg.Service = c.Service.String()
	}
	if named := cfg.Service != "" || c.Server != ""; named && cfg.ServiceURL().Host == "" {
		return errors.New("the service is named by its whole address without a path, such as --service https://accounts.example.org")
	}
	if c.Server == "" {
		return gate.Around(ctx, gateIn(w, cfg))
	}
	if err := gate.Beside(ctx, c.Server); err != nil {
		return err
	}
	asks := newQuestions(w)
	r := gate.Remote{Server: c.Server, SetUp: secret.TokenOf(c.Code)}
	err := gate.SetUpCounts(ctx, c.Server, r.SetUp)
	if err != nil && c.Code == "" { // whoever runs the gate may have waived it
		if r.SetUp, err = asks.shown(ctx, "Set-up code, which stands at the end of what the gate printed: "); err == nil {
			err = gate.SetUpCounts(ctx, c.Server, r.SetUp)
		}
	}
	if err != nil {
		return err
	}
	if c.Login != "" {
		r.Person = &accounts.Person{Login: c.Login, Digits: func(ctx context.Context) (secret.Token, error) {
			return asks.shown(ctx, "Six digits that your authenticator app shows: ")
		}}
		if r.Person.Password, err = asks.hidden(ctx, "Password of "+c.Login+": "); err != nil {
			return err
		}
	}
	return gate.ClaimRemote(ctx, gateIn(w, cfg), r)
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
	reopen := keep.Reopen
	if c.LANClaim {
		reopen = keep.ReopenWaived
	}
	window, err := reopen(cfg.Folder, w.Now())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no gate was ever started in the folder %s; name the right one with --folder", cfg.Folder)
	}
	if err != nil {
		return gate.Barred(err)
	}
	text := gate.Invitation(window)
	if c.LANClaim {
		text += "In that time, programs in this network need no set-up code.\n"
	}
	_, err = fmt.Fprint(w.Out, text)
	return err
}
