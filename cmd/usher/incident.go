package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

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
