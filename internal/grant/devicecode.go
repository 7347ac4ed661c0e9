package grant

import (
	"context"
	"errors"
	"slices"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/linkcode"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// DeviceScopes reads the scopes that a client asks for by a code (RFC 8628 §3.1), and returns them as they are kept until then. *Refusal.
func (s *Service) DeviceScopes(c relyingparty.Client, scope string) (linkcode.Party, error) {
	if !c.MayUse(relyingparty.DeviceCode) {
		return linkcode.Party{}, refuse("unauthorized_client", "the client may not use this grant")
	}
	scopes, err := askedScopes(c, scope)
	return linkcode.Party{Client: c.ID, Scope: relyingparty.JoinScopes(scopes)}, err
}

// Stays reports whether a client that is let in by a code stays signed in by itself: it may refresh.
func (s *Service) Stays(ctx context.Context, p linkcode.Party) (bool, error) {
	c, err := s.findClient(ctx, p.Client)
	if errors.Is(err, relyingparty.ErrNotFound) { // gone meanwhile: it gets nothing
		return false, nil
	}
	return c.MayUse(relyingparty.Refresh), err
}

// Collect gives a client what somebody has let it have by a code: once. The device stands among the person's, and stays signed in where the client may
// refresh. *Refusal.
func (s *Service) Collect(ctx context.Context, c relyingparty.Client, code secret.Token, f credential.Found, r linkcode.Request, client device.Client) (Tokens, error) {
	scopes, err := relyingparty.ParseScopes(r.Party.Scope)
	if err != nil || !c.MayUse(relyingparty.DeviceCode) || slices.ContainsFunc(scopes, func(sc relyingparty.Scope) bool { return !c.MayAsk(sc) }) {
		return Tokens{}, errGrant()
	}
	who, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return Tokens{}, err
	}
	now, t := s.Now(), terms{Scopes: scopes}
	n := New{
		Spends: f.Hash, Kind: credential.Refresh, Family: s.family(code), ClientID: c.ID, Detail: write(t), Stamp: f.Stamp,
		Expires: now.Add(credential.Rules[credential.Refresh].Life),
		Device:  device.Device{ID: id.New(now), AccountID: who.ID, Kind: device.TV, Name: r.Name, Product: r.Product, Method: device.ByCode, Seen: client.Seen()},
	}
	var refresh secret.Token
	if c.MayUse(relyingparty.Refresh) {
		n.Secret = half(s.Ring().Derive("refresh", code))
		refresh = secret.TokenOf(n.Family.Reveal() + n.Secret.Reveal())
	}
	act := audit.New(now, audit.SignedIn, who.ID, who.ID).From(client).With(audit.Device, r.Name).With(audit.Reason, device.ByCode)
	f.Hash, err = s.Store.CollectGrant(ctx, r.ID, n, scopes, act.TellLinked(who, n.Device, client), audit.Trimmed(who, now))
	if errors.Is(err, credential.ErrSpent) {
		err = errGrant()
	}
	if err != nil {
		return Tokens{}, err
	}
	out, err := s.issue(issue{client: c, grant: f, who: who, terms: t, at: now, id: secret.NewToken()})
	out.Refresh = refresh
	return out, err
}
