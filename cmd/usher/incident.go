package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/BurntSushi/toml"

	"usher/internal/audit"
	"usher/internal/incident"
	"usher/internal/notice"
)

type incidentCmd struct {
	Declare  incidentDeclareCmd  `cmd:"" help:"Have passwords reset: they are void at once, and everything is signed out."`
	Status   incidentStatusCmd   `cmd:"" help:"Show how far an incident has come."`
	List     incidentListCmd     `cmd:"" help:"List incidents, newest first."`
	Withdraw incidentWithdrawCmd `cmd:"" help:"Take back an incident that was declared by mistake: old passwords count again, sign-ins stay ended."`
	Pause    incidentPauseCmd    `cmd:"" help:"Keep the notices from going out."`
	Resume   incidentResumeCmd   `cmd:"" help:"Let the notices go out again."`
	Apply    incidentApplyCmd    `cmd:"" help:"Apply incidents again that a restored database lacks, and finish listings that were stopped."`
	Template incidentTemplateCmd `cmd:"" help:"Print a notice to change and to give to declare --notice."`
}

// incidents is the flow of incidents.
func (s *stack) incidents() *incident.Service {
	_, contact, found := strings.Cut(s.cfg.ContactLink(), ":")
	if !found {
		contact = ""
	}
	return &incident.Service{
		Store: s.db, Resolver: s.resolver, Folder: incident.Folder{Path: s.cfg.IncidentsPath()}, Now: s.now,
		Write: func(n notice.Notice) (string, string, error) {
			m, err := s.composer.Render(n.Posted("preview", s.now()))
			return m.Subject, m.Text, err
		},
		Host: s.cfg.OriginURL().Host, Contact: strings.TrimPrefix(strings.TrimPrefix(contact, "//"), "www."),
	}
}

// halfListed complains about an incident whose listing was stopped: some of the accounts that it names are not covered.
func (s *stack) halfListed(ctx context.Context) error {
	some, err := s.incidents().Unfinished(ctx)
	if err != nil || len(some) == 0 {
		return err
	}
	return fmt.Errorf("incident %s covers only a part of its list: finish it with usher incident apply", some[0].ID)
}

// warnOfOrigin says on the error output that nobody set the address which the notices name: a command does not know with which settings the
// service runs.
func (s *stack) warnOfOrigin(w world) error {
	if !s.cfg.OriginIsDefault() {
		return nil
	}
	_, err := fmt.Fprintf(w.Err, "usher: warning: origin is not set, so people would be told to type %s. Where the service has another address, give this command the service’s "+
		"settings: the same flags, the same usher.toml, or the same USHER_ variables.\n", s.cfg.OriginURL().Host)
	return err
}

// counted is a number of accounts in words.
func counted(accounts int64) string {
	if accounts == 1 {
		return "1 account"
	}
	return strconv.FormatInt(accounts, 10) + " accounts"
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

// told says an error of the flow in words for a shell.
func told(err error) error {
	wrong := new(incident.NoticeError)
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return errors.New("there is no such incident: see usher incident list")
	case errors.Is(err, incident.ErrNobody):
		return errors.New("nothing was declared: no name in the list belongs to an account")
	case errors.Is(err, incident.ErrState):
		return errors.New("this incident is not in a state for that: see usher incident status")
	case errors.As(err, &wrong):
		all := []error{errors.New("nothing was declared: the notice cannot be sent")}
		for _, one := range wrong.Parts {
			all = append(all, one)
		}
		return errors.Join(all...)
	}
	return err
}

type incidentTemplateCmd struct{ settings }

// Run prints the first words of a notice.
func (c incidentTemplateCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		if err := s.warnOfOrigin(w); err != nil {
			return err
		}
		p := s.incidents().Parts()
		_, err := fmt.Fprintln(w.Out, "# What people are told about an incident. Plain text, an empty line between paragraphs, no links. Parts that you leave out keep these words.")
		for _, part := range p.List() {
			need := ""
			if part.Required {
				need = " (needed)"
			}
			if err == nil {
				_, err = fmt.Fprintf(w.Out, "\n# %s%s\n%s = \"\"\"\n%s\"\"\"\n", part.Title, need, part.Key, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(part.Text))
			}
		}
		return err
	})
}

