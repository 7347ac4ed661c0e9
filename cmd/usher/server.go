package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/device"
	"usher/internal/server"
)

type serverCmd struct {
	List serverListCmd `cmd:"" help:"List the media servers of an account."`
	Free serverFreeCmd `cmd:"" help:"Make a suspended media server nobody's, so that whoever is beside it can claim it. Its owner is told."`
}

type serverListCmd struct {
	settings
	who
}

// Run prints each server with its number.
func (c serverListCmd) Run(ctx context.Context, w world) error {
	return c.onAccount(ctx, w, c.Who, "", func(s *stack, _ *admin.Service, a account.Account) error {
		return listServers(ctx, s, w.Out, a.ID)
	})
}

func listServers(ctx context.Context, s *stack, out io.Writer, accountID string) error {
	all, err := s.servers().ListOf(ctx, accountID)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, k := range all {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s %s\tclaimed %s\tseen %s\n", k.ID, k.Name, k.Standing.State, k.Standing.Reason, moment(k.ClaimedAt), moment(k.SeenAt))
	}
	return t.Flush()
}

type serverFreeCmd struct {
	settings
	ID string `arg:"" help:"Number of the server, from 'usher server list WHO'."`
}

// Run frees the server as an administrator does.
func (c serverFreeCmd) Run(ctx context.Context, w world) error {
	return c.onService(ctx, w, func(s *stack) error {
		freed, err := freeServer(ctx, s, c.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.Out, "Free: %s\n", freed.Name)
		return err
	})
}

func freeServer(ctx context.Context, s *stack, id string) (server.Server, error) {
	found, err := s.servers().Itself(ctx, id)
	if err == nil {
		err = s.servers().Free(ctx, audit.CLI, found.AccountID, id, device.Client{})
	}
	switch {
	case errors.Is(err, server.ErrNotFound):
		err = fmt.Errorf("there is no server %q", id)
	case errors.Is(err, server.ErrStands):
		err = fmt.Errorf("%w: it is its owner's to give up. Where that person is gone, lock the account first ('usher account lock')", server.ErrStands)
	}
	return found, err
}
