package signin

import (
	"context"
	"errors"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Proof is what somebody who is signed in types once more.
type Proof struct {
	Password secret.Token
	Code     secret.Token // or a recovery code; looked at only where the account has a second factor
	Known    secret.Token // what the browser shows to have been here before
}

// Again checks the password of somebody who is signed in, and the second factor where there is one, for what needs fresh proof. It returns the
// token that takes the old one's place, which is dead from then on. Tries count against the account's budgets. ErrWrong for the password; the
// errors of mfa for the code.
func (s *Service) Again(ctx context.Context, f credential.Found, p Proof, client device.Client) (secret.Token, error) {
	now := s.Now()
	c, err := s.checkPassword(ctx, f, p, client)
	if err != nil {
		return secret.Token{}, err
	}
	r := credential.Renewal{Replaces: f.Hash, Token: secret.NewToken(), FreshAt: now}
	act := audit.New(now, audit.ProvedAgain, f.AccountID, f.AccountID).From(client)
	if c.Account.SecondFactor {
		factor, err := s.Factors.Check(ctx, c.Account, mfa.Try{Typed: p.Code, Known: p.Known, Client: client})
		if err != nil {
			return secret.Token{}, err
		}
		if act, err = s.Factors.Telling(ctx, act, c.Account, factor, client); err != nil {
			return secret.Token{}, err
		}
		r.Factor = &factor
	}
	err = s.Store.RenewSignIn(ctx, r, act)
	if r.Factor != nil {
		err = s.Factors.Spent(ctx, err, c.Account, client)
	}
	return r.Token, err
}

// CheckPassword checks the password of somebody who is signed in, and nothing else: nothing is fresh by it. ErrWrong, limits.
func (s *Service) CheckPassword(ctx context.Context, f credential.Found, password, known secret.Token, client device.Client) error {
	_, err := s.checkPassword(ctx, f, Proof{Password: password, Known: known}, client)
	return err
}

func (s *Service) checkPassword(ctx context.Context, f credential.Found, p Proof, client device.Client) (credential.Candidate, error) {
	at := credential.Attempt{Account: f.AccountID, Known: p.Known, Network: ratelimit.SignInFailures.From(client.Address), At: s.Now()}
	if f.Account.Admin {
		at.Network = append(at.Network, ratelimit.StepUps.For(f.AccountID))
	}
	c, err := s.prove(ctx, at, p.Password)
	if errors.Is(err, ErrWrong) {
		act := audit.New(at.At, audit.SignInFailed, f.AccountID, f.AccountID).From(client)
		return c, errors.Join(err, s.Store.Record(context.WithoutCancel(ctx), act))
	}
	if err != nil {
		return c, err
	}
	return c, s.Store.ForgiveAttempt(ctx, at, c, audit.Act{At: at.At})
}
