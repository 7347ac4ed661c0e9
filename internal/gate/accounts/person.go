package accounts

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"usher/internal/secret"
)

// Person is who claims a server by name and password, in place of a code that is confirmed at the service.
type Person struct {
	Login    string
	Password secret.Token
	// Digits asks for those of the second step. It is called only where the account has one.
	Digits func(ctx context.Context) (secret.Token, error)
}

// errPlain says that a password would go over a network unsealed.
var errPlain = errors.New("name and password go only to an address that begins with https, or to this machine")

// Fetch gets a claim token for a person's account, and signs nothing in. *Refused; outage.Err.
func (c *Client) Fetch(ctx context.Context, p Person) (secret.Token, error) {
	if c.service.Scheme != "https" && !local(c.service.Hostname()) {
		return secret.Token{}, errPlain
	}
	token, err := c.offer(ctx, p.Login, p.Password)
	if !Is(err, "code-required") {
		return token, err
	}
	digits, err := p.Digits(ctx)
	if err != nil {
		return secret.Token{}, err
	}
	return c.offer(ctx, p.Login, secret.TokenOf(p.Password.Reveal()+digits.Reveal()))
}

// offer asks for a claim token by name and password, with the digits of the second step behind it or not.
func (c *Client) offer(ctx context.Context, login string, password secret.Token) (secret.Token, error) {
	var got struct {
		Token string `json:"claim_token"`
	}
	err := c.send(ctx, call{method: http.MethodPost, url: c.at("/api/v1/claim-tokens"), login: login, password: password}, &got)
	return secret.TokenOf(got.Token), err
}

// local reports whether a host is this machine.
func local(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || strings.EqualFold(host, "localhost")
}
