package grant

import (
	"context"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// Presented is what a client shows in one request: its secret, and of the grant that it speaks of what a token of it knows. What was not shown is empty.
type Presented struct {
	Secret secret.Token
	Family secret.Token // the first half of a refresh token
	Grant  string       // the hash that an access token names
}

// Proven is the client that a secret belongs to, and the grant that was looked for besides.
type Proven struct {
	Secret credential.Found
	Client relyingparty.Client
	Grant  credential.Found // zero when there is none
	Person account.Account  // the grant's
}

// finding finds the grant of a presented token, which the resolver is still to judge. credential.ErrUnknown.
type finding func(ctx context.Context, shown Presented) (credential.Found, account.Account, error)

// present is Authenticate for a client that shows a token besides, and returns how the token's grant is found: together with a secret it was asked for
// already, so that the whole request is one question. *Refusal.
func (s *Service) present(ctx context.Context, p Proof, token secret.Token) (relyingparty.Client, finding, error) {
	if !p.bySecret() {
		c, err := s.Authenticate(ctx, p)
		return c, s.findGrant, err
	}
	shown := Presented{}
	if token.WellFormed() {
		shown.Family = half(token)
	} else if c, err := s.openAccess(token); err == nil {
		shown.Grant = c.Text("sid")
	}
	in, err := s.proved(ctx, p, shown)
	return in.Client, in.found, err
}

// proved finds a client by the secret that it shows, and the grant that it speaks of, in one question.
func (s *Service) proved(ctx context.Context, p Proof, shown Presented) (in Proven, err error) {
	_, err = s.Resolver.ResolveWith(ctx, credential.ClientSecret, p.Secret, func(ctx context.Context, _ credential.Kind, token secret.Token) (_ credential.Found, err error) {
		shown.Secret = token
		in, err = s.Store.FindClientBySecret(ctx, shown)
		return in.Secret, err
	})
	way := map[bool]relyingparty.Auth{true: relyingparty.Basic, false: relyingparty.Post}[p.Header]
	if credential.IsDead(err) || err == nil && (in.Client.ID != p.ID || in.Client.Auth != way) {
		err = errClient()
	}
	if err != nil {
		return Proven{}, err
	}
	return in, nil
}

// found is the finding of a grant that was looked for already.
func (in Proven) found(context.Context, Presented) (credential.Found, account.Account, error) {
	if in.Grant.Hash == "" {
		return credential.Found{}, account.Account{}, credential.ErrUnknown
	}
	return in.Grant, in.Person, nil
}

// findGrant is the finding of a grant by a question of its own.
func (s *Service) findGrant(ctx context.Context, shown Presented) (credential.Found, account.Account, error) {
	if !shown.Family.Empty() {
		return s.Store.FindPerson(ctx, credential.Refresh, shown.Family)
	}
	return s.Store.FindGrant(ctx, shown.Grant)
}

// refreshable resolves a refresh token that its own client presents. One that another client presents is left as it is. *Refusal.
func (s *Service) refreshable(ctx context.Context, c relyingparty.Client, token secret.Token, find finding) (credential.Found, account.Account, error) {
	var who account.Account
	f, err := s.Resolver.ResolveWith(ctx, credential.Refresh, token, func(ctx context.Context, _ credential.Kind, token secret.Token) (f credential.Found, err error) {
		f, who, err = find(ctx, Presented{Family: half(token)})
		return f, err
	})
	if credential.IsDead(err) || err == nil && (f.Subject != c.ID || f.CreatedAt.Before(c.CreatedAt)) { // of an earlier client of that id
		err = errGrant()
	}
	return f, who, err
}
