package grant

import (
	"context"
	"errors"
	"time"

	"usher/internal/credential"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/signing"
)

// Proof is how a client says who it is (RFC 6749 §2.3, RFC 7523 §2.2). What was not sent is empty.
type Proof struct {
	ID        string
	Secret    secret.Token
	Header    bool // the secret came as HTTP Basic
	Assertion secret.Token
	// AssertionType has to be that of a JSON Web Token.
	AssertionType string
}

// TokenPath is where the token endpoint stands on the origin; assertions may name it as their audience.
const TokenPath = "/oauth/token" //nolint:gosec // an address

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// errClient is all that is told about a client that does not prove itself (RFC 6749 §5.2).
func errClient() *Refusal {
	return refuse("invalid_client", "the client is unknown, or did not prove itself the way it is registered")
}

// Authenticate returns the client that a proof is good for: the one way it is registered with counts, and no second one beside it. *Refusal.
func (s *Service) Authenticate(ctx context.Context, p Proof) (relyingparty.Client, error) {
	if !p.Assertion.Empty() && p.ID == "" {
		p.ID = signing.Named(p.Assertion.Reveal())
	}
	c, err := s.Store.FindClient(ctx, p.ID)
	if errors.Is(err, relyingparty.ErrNotFound) {
		err = errClient()
	}
	if err != nil {
		return c, err
	}
	ways := 0
	for _, used := range []bool{!p.Secret.Empty(), !p.Assertion.Empty() || p.AssertionType != ""} {
		if used {
			ways++
		}
	}
	switch {
	case ways > 1:
		return c, errClient()
	case c.Auth == relyingparty.None && ways == 0:
		return c, nil
	case c.Auth == relyingparty.Basic && p.Header, c.Auth == relyingparty.Post && !p.Header && !p.Secret.Empty():
		return c, s.checkSecret(ctx, c, p.Secret)
	case c.Auth == relyingparty.PrivateKey && p.AssertionType == assertionType:
		return c, s.checkAssertion(ctx, c, p.Assertion)
	}
	return c, errClient()
}

func (s *Service) checkSecret(ctx context.Context, c relyingparty.Client, given secret.Token) error {
	f, err := s.Resolver.Resolve(ctx, credential.ClientSecret, given)
	if credential.IsDead(err) || err == nil && f.Subject != c.ID {
		return errClient()
	}
	return err
}

// longestAssertion is how far ahead an assertion may end, and so how long its number is remembered.
const longestAssertion = 5 * time.Minute

// assertions lets each number of an assertion count once.
var assertions = ratelimit.Rule{Name: "client assertion", Limit: 1, Period: longestAssertion + 2*signing.Skew}

// checkAssertion checks a token that the client signed (RFC 7523 §3): about itself, by itself, for us, soon over, and never seen before.
func (s *Service) checkAssertion(ctx context.Context, c relyingparty.Client, assertion secret.Token) error {
	keys, err := relyingparty.ParseKeys(c.Keys)
	if err != nil {
		return errClient()
	}
	said, err := signing.OpenClient(assertion.Reveal(), keys)
	if err != nil {
		return errClient()
	}
	now := s.Now()
	want := signing.Expected{Issuer: c.ID, Audience: []string{s.Issuer, s.Issuer + TokenPath}, Now: now}
	number := said.Text("jti")
	if said.Check(want) != nil || len(said.Texts("aud")) != 1 || said.Text("sub") != c.ID || number == "" || said.Time("exp").Sub(now) > longestAssertion+signing.Skew {
		return errClient()
	}
	err = s.Store.Take(ctx, []ratelimit.Take{assertions.For(c.ID + "\x00" + number)}, now)
	if errors.As(err, new(*ratelimit.LimitedError)) {
		return errClient()
	}
	return err
}
