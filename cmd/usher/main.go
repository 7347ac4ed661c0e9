// Command usher is the account service for media servers that people run themselves.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"usher/internal/config"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it was tried and did not work
	exitUsage  = 2 // the command line or the configuration is wrong
)

// world is what a command may touch outside itself.
type world struct {
	Environ []string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Now     func() time.Time
	// MailShown says that people see their mail elsewhere, so that pages lead nobody to the outbox.
	MailShown bool
}

// settings are the configuration's flags, as every command that needs them embeds them.
type settings struct {
	kong.Plugins
	flags *config.Flags
	few   bool // help shows only what says where the service is
}

// newSettings takes every setting; help shows those that are named, or all.
func newSettings(shown ...string) settings {
	f := config.NewFlags(shown...)
	return settings{kong.Plugins{f.Fields()}, f, len(shown) > 0}
}

// Help is what kong shows below the help of a command.
func (s settings) Help() string {
	if !s.few {
		return ""
	}
	return "Run it in the folder where the service runs, or say where that is. Every other setting of the service counts here too: usher serve --help."
}

// whereabouts are the settings that a command beside the service may need to find it.
func whereabouts() []string { return []string{"origin", "data", "database", "key_ring"} }

func (s settings) load(w world) (config.Config, error) { return config.Load(s.flags, w.Environ) }

type commands struct {
	Demo      demoCmd      `cmd:"" help:"Try everything on this machine, and leave nothing behind."`
	Serve     serveCmd     `cmd:"" help:"Run the account service."`
	Gate      gateCmd      `cmd:"" help:"Run the gate beside a media server, and let it be claimed."`
	Claim     claimCmd     `cmd:"" help:"Claim a media server beside this machine."`
	Account   accountCmd   `cmd:"" help:"Look after accounts."`
	Server    serverCmd    `cmd:"" help:"Look after media servers whose owners cannot."`
	Incident  incidentCmd  `cmd:"" help:"Have the passwords of many accounts reset, and watch who has done so."`
	Invite    inviteCmd    `cmd:"" help:"Make an invitation and print its link."`
	Client    clientCmd    `cmd:"" help:"Look after the apps that sign people in by OpenID Connect."`
	Player    playerCmd    `cmd:"" help:"Sign a player in from a terminal, as a TV does."`
	Outbox    outboxCmd    `cmd:"" help:"Print the mail that waits."`
	Mail      mailCmd      `cmd:"" help:"Try the mail server."`
	Key       keyCmd       `cmd:"" help:"Look after the key ring."`
	Audit     auditCmd     `cmd:"" help:"Check the audit log."`
	Blocklist blocklistCmd `cmd:"" help:"Build the filter of leaked passwords."`
	Config    configCmd    `cmd:"" help:"Check and document the configuration."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// newCommands gives settings to the commands that args name, and to no other: describing some thirty flags for each of them would take longer
// than starting the service.
func newCommands(args []string) *commands {
	c := &commands{}
	for name, all := range map[string][]*settings{
		"serve": {&c.Serve.settings},
		"account": {
			&c.Account.Add.settings, &c.Account.Show.settings, &c.Account.Lock.settings, &c.Account.Unlock.settings,
			&c.Account.SignOut.settings, &c.Account.Delete.settings, &c.Account.List.settings, &c.Account.RequireReset.settings, &c.Account.Reset.settings, &c.Account.ResetLink.settings, &c.Account.RemoveSecondStep.settings, &c.Account.MakeAdmin.settings,
		},
		"server": {&c.Server.List.settings, &c.Server.Free.settings},
		"incident": {
			&c.Incident.Declare.settings, &c.Incident.Status.settings, &c.Incident.List.settings, &c.Incident.Withdraw.settings, &c.Incident.Pause.settings,
			&c.Incident.Resume.settings, &c.Incident.Apply.settings, &c.Incident.Template.settings,
		},
		"client": {
			&c.Client.Add.settings, &c.Client.List.settings, &c.Client.Show.settings, &c.Client.Change.settings, &c.Client.Secret.settings, &c.Client.Remove.settings,
		},
		"invite": {&c.Invite.settings}, "outbox": {&c.Outbox.settings}, "mail": {&c.Mail.Test.settings}, "key": {&c.Key.Rotate.settings},
		"audit": {&c.Audit.Verify.settings}, "config": {&c.Config.Check.settings},
	} {
		if !slices.Contains(args, name) {
			continue
		}
		var shown []string
		switch name {
		case "serve", "config":
		case "mail":
			shown = append(whereabouts(), "smtp_server", "smtp_tls", "smtp_user", "smtp_password", "mail_from", "notice_from")
		default:
			shown = whereabouts()
		}
		for _, s := range all {
			*s = newSettings(shown...)
		}
	}
	if slices.Contains(args, "gate") {
		c.Gate.Run.gateSettings = newGateSettings()
		c.Gate.Claim.gateSettings = newGateSettings("service", "listen", "address", "name", "folder")
		c.Gate.Reopen.gateSettings = newGateSettings("folder")
		c.Gate.Doctor.gateSettings = newGateSettings("service", "upstream", "media", "folder", "listen", "address")
	}
	return c
}

func main() {
	os.Exit(run(os.Args[1:], world{Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: time.Now}))
}

// run parses the command line and runs one command until it is done, or until SIGINT or SIGTERM.
func run(args []string, w world) int {
	exited, helped := false, len(args) == 0
	if helped {
		args = []string{"--help"}
	}
	if !helped && args[0] == "help" {
		args = append(args[1:len(args):len(args)], "--help")
	}
	parser, err := kong.New(newCommands(args), kong.Name("usher"), kong.Description("The account service for media servers that people run themselves."),
		kong.Writers(w.Out, w.Err), kong.Exit(func(int) { exited = true }))
	if err != nil {
		_, _ = fmt.Fprintln(w.Err, "usher:", err)
		return exitFailed
	}
	k, err := parser.Parse(args)
	switch {
	case helped: // there was nothing to do
		return exitUsage
	case exited: // --help
		return exitOK
	}
	if err != nil {
		_, _ = fmt.Fprintf(w.Err, "usher: %v (see %s --help)\n", err, named(err))
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(w); err != nil {
		return complain(w, err)
	}
	return exitOK
}

// named is as much of the command that somebody typed as was understood.
func named(err error) string {
	parse := new(kong.ParseError)
	if errors.As(err, &parse) && parse.Context.Selected() != nil {
		return parse.Context.Selected().FullPath()
	}
	return "usher"
}

func complain(w world, err error) int {
	invalid := new(config.Invalid)
	if errors.As(err, &invalid) {
		_, _ = fmt.Fprintln(w.Err, "usher: the configuration is not right:")
		for _, p := range invalid.Problems {
			_, _ = fmt.Fprintln(w.Err, "  -", p)
		}
		return exitUsage
	}
	_, _ = fmt.Fprintln(w.Err, "usher:", err)
	return exitFailed
}

type versionCmd struct{}

// Run prints the module's version and the commit it was built from, where known.
func (versionCmd) Run(w world) error {
	_, err := fmt.Fprintln(w.Out, "usher", version())
	return err
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return v
}
