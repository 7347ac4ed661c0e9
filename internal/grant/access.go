package grant

import (
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/signing"
)

// ErrScope says that an access token is good, and not for this.
var ErrScope = errors.New("grant: the token has not the scope for this")

// Shown is an access token that counts.
type Shown struct {
	credential.Found
	// Grant is what the token stands for: a refresh token, on a device of its own, or what is bound to the browser where its person said yes.
	Grant  credential.Found
	Who    account.Account
	Claims signing.Claims
	terms  terms
}

// Bearer resolves an access token: its signature, then the grant it came from, in one question. The errors of the resolver.
func (s *Service) Bearer(ctx context.Context, token secret.Token) (Shown, error) {
	return s.bearer(ctx, token, s.findGrant)
}

func (s *Service) bearer(ctx context.Context, token secret.Token, find finding) (out Shown, err error) {
	out.Found, err = s.Resolver.ResolveWith(ctx, credential.Access, token, func(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error) {
		c, err := s.openAccess(token)
		if err != nil {
			return credential.Found{}, err
		}
		f, who, err := find(ctx, Presented{Grant: c.Text("sid")})
		if err != nil {
			return f, err
		}
		if f.AccountID != c.Text("sub") || f.Subject != c.Text("client_id") {
			return f, credential.ErrUnknown
		}
		out.Grant = f
		f.Kind, f.CreatedAt, f.ExpiresAt = kind, c.Time("iat"), c.Time("exp")
		out.Who, out.Claims = who, c
		return f, nil
	})
	if err != nil {
		return out, err
	}
	out.terms.Scopes, err = relyingparty.ParseScopes(out.Claims.Text("scope"))
	return out, err
}

// Info is what the userinfo endpoint tells (OpenID Connect Core §5.3.2).
type Info struct {
	Subject string `json:"sub"`
	person
}

// UserInfo tells who an access token stands for, as far as its scopes go. ErrScope without openid; the errors of the resolver.
func (s *Service) UserInfo(ctx context.Context, token secret.Token) (Info, error) {
	in, err := s.Bearer(ctx, token)
	if err != nil {
		return Info{}, err
	}
	if !in.terms.has(relyingparty.OpenID) {
		return Info{}, ErrScope
	}
	return Info{in.Who.ID, personOf(in.Who, in.terms)}, nil
}

// Player resolves an access token of an app that may play at media servers. ErrScope without the scope player; the errors of the resolver.
func (s *Service) Player(ctx context.Context, token secret.Token) (Shown, error) {
	in, err := s.Bearer(ctx, token)
	if err == nil && !in.terms.has(relyingparty.Player) {
		err = ErrScope
	}
	return in, err
}
