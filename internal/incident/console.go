package incident

import (
	"context"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/secret"
)

// Resolver resolves what a browser presents.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
}

// Console resolves the ticket of a browser that declared an incident. Its subject is the incident.
func (s *Service) Console(ctx context.Context, token secret.Token) (credential.Found, account.Account, error) {
	f, err := s.Resolver.Resolve(ctx, credential.Console, token)
	if err != nil {
		return f, account.Account{}, err
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	return f, a, err
}
