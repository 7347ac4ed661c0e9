package mediaserver

import (
	"context"
	"slices"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/server"
)

// Kept is a server with how it stands.
type Kept struct {
	server.Server
	Standing server.Standing
}

// Waiting counts the servers that are suspended until their owner brings them back.
func Waiting(all []Kept) (n int) {
	for _, k := range all {
		if k.Standing.State == server.Suspended {
			n++
		}
	}
	return n
}

// settles is how long a claimed server is brought back by itself only: whoever was in the account before its owner signed everything out may have added it.
const settles = 7 * 24 * time.Hour

// settled reports whether a server may be brought back together with others.
func (k Kept) settled(now time.Time) bool { return now.Sub(k.ClaimedAt) >= settles }

// Settled counts those of Waiting that BringAllBack brings back.
func Settled(all []Kept, now time.Time) (n int) {
	for _, k := range all {
		if k.Standing.State == server.Suspended && k.settled(now) {
			n++
		}
	}
	return n
}

// List returns the servers of who is signed in, with a key of their own, the one claimed first at the top.
func (s *Service) List(ctx context.Context, f credential.Found) ([]Kept, error) {
	return s.ListOf(ctx, f.AccountID)
}

// ListOf is List of whatever account, for an administrator.
func (s *Service) ListOf(ctx context.Context, accountID string) ([]Kept, error) {
	held, err := s.Store.ListServers(ctx, accountID)
	all := make([]Kept, len(held))
	for i, h := range held {
		all[i] = Kept{h.Server, h.Standing(s.Now())}
	}
	return all, err
}

// Show returns one server of who is signed in. server.ErrNotFound.
func (s *Service) Show(ctx context.Context, f credential.Found, id string) (Kept, error) {
	h, err := s.own(ctx, f.AccountID, id)
	return Kept{h.Server, h.Standing(s.Now())}, err
}

// own returns a server of an account. server.ErrNotFound.
func (s *Service) own(ctx context.Context, accountID, id string) (server.Held, error) {
	h, err := s.Store.FindServer(ctx, id)
	if err == nil && h.AccountID != accountID {
		return server.Held{}, server.ErrNotFound
	}
	return h, err
}

// act is what somebody who is signed in does with a server of theirs.
func (s *Service) act(action audit.Action, f credential.Found, name string, client device.Client) audit.Act {
	return audit.New(s.Now(), action, f.AccountID, f.AccountID).From(client).With(audit.Device, name)
}

// BringBack lets a suspended server in again, by the word of its owner, who has signed in since; one that is not suspended is left alone. Nothing else about it
// changes. server.ErrNotFound.
func (s *Service) BringBack(ctx context.Context, f credential.Found, who account.Account, id string, client device.Client) error {
	kept, err := s.Show(ctx, f, id)
	if err != nil {
		return err
	}
	return s.bringBack(ctx, f, who, []Kept{kept}, client)
}

// BringAllBack is BringBack for every suspended server of who is signed in that was claimed at least a week ago, all of them or none; it returns how many others
// wait still.
func (s *Service) BringAllBack(ctx context.Context, f credential.Found, who account.Account, client device.Client) (left int, err error) {
	all, err := s.List(ctx, f)
	if err != nil {
		return 0, err
	}
	now := s.Now()
	left = Waiting(all) - Settled(all, now)
	all = slices.DeleteFunc(all, func(k Kept) bool { return !k.settled(now) })
	return left, s.bringBack(ctx, f, who, all, client)
}

func (s *Service) bringBack(ctx context.Context, f credential.Found, who account.Account, some []Kept, client device.Client) error {
	var ids, names []string
	for _, k := range some {
		if k.Standing.State == server.Suspended {
			ids, names = append(ids, k.ID), append(names, k.Name)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	called := strings.Join(names, ", ")
	act := s.act(audit.ServerBack, f, called, client).Warn(who, client, func(to, name string, e notice.Event) notice.Notice {
		return notice.ServersBack(to, name, e, called)
	})
	return s.Store.BringServersBack(ctx, f.AccountID, ids, credential.StampNow(f.Clock, f.Account), act)
}

// SignOut suspends one server of who is signed in, and nothing else. server.ErrNotFound, also when it was signed out alone already.
func (s *Service) SignOut(ctx context.Context, f credential.Found, id string, client device.Client) error {
	h, err := s.own(ctx, f.AccountID, id)
	if err != nil {
		return err
	}
	return s.Store.SignOutServer(ctx, f.AccountID, id, s.act(audit.ServerSignedOut, f, h.Name, client))
}

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

// Itself returns a server to itself. server.ErrNotFound.
func (s *Service) Itself(ctx context.Context, id string) (server.Server, error) {
	h, err := s.Store.FindServer(ctx, id)
	return h.Server, err
}

// Describe writes what a server says about itself, where that is something new; that it was heard of is written by whoever looked at its token.
// server.ErrNotFound, limits.
func (s *Service) Describe(ctx context.Context, id string, says ByKey) error {
	h, err := s.Store.FindServer(ctx, id)
	if err != nil {
		return err
	}
	f := facts(says)
	if says.Name == "" {
		f.Name = ""
	}
	if !h.Changed(f) {
		return nil
	}
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.ServerWords.For(id)}, s.Now()); err != nil {
		return err
	}
	return s.Store.DescribeServer(ctx, h.AccountID, id, f, s.Now())
}
