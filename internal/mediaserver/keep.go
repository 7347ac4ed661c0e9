package mediaserver

import (
	"context"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/server"
)

// Kept is a server with how it stands.
type Kept struct {
	server.Server
	Standing server.Standing
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

// SignOut suspends one server of who is signed in, and nothing else. server.ErrNotFound, also when it was signed out alone already.
func (s *Service) SignOut(ctx context.Context, f credential.Found, id string, client device.Client) error {
	h, err := s.own(ctx, f.AccountID, id)
	if err != nil {
		return err
	}
	return s.Store.SignOutServer(ctx, f.AccountID, id, s.act(audit.ServerSignedOut, f, h.Name, client))
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
	return s.Store.DescribeServer(ctx, h.AccountID, id, f)
}

// Visited notes when accounts were at a server last, as it tells: at the latest now.
func (s *Service) Visited(ctx context.Context, id string, visits map[string]time.Time) error {
	if len(visits) == 0 {
		return nil
	}
	now := s.Now()
	for who, at := range visits {
		if at.After(now) {
			visits[who] = now
		}
	}
	return s.Store.NoteVisits(ctx, id, visits)
}
