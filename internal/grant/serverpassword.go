package grant

import (
	"context"
	"slices"
	"time"

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
