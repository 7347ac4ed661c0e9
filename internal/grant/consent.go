package grant

import (
	"context"
	"errors"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/relyingparty"
)

// ConsentStore keeps what people have agreed to.
type ConsentStore interface {
	// FindConsent returns the scopes that an account's owner agreed to for a client; none when there are none.
	FindConsent(ctx context.Context, accountID, clientID string) ([]relyingparty.Scope, error)
	ListConsents(ctx context.Context, accountID string) ([]relyingparty.Consent, error)
	// RevokeConsent forgets a consent and ends everything made by it; ErrNoConsent.
	RevokeConsent(ctx context.Context, accountID, clientID string, act audit.Act) error
}

// ErrNoConsent says that the account's owner has not agreed to anything for this client.
var ErrNoConsent = errors.New("grant: no such consent")

// Allowed is a client that a person lets in.
type Allowed struct {
	relyingparty.Consent
	Client relyingparty.Client
}

// Allowed lists the clients that a person lets in, the newest consent first.
func (s *Service) Allowed(ctx context.Context, f credential.Found) ([]Allowed, error) {
	all, err := s.Store.ListConsents(ctx, f.AccountID)
	if err != nil {
		return nil, err
	}
	var out []Allowed
	for _, c := range all {
		client, err := s.Store.FindClient(ctx, c.ClientID)
		if errors.Is(err, relyingparty.ErrNotFound) { // its consents are on their way out
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Allowed{c, client})
	}
	return out, nil
}

// Revoke takes a consent back: the client is signed out everywhere, and the person is asked again next time. ErrNoConsent.
func (s *Service) Revoke(ctx context.Context, f credential.Found, clientID string, client device.Client) error {
	act := audit.New(s.Now(), audit.AppRemoved, f.AccountID, f.AccountID).From(client)
	if c, err := s.Store.FindClient(ctx, clientID); err == nil {
		act = act.With(audit.App, c.Name)
	}
	return s.Store.RevokeConsent(ctx, f.AccountID, clientID, act)
}
