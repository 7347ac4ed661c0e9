package mediaserver

import (
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/relyingparty"
	"usher/internal/server"
)

// Shared is a server that an account may use, or where it was invited.
type Shared struct {
	Kept
	Owner string // user name of who shares it; empty where they have chosen none, and for the account's own
	server.Terms
}

// ListShared returns the servers of others where who is signed in has come in by the list and is let in, the one claimed first at the top.
func (s *Service) ListShared(ctx context.Context, f credential.Found) ([]Shared, error) {
	found, err := s.Store.ListShared(ctx, f.AccountID, s.Now())
	all := make([]Shared, len(found))
	for i, one := range found {
		all[i] = s.shared(one)
	}
	return all, err
}

// Find returns a server that who is signed in owns, then the role is server.Owner, or where they have come in by the list and are let in. server.ErrNotFound.
func (s *Service) Find(ctx context.Context, f credential.Found, id string) (Shared, error) {
	kept, err := s.Show(ctx, f, id)
	if err == nil {
		return Shared{Kept: kept, Terms: server.Terms{Role: server.Owner}}, nil
	}
	if !errors.Is(err, server.ErrNotFound) {
		return Shared{}, err
	}
	return s.Shared(ctx, f, id)
}

// Shared returns a server of somebody else's where who is signed in has come in by the list and is let in. server.ErrNotFound.
func (s *Service) Shared(ctx context.Context, f credential.Found, id string) (Shared, error) {
	one, err := s.Store.FindShared(ctx, f.AccountID, id, s.Now())
	if err != nil {
		return Shared{}, err
	}
	return s.shared(one), nil
}

// Invitations returns the servers that wait for who is signed in to come in, unless they said no.
func (s *Service) Invitations(ctx context.Context, who account.Account) ([]Shared, error) {
	found, err := s.Store.ListInvitations(ctx, who, s.Now())
	all := make([]Shared, len(found))
	for i, one := range found {
		all[i] = s.shared(one)
	}
	return all, err
}

// Invitation returns a server where who is signed in can come in. server.ErrNotFound, whatever is in the way.
func (s *Service) Invitation(ctx context.Context, who account.Account, id string) (Shared, error) {
	one, err := s.Store.FindInvitation(ctx, id, who, s.Now())
	if err != nil {
		return Shared{}, err
	}
	return s.shared(one), nil
}

// Told is what a server learns of somebody who comes in by an invitation, as of one who signs in at its own page.
func Told() []relyingparty.Scope {
	return []relyingparty.Scope{relyingparty.OpenID, relyingparty.Profile, relyingparty.Email}
}

// Accept lets who is signed in come in at a server, which may know then who they are. server.ErrNotFound, also when another account came by the same line at this
// moment; *ratelimit.LimitedError.
func (s *Service) Accept(ctx context.Context, f credential.Found, who account.Account, id string, client device.Client) error {
	one, err := s.Invitation(ctx, who, id)
	if err != nil {
		return err
	}
	address, err := who.ProvedAddress()
	if err != nil {
		return err
	}
	return s.Store.AcceptInvitation(ctx, id, server.Acceptance{AccountID: who.ID, Address: address, Scopes: Told()}, s.act(audit.ServerJoined, f, one.Name, client))
}

// Decline has a server wait for who is signed in no more. Nobody is told. server.ErrNotFound.
func (s *Service) Decline(ctx context.Context, f credential.Found, who account.Account, id string, client device.Client) error {
	one, err := s.Invitation(ctx, who, id)
	if err != nil {
		return err
	}
	return s.Store.DeclineInvitation(ctx, id, who, s.act(audit.ServerDeclined, f, one.Name, client))
}

// LeaveShared ends that who is signed in is let in at a server of somebody else's, and signs them out there. server.ErrNotFound.
func (s *Service) LeaveShared(ctx context.Context, f credential.Found, id string, client device.Client) error {
	one, err := s.Shared(ctx, f, id)
	if err != nil {
		return err
	}
	return s.Store.LeaveServer(ctx, f.AccountID, id, s.act(audit.ServerLeft, f, one.Name, client))
}

func (s *Service) shared(one server.Shared) Shared {
	return Shared{Kept{one.Server, one.Standing(s.Now())}, one.Owner, one.Terms}
}
