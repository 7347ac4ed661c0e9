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

// Fetch gets a claim token for a person's account. The sign-in that this takes, under a name for its device, ends with it. *Refused; outage.Err.
func (c *Client) Fetch(ctx context.Context, p Person, device string) (token secret.Token, err error) {
	if c.service.Scheme != "https" && !local(c.service.Hostname()) {
		return secret.Token{}, errPlain
	}
	in, err := c.signIn(ctx, p, device)
	if err != nil {
		return secret.Token{}, err
	}
	defer func() {
		out := call{method: http.MethodPost, url: c.at("/api/v1/sign-out"), bearer: in.Reveal()}
		err = errors.Join(err, c.send(context.WithoutCancel(ctx), out, nil))
	}()
	var got struct {
		Token string `json:"claim_token"`
	}
	err = c.send(ctx, call{method: http.MethodPost, url: c.at("/api/v1/claim-tokens"), bearer: in.Reveal()}, &got)
	return secret.TokenOf(got.Token), err
}

// signIn returns the token of a sign-in; where digits are wanted, it asks for them once.
func (c *Client) signIn(ctx context.Context, p Person, device string) (secret.Token, error) {
	fields := map[string]string{"login": p.Login, "password": p.Password.Reveal(), "device": device, "product": "usher claim"}
	var got struct {
		Token string `json:"token"`
	}
	err := c.send(ctx, call{method: http.MethodPost, url: c.at("/api/v1/sign-in"), json: fields}, &got)
	if Is(err, "code-required") {
		digits, asked := p.Digits(ctx)
		if asked != nil {
			return secret.Token{}, asked
		}
		fields["code"] = digits.Reveal()
		err = c.send(ctx, call{method: http.MethodPost, url: c.at("/api/v1/sign-in"), json: fields}, &got)
	}
	return secret.TokenOf(got.Token), err
}

// local reports whether a host is this machine.
func local(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || strings.EqualFold(host, "localhost")
}
