package grant

import (
	"context"
	"errors"
	"time"

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

// Refresh exchanges a refresh token for new tokens, itself among them, when the client that shows it proves itself. Account, epochs, incidents and client are
// judged anew. *Refusal.
func (s *Service) Refresh(ctx context.Context, p Proof, token secret.Token, scope string) (Tokens, error) {
	c, find, err := s.present(ctx, p, token)
	if err != nil {
		return Tokens{}, err
	}
	if !c.MayUse(relyingparty.Refresh) {
		return Tokens{}, refuse("unauthorized_client", "the client may not use this grant")
	}
	f, who, err := s.refreshable(ctx, c, token, find)
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
		Secret: secondHalf(token), Next: next, Request: relyingparty.JoinScopes(t.Scopes), At: s.Now(), Reuse: s.reuse(f, c.Name),
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
