package mediaserver

import (
	"context"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/server"
)

// MostPasswords is how many app passwords of servers an account may have, of all servers together.
const MostPasswords = 50

// PasswordStore keeps app passwords of servers: each is a device of its own.
type PasswordStore interface {
	AddServerPassword(ctx context.Context, s credential.SignIn, act audit.Act) error
	LetType(ctx context.Context, accountID, id string, typed server.Typed, act audit.Act) error
}

// NewPassword is what somebody says about an app password of a server.
type NewPassword struct {
	Name string // which app it is for
	// Detail is credential.Directory, or nothing.
	Detail string
}

// MakePassword makes an app password of a server, where it counts and nowhere else, and returns it, this once. Only the server's owner makes one by which
// people may be looked up. credential.ErrStale, credential.ErrNoName, account.ErrBadName, server.ErrNotFound, device.ErrTooMany.
func (s *Service) MakePassword(ctx context.Context, f credential.Found, serverID string, n NewPassword, client device.Client) (secret.Token, error) {
	in, err := credential.NewAppPassword(f, credential.ServerPassword, n.Name, client, s.Now())
	if err != nil {
		return secret.Token{}, err
	}
	k, err := s.Find(ctx, f, serverID)
	if err == nil && n.Detail != "" && k.Role != server.Owner {
		err = server.ErrNotFound
	}
	if err != nil {
		return secret.Token{}, err
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return secret.Token{}, err
	}
	in.Most, in.Subject, in.Detail = MostPasswords, k.ID, n.Detail
	in.Device.Product, in.Device.Server = "App password of "+k.Name, k.ID
	act := s.act(audit.AppPasswordMade, f, in.Device.Name, client).With(audit.Reason, "of a server")
	act = act.Warn(a, client, func(to, called string, e notice.Event) notice.Notice {
		return notice.AppPasswordMade(to, called, e, notice.AppPassword{Name: in.Device.Name, Server: k.Name, People: n.Detail == credential.Directory})
	})
	return in.Token, s.Store.AddServerPassword(ctx, in, act)
}

// LetType says what people may type at a server of who is signed in. credential.ErrNoPassword, credential.ErrStale, server.ErrNotFound.
func (s *Service) LetType(ctx context.Context, f credential.Found, id string, typed server.Typed, client device.Client) error {
	if err := f.CheckProof(s.Now()); err != nil {
		return err
	}
	h, err := s.own(ctx, f.AccountID, id)
	if err != nil {
		return err
	}
	action := audit.ServerTypesOff
	if typed == server.AccountPasswords {
		action = audit.ServerTypesOn
	}
	return s.Store.LetType(ctx, f.AccountID, id, typed, s.act(action, f, h.Name, client))
}
