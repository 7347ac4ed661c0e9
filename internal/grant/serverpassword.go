package grant

import (
	"context"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
)

// kindAppPassword is the token_type of an app password of a media server. It is registered nowhere: the password is shown as one, and never as a token.
const kindAppPassword = "app_password"

// passwordStatus tells a media server who shows an app password of it. No password hash is computed, and nothing counts against anybody: it is found, or it is
// not, and there are 140 bits to guess.
func (s *Service) passwordStatus(ctx context.Context, c relyingparty.Client, password secret.Token) (Status, error) {
	now := s.Now()
	var v server.Visit
	f, err := s.Resolver.ResolveWith(ctx, credential.ServerPassword, password, func(ctx context.Context, _ credential.Kind, password secret.Token) (_ credential.Found, err error) {
		v, err = s.Store.FindPasswordVisit(ctx, c.ID, password, now)
		return v.Parent, err
	})
	if credential.IsDead(err) {
		return Status{}, nil
	}
	if err != nil {
		return Status{}, err
	}
	if v.Held.Standing(now).State != server.Good || !mayPlay(v, f.CreatedAt) {
		return Status{}, nil
	}
	// Where it is used is where the media server is: it says nothing of where anybody is.
	f.NoteUse(s.Touches, now, func() device.Client { return device.Client{} })
	ends := []time.Time{now.Add(credential.Rules[credential.ServerAccess].Life), f.DeviceUsedAt.Add(credential.Rules[f.Kind].Idle), f.ExpiresAt} // asked daily, its last use is known to a day
	if !v.EndsAt.IsZero() {
		ends = append(ends, v.EndsAt)
	}
	told := s.told(v)
	told.Kind, told.Scope, told.IssuedAt = kindAppPassword, f.Detail, f.CreatedAt.Unix()
	told.Expires = slices.MinFunc(ends, time.Time.Compare).Unix()
	return told, nil
}

// typedFor is how long a media server counts what was typed there, unless it is told something else before.
const typedFor = 15 * time.Minute

// Typed is what a media server is told about somebody who typed the account's own password there, on the terms on which they are let in: as of a visitor, and of
// nothing that is kept here, so there is no sid.
func (s *Service) Typed(ctx context.Context, serverID string, who account.Account, on server.Terms) (Status, error) {
	agreed, err := s.Store.FindConsent(ctx, who.ID, serverID)
	if err != nil {
		return Status{}, err
	}
	now := s.Now()
	told := s.told(server.Visit{Person: who, Group: on.Role, Agreed: agreed, Held: server.Held{Server: server.Server{ID: serverID}}})
	told.Groups, told.IssuedAt, told.Expires = []server.Group{on.Role}, now.Unix(), now.Add(typedFor).Unix() // its owner has just shown to be there
	if !on.EndsAt.IsZero() {
		told.Expires = min(told.Expires, on.EndsAt.Unix())
	}
	return told, nil
}
