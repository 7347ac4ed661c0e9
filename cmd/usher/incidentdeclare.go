package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"usher/internal/audit"
	"usher/internal/incident"
)

type incidentDeclareCmd struct {
	settings
	All    bool   `xor:"whom" required:"" help:"All accounts."`
	List   string `xor:"whom" required:"" type:"existingfile" placeholder:"FILE" help:"The accounts in a file of addresses or user names, one a line."`
	Resume string `xor:"whom" required:"" placeholder:"ID" help:"Go on with a listing that was stopped."`
	Advise bool   `help:"Only recommend a new password: nothing is voided, nobody is signed out."`
	Alone  bool   `help:"Do not wait for a second administrator's word. Every administrator is told."`
	Notice string `type:"existingfile" placeholder:"FILE" help:"What people are told; see template."`
	Yes    bool   `help:"Do not ask whether it is meant."`
}

// Run declares an incident after it was confirmed by typing.
func (c incidentDeclareCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		if err := s.warnOfOrigin(w); err != nil {
			return err
		}
		flow := s.incidents()
		if c.Resume != "" {
			return c.goOn(ctx, w, flow, c.Resume)
		}
		d := incident.Draft{Action: incident.Require, Scope: incident.All, Alone: c.Alone, Notice: flow.Parts()}
		if c.Advise {
			d.Action = incident.Advise
		}
		if c.Notice != "" {
			if err := readNotice(c.Notice, &d.Notice); err != nil {
				return err
			}
		}
		if c.List != "" {
			begun, err := c.readList(ctx, w, flow, &d)
			if err != nil || begun != "" {
				return errors.Join(err, c.goOn(ctx, w, flow, begun))
			}
		}
		return c.declare(ctx, w, flow, d)
	})
}

// readList fills the draft from the list, or returns the incident that was begun with the same one.
func (c incidentDeclareCmd) readList(ctx context.Context, w world, flow *incident.Service, d *incident.Draft) (begun string, err error) {
	f, err := os.Open(c.List)
	if err != nil {
		return "", fmt.Errorf("reading the list: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	named, err := flow.Read(ctx, f)
	if err != nil {
		return "", err
	}
	if i, is, err := flow.Begun(ctx, named.Source); err != nil || is {
		return i.ID, err
	}
	d.Scope, d.Accounts, d.Source = incident.List, named.Accounts, named.Source
	d.Progress = listingBar(w)
	_, err = fmt.Fprintf(w.Out, "Names in the list: %d. Accounts: %d. Names of nobody: %d.\n", named.Names, len(named.Accounts), named.Unknown)
	if named.Unknown > 0 && err == nil {
		_, err = fmt.Fprintf(w.Out, "Lines with names of nobody: %s\n", numbers(named.Lines, named.Unknown))
	}
	return "", err
}

func numbers(lines []int, all int64) string {
	text := make([]string, len(lines))
	for i, n := range lines {
		text[i] = strconv.Itoa(n)
	}
	joined := strings.Join(text, ", ")
	if more := all - int64(len(lines)); more > 0 {
		joined += fmt.Sprintf(" and %d more", more)
	}
	return joined
}

func listingBar(w world) func(done, total int64) {
	bar := &progressBar{out: w.Out, what: "accounts", now: w.Now}
	return bar.show
}

// goOn finishes a listing that was stopped.
func (c incidentDeclareCmd) goOn(ctx context.Context, w world, flow *incident.Service, id string) error {
	if id == "" {
		return nil
	}
	if _, err := fmt.Fprintf(w.Out, "Going on with incident %s, which was begun before.\n", id); err != nil {
		return err
	}
	i, err := flow.Apply(ctx, audit.CLI, id, listingBar(w))
	if err != nil {
		return told(err)
	}
	return report(w, i)
}

func (c incidentDeclareCmd) declare(ctx context.Context, w world, flow *incident.Service, d incident.Draft) error {
	counts, err := flow.Preview(ctx, d)
	if err != nil {
		return told(err)
	}
	if !c.Yes {
		if err := confirm(w, d, counts); err != nil {
			return err
		}
	}
	i, err := flow.Declare(ctx, audit.CLI, d)
	if err != nil {
		return told(err)
	}
	return report(w, i)
}

// confirm has the number of accounts typed, so that whoever declares has read it.
func confirm(w world, d incident.Draft, counts incident.Counts) error {
	what := "Old passwords will open nothing for %s, at once, and everything will be signed out. "
	if d.Action == incident.Advise {
		what = "A new password will be advised to %s. Nothing will be voided, and nobody signed out. "
	}
	_, err := fmt.Fprintf(w.Out, what+"%s Each account gets an e-mail, and one more where there is a second address.\nType the number of accounts to continue: ",
		counted(counts.Accounts), administering(counts.Admins))
	if err != nil {
		return err
	}
	typed, err := bufio.NewReader(w.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the confirmation: %w", err)
	}
	if strings.TrimSpace(typed) != strconv.FormatInt(counts.Accounts, 10) {
		return errors.New("nothing was declared: that is not the number of accounts")
	}
	return nil
}

func report(w world, i incident.Incident) error {
	text := "Declared: incident %s. It holds for %s now. The notices go out while the service runs.\nSee: usher incident status --watch\n"
	switch {
	case i.State == incident.Proposed:
		text = "Proposed: incident %s, for %s. NOTHING HAS HAPPENED YET: a second administrator has 24 hours to give their word under Administration, Incidents.\n" +
			"If it cannot wait, declare it again with --alone.\n"
	case i.Action == incident.Advise:
		text = "Advised: incident %s, for %s. Nothing is voided. The notices go out while the service runs.\n"
	}
	_, err := fmt.Fprintf(w.Out, text, i.ID, counted(i.Covered))
	return err
}

// administering says in a sentence how many of the accounts are administrators'.
func administering(admins int64) string {
	switch admins {
	case 0:
		return "No administrator is among them."
	case 1:
		return "One administrator is among them."
	}
	return strconv.FormatInt(admins, 10) + " administrators are among them."
}
