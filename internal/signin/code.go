package signin

import (
	"cmp"
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/secret"
)

// ErrTooLate says that the first step of a sign-in was too long ago, or was ended meanwhile: it starts anew.
var ErrTooLate = errors.New("signin: the first step does not count any more")

// CodeRequest is the second step of a sign-in.
type CodeRequest struct {
	Ticket   secret.Token  // Outcome.Ticket of the first step
	Typed    secret.Token  // six digits or a recovery code
	Passkey  PasskeyAnswer // in the place of what is typed, for CodeByPasskey
	Known    secret.Token  // what the browser shows to have been here before
	Remember bool          // not to be asked for a code on this browser for a while
	Client   device.Client
}

// askCode gives the password's try back and hands out the ticket for the second step. It carries the epochs that were read before the password
// was checked, and opens nothing by itself.
func (s *Service) askCode(ctx context.Context, at credential.Attempt, c credential.Candidate, stamp credential.Stamp) (Outcome, error) {
	link := credential.Link{Kind: credential.SecondStep, Token: secret.NewToken(), AccountID: c.Account.ID, Stamp: stamp}
	return Outcome{Step: CodeNeeded, Ticket: link.Token}, s.Store.ForgiveAttempt(ctx, at, c, audit.Act{At: at.At}.Linking(link))
}

// shows reports whether a browser shows a live credential of a kind that belongs to the account.
func (s *Service) shows(ctx context.Context, kind credential.Kind, token secret.Token, accountID string) (bool, error) {
	if token.Empty() {
		return false, nil
	}
	f, err := s.Resolver.Resolve(ctx, kind, token)
	if credential.IsDead(err) {
		return false, nil
	}
	return err == nil && f.AccountID == accountID, err
}

// Waiting returns the account whose second step a ticket stands for; ErrTooLate. It changes nothing.
func (s *Service) Waiting(ctx context.Context, ticket secret.Token) (account.Account, error) {
	_, a, err := s.waiting(ctx, ticket)
	return a, err
}

func (s *Service) waiting(ctx context.Context, ticket secret.Token) (credential.Found, account.Account, error) {
	f, err := s.Resolver.Resolve(ctx, credential.SecondStep, ticket)
	if credential.IsDead(err) {
		return f, account.Account{}, ErrTooLate
	}
	if err != nil {
		return f, account.Account{}, err
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if errors.Is(err, account.ErrNotFound) {
		return f, a, ErrTooLate
	}
	return f, a, err
}

// Code checks the second step and signs the browser in: ticket and factor are spent together, once. ErrTooLate, mfa.ErrWrong (and what wraps
// it), mfa.ErrShape, limits.
func (s *Service) Code(ctx context.Context, r CodeRequest) (Outcome, error) {
	f, a, err := s.waiting(ctx, r.Ticket)
	if err != nil {
		return Outcome{}, err
	}
	factor, err := s.Factors.Check(ctx, a, mfa.Try{Typed: r.Typed, Known: r.Known, Client: r.Client})
	if err != nil {
		return Outcome{}, err
	}
	known, err := s.shows(ctx, credential.Known, r.Known, a.ID)
	if err != nil {
		return Outcome{}, err
	}
	now := s.Now()
	in := credential.NewSignIn(a.ID, cmp.Or(f.Detail, "password")+" and code", r.Client, now)
	if factor.IsRecovery() {
		in.Device.Method = cmp.Or(f.Detail, "password") + " and recovery code"
	}
	if f.Subject == string(credential.ByOutside) {
		in.Subject = string(credential.ByOutsideAndCode)
	}
	in.Stamp, in.Factor, in.Spends = f.Stamp, &factor, f.Hash
	if r.Remember {
		in.Remember, in.RememberedAs = secret.NewToken(), rememberedAs(in.Device)
	}
	out, err := s.open(ctx, credential.Attempt{At: now}, credential.Candidate{Account: a, Clock: f.Clock, Known: known}, in, r.Client)
	err = s.Factors.Spent(ctx, err, a, r.Client)
	if errors.Is(err, credential.ErrSpent) && !errors.Is(err, mfa.ErrReplayed) { // the ticket, by a second press
		err = errors.Join(ErrTooLate, err)
	}
	return out, err
}

// rememberedAs is how a browser that skips the code stands in its owner's list.
func rememberedAs(d device.Device) string {
	if where := cmp.Or(d.Seen.Place, d.Seen.Address); where != "" {
		return d.Name + ", " + where
	}
	return d.Name
}

// RecoveryLeft returns how many recovery codes an account has left.
func (s *Service) RecoveryLeft(ctx context.Context, accountID string) (int64, error) {
	return s.Store.RecoveryLeft(ctx, accountID)
}
