package mediaserver

import (
	"context"
	"slices"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/server"
)

// ConfirmAddress notes that the owner of a server says it is at an address, which the server has named or the owner has typed: people may come back there after
// signing in. server.ErrAddress, server.ErrNotFound, server.ErrTooMany.
func (s *Service) ConfirmAddress(ctx context.Context, f credential.Found, id, typed string, client device.Client) error {
	address, err := server.ReadAddress(typed)
	if err != nil {
		return err
	}
	h, err := s.own(ctx, f.AccountID, id)
	if err != nil {
		return err
	}
	return s.Store.ConfirmAddress(ctx, f.AccountID, id, address, s.act(audit.ServerAddressOn, f, h.Name, client))
}

// RemoveAddress forgets an address of a server. server.ErrNotFound.
func (s *Service) RemoveAddress(ctx context.Context, f credential.Found, id, address string, client device.Client) error {
	h, err := s.own(ctx, f.AccountID, id)
	if err != nil {
		return err
	}
	return s.Store.RemoveAddress(ctx, f.AccountID, id, address, s.act(audit.ServerAddressOff, f, h.Name, client))
}

// Guests lists whom the owner of a server lets in besides. server.ErrNotFound.
func (s *Service) Guests(ctx context.Context, f credential.Found, id string) ([]server.Guest, error) {
	return s.Store.ListGuests(ctx, f.AccountID, id)
}

// Dismiss takes somebody off the list of a server, and signs whoever came by it out there. server.ErrNotFound.
func (s *Service) Dismiss(ctx context.Context, f credential.Found, serverID, guestID string, client device.Client) error {
	act, err := s.actOn(ctx, audit.GuestDismissed, f, serverID, guestID, client)
	if err != nil {
		return err
	}
	return s.Store.DismissGuest(ctx, f.AccountID, serverID, guestID, act)
}

// Change lets somebody on the list of a server in as something else, or until another day. ErrEnd, server.ErrNotFound.
func (s *Service) Change(ctx context.Context, f credential.Found, serverID, guestID string, to server.Terms, client device.Client) error {
	if err := s.checkEnd(to); err != nil {
		return err
	}
	act, err := s.actOn(ctx, audit.GuestChanged, f, serverID, guestID, client)
	if err != nil {
		return err
	}
	return s.Store.ChangeGuest(ctx, f.AccountID, serverID, guestID, to, act)
}

// actOn is what an owner does with a line of a server's list, which is recorded by what they typed there. server.ErrNotFound.
func (s *Service) actOn(ctx context.Context, action audit.Action, f credential.Found, serverID, guestID string, client device.Client) (audit.Act, error) {
	all, err := s.Guests(ctx, f, serverID)
	if err != nil {
		return audit.Act{}, err
	}
	i := slices.IndexFunc(all, func(g server.Guest) bool { return g.ID == guestID })
	if i < 0 {
		return audit.Act{}, server.ErrNotFound
	}
	h, err := s.own(ctx, f.AccountID, serverID)
	return s.act(action, f, h.Name, client).With(audit.Guest, all[i].Label), err
}
