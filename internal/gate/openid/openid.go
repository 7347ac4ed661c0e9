// Package openid owns how a browser is signed in at the service: the code flow of OpenID Connect with PKCE, in which the server proves itself by its key. It
// refuses to know browsers and what a token opens.
package openid

import (
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"usher/internal/gate/door"
	"usher/internal/secret"
)

// Scopes are what the gate asks for a browser.
var Scopes = []string{oidc.ScopeOpenID, "profile", "email"}

// Client is a server at the service. It learns the service's addresses when it first needs them.
type Client struct {
	Issuer, Server string
	Key            ed25519.PrivateKey
	HTTP           *http.Client
	Now            func() time.Time

	mu       sync.Mutex
	provider *oidc.Provider
	looking  *look // nil: nobody is looking for the addresses
}

// look is one question for the service's addresses. What it led to is there when done is closed.
type look struct {
	done     chan struct{}
	provider *oidc.Provider
	err      error
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 §2.2

// proofLife is how long the server's proof of itself counts.
const proofLife = time.Minute

// longestLook bounds the question for the service's addresses: a browser waits meanwhile.
const longestLook = 5 * time.Second

// discover returns the service's addresses, asked for once for all who want to know. Each waits as long as its own request lives, and none longer than
// longestLook. door.ErrAway.
func (c *Client) discover(ctx context.Context) (*oidc.Provider, error) {
	c.mu.Lock()
	known, l := c.provider, c.looking
	if known == nil && l == nil {
		l = &look{done: make(chan struct{})}
		c.looking = l
		go c.look(context.WithoutCancel(ctx), l) // the others must not fail because the first one left
	}
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	select {
	case <-l.done:
		return l.provider, l.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: looking for its addresses: %w", door.ErrAway, ctx.Err())
	}
}

func (c *Client) look(ctx context.Context, l *look) {
	ctx, cancel := context.WithTimeout(ctx, longestLook)
	defer cancel()
	if l.provider, l.err = oidc.NewProvider(oidc.ClientContext(ctx, c.HTTP), c.Issuer); l.err != nil {
		l.err = fmt.Errorf("%w: looking for its addresses: %w", door.ErrAway, l.err)
	}
	c.mu.Lock()
	c.provider, c.looking = l.provider, nil
	c.mu.Unlock()
	close(l.done)
}

func (c *Client) config(p *oidc.Provider, redirect string) oauth2.Config {
	at := p.Endpoint()
	at.AuthStyle = oauth2.AuthStyleInParams
	return oauth2.Config{ClientID: c.Server, Endpoint: at, RedirectURL: redirect, Scopes: Scopes}
}

// Begin returns where a browser is sent. door.ErrAway.
func (c *Client) Begin(ctx context.Context, f door.Flow) (string, error) {
	p, err := c.discover(ctx)
	if err != nil {
		return "", err
	}
	config := c.config(p, f.Redirect)
	return config.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// Redeem exchanges a code for a token for this server, and checks that the ID token is the answer to this flow (OpenID Connect Core §3.1.3.7). door.ErrRefused,
// door.ErrAway.
func (c *Client) Redeem(ctx context.Context, f door.Flow, code string) (secret.Token, error) {
	p, err := c.discover(ctx)
	if err != nil {
		return secret.Token{}, err
	}
	proof, err := c.proof()
	if err != nil {
		return secret.Token{}, err
	}
	ctx = oidc.ClientContext(ctx, c.HTTP)
	config := c.config(p, f.Redirect)
	answer, err := config.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier),
		oauth2.SetAuthURLParam("client_assertion_type", assertionType), oauth2.SetAuthURLParam("client_assertion", proof))
	if err != nil {
		return secret.Token{}, judged(err)
	}
	raw, _ := answer.Extra("id_token").(string)
	identity, err := p.Verifier(&oidc.Config{ClientID: c.Server, Now: c.Now}).Verify(ctx, raw)
	if err != nil {
		return secret.Token{}, fmt.Errorf("%w: the service's ID token: %w", door.ErrRefused, err)
	}
	if subtle.ConstantTimeCompare([]byte(identity.Nonce), []byte(f.Nonce)) != 1 {
		return secret.Token{}, fmt.Errorf("%w: the ID token answers another sign-in", door.ErrRefused)
	}
	if identity.AccessTokenHash != "" {
		if err := identity.VerifyAccessToken(answer.AccessToken); err != nil {
			return secret.Token{}, fmt.Errorf("%w: %w", door.ErrRefused, err)
		}
	}
	return secret.TokenOf(answer.AccessToken), nil
}

// Revoke has the service end the sign-in that a token stands for (RFC 7009 §2.1). door.ErrRefused, door.ErrAway.
func (c *Client) Revoke(ctx context.Context, token secret.Token) error {
	p, err := c.discover(ctx)
	if err != nil {
		return err
	}
	var at struct {
		Revocation string `json:"revocation_endpoint"`
	}
	if err := p.Claims(&at); err != nil || at.Revocation == "" {
		return fmt.Errorf("%w: it does not say where tokens are revoked", door.ErrAway)
	}
	proof, err := c.proof()
	if err != nil {
		return err
	}
	form := url.Values{"token": {token.Reveal()}, "client_id": {c.Server}, "client_assertion_type": {assertionType}, "client_assertion": {proof}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return door.ErrAway
	}
	err = answer.Body.Close()
	switch status := answer.StatusCode; {
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests:
		return fmt.Errorf("%w: the service answers %d", door.ErrRefused, status)
	case err != nil || status != http.StatusOK:
		return fmt.Errorf("%w: it answers %d", door.ErrAway, status)
	}
	return nil
}

// judged tells a no from an outage; the service's own words may hold the code.
func judged(err error) error {
	refused := new(oauth2.RetrieveError)
	if errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError {
		return fmt.Errorf("%w: the service answers %d %s", door.ErrRefused, refused.Response.StatusCode, refused.ErrorCode)
	}
	return door.ErrAway
}

// proof is the server's proof of itself (RFC 7523 §2.2).
func (c *Client) proof() (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: c.Key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("signing with the server's key: %w", err)
	}
	now := c.Now()
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: c.Server, Subject: c.Server, Audience: jwt.Audience{c.Issuer}, IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(proofLife)),
		ID: secret.NewToken().Reveal(),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing with the server's key: %w", err)
	}
	return text, nil
}
