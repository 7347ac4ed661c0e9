package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"usher/internal/incident"
)

type incidentStatusCmd struct {
	settings
	ID    string `arg:"" optional:"" help:"Number of the incident; the newest when it is left out."`
	Watch bool   `help:"Go on showing it, every second, until Ctrl-C."`
	Who   bool   `help:"List who has not chosen a new password."`
}

// Run shows how far an incident has come.
func (c incidentStatusCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		flow := s.incidents()
		if c.ID == "" {
			newest, err := flow.Newest(ctx)
			if err != nil {
				return told(err)
			}
			c.ID = newest.ID
		}
		p, err := flow.Status(ctx, c.ID)
		if err != nil {
			return told(err)
		}
		if err := heading(w, s, p); err != nil {
			return err
		}
		if c.Watch {
			return watch(ctx, w, flow, p)
		}
		if _, err := fmt.Fprintln(w.Out, segments(p)); err != nil {
			return err
		}
		if !c.Who || p.Epoch == 0 {
			return nil
		}
		return whoWaits(ctx, w, flow, p.Incident)
	})
}

func heading(w world, s *stack, p incident.Progress) error {
	what := "a new password is required of "
	if p.Action == incident.Advise {
		what = "a new password is advised to "
	}
	_, err := fmt.Fprintf(w.Out, "Incident %s: %s%s. State: %s.\n", p.ID, what, whom[p.Scope], p.Stands(s.now()).Word())
	if err == nil && !p.DeclaredAt.IsZero() {
		_, err = fmt.Fprintf(w.Out, "Declared %s, %s ago.\n", moment(p.DeclaredAt), s.now().Sub(p.DeclaredAt).Round(time.Second))
	}
	return err
}

// segments draws how many have a new password (#), were told and have none (=), and were not told (.).
func segments(p incident.Progress) string {
	const width = 40
	total := max(1, p.Covered)
	back := int(min(p.Back(), total) * width / total)
	told := int(min(max(p.Mailed, p.Back()), total) * width / total)
	bar := strings.Repeat("#", back) + strings.Repeat("=", max(0, told-back)) + strings.Repeat(".", width-max(back, told))
	return fmt.Sprintf("[%s] covered %d, told %d, new password %d, not yet %d", bar, p.Covered, p.Mailed, p.Back(), p.Waiting)
}

func watch(ctx context.Context, w world, flow *incident.Service, p incident.Progress) error {
	longest := 0
	for {
		line := segments(p)
		longest = max(longest, len(line))
		if _, err := fmt.Fprintf(w.Out, "\r%-*s", longest, line); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			_, err := fmt.Fprintln(w.Out)
			return err
		case <-time.After(time.Second):
		}
		next, err := flow.Status(ctx, p.ID)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			p = next
		}
	}
}

// whoWaits prints everybody who has not chosen a new password, a page at a time.
func whoWaits(ctx context.Context, w world, flow *incident.Service, i incident.Incident) error {
	for after := ""; ; {
		page, next, err := flow.Who(ctx, i, after)
		if err != nil {
			return err
		}
		for _, a := range page {
			if _, err := fmt.Fprintf(w.Out, "%s  %s  %s\n", a.ID, a.Email, a.UserName); err != nil {
				return err
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}
