package accounts

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"usher/internal/gate/keep"
	"usher/internal/outage"
	"usher/internal/secret"
)

// clientID is the public client that every gate is before it belongs to somebody; its one scope gives a claim token and nothing else.
const (
	clientID   = "usher-gate"
	claimScope = "claim"
	deviceCode = "urn:ietf:params:oauth:grant-type:device_code"
)

// Why a claim came to nothing.
var (
	ErrDead    = errors.New("this claim token does not count, or no longer: get a fresh one from the service's page /claim")
	ErrTaken   = errors.New("this server is claimed already")
	ErrTooMany = errors.New("the account has as many servers as it may have: take one away on the service's page Servers")
	ErrDenied  = errors.New("somebody said no")
	ErrExpired = errors.New("nobody confirmed the code in time")
)

// Asked is a code that somebody signed in confirms at the service (RFC 8628 §3.2).
type Asked struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	ShortCode  string `json:"user_code_short"`
	Where      string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	ExpiresIn  int    `json:"expires_in"`
	Interval   int    `json:"interval"`
}

// About is what a server says about itself.
type About struct {
	Name      string   `json:"name,omitempty"`
	Product   string   `json:"product,omitempty"`
	Version   string   `json:"version"`
	Addresses []string `json:"addresses"`
}

// Ask asks for a claim code, which somebody confirms who sees the server's name. outage.Err; *Refused.
func (c *Client) Ask(ctx context.Context, name string) (a Asked, err error) {
	e, err := c.discover(ctx)
	if err != nil {
		return a, err
	}
	err = c.send(ctx, call{method: http.MethodPost, url: e.Device, form: url.Values{"client_id": {clientID}, "scope": {claimScope}, "name": {name}}}, &a)
	return a, err
}

// Wait polls until somebody has confirmed the code, and returns the claim token it brings. A service that is away for a moment is asked again.
// ErrDenied, ErrExpired.
func (c *Client) Wait(ctx context.Context, a Asked) (secret.Token, error) {
	e, err := c.discover(ctx)
	if err != nil {
		return secret.Token{}, err
	}
	interval := time.Duration(max(1, a.Interval)) * time.Second
	end := time.Now().Add(time.Duration(a.ExpiresIn) * time.Second)
	for time.Now().Before(end) {
		select {
		case <-ctx.Done():
			return secret.Token{}, ctx.Err()
		case <-time.After(interval):
		}
		var got struct {
			Token string `json:"access_token"`
		}
		err := c.send(ctx, call{method: http.MethodPost, url: e.Token, form: url.Values{"grant_type": {deviceCode}, "device_code": {a.DeviceCode}, "client_id": {clientID}}}, &got)
		switch {
		case err == nil:
			return secret.TokenOf(got.Token), nil
		case Is(err, "authorization_pending"), errors.Is(err, outage.Err):
		case Is(err, "slow_down"):
			interval += 5 * time.Second
		case Is(err, "access_denied"):
			return secret.Token{}, ErrDenied
		case Is(err, "expired_token"):
			return secret.Token{}, ErrExpired
		default:
			return secret.Token{}, err
		}
	}
	return secret.Token{}, ErrExpired
}

// Claim makes the server the account's whose claim token it is, and writes that down. A server that was claimed before keeps its key: for the same account
// it is brought back. ErrDead, ErrTaken, ErrTooMany; outage.Err.
func (c *Client) Claim(ctx context.Context, token secret.Token, about About) error {
	if !token.IsClaim() {
		return ErrDead
	}
	proof, err := c.claimProof(token)
	if err != nil {
		return err
	}
	var got struct {
		ID     string     `json:"id"`
		Name   string     `json:"name"`
		Issuer string     `json:"issuer"`
		Owner  keep.Owner `json:"owner"`
	}
	type claiming struct {
		Token string `json:"claim_token"`
		Proof string `json:"proof"`
		About
	}
	err = c.send(ctx, call{method: http.MethodPost, url: c.at("/api/v1/servers"), json: claiming{token.Reveal(), proof, about}}, &got)
	switch {
	case Is(err, "claim-dead"):
		return ErrDead
	case Is(err, "server-claimed"):
		return ErrTaken
	case Is(err, "too-many-servers"):
		return ErrTooMany
	case err != nil:
		return err
	}
	c.forgetToken()
	return c.folder.SaveServer(keep.Server{Service: c.Issuer(), ID: got.ID, Name: got.Name, Owner: got.Owner, ClaimedAt: c.now().UTC()})
}
