package accounts

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"usher/internal/gate/keep"
	"usher/internal/secret"
)

// Standing is how the server stands with the service.
type Standing struct {
	State  string    `json:"standing"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Servers is the page where its owner brings it back.
	Servers string `json:"servers"`
}

// The states of a Standing.
const (
	Good      = "good"
	Suspended = "suspended"
	Unclaimed = "unclaimed"
)

// ErrUnclaimed says that the server belongs to nobody, here or at the service.
var ErrUnclaimed = errors.New("this server belongs to nobody")

// ErrSignedOut says that the server is signed out: what becomes of it, its owner says at the service.
var ErrSignedOut = errors.New("this server is signed out")

const standingPath = "/api/v1/server/standing"

// server is whose server it is, at this service.
func (c *Client) server() (keep.Server, error) {
	s, claimed := c.folder.Server()
	if !claimed || s.Service != c.Issuer() {
		return keep.Server{}, ErrUnclaimed
	}
	return s, nil
}

// Standing asks how the server stands; it is the one question that a suspended server is answered. ErrUnclaimed; outage.Err.
func (c *Client) Standing(ctx context.Context) (st Standing, err error) {
	s, err := c.server()
	if err != nil {
		return st, err
	}
	proof, err := c.question(s.ID, c.Issuer()+standingPath)
	if err != nil {
		return st, err
	}
	err = c.send(ctx, call{method: http.MethodGet, url: c.at(standingPath), bearer: proof}, &st)
	return st, err
}

// tokenMargin is how long before its end a token is not used any more.
const tokenMargin = 30 * time.Second

// Token returns a token by which the service knows the server (RFC 6749 §4.4, proved by the server's key); one is used until shortly before its end.
// ErrUnclaimed; outage.Err; *Refused, with the server's standing where that is why.
func (c *Client) Token(ctx context.Context) (secret.Token, error) {
	c.mu.Lock()
	token, ends := c.token, c.tokenEnds
	c.mu.Unlock()
	if !token.Empty() && c.now().Before(ends) {
		return token, nil
	}
	s, err := c.server()
	if err != nil {
		return secret.Token{}, err
	}
	e, err := c.discover(ctx)
	if err != nil {
		return secret.Token{}, err
	}
	proof, err := c.assertion(s.ID, e.Token)
	if err != nil {
		return secret.Token{}, err
	}
	var got struct {
		Token     string `json:"access_token"`
		ExpiresIn int64  `json:"expires_in"`
	}
	asked := c.now()
	err = c.send(ctx, call{method: http.MethodPost, url: e.Token, form: url.Values{
		"grant_type": {"client_credentials"}, "scope": {"servers ssf.read ssf.manage"}, "client_id": {s.ID},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {proof},
	}}, &got)
	if err != nil {
		return secret.Token{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.tokenEnds = secret.TokenOf(got.Token), asked.Add(time.Duration(got.ExpiresIn)*time.Second-tokenMargin)
	return c.token, nil
}

// forgetToken has the next Token fetch another: the one there was ended early, or was another server's.
func (c *Client) forgetToken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.tokenEnds = secret.Token{}, time.Time{}
}

// Visit is when an account was at the server last.
type Visit struct {
	Subject string    `json:"sub"`
	At      time.Time `json:"at"`
}

// Tell says what the server has to say about itself, that it is there, and who was. ErrUnclaimed; outage.Err; *Refused.
func (c *Client) Tell(ctx context.Context, about About, visits []Visit) error {
	about.Product = "" // that was said once, with the claim
	says := struct {
		About
		Visits []Visit `json:"visits,omitempty"`
	}{about, visits}
	return c.withToken(ctx, call{method: http.MethodPut, url: c.at("/api/v1/server"), json: says}, nil)
}

// Unclaim ends the claim at the service and forgets it here. Where the service knows nothing of it any more, only the latter is left to do. ErrSignedOut,
// ErrUnclaimed; outage.Err; *Refused.
func (c *Client) Unclaim(ctx context.Context) error {
	err := c.withToken(ctx, call{method: http.MethodDelete, url: c.at("/api/v1/server")}, nil)
	refused := new(Refused)
	switch {
	case gone(err):
	case errors.As(err, &refused) && refused.Standing == Suspended:
		return ErrSignedOut
	case err != nil:
		return err
	}
	c.forgetToken()
	return c.folder.Forget()
}

// gone reports whether the service does not know the server.
func gone(err error) bool {
	refused := new(Refused)
	return errors.As(err, &refused) && (refused.Code == "invalid_client" || refused.Status == http.StatusNotFound && refused.Code != Unknown)
}

// withToken sends a request with the server's token; one that has ended early is fetched anew once.
func (c *Client) withToken(ctx context.Context, what call, into any) error {
	for again := false; ; again = true {
		token, err := c.Token(ctx)
		if err != nil {
			return err
		}
		what.bearer = token.Reveal()
		err = c.send(ctx, what, into)
		refused := new(Refused)
		if again || !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || refused.Code == WrongPassword {
			return err
		}
		c.forgetToken()
	}
}
