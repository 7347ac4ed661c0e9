package social

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/identity"
	"usher/internal/secret"
)

// Return is a browser that comes back from a service.
type Return struct {
	Provider string
	State    secret.Token
	Answer   Answer             // empty when it was parked
	Browser  secret.Token       // what the browser shows to be the one that was sent away
	Held     []credential.Found // its sign-in and the ticket of a confirmation, whichever it has
	Client   device.Client
}

// Landing is where an answer leads.
type Landing struct {
	Purpose  Purpose
	Provider Provider
	Next     string
	// Account and Clock, of ToSignIn, are whose identity it is, and how the clock stood before the answer was checked; zero when it is nobody's yet.
	Account account.Account
	Clock   credential.Clock
	// Proved, of ToSignIn, is when the person last proved at the service who they are; zero when it does not say.
	Proved  time.Time
	Arrival secret.Token // of ToSignIn, for the browser to keep: the account is still to be found or made
	Token   secret.Token // of ToProve, in the place of the browser's sign-in
}

// Park keeps what another site's page has posted until the browser comes for it, with its cookies, by a redirect. It tells nobody whether there was a question.
func (s *Service) Park(ctx context.Context, provider string, state secret.Token, a Answer) error {
	f, q, err := s.question(ctx, provider, state)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	detail, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	link := credential.Link{Kind: credential.Parked, Token: state, Subject: q.Provider, Detail: string(detail), Stamp: credential.Stamp{Born: f.Stamp.Born}}
	if err := s.Store.Park(ctx, f.Hash, link, s.Now()); err != nil && !errors.Is(err, credential.ErrSpent) {
		return err
	}
	return nil
}

// question finds what a browser was sent away with. ErrGone.
func (s *Service) question(ctx context.Context, provider string, state secret.Token) (f credential.Found, q question, err error) {
	if f, err = s.Resolver.Resolve(ctx, credential.Outside, state); err != nil {
		return f, q, gone(err)
	}
	if err := json.Unmarshal([]byte(f.Detail), &q); err != nil {
		return f, q, fmt.Errorf("reading a question: %w", err)
	}
	if q.Provider != provider { // attack O5: an answer counts where its question was put
		return f, q, ErrGone
	}
	return f, q, nil
}

// Finish reads the answer that a browser brings back, once, and does what it was sent for, but to sign in: that is the caller's. ErrGone, ErrOther, ErrNotOffered,
// ErrCancelled, ErrUnreachable, ErrRefused, identity.ErrLinked, ErrTaken, ErrTooMany. Beside an error that comes after the question was found, the landing says what it was.
func (s *Service) Finish(ctx context.Context, r Return) (Landing, error) {
	f, q, err := s.question(ctx, r.Provider, r.State)
	if err != nil {
		return Landing{}, err
	}
	if !r.Browser.HasFingerprint(q.Browser) { // the question stays: who sent somebody else's answer has not used it up
		return Landing{}, ErrGone
	}
	l := Landing{Purpose: q.Purpose, Next: q.Next, Clock: f.Clock}
	if l.Provider, err = s.provider(q.Provider); err != nil {
		return l, err
	}
	answer, parked, err := s.answer(ctx, r)
	if err != nil {
		return l, err
	}
	if err := s.Store.SpendOutside(ctx, f.Hash, parked); err != nil {
		return l, gone(err)
	}
	told, err := s.Providers.Read(ctx, q.Provider, q.put(r.State), answer)
	if err != nil {
		return l, s.noted(ctx, q.Provider, err)
	}
	switch q.Purpose {
	case ToSignIn:
		return s.arrive(ctx, l, q, told)
	case ToLink:
		return l, s.link(ctx, l.Provider, q, told, r)
	case ToProve:
		l.Token, err = s.prove(ctx, q, told, r)
		return l, err
	case ToConfirm:
		return l, s.confirm(ctx, l.Provider, q, told, r)
	}
	return l, ErrGone
}

