package accounts

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"usher/internal/secret"
)

// Introspection is what the service says of a token that was made for this server (RFC 7662 §2.2).
type Introspection struct {
	Active   *bool  `json:"active"` // required: where it is missing, something else has answered
	Subject  string `json:"sub"`
	Session  string `json:"sid"`
	Expires  int64  `json:"exp"` // seconds since 1970
	UserName string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	// EmailVerified says that whose address it is was proved to the service: an operator may have named any.
	EmailVerified bool     `json:"email_verified"`
	Groups        []string `json:"groups"`
}

var errNoAnswer = errors.New("its answer says nothing about the token")

// ProvedEmail is the address, where it was proved; else empty.
func (i Introspection) ProvedEmail() string {
	if !i.EmailVerified {
		return ""
	}
	return i.Email
}

// Introspect asks the service about a token that somebody presents here. ErrUnclaimed; outage.Err; *Refused, with the server's standing where that is why.
func (c *Client) Introspect(ctx context.Context, token secret.Token) (said Introspection, err error) {
	e, err := c.discover(ctx)
	if err != nil {
		return said, err
	}
	err = c.withToken(ctx, call{method: http.MethodPost, url: e.Introspection, form: url.Values{"token": {token.Reveal()}}}, &said)
	if err == nil && said.Active == nil {
		err = away(c.Issuer(), errNoAnswer)
	}
	return said, err
}

// HTTP is how the service is reached: bounded in time, and never sent elsewhere.
func (c *Client) HTTP() *http.Client { return c.http }
