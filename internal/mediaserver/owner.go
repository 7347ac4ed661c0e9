package mediaserver

import (
	"context"
	"strings"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
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

// Admit puts somebody, by e-mail address or user name, on the list of a server: once, and whether there is such an account is not told. account.ErrBadAddress,
// account.ErrBadUserName, server.ErrNotFound, server.ErrTooMany.
func (s *Service) Admit(ctx context.Context, f credential.Found, serverID, typed string, client device.Client) error {
	read := account.UserNameHandle
	if strings.Contains(typed, "@") {
		read = account.EmailHandle
	}
	label, handle, err := read(typed)
	if err != nil {
		return err
	}
	h, err := s.own(ctx, f.AccountID, serverID)
	if err != nil {
		return err
	}
	now := s.Now()
	act := s.act(audit.GuestAdmitted, f, h.Name, client).With(audit.Guest, label)
	return s.Store.AdmitGuest(ctx, f.AccountID, serverID, server.Guest{ID: id.New(now), Label: label, Handle: handle, Terms: server.Terms{Role: server.Friend}, AddedAt: now, InvitedAt: now}, act)
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
	act := s.act(audit.GuestDismissed, f, h.Name, client)
	for _, g := range all {
		if g.ID == guestID {
			act = act.With(audit.Guest, g.Label)
		}
	}
	return s.Store.DismissGuest(ctx, f.AccountID, serverID, guestID, act)
}
