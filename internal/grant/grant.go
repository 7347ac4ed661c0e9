// Package grant owns what clients are given: authorization requests and the consent to them, codes, refresh and access tokens, what they tell, and
// how they end (OpenID Connect Core 1.0, RFC 6749 with RFC 9700). It refuses to know HTTP, pages, and how anybody signs in.
package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/signing"
)

// Store keeps requests, consents and what is granted.
type Store interface {
	FindClient(ctx context.Context, id string) (relyingparty.Client, error)
	// FindClientBySecret returns the client that a secret proves, with the grant that is shown besides; credential.ErrUnknown when there is no such secret.
	FindClientBySecret(ctx context.Context, shown Presented) (Proven, error)
	ReadClock(ctx context.Context) (credential.Clock, error)
	Record(ctx context.Context, act audit.Act) error
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	ServerStore
	RequestStore
	TokenStore
	RefreshStore
	ConsentStore
}

// RequestStore keeps authorization requests until they are answered.
type RequestStore interface {
	// EndRequest ends a request that gets no code; credential.ErrSpent when it was answered meanwhile.
	EndRequest(ctx context.Context, hash string) error
	// GrantCode answers a request with a code; credential.ErrSpent when it was answered, or the consent or the client went, meanwhile.
	GrantCode(ctx context.Context, a Approval, act audit.Act) error
}

// Resolver resolves what is presented.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
	ResolvePerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error)
	ResolveWith(ctx context.Context, kind credential.Kind, token secret.Token, find credential.Question) (credential.Found, error)
}

// Service decides what clients are given.
type Service struct {
	Store    Store
	Resolver Resolver
	Keys     *signing.Keys
	Ring     func() *secret.Ring // derives what a code or a refresh token turns into
	Issuer   string              // the origin
	Touches  *device.Touches     // of app passwords that media servers show
	Now      func() time.Time
}

// ErrGone says that an authorization request was answered, or has waited for too long.
var ErrGone = errors.New("grant: no such request, or not any more")

// Holder is who is signed in in the browser that asks.
type Holder struct {
	credential.Found
	Person account.Account
}

// What was done for a sign-in (OpenID Connect Core §2, RFC 8176). People's second step is acrSecondStep, whatever it was asked with.
const (
	acrHome       = "urn:usher:home"     // somebody of the Home switched: nobody proved anything
	acrOutside    = "urn:usher:outside"  // another service vouches
	acrPassword   = "urn:usher:password" //nolint:gosec // a name
	acrSecondStep = "urn:usher:second-step"
)

// ACRs lists the authentication contexts, weakest first.
func ACRs() []string { return []string{acrHome, acrOutside, acrPassword, acrSecondStep} }

// context returns how the holder signed in: the second step counts when it was asked at the last fresh proof. "fed" is no value of RFC 8176, which has
// none for it.
func (h Holder) context() (acr string, amr []string) {
	if h.IsPlayer() { // somebody of the Home, who proved nothing
		return acrHome, nil
	}
	switch h.Way() {
	case credential.ByPasskey:
		return acrSecondStep, []string{"pop", "user", "mfa"}
	case credential.ByPasswordAndPasskey:
		return acrSecondStep, []string{"pwd", "pop", "mfa"}
	case credential.ByOutsideAndCode:
		return acrSecondStep, []string{"fed", "otp", "mfa"}
	case credential.ByOutside:
		return acrOutside, []string{"fed"}
	case credential.ByPassword:
	}
	if h.stepped() {
		return acrSecondStep, []string{"pwd", "otp", "mfa"}
	}
	return acrPassword, []string{"pwd"}
}

func (h Holder) stepped() bool {
	if h.IsPlayer() {
		return false
	}
	switch h.Way() {
	case credential.ByPasskey, credential.ByOutsideAndCode, credential.ByPasswordAndPasskey:
		return true
	case credential.ByOutside:
		return false
	case credential.ByPassword:
	}
	return h.Account.SecondFactor && !h.FreshAt.IsZero() && !h.FreshAt.Before(h.Person.FactorSince)
}

// authenticated is when the holder last proved who it is; zero: never, in this browser.
func (h Holder) authenticated() time.Time {
	if h.IsPlayer() {
		return time.Time{}
	}
	if h.FreshAt.IsZero() { // in a remembered browser, where the second step was left out
		return h.CreatedAt
	}
	return h.FreshAt
}

// terms are what a grant was given for, kept sealed with it.
type terms struct {
	Scopes []relyingparty.Scope `json:"scopes"`
	ACR    string               `json:"acr,omitempty"`
	AMR    []string             `json:"amr,omitempty"`
}

func (t terms) has(s relyingparty.Scope) bool { return slices.Contains(t.Scopes, s) }

func termsOf(f credential.Found) (t terms, err error) {
	if err := json.Unmarshal([]byte(f.Detail), &t); err != nil {
		return t, fmt.Errorf("reading what was granted: %w", err)
	}
	return t, nil
}

// write is a value as it is kept; our own structs are always JSON.
func write(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("grant: " + err.Error())
	}
	return string(raw)
}

// findClient returns a client, one of those that every service has among them; relyingparty.ErrNotFound.
func (s *Service) findClient(ctx context.Context, id string) (relyingparty.Client, error) {
	if c, is := relyingparty.Builtin(id); is {
		return c, nil
	}
	return s.Store.FindClient(ctx, id)
}
