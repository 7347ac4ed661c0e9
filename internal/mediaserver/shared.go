package mediaserver

import (
	"context"
	"errors"

	"usher/internal/credential"
	"usher/internal/server"
)

// Shared is a server that an account may use.
type Shared struct {
	Kept
	Owner string // user name of whoever shares it; empty for the account's own, and where the owner has chosen none
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
	one, err := s.Store.FindShared(ctx, f.AccountID, id, s.Now())
	if err != nil {
		return Shared{}, err
	}
	return s.shared(one), nil
}

func (s *Service) shared(one server.Shared) Shared {
	return Shared{Kept{one.Server, one.Standing(s.Now())}, one.Owner, one.Terms}
}
