package mediaserver

import (
	"context"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/server"
)

// Unclaim makes a server of who is signed in nobody's. server.ErrNotFound.
func (s *Service) Unclaim(ctx context.Context, f credential.Found, who account.Account, id string, client device.Client) error {
	h, err := s.own(ctx, f.AccountID, id)
	if err != nil {
		return err
	}
	return s.unclaim(ctx, h, who, s.act(audit.ServerUnclaimed, f, h.Name, client), client)
}

func (s *Service) unclaim(ctx context.Context, h server.Held, owner account.Account, act audit.Act, client device.Client) error {
	act = act.Warn(owner, client, func(to, name string, e notice.Event) notice.Notice {
		return notice.ServerUnclaimed(to, name, e, h.Name)
	})
	return s.Store.UnclaimServer(ctx, h.AccountID, h.ID, act)
}

// Free makes a suspended server nobody's by the word of an administrator, whose account's id, or audit.CLI, actor is: its owner has lost the account, or it
// was given away. One that is in use is its owner's to give up. server.ErrNotFound, server.ErrStands.
func (s *Service) Free(ctx context.Context, actor, accountID, id string, client device.Client) error {
	h, err := s.own(ctx, accountID, id)
	if err != nil {
		return err
	}
	if h.Standing(s.Now()).State != server.Suspended {
		return server.ErrStands
	}
	return s.free(ctx, h, actor, client)
}

// Leave makes a server nobody's by its own word. server.ErrNotFound.
func (s *Service) Leave(ctx context.Context, id string, client device.Client) error {
	h, err := s.Store.FindServer(ctx, id)
	if err != nil {
		return err
	}
	return s.free(ctx, h, "", client)
}

// free tells the owner, who is not there. Whoever sits at the administrator's or the server's end is no device of the owner's.
func (s *Service) free(ctx context.Context, h server.Held, actor string, client device.Client) error {
	owner, err := s.Store.LoadAccount(ctx, h.AccountID)
	if err != nil {
		return err
	}
	act := audit.New(s.Now(), audit.ServerUnclaimed, actor, h.AccountID).From(client).With(audit.Device, h.Name)
	return s.unclaim(ctx, h, owner, act, device.Client{})
}
