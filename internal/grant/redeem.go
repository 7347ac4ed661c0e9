package grant

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// TokenStore keeps what codes turn into.
type TokenStore interface {
	FindPerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error)
	// FindGrant returns a grant by its hash, of whichever kind it is, with its account; credential.ErrUnknown, also when its client was removed.
	FindGrant(ctx context.Context, hash string) (credential.Found, account.Account, error)
	// RedeemCode spends a code and writes what it turns into, whose hash it returns; credential.ErrSpent, also when the client went meanwhile.
	RedeemCode(ctx context.Context, n New, act, trimmed audit.Act) (hash string, err error)
	// CollectGrant is RedeemCode for a device that somebody has let in by a code; consent is noted.
	CollectGrant(ctx context.Context, requestID string, n New, consent []relyingparty.Scope, act, trimmed audit.Act) (hash string, err error)
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	// EndGrant ends a grant with everything made from it; credential.ErrSpent when there is none.
	EndGrant(ctx context.Context, hash string, act audit.Act) error
	EndClientTokens(ctx context.Context, c relyingparty.Client, act audit.Act) error
}

// New is a grant about to be written.
type New struct {
	Spends   string // hash of the code
	Kind     credential.Kind
	Family   secret.Token  // what finds it: the first half of its refresh tokens
	Secret   secret.Token  // the second half of the first one; empty when there is none
	Device   device.Device // a new app, for credential.Refresh; else the browser's, of which only the ID is looked at
	ClientID string
	Detail   string
	Stamp    credential.Stamp
	FreshAt  time.Time
	Expires  time.Time
}

// Lives.
const (
	identityLife = time.Hour
	// boundLife is how long it is remembered that a client has a sign-in that ends with its browser's.
	boundLife = 30 * 24 * time.Hour
)

// MostAlike is how many sign-ins one client may have in one browser, and how many apps by consent on one account; what is over that ends, the oldest or
// longest unused first. Else a page that sends a browser to and fro would fill the account with them.
const MostAlike = 20

// ErrReused says that a code or a refresh token was used before. What was made from it has ended.
var ErrReused = errors.New("grant: used before")

// Tokens is the answer of the token endpoint.
type Tokens struct {
	Access   string
	Identity string // empty without openid
	Refresh  secret.Token
	Scopes   []relyingparty.Scope
	Life     time.Duration // of the access token
}

// Exchange is a request to exchange a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
type Exchange struct {
	Code        secret.Token
	RedirectURI string
	Verifier    secret.Token
}

// errGrant is all that a client is told about a code or a refresh token that does not count.
func errGrant() *Refusal {
	return refuse("invalid_grant", "the code or token does not count, or not for this client")
}

// Redeem exchanges a code. A code that comes with anything that does not fit is burnt; one that comes a second time ends what it was exchanged for.
// *Refusal.
func (s *Service) Redeem(ctx context.Context, c relyingparty.Client, x Exchange) (Tokens, error) {
	if !c.MayUse(relyingparty.Code) {
		return Tokens{}, refuse("unauthorized_client", "the client may not use this grant")
	}
	f, who, err := s.Resolver.ResolvePerson(ctx, credential.AuthorizationCode, x.Code)
	if errors.Is(err, credential.ErrUnknown) && f.Hash == "" {
		return Tokens{}, s.reused(ctx, c, x.Code)
	}
	if credential.IsDead(err) {
		return Tokens{}, errGrant()
	}
	if err != nil {
		return Tokens{}, err
	}
	var p promise
	if err := json.Unmarshal([]byte(f.Detail), &p); err != nil {
		return Tokens{}, fmt.Errorf("reading a code: %w", err)
	}
	if f.Subject != c.ID || p.URI != x.RedirectURI || !answers(p.Challenge, x.Verifier) {
		if err := s.Store.EndRequest(ctx, f.Hash); err != nil && !errors.Is(err, credential.ErrSpent) {
			return Tokens{}, err
		}
		return Tokens{}, errGrant()
	}
	return s.redeem(ctx, c, x.Code, f, p, who)
}

