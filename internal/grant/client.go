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
		p.ID = named(p.Assertion)
	}
	asserts := !p.Assertion.Empty() || p.AssertionType != ""
	switch {
	case p.Header && p.Secret.Empty(), asserts && !p.Secret.Empty():
		return relyingparty.Client{}, errClient()
	case !p.Secret.Empty():
		return s.bySecret(ctx, p)
	}
	c, err := s.Store.FindClient(ctx, p.ID)
	if errors.Is(err, relyingparty.ErrNotFound) {
		err = errClient()
	}
	switch {
	case err != nil:
		return c, err
	case c.Auth == relyingparty.None && !asserts:
		return c, nil
	case c.Auth == relyingparty.PrivateKey && p.AssertionType == assertionType:
		return c, s.checkAssertion(ctx, c, p.Assertion)
	}
	return c, errClient()
}

// bySecret finds a client by the secret that it shows, in one question.
func (s *Service) bySecret(ctx context.Context, p Proof) (c relyingparty.Client, err error) {
	_, err = s.Resolver.ResolveWith(ctx, credential.ClientSecret, p.Secret, func(ctx context.Context, _ credential.Kind, token secret.Token) (f credential.Found, err error) {
		f, c, err = s.Store.FindClientBySecret(ctx, token)
		return f, err
	})
	way := map[bool]relyingparty.Auth{true: relyingparty.Basic, false: relyingparty.Post}[p.Header]
	if credential.IsDead(err) || err == nil && (c.ID != p.ID || c.Auth != way) {
		err = errClient()
	}
	return c, err
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
