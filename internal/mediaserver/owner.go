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
	all, err := s.Guests(ctx, f, serverID)
	if err != nil {
		return err
	}
	h, err := s.own(ctx, f.AccountID, serverID)
	if err != nil {
		return err
	}
	act := s.act(audit.GuestDismissed, f, h.Name, client).With(audit.Guest, labelOf(all, guestID))
	return s.Store.DismissGuest(ctx, f.AccountID, serverID, guestID, act)
}

// Change lets somebody on the list of a server in as something else, or until another day. ErrEnd, server.ErrNotFound.
func (s *Service) Change(ctx context.Context, f credential.Found, serverID, guestID string, to server.Terms, client device.Client) error {
	if err := s.checkEnd(to); err != nil {
		return err
	}
	all, err := s.Guests(ctx, f, serverID)
	if err != nil {
		return err
	}
	h, err := s.own(ctx, f.AccountID, serverID)
	if err != nil {
		return err
	}
	act := s.act(audit.GuestChanged, f, h.Name, client).With(audit.Guest, labelOf(all, guestID))
	return s.Store.ChangeGuest(ctx, f.AccountID, serverID, guestID, to, act)
}

// labelOf is what the owner typed for a line of a list.
func labelOf(all []server.Guest, guestID string) string {
	i := slices.IndexFunc(all, func(g server.Guest) bool { return g.ID == guestID })
	if i < 0 {
		return ""
	}
	return all[i].Label
}
