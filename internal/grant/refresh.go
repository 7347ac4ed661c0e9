package grant

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// RefreshGrace is how long the very same request gets the very same answer again: the first one may have been lost on the way.
const RefreshGrace = 10 * time.Second

// RefreshStore keeps the secrets of refresh tokens.
type RefreshStore interface {
	// RotateRefresh puts a refresh token's next secret in the place of the presented one, and returns when that was done: now, or a moment ago for
	// the same request. ErrReused, and then the grant has ended.
	RotateRefresh(ctx context.Context, f credential.Found, r Rotation) (time.Time, error)
	// CheckRefresh reports whether a secret is the one of a refresh token that counts, and changes nothing.
	CheckRefresh(ctx context.Context, hash string, presented secret.Token) (bool, error)
}

// Rotation is one use of a refresh token.
type Rotation struct {
	Secret  secret.Token // the presented token's second half
	Next    secret.Token // what takes its place
	Request string       // what else was asked; the same request has the same
	At      time.Time
	Reuse   audit.Act // left when the secret is an older one
}

// Refresh exchanges a refresh token for new tokens, itself among them. Account, epochs, incidents and client are judged anew. *Refusal.
func (s *Service) Refresh(ctx context.Context, c relyingparty.Client, token secret.Token, scope string) (Tokens, error) {
	if !c.MayUse(relyingparty.Refresh) {
		return Tokens{}, refuse("unauthorized_client", "the client may not use this grant")
	}
	f, who, err := s.refreshable(ctx, c, token)
	if err != nil {
		return Tokens{}, err
	}
	t, err := termsOf(f)
	if err != nil {
		return Tokens{}, err
	}
	if t.Scopes, err = narrower(t.Scopes, scope); err != nil {
		return Tokens{}, err
	}
	for _, sc := range t.Scopes {
		if !c.MayAsk(sc) {
			return Tokens{}, errGrant()
		}
	}
	family, next := half(token), half(s.Ring().Derive("refresh", token))
	at, err := s.Store.RotateRefresh(ctx, f, Rotation{
		Secret: secondHalf(token), Next: next, Request: relyingparty.JoinScopes(t.Scopes), At: s.Now(), Reuse: s.reuse(ctx, f),
	})
	if errors.Is(err, ErrReused) || errors.Is(err, credential.ErrSpent) {
		return Tokens{}, errGrant()
	}
	if err != nil {
		return Tokens{}, err
	}
	out, err := s.issue(issue{client: c, grant: f, who: who, terms: t, at: at, id: s.Ring().Derive("token id", token)})
	out.Refresh = secret.TokenOf(family.Reveal() + next.Reveal())
	return out, err
}

// refreshable resolves a refresh token that its own client presents. One that another client presents is left as it is. *Refusal.
func (s *Service) refreshable(ctx context.Context, c relyingparty.Client, token secret.Token) (credential.Found, account.Account, error) {
	var who account.Account
	f, err := s.Resolver.ResolveWith(ctx, credential.Refresh, token, func(ctx context.Context, kind credential.Kind, token secret.Token) (f credential.Found, err error) {
		f, who, err = s.Store.FindPerson(ctx, kind, half(token))
		return f, err
	})
	if credential.IsDead(err) || err == nil && (f.Subject != c.ID || f.CreatedAt.Before(c.CreatedAt)) { // of an earlier client of that id
		err = errGrant()
	}
	return f, who, err
}
