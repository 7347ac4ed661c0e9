package grant

import (
	"context"
	"errors"
	"time"

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

func (p Proof) asserts() bool { return !p.Assertion.Empty() || p.AssertionType != "" }

// bySecret reports whether the client shows a secret, and nothing else beside it.
func (p Proof) bySecret() bool { return !p.Secret.Empty() && !p.asserts() }

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
		p.ID = named(p.Assertion)
	}
	switch {
	case p.bySecret():
		in, err := s.proved(ctx, p, Presented{})
		return in.Client, err
	case p.Header, !p.Secret.Empty():
		return relyingparty.Client{}, errClient()
	}
	c, err := s.findClient(ctx, p.ID)
	if errors.Is(err, relyingparty.ErrNotFound) {
		err = errClient()
	}
	switch {
	case err != nil:
		return c, err
	case c.Auth == relyingparty.None && !p.asserts():
		return c, nil
	case c.Auth == relyingparty.PrivateKey && p.AssertionType == assertionType:
		if err := s.checkAssertion(ctx, c, p.Assertion); err != nil {
			return c, err
		}
		return c, s.standing(ctx, c)
	}
	return c, errClient()
}

// named is the client that an assertion speaks of (RFC 7523 §3); empty when it cannot be read.
func named(assertion secret.Token) string {
	says, err := signing.Peek(assertion.Reveal())
	if err != nil {
		return ""
	}
	return says.Subject
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
