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
	// Kind is AppPassword of what is no token; Scope is Directory of one by which the media server may look people up.
	Kind  string `json:"token_type"`
	Scope string `json:"scope"`
	// Methods are what somebody typed here (RFC 8176), who was asked about by that.
	Methods []string `json:"amr"`
	// Ends is when the owner lets them in no more, or not in this group; zero: no end.
	Ends int64 `json:"ends"`
}

// What Introspection says of passwords that were made for this server.
const (
	AppPassword = "app_password"
	Directory   = "directory"
)

// OneTimeCode is among the methods where what was typed holds a code, which is used up.
const OneTimeCode = "otp"

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

// SignIn asks the service about a name and the account's own password, with the code of the second step directly behind it, which somebody typed here. Nothing is
// signed in. ErrUnclaimed; outage.Err, where there were too many with ErrLimited; *Refused: wrong, or that its owner does not want this.
func (c *Client) SignIn(ctx context.Context, login string, password secret.Token) (said Introspection, err error) {
	what := struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}{login, password.Reveal()}
	err = c.withToken(ctx, call{method: http.MethodPost, url: c.at("/api/v1/server/sign-ins"), json: what}, &said)
	if err == nil && said.Subject == "" {
		err = away(c.Issuer(), errNoAnswer)
	}
	return said, err
}

// HTTP is how the service is reached: bounded in time, and never sent elsewhere.
func (c *Client) HTTP() *http.Client { return c.http }
