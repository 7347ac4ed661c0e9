package grant

import (
	"context"
	"errors"
	"slices"

	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/signing"
)

// forItself reports whether a client may have access tokens for itself.
func forItself(c relyingparty.Client) bool {
	return c.MayUse(relyingparty.Credentials) && c.Auth == relyingparty.PrivateKey
}

// ClientToken gives a client an access token for itself (RFC 6749 §4.4): for the scopes it asks for, or all it may have. There is no person behind it and
// nothing is kept; it ends with its ten minutes, with its client and the client's keys, when the client revokes it or one of its age, and with an
// incident that covers everybody. *Refusal.
func (s *Service) ClientToken(ctx context.Context, c relyingparty.Client, scope string) (Tokens, error) {
	if !forItself(c) {
		return Tokens{}, refuse("unauthorized_client", "the client may not use this grant")
	}
	var may []relyingparty.Scope
	for _, s := range relyingparty.ForClients() {
		if c.MayAsk(s) {
			may = append(may, s)
		}
	}
	scopes, err := narrower(may, scope)
	if err != nil {
		return Tokens{}, err
	}
	if len(scopes) == 0 {
		return Tokens{}, refuse("invalid_scope", "there is no scope that the client may have for itself")
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return Tokens{}, err
	}
	now := s.Now()
	t := Tokens{Scopes: scopes, Life: credential.Rules[credential.ClientAccess].Life}
	t.Access, err = s.Keys.Sign(signing.Access, accessClaims{
		Issuer: s.Issuer, Subject: c.ID, Audience: s.Issuer, Expires: now.Add(t.Life).Unix(), IssuedAt: now.Unix(), ID: half(secret.NewToken()).Reveal(), Client: c.ID,
		Scope: relyingparty.JoinScopes(scopes), Born: clock.Epoch, Made: c.Generation(),
	})
	return t, err
}

// OwnToken is an access token that a client has for itself.
type OwnToken struct {
	Client relyingparty.Client
	Claims signing.Claims
	Scopes []relyingparty.Scope
}

// Has reports whether the token is for a scope that the client may still have.
func (t OwnToken) Has(scope relyingparty.Scope) bool {
	return slices.Contains(t.Scopes, scope) && t.Client.MayAsk(scope)
}

// ClientBearer resolves an access token that a client has for itself. The errors of the resolver.
func (s *Service) ClientBearer(ctx context.Context, token secret.Token) (out OwnToken, err error) {
	_, err = s.Resolver.ResolveWith(ctx, credential.ClientAccess, token, func(ctx context.Context, kind credential.Kind, token secret.Token) (f credential.Found, err error) {
		if out.Claims, err = s.openAccess(token); err != nil || out.Claims.Text("sid") != "" || out.Claims.Text("sub") != out.Claims.Text("client_id") {
			return f, credential.ErrUnknown
		}
		out.Client, err = s.Store.FindClient(ctx, out.Claims.Text("sub"))
		if errors.Is(err, relyingparty.ErrNotFound) {
			err = credential.ErrUnknown
		}
		if err != nil {
			return f, err
		}
		if !forItself(out.Client) || out.Claims.Number("generation") != out.Client.Generation() {
			return f, credential.ErrUnknown
		}
		if err := s.standing(ctx, out.Client); err != nil {
			return f, unlessOutage(err)
		}
		f.Clock, err = s.Store.ReadClock(ctx)
		f.Kind, f.Subject, f.Stamp.Born = kind, out.Client.ID, out.Claims.Number("epoch")
		f.CreatedAt, f.ExpiresAt = out.Claims.Time("iat"), out.Claims.Time("exp")
		return f, err
	})
	if err != nil {
		return OwnToken{}, err
	}
	out.Scopes, err = relyingparty.ParseScopes(out.Claims.Text("scope"))
	return out, err
}

// openAccess reads an access token of ours, for us. credential.ErrUnknown.
func (s *Service) openAccess(token secret.Token) (signing.Claims, error) {
	c, err := s.Keys.Open(signing.Access, token.Reveal())
	if err != nil || c.Check(signing.Expected{Issuer: s.Issuer, Audience: []string{s.Issuer}, Now: s.Now()}) != nil {
		return nil, credential.ErrUnknown
	}
	return c, nil
}
