// Package mfa owns the second factor: codes from an authenticator (RFC 6238), recovery codes, and the one check of either that every door and
// flow uses. It refuses to know what a right one opens.
package mfa

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Store keeps second factors. BeginFactor reads what a typed one is checked against and counts the failure in advance; who accepts it gives it
// back in the transaction that spends it. *ratelimit.LimitedError and credential.Exhausted count nothing.
type Store interface {
	BeginFactor(ctx context.Context, at credential.FactorAttempt) (credential.FactorCandidate, error)
	ReturnFactor(ctx context.Context, at credential.FactorAttempt, c credential.FactorCandidate) error
	RecoveryLeft(ctx context.Context, accountID string) (int64, error)
	Record(ctx context.Context, act audit.Act) error
}

// Hasher checks recovery codes.
type Hasher interface {
	Verify(ctx context.Context, phc string, password []byte) (bool, error)
	Decoy(ctx context.Context, password []byte) error
}

// Checker checks typed second factors.
type Checker struct {
	Store  Store
	Hasher Hasher
	Now    func() time.Time
}

// Why a typed second factor does not count.
var (
	// ErrShape says that what was typed is neither six digits nor a recovery code; nothing was counted.
	ErrShape = errors.New("mfa: neither six digits nor a recovery code")
	// ErrWrong says that it is not right, or was used before; the try is counted.
	ErrWrong = errors.New("mfa: wrong, or used before")
	// ErrReplayed wraps ErrWrong for a code from the authenticator that is right and was used before: somebody may have read it.
	ErrReplayed = errors.Join(errors.New("mfa: the code was used before"), ErrWrong)
	// ErrUsedUp wraps ErrWrong for a recovery code whose place in the set is empty: the code that was there was used.
	ErrUsedUp = errors.Join(errors.New("mfa: the recovery code was used before"), ErrWrong)
	// ErrClock wraps ErrWrong for a code that would have been right a minute earlier or later: a clock is wrong.
	ErrClock = errors.Join(errors.New("mfa: the code belongs to another minute"), ErrWrong)
	// ErrOff says that the account has no second factor.
	ErrOff = errors.New("mfa: there is no second factor")
)

// Accepts says which factors an act takes.
type Accepts int

// What acts take: a new set of recovery codes needs the authenticator itself.
const (
	Either Accepts = iota
	AuthenticatorOnly
)

// Try is somebody's typed second factor.
type Try struct {
	Typed   secret.Token
	Known   secret.Token // what the browser shows to have been here before: it then has a budget of its own
	Accepts Accepts
	Client  device.Client
}

// Check checks a typed second factor and returns it for the verb that spends it. A recovery code costs one hash, whether it is right, wrong or
// used up. Without an error nothing is spent yet, and the try stands counted until a verb gives it back. A wrong one is recorded; the owner is
// told when it happens again and again, or when a right code comes a second time.
func (c *Checker) Check(ctx context.Context, a account.Account, t Try) (credential.Factor, error) {
	f, err := c.check(ctx, a.ID, t)
	switch {
	case errors.Is(err, ErrReplayed), errors.Is(err, ErrWrong) && f.Candidate.Worrying():
		err = errors.Join(err, c.warn(ctx, a, t.Client))
	case errors.Is(err, ErrWrong):
		err = errors.Join(err, c.refused(ctx, a, t.Client))
	}
	return f, err
}

func (c *Checker) check(ctx context.Context, accountID string, t Try) (credential.Factor, error) {
	at := credential.FactorAttempt{AccountID: accountID, Known: t.Known, Network: ratelimit.SignInFailures.From(t.Client.Address), At: c.Now()}
	code, isCode := ReadCode(t.Typed)
	recovery, isRecovery := ReadRecovery(t.Typed)
	switch {
	case isCode:
	case isRecovery && t.Accepts == Either:
		at.Selector = recovery.Selector
	default:
		return credential.Factor{}, ErrShape
	}
	found, err := c.Store.BeginFactor(ctx, at)
	if err != nil {
		return credential.Factor{}, err
	}
	f := credential.Factor{AccountID: accountID, Attempt: at, Candidate: found}
	if found.Key.Empty() {
		return f, errors.Join(ErrOff, c.Store.ReturnFactor(context.WithoutCancel(ctx), at, found))
	}
	if isCode {
		return c.code(f, code)
	}
	return c.recovery(ctx, f, recovery)
}

func (c *Checker) code(f credential.Factor, typed secret.Token) (credential.Factor, error) {
	step, ok := Match(f.Candidate.Key, typed, f.Attempt.At)
	switch {
	case ok && step > f.Candidate.Step:
		f.Step = step
		return f, nil
	case ok:
		return f, ErrReplayed
	case ClockOff(f.Candidate.Key, typed, f.Attempt.At):
		return f, ErrClock
	}
	return f, ErrWrong
}

func (c *Checker) recovery(ctx context.Context, f credential.Factor, typed Recovery) (credential.Factor, error) {
	ok, err := false, error(nil)
	used := f.Candidate.Recovery == ""
	if used {
		err = c.Hasher.Decoy(ctx, []byte(typed.Rest.Reveal()))
	} else {
		ok, err = c.Hasher.Verify(ctx, f.Candidate.Recovery, []byte(typed.Rest.Reveal()))
	}
	switch {
	case err != nil:
		return f, errors.Join(err, c.Store.ReturnFactor(context.WithoutCancel(ctx), f.Attempt, f.Candidate))
	case used:
		return f, ErrUsedUp
	case !ok:
		return f, ErrWrong
	}
	f.Selector = typed.Selector
	return f, nil
}