// readNotice reads a file as template prints it.
func readNotice(path string, p *notice.Parts) error {
	var parts map[string]string
	raw, err := os.ReadFile(path)
	if err == nil {
		_, err = toml.NewDecoder(bytes.NewReader(raw)).Decode(&parts)
	}
	if err != nil {
		return fmt.Errorf("reading the notice %s: %w", path, err)
	}
	for key, text := range parts {
		into := p.At(key)
		if into == nil {
			return fmt.Errorf("reading the notice %s: there is no part %q (see usher incident template)", path, key)
		}
		*into = strings.TrimSpace(text)
	}
	return nil
}

type incidentListCmd struct{ settings }

// Run prints every incident.
func (c incidentListCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		t := tabwriter.NewWriter(w.Out, 0, 4, 2, ' ', 0)
		for before := ""; ; {
			page, next, err := s.incidents().List(ctx, before)
			if err != nil {
				return err
			}
			for _, i := range page {
				what := "New passwords required"
				if i.Action == incident.Advise {
					what = "New passwords advised"
				}
				_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, what, whom[i.Scope], i.Stands(s.now()).Word(), counted(i.Covered), moment(i.CreatedAt))
			}
			if before = next; before == "" {
				return t.Flush()
			}
		}
	})
}

// whom an incident covers, in words.
var whom = map[incident.Scope]string{incident.All: "all accounts", incident.List: "the accounts of a list"}

// one names an incident; without a name it is the newest.
type oneIncident struct {
	ID string `arg:"" help:"Number of the incident, as list prints it."`
}

type incidentWithdrawCmd struct {
	settings
	oneIncident
}

// Run withdraws the incident.
func (c incidentWithdrawCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		if err := s.incidents().Withdraw(ctx, audit.CLI, c.ID); err != nil {
			return told(err)
		}
		_, err := fmt.Fprintf(w.Out, "Withdrawn: incident %s. Old passwords count again; sign-ins stay ended.\n", c.ID)
		return err
	})
}

type incidentPauseCmd struct {
	settings
	oneIncident
}

// Run pauses the notices.
func (c incidentPauseCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		if err := s.incidents().Pause(ctx, audit.CLI, c.ID); err != nil {
			return told(err)
		}
		_, err := fmt.Fprintf(w.Out, "Paused: incident %s. What is in the queue still goes out, at most some hundreds.\n", c.ID)
		return err
	})
}

type incidentResumeCmd struct {
	settings
	oneIncident
}

// Run lets the notices go out again.
func (c incidentResumeCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		if err := s.incidents().Resume(ctx, audit.CLI, c.ID); err != nil {
			return told(err)
		}
		_, err := fmt.Fprintf(w.Out, "The notices of incident %s go out again.\n", c.ID)
		return err
	})
}

type incidentApplyCmd struct{ settings }

// Run applies what stands beside the key ring and is missing in the database, or half done.
func (c incidentApplyCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		flow := s.incidents()
		missing, err := flow.Missing(ctx)
		if err != nil {
			return err
		}
		unfinished, err := flow.Unfinished(ctx)
		if err != nil {
			return err
		}
		all := slices.Concat(missing, unfinished)
		if len(all) == 0 {
			_, err := fmt.Fprintln(w.Out, "Nothing to apply: the database has every incident beside the key ring.")
			return err
		}
		for _, i := range all {
			done, err := flow.Apply(ctx, audit.CLI, i.ID, listingBar(w))
			if err != nil {
				return told(err)
			}
			if _, err := fmt.Fprintf(w.Out, "Applied: incident %s, for %s.\n", done.ID, counted(done.Covered)); err != nil {
				return err
			}
		}
		return nil
	})
}
