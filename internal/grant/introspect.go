package grant

import (
	"context"
	"errors"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
)

// Status is what is told about a token (RFC 7662 §2.2). Of one that does not count, or that is none of the asking client's business, it tells only that.
type Status struct {
	Active   bool   `json:"active"`
	Issuer   string `json:"iss,omitempty"`
	Subject  string `json:"sub,omitempty"`
	Audience string `json:"aud,omitempty"`
	Client   string `json:"client_id,omitempty"`
	Scope    string `json:"scope,omitempty"`
	Kind     string `json:"token_type,omitempty"` // of access tokens
	UserName string `json:"username,omitempty"`
	Expires  int64  `json:"exp,omitempty"`
	IssuedAt int64  `json:"iat,omitempty"`
	ID       string `json:"jti,omitempty"`
	Grant    string `json:"sid,omitempty"`
	// Methods are what somebody typed at a media server (RFC 8176).
	Methods []string `json:"amr,omitempty"`
	// What a media server is told about somebody who comes to it.
	Name          string         `json:"name,omitempty"`
	Email         string         `json:"email,omitempty"`
	EmailVerified *bool          `json:"email_verified,omitempty"` // false is told, too
	Groups        []server.Group `json:"groups,omitempty"`
	Ends          int64          `json:"ends,omitempty"` // when the server lets them in no more, or not in this group
}

// Introspect tells a client that proves itself about a token: of its own ones, and media servers about the access tokens of players. *Refusal.
func (s *Service) Introspect(ctx context.Context, p Proof, token secret.Token) (Status, error) {
	c, find, err := s.present(ctx, p, token)
	if err != nil {
		return Status{}, err
	}
	if c.Public() {
		return Status{}, errClient()
	}
	return s.tell(ctx, c, token, find)
}

// IntrospectFor is Introspect for a client that shows an access token of its own, for the scope servers (RFC 7662 §2.1). ErrScope, the errors of the resolver.
func (s *Service) IntrospectFor(ctx context.Context, bearer, token secret.Token) (Status, error) {
	in, err := s.ClientBearer(ctx, bearer)
	if err != nil {
		return Status{}, err
	}
	if !in.Has(relyingparty.Servers) {
		return Status{}, ErrScope
	}
	return s.tell(ctx, in.Client, token, s.findGrant)
}

func (s *Service) tell(ctx context.Context, c relyingparty.Client, token secret.Token, find finding) (Status, error) {
	if c.AccountID != "" {
		return s.visitorStatus(ctx, c, token)
	}
	if token.WellFormed() {
		f, who, err := s.refreshable(ctx, c, token, find)
		if err != nil {
			return Status{}, unlessRefused(err)
		}
		if counts, err := s.Store.CheckRefresh(ctx, f.Hash, secondHalf(token)); err != nil || !counts {
			return Status{}, err
		}
		return s.refreshStatus(f, who)
	}
	in, err := s.bearer(ctx, token, find)
	if credential.IsDead(err) {
		return s.ownStatus(ctx, c, token)
	}
	if err != nil || in.Subject != c.ID && !(c.MayAsk(relyingparty.Servers) && in.terms.has(relyingparty.Player)) {
		return Status{}, err
	}
	return Status{
		Active: true, Issuer: s.Issuer, Subject: in.Who.ID, Audience: s.Issuer, Client: in.Subject, Scope: relyingparty.JoinScopes(in.terms.Scopes), Kind: "Bearer",
		UserName: personOf(in.Who, in.terms).UserName, Expires: in.ExpiresAt.Unix(), IssuedAt: in.CreatedAt.Unix(), ID: in.Claims.Text("jti"), Grant: in.Hash,
	}, nil
}

// ownStatus tells a client about an access token that it has for itself.
func (s *Service) ownStatus(ctx context.Context, c relyingparty.Client, token secret.Token) (Status, error) {
	in, err := s.ClientBearer(ctx, token)
	if credential.IsDead(err) || err == nil && in.Client.ID != c.ID {
		return Status{}, nil
	}
	if err != nil {
		return Status{}, err
	}
	return Status{
		Active: true, Issuer: s.Issuer, Subject: c.ID, Audience: s.Issuer, Client: c.ID, Scope: relyingparty.JoinScopes(in.Scopes), Kind: "Bearer",
		Expires: in.Claims.Time("exp").Unix(), IssuedAt: in.Claims.Time("iat").Unix(), ID: in.Claims.Text("jti"),
	}, nil
}

func unlessRefused(err error) error {
	if errors.As(err, new(*Refusal)) {
		return nil
	}
	return err
}

func (s *Service) refreshStatus(f credential.Found, who account.Account) (Status, error) {
	t, err := termsOf(f)
	if err != nil {
		return Status{}, err
	}
	ends := f.DeviceUsedAt.Add(credential.Rules[credential.Refresh].Idle)
	return Status{
		Active: true, Issuer: s.Issuer, Subject: who.ID, Client: f.Subject, Scope: relyingparty.JoinScopes(t.Scopes), UserName: personOf(who, t).UserName,
		Expires: slices.MinFunc([]time.Time{ends, f.ExpiresAt}, time.Time.Compare).Unix(), IssuedAt: f.CreatedAt.Unix(), Grant: f.Hash,
	}, nil
}

// RevokeToken ends what a token stands for, and everything that was made with it (RFC 7009 §2.1). One that does not count, or is another client's, is
// none to end: nobody is told. *Refusal when the client does not prove itself.
func (s *Service) RevokeToken(ctx context.Context, p Proof, token secret.Token) error {
	c, find, err := s.present(ctx, p, token)
	if err != nil {
		return err
	}
	var f credential.Found
	switch {
	case c.AccountID != "":
		if f, err = s.leave(ctx, c, token); err == nil && f.Hash == "" {
			return s.revokeOwn(ctx, c, token)
		}
	case token.WellFormed():
		f, _, err = s.refreshable(ctx, c, token, find)
		err = unlessRefused(err)
	default:
		var in Shown
		in, err = s.bearer(ctx, token, find)
		if f = in.Found; credential.IsDead(err) {
			return s.revokeOwn(ctx, c, token)
		}
	}
	if err != nil || f.Hash == "" || f.Subject != c.ID {
		return err
	}
	err = s.Store.EndGrant(ctx, f.Hash, audit.New(s.Now(), audit.SignedOut, f.AccountID, f.AccountID).With(audit.App, c.Name))
	if errors.Is(err, credential.ErrSpent) {
		return nil
	}
	return err
}

// revokeOwn ends what a client has for itself, when the token is such a one: this one and the others that it has, which it gets anew by its key.
func (s *Service) revokeOwn(ctx context.Context, c relyingparty.Client, token secret.Token) error {
	in, err := s.ClientBearer(ctx, token)
	if credential.IsDead(err) || err == nil && in.Client.ID != c.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Store.EndClientTokens(ctx, in.Client, audit.New(s.Now(), audit.ClientTokensEnded, "", "").With(audit.Client, c.Called()))
}
