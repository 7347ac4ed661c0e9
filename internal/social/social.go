// Package social owns how people come in by another service: the question a browser is sent there with, the answer it brings back, and which account that leads to.
// It refuses to know how a service is spoken to, and what stands between a good proof and an open door.
package social

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/identity"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Store keeps questions and answers, who has arrived, and what is linked.
type Store interface {
	QuestionStore
	ArrivalStore
	LinkStore
	CodeStore
}

// QuestionStore keeps the questions that browsers were sent away with.
type QuestionStore interface {
	ReadClock(ctx context.Context) (credential.Clock, error)
	Record(ctx context.Context, act audit.Act) error
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	Park(ctx context.Context, question string, answer credential.Link, now time.Time) error
	SpendOutside(ctx context.Context, question, parked string) error
	FindIdentity(ctx context.Context, told identity.Told) (identity.Identity, account.Account, error)
	UseIdentity(ctx context.Context, i identity.Identity, now time.Time) error
}

// Resolver resolves what a browser presents.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
}

// SignUps says who may make an account. Its errors are the caller's to know.
type SignUps interface {
	// Allow returns the hash of the invitation to be spent; empty where none is needed.
	Allow(ctx context.Context, email string, invitation secret.Token) (string, error)
}

// Service brings people in by other services.
type Service struct {
	Store     Store
	Resolver  Resolver
	Providers Providers
	SignUps   SignUps
	AskCode   bool // the operator wants the second step asked for after every sign-in by another service
	Now       func() time.Time
	Log       *slog.Logger
}

// Why somebody who came back from a service goes no further here.
var (
	// ErrGone says that the question was answered, is too old, or was another browser's.
	ErrGone = errors.New("social: this question waits no more")
	// ErrOther says that somebody else has signed in at the service than has to.
	ErrOther = errors.New("social: this is somebody else's identity")
	// ErrNoUse says that a proof by another service would prove nothing: the account has a password, which proves more.
	ErrNoUse = errors.New("social: the account has a stronger proof")
	// ErrUnproved says that the account's own address was never confirmed, so nothing is linked to it.
	ErrUnproved = errors.New("social: the account's address is not confirmed")
)

// Purpose is what somebody is sent to a service for.
type Purpose string

// The purposes.
const (
	ToSignIn  Purpose = "sign in"
	ToLink    Purpose = "link"
	ToProve   Purpose = "prove"   // a fresh proof, by who has no password
	ToConfirm Purpose = "confirm" // after an incident, by who has no password
)

// Start is somebody who presses a service's button.
type Start struct {
	Provider   string
	Purpose    Purpose
	Next       string           // local path to go on to
	Invitation secret.Token     // shown on the way in; often empty
	Held       credential.Found // ToLink and ToProve: the browser's sign-in. ToConfirm: the ticket
	Browser    secret.Token     // what this browser was known by at its last question; often empty
	Client     device.Client
}

// Begun is where the browser goes, and what it is known by when it comes back.
type Begun struct {
	URL     string
	Browser secret.Token
}

// question is the sealed detail of an Outside credential: what was asked, for what, and of which browser.
type question struct {
	Provider   string    `json:"provider"`
	Purpose    Purpose   `json:"purpose"`
	Nonce      string    `json:"nonce"`
	Verifier   string    `json:"verifier"`
	Browser    string    `json:"browser"` // fingerprint of what the browser is known by
	Next       string    `json:"next,omitempty"`
	Invitation string    `json:"invitation,omitempty"`
	Account    string    `json:"account,omitempty"` // whose it is, where somebody is signed in
	Held       string    `json:"held,omitempty"`    // hash of Start.Held
	AskedAt    time.Time `json:"asked_at"`
}

func (q question) put(state secret.Token) Question {
	return Question{State: state, Nonce: secret.TokenOf(q.Nonce), Verifier: secret.TokenOf(q.Verifier), Afresh: q.Purpose == ToProve || q.Purpose == ToConfirm, AskedAt: q.AskedAt}
}

// Begin returns where a browser goes to be signed in by a service. credential.ErrStale before a link without a fresh proof; ErrUnproved, ErrNoUse, ErrNotOffered,
// ErrUnreachable, limits.
func (s *Service) Begin(ctx context.Context, b Start) (Begun, error) {
	now := s.Now()
	if err := s.may(b, now); err != nil {
		return Begun{}, err
	}
	if _, err := s.provider(b.Provider); err != nil {
		return Begun{}, err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return Begun{}, err
	}
	browser := b.Browser
	if !browser.WellFormed() {
		browser = secret.NewToken()
	}
	state := secret.NewToken()
	q := question{
		Provider: b.Provider, Purpose: b.Purpose, Nonce: secret.NewToken().Reveal(), Verifier: secret.NewToken().Reveal(), Browser: browser.Fingerprint(), Next: b.Next,
		Invitation: b.Invitation.Reveal(), Account: b.Held.AccountID, Held: b.Held.Hash, AskedAt: now,
	}
	detail, err := json.Marshal(q)
	if err != nil {
		return Begun{}, fmt.Errorf("writing a question: %w", err)
	}
	address, err := s.Providers.Ask(ctx, b.Provider, q.put(state))
	if err != nil {
		return Begun{}, s.noted(ctx, b.Provider, err)
	}
	act := audit.Act{At: now}.Counting(ratelimit.OutsideSignIns.From(b.Client.Address)...).
		Linking(credential.Link{Kind: credential.Outside, Token: state, Detail: string(detail), Stamp: credential.Stamp{Born: clock.Epoch}})
	return Begun{URL: address, Browser: browser}, s.Store.Record(ctx, act)
}

// may refuses what nobody should be sent away for.
func (s *Service) may(b Start, now time.Time) error {
	switch b.Purpose {
	case ToLink:
		if !b.Held.IsFresh(now) {
			return credential.ErrStale
		}
	case ToProve, ToConfirm:
		if !b.Held.Account.NoPassword {
			return ErrNoUse
		}
	case ToSignIn:
	}
	return nil
}

// provider returns a service that is offered now: one that an operator has taken away lets nobody in any more (attack O8). ErrNotOffered.
func (s *Service) provider(id string) (Provider, error) {
	for _, p := range s.Providers.Offered() {
		if p.ID == id {
			return p, nil
		}
	}
	return Provider{}, ErrNotOffered
}

// noted writes down why a service did not sign somebody in, which its operator can do something about, and returns the error.
func (s *Service) noted(ctx context.Context, provider string, err error) error {
	if errors.Is(err, ErrUnreachable) || errors.Is(err, ErrRefused) {
		s.Log.WarnContext(ctx, "not signed in by another service", "service", provider, "error", err)
	}
	return err
}

// gone turns the reasons why something does not count any more into one.
func gone(err error) error {
	if credential.IsDead(err) || errors.Is(err, credential.ErrSpent) {
		return errors.Join(ErrGone, err)
	}
	return err
}
