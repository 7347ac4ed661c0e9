package mediaserver

import (
	"context"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/signing"
)

// StandingPath is where a server asks how it stands: what it signs names origin and path as its audience, so that it counts nowhere else.
const StandingPath = "/api/v1/server/standing"

// questions lets each number of what a server signs to ask count once.
var questions = ratelimit.Rule{Name: "server standing", Limit: 1, Period: longestProof + 2*signing.Skew}

// Standing tells a server how it stands, by what its key signed (RFC 7523 §3 in a header). It is all that a suspended one may ask. Whose row is gone is
// unclaimed; there is no key to check by, so a network may name few of those. The errors of the resolver for what its key did not sign, limits.
func (s *Service) Standing(ctx context.Context, signed secret.Token, client device.Client) (server.Standing, error) {
	var held server.Held
	gone := false
	_, err := s.Resolver.ResolveWith(ctx, credential.ServerStanding, signed, func(ctx context.Context, _ credential.Kind, signed secret.Token) (credential.Found, error) {
		named, err := signing.Peek(signed.Reveal())
		if err != nil || named.Issuer != named.Subject { // it speaks for somebody else
			return credential.Found{}, credential.ErrUnknown
		}
		h, err := s.Store.FindServer(ctx, named.Subject)
		if gone = errors.Is(err, server.ErrNotFound); gone {
			err = credential.ErrUnknown
		}
		if err == nil {
			err = s.signedBy(ctx, h, signed)
		}
		if err == nil {
			held = h
		}
		return h.Found, err
	})
	switch {
	case gone:
		return server.Standing{State: server.Unclaimed}, s.Store.Take(ctx, ratelimit.ServersGone.From(client.Address), s.Now())
	case held.ID != "" && (err == nil || credential.IsDead(err)):
		return held.Standing(s.Now()), nil
	}
	return server.Standing{}, err
}

// signedBy checks that a server's key signed the question, for this address, a moment ago and for the first time. credential.ErrUnknown.
func (s *Service) signedBy(ctx context.Context, h server.Held, signed secret.Token) error {
	keys, err := relyingparty.ParseKeys(h.Client().Keys)
	if err != nil {
		return credential.ErrUnknown
	}
	said, err := signing.OpenClient(signed.Reveal(), jose.JSONWebKeySet{Keys: keys.Keys})
	if err != nil {
		return credential.ErrUnknown
	}
	now, number := s.Now(), said.Text("jti")
	want := signing.Expected{Issuer: h.ID, Audience: []string{s.Issuer + StandingPath}, Now: now}
	if said.Check(want) != nil || len(said.Texts("aud")) != 1 || said.Text("sub") != h.ID || number == "" || said.Time("exp").Sub(now) > longestProof+signing.Skew {
		return credential.ErrUnknown
	}
	err = s.Store.Take(ctx, []ratelimit.Take{questions.For(h.ID + "\x00" + number)}, now)
	if errors.As(err, new(*ratelimit.LimitedError)) {
		return credential.ErrUnknown
	}
	return err
}