// answer returns what the browser brings, or what was parked for it, with that one's hash.
func (s *Service) answer(ctx context.Context, r Return) (a Answer, parked string, err error) {
	if r.Answer != (Answer{}) {
		return r.Answer, "", nil
	}
	f, err := s.Resolver.Resolve(ctx, credential.Parked, r.State)
	if err == nil && f.Subject != r.Provider {
		err = ErrGone
	}
	if err != nil {
		return a, "", gone(err)
	}
	if err := json.Unmarshal([]byte(f.Detail), &a); err != nil {
		return a, "", fmt.Errorf("reading a parked answer: %w", err)
	}
	return a, f.Hash, nil
}

// arrive leads to the account that an identity is linked to, or keeps who came for the pages that find or make one.
func (s *Service) arrive(ctx context.Context, l Landing, q question, told identity.Told) (Landing, error) {
	now := s.Now()
	i, a, err := s.Store.FindIdentity(ctx, told)
	if err == nil {
		l.Account, l.Proved = a, told.SignedIn
		i.Told = told
		return l, s.Store.UseIdentity(ctx, i, now)
	}
	if !errors.Is(err, identity.ErrNotFound) {
		return l, err
	}
	link, err := arrivalLink(arrival{Told: told, Next: q.Next, Invitation: q.Invitation}, l.Clock)
	if err != nil {
		return l, err
	}
	l.Arrival = link.Token
	return l, s.Store.Record(ctx, audit.Act{At: now}.Linking(link))
}

// ownIdentity returns the identity that a service tells of where it is the account's. ErrOther.
func (s *Service) ownIdentity(ctx context.Context, told identity.Told, accountID string) (account.Account, error) {
	i, a, err := s.Store.FindIdentity(ctx, told)
	if errors.Is(err, identity.ErrNotFound) || err == nil && a.ID != accountID {
		return a, ErrOther
	}
	if err != nil {
		return a, err
	}
	i.Told = told
	return a, s.Store.UseIdentity(ctx, i, s.Now())
}

// held returns what a browser was sent away with, where it still holds that. ErrGone.
func (q question) held(r Return) (credential.Found, error) {
	for _, f := range r.Held {
		if q.Held != "" && q.Held == f.Hash && q.Account == f.AccountID {
			return f, nil
		}
	}
	return credential.Found{}, ErrGone
}

// prove puts a new token in the place of a browser's sign-in, by the word of a service: for who has no password.
func (s *Service) prove(ctx context.Context, q question, told identity.Told, r Return) (secret.Token, error) {
	if _, err := q.held(r); err != nil {
		return secret.Token{}, err
	}
	a, err := s.ownIdentity(ctx, told, q.Account)
	if err != nil {
		return secret.Token{}, err
	}
	if !a.NoPassword {
		return secret.Token{}, ErrNoUse
	}
	now := s.Now()
	renewal := credential.Renewal{Replaces: q.Held, Token: secret.NewToken(), FreshAt: now, Way: credential.ByOutside}
	act := audit.New(now, audit.ProvedAgain, a.ID, a.ID).From(r.Client).With(audit.Service, s.nameOf(q.Provider))
	return renewal.Token, gone(s.Store.RenewSignIn(ctx, renewal, act))
}

// confirm takes an account without a password back into use after an incident.
func (s *Service) confirm(ctx context.Context, p Provider, q question, told identity.Told, r Return) error {
	ticket, err := q.held(r)
	if err != nil {
		return err
	}
	a, err := s.ownIdentity(ctx, told, q.Account)
	if err != nil {
		return err
	}
	act := audit.New(s.Now(), audit.ConfirmedAfresh, a.ID, a.ID).From(r.Client).With(audit.Service, p.Name)
	return gone(s.Store.ConfirmSecured(ctx, credential.NewAfresh(ticket), act))
}

// nameOf is what a service is called, also when it is offered no more.
func (s *Service) nameOf(id string) string {
	if p, err := s.provider(id); err == nil {
		return p.Name
	}
	return id
}
