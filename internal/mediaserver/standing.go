package mediaserver

import (
	"context"
	"errors"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/signing"
)

// questions lets each number of what a server signs to ask count once.
var questions = ratelimit.Rule{Name: "server standing", Limit: 1, Period: longestProof + 2*signing.Skew}

// Standing tells a server how it stands, by what its key, which stands in the header, signed (RFC 7523 §3 in a header). It is all that a suspended one may ask.
// A key that is not the one of the server it names is told that this is unclaimed, whether there is such a server or not; a network may ask that seldom. The errors
// of the resolver for what no key signed, limits.
func (s *Service) Standing(ctx context.Context, signed secret.Token, client device.Client) (server.Standing, error) {
	var held server.Held
	gone := false
	_, err := s.Resolver.ResolveWith(ctx, credential.ServerStanding, signed, func(ctx context.Context, _ credential.Kind, signed secret.Token) (credential.Found, error) {
		proof, err := s.checkQuestion(signed)
		if err != nil {
			return credential.Found{}, err
		}
		h, err := s.Store.FindServerByKey(ctx, proof.Claims.Text("sub"), proof.Thumbprint)
		if gone = errors.Is(err, server.ErrNotFound); gone {
			err = credential.ErrUnknown
		}
		if err == nil {
			err = s.countOnce(ctx, h.ID, proof)
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

// checkQuestion checks that a key signed the question, about a server by itself, for this address and a moment ago. credential.ErrUnknown.
func (s *Service) checkQuestion(signed secret.Token) (signing.Proof, error) {
	proof, err := signing.OpenProof(signed.Reveal(), signing.StandingProof)
	if err != nil {
		return proof, credential.ErrUnknown
	}
	now, said := s.Now(), proof.Claims
	want := signing.Expected{Issuer: said.Text("sub"), Audience: []string{s.StandingAt}, Now: now}
	if said.Check(want) != nil || len(said.Texts("aud")) != 1 || said.Text("sub") == "" || said.Text("jti") == "" || said.Time("exp").Sub(now) > longestProof+signing.Skew {
		return proof, credential.ErrUnknown
	}
	return proof, nil
}

// countOnce returns credential.ErrUnknown for a question that was asked before.
func (s *Service) countOnce(ctx context.Context, id string, proof signing.Proof) error {
	err := s.Store.Take(ctx, []ratelimit.Take{questions.For(id + "\x00" + proof.Claims.Text("jti"))}, s.Now())
	if errors.As(err, new(*ratelimit.LimitedError)) {
		return credential.ErrUnknown
	}
	return err
}