// answers checks a code verifier (RFC 7636 §4.6).
func answers(challenge string, verifier secret.Token) bool {
	text := verifier.Reveal()
	if len(text) < 43 || len(text) > 128 || !unreserved(text) {
		return false
	}
	sum := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// redeem writes the grant that a code stands for. What finds it is derived from the code, so that the code leads there again.
func (s *Service) redeem(ctx context.Context, c relyingparty.Client, code secret.Token, f credential.Found, p promise, who account.Account) (Tokens, error) {
	now := s.Now()
	n := New{
		Spends: f.Hash, Kind: credential.Access, Family: s.family(code), Device: device.Device{ID: f.DeviceID, AccountID: f.AccountID}, ClientID: c.ID,
		Detail: write(p.terms), Stamp: f.Stamp, FreshAt: f.FreshAt, Expires: now.Add(boundLife),
	}
	var refresh secret.Token
	if p.has(relyingparty.OfflineAccess) {
		n.Kind, n.Expires, n.Secret = credential.Refresh, now.Add(credential.Rules[credential.Refresh].Life), half(s.Ring().Derive("refresh", code))
		n.Device = device.Device{
			ID: id.New(now), AccountID: f.AccountID, Kind: device.App, Name: c.Name, Product: c.Name, Method: device.ByConsent, Seen: p.Seen,
		}
		refresh = secret.TokenOf(n.Family.Reveal() + n.Secret.Reveal())
	}
	hash, err := s.Store.RedeemCode(ctx, n, audit.Act{At: now}, audit.Trimmed(who, now))
	if errors.Is(err, credential.ErrSpent) {
		return Tokens{}, s.reused(ctx, c, code)
	}
	if err != nil {
		return Tokens{}, err
	}
	f.Hash = hash
	groups, err := s.groupsOf(ctx, c, f, who)
	if err != nil {
		return Tokens{}, err
	}
	t, err := s.issue(issue{client: c, grant: f, who: who, terms: p.terms, at: now, nonce: p.Nonce, id: secret.NewToken(), groups: groups})
	t.Refresh = refresh
	return t, err
}

// half is as much of a secret as a half of a refresh token holds, 130 bits; of a refresh token, what finds it.
func half(t secret.Token) secret.Token { return secret.TokenOf(t.Reveal()[:secret.TokenLength/2]) }

// secondHalf is the half of a refresh token that changes with each use.
func secondHalf(t secret.Token) secret.Token {
	return secret.TokenOf(t.Reveal()[secret.TokenLength/2:])
}

func (s *Service) family(code secret.Token) secret.Token { return half(s.Ring().Derive("grant", code)) }

// reused ends what an unknown code was exchanged for, if it ever was, and by this very client (RFC 6749 §4.1.2): codes that were used stand in logs.
func (s *Service) reused(ctx context.Context, c relyingparty.Client, code secret.Token) error {
	if !code.WellFormed() {
		return errGrant()
	}
	for _, kind := range []credential.Kind{credential.Refresh, credential.Access} {
		f, _, err := s.Store.FindPerson(ctx, kind, s.family(code))
		if errors.Is(err, credential.ErrUnknown) {
			continue
		}
		if err != nil {
			return err
		}
		if f.Subject != c.ID {
			return errGrant()
		}
		return s.endReused(ctx, c, f)
	}
	return errGrant()
}

func (s *Service) endReused(ctx context.Context, c relyingparty.Client, f credential.Found) error {
	err := s.Store.EndGrant(ctx, f.Hash, s.reuse(f, c.Name))
	if err != nil && !errors.Is(err, credential.ErrSpent) {
		return err
	}
	return errGrant()
}

// reuse is the record of a code or a refresh token that came twice: somebody has a copy.
func (s *Service) reuse(f credential.Found, app string) audit.Act {
	return audit.New(s.Now(), audit.AppReused, "", f.AccountID).With(audit.App, app)
}

// narrower reads the scopes of a refresh: the same, or fewer of them (RFC 6749 §6).
func narrower(granted []relyingparty.Scope, text string) ([]relyingparty.Scope, error) {
	if text == "" {
		return granted, nil
	}
	asked, err := relyingparty.ParseScopes(text)
	if err != nil {
		return nil, refuse("invalid_scope", "scope is not a list of scopes, divided by single spaces")
	}
	for _, want := range asked {
		switch {
		case slices.Contains(granted, want):
		case slices.Contains(relyingparty.Scopes(), want):
			return nil, refuse("invalid_scope", "the scope "+string(want)+" was not granted")
		default:
			return nil, refuse("invalid_scope", "a scope is asked for that nobody has here")
		}
	}
	return asked, nil
}
