package oidc

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"usher/internal/credential"
	"usher/internal/grant"
	"usher/internal/mediaserver"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/tvlink"
)

// waiting answers a device that asks for a code (RFC 8628 §3.2). Of the two codes, the long one is found from every network; a screen that has room for
// more than one may show the short one besides, which is found from its own.
type waiting struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	ShortCode  string `json:"user_code_short"`
	Where      string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	Expires    int64  `json:"expires_in"`
	Interval   int64  `json:"interval"`
}

// device is the device authorization endpoint (RFC 8628 §3.1).
func (d *Door) device(w http.ResponseWriter, r *http.Request) error {
	c, err := d.authenticated(r)
	if err != nil {
		return err
	}
	party, err := d.Grants.DeviceScopes(c, r.PostForm.Get("scope"))
	if err != nil {
		return err
	}
	asking := tvlink.Asking{Name: c.Name, Product: c.Name, Party: party, Client: d.client(r)}
	if c.ID == relyingparty.GateID { // which no administrator has named: it names itself
		if asking.Client.Page != "" {
			return &grant.Refusal{Code: "unauthorized_client", Text: "a media server asks by itself, not by a page"}
		}
		asking.Name, asking.Page = cmp.Or(r.PostForm.Get("name"), c.Name), pageClaim
	}
	p, err := d.Links.Ask(r.Context(), asking)
	if err != nil {
		return err
	}
	d.write(w, http.StatusOK, waiting{
		p.DeviceCode.Reveal(), p.Long.Reveal(), p.Short.Reveal(), p.Where, p.Complete.Reveal(),
		int64(p.ExpiresAt.Sub(d.Now()) / time.Second), int64(tvlink.Interval / time.Second),
	})
	return nil
}

// collect answers a device that polls (RFC 8628 §3.4).
func (d *Door) collect(r *http.Request, c relyingparty.Client) (grant.Tokens, error) {
	if !c.MayUse(relyingparty.DeviceCode) {
		return grant.Tokens{}, &grant.Refusal{Code: "unauthorized_client", Text: "the client may not use this grant"}
	}
	code := secret.TokenOf(r.PostForm.Get("device_code"))
	in, err := d.Links.PollFor(r.Context(), c.ID, code)
	for _, why := range waits {
		if errors.Is(err, why.err) {
			return grant.Tokens{}, &grant.Refusal{Code: why.code, Text: why.text}
		}
	}
	if err != nil {
		return grant.Tokens{}, err
	}
	if c.ID == relyingparty.GateID {
		return d.collectClaim(r, in)
	}
	return d.Grants.Collect(r.Context(), c, code, in.Code, in.Request, d.client(r))
}

// collectClaim gives a media server that somebody has confirmed its claim token, as if it were an access token. No device is signed in by it.
func (d *Door) collectClaim(r *http.Request, in tvlink.LetIn) (grant.Tokens, error) {
	claim, err := d.Servers.Collect(r.Context(), in.Code, in.Request, d.client(r))
	limited := new(ratelimit.LimitedError)
	switch {
	case errors.As(err, &limited):
		return grant.Tokens{}, &grant.Refusal{Code: "access_denied", Text: "the account has had as many claim tokens today as it may"}
	case errors.Is(err, mediaserver.ErrDeadClaim):
		return grant.Tokens{}, &grant.Refusal{Code: "expired_token", Text: "it was collected, or ended, meanwhile"}
	case errors.Is(err, credential.ErrTooMany):
		return grant.Tokens{}, &grant.Refusal{Code: "access_denied", Text: "as many claim tokens of the account wait as may"}
	}
	return grant.Tokens{Access: claim.Reveal(), Scopes: []relyingparty.Scope{relyingparty.Claim}, Life: mediaserver.OfferLife()}, err
}

// waits are why a device that polls gets nothing (RFC 8628 §3.5).
var waits = []struct {
	err        error
	code, text string
}{
	{tvlink.ErrPending, "authorization_pending", "nobody has decided yet"},
	{tvlink.ErrSlowDown, "slow_down", "wait five seconds more between two requests"},
	{tvlink.ErrDenied, "access_denied", "somebody said no"},
	{tvlink.ErrExpired, "expired_token", "there is no such request of this client any more"},
}
