package signin

import (
	"cmp"
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/passkey"
	"usher/internal/secret"
)

// PasskeyAnswer is what a browser sends of an authenticator, and what it shows to be the one that asked.
type PasskeyAnswer struct {
	Text    string
	Browser secret.Token
}

// AskPasskey returns what a browser asks for a passkey of whoever sits before it. *ratelimit.LimitedError.
func (s *Service) AskPasskey(ctx context.Context, browser secret.Token, client device.Client) (passkey.Options, error) {
	return s.Passkeys.Ask(ctx, passkey.Question{For: passkey.ForSignIn, Browser: browser, Client: client})
}

// ByPasskey signs a browser in by a passkey that has verified its user, which stands for name, password and code, or says what stands between it and an open
// door. The errors of passkey.Checker.Check; credential.ErrSpent.
func (s *Service) ByPasskey(ctx context.Context, answer PasskeyAnswer, known secret.Token, client device.Client) (Outcome, error) {
	p, err := s.Passkeys.Check(ctx, passkey.Answer{Text: answer.Text, For: passkey.ForSignIn, Browser: answer.Browser, Client: client})
	if err != nil {
		return Outcome{}, err
	}
	return s.Enter(ctx, Entry{Account: p.Account, Clock: p.Clock, Way: credential.ByPasskey, Method: "passkey", Passkey: &p.Use, Known: known, Client: client})
}

// AskPasskeyForCode returns what a browser asks for a passkey in the place of the code. ErrTooLate, *ratelimit.LimitedError.
func (s *Service) AskPasskeyForCode(ctx context.Context, ticket, browser secret.Token, client device.Client) (passkey.Options, error) {
	f, a, err := s.waiting(ctx, ticket)
	if err != nil {
		return passkey.Options{}, err
	}
	return s.Passkeys.Ask(ctx, passkey.Question{For: passkey.ForCode, Account: a, Stamp: f.Stamp, Browser: browser, Unverified: !vouched(f), Client: client})
}

// vouched reports whether somebody else has vouched in the first step. Then a passkey has to verify its user, and is itself the stronger proof.
func vouched(ticket credential.Found) bool { return credential.Way(ticket.Subject).Vouched() }

// CodeByPasskey is Code with a passkey in the place of the code. ErrTooLate, the errors of passkey.Checker.Check; credential.ErrSpent.
func (s *Service) CodeByPasskey(ctx context.Context, r CodeRequest) (Outcome, error) {
	f, a, err := s.waiting(ctx, r.Ticket)
	if err != nil {
		return Outcome{}, err
	}
	p, err := s.Passkeys.Check(ctx, passkey.Answer{Text: r.Passkey.Text, For: passkey.ForCode, AccountID: a.ID, Browser: r.Passkey.Browser, Client: r.Client})
	if err != nil {
		return Outcome{}, err
	}
	known, err := s.shows(ctx, credential.Known, r.Known, a.ID)
	if err != nil {
		return Outcome{}, err
	}
	now := s.Now()
	in := credential.NewSignIn(a.ID, cmp.Or(f.Detail, "password")+" and passkey", r.Client, now)
	in.Stamp, in.Passkey, in.Spends, in.Subject = f.Stamp, &p.Use, f.Hash, string(credential.ByPasswordAndPasskey)
	if vouched(f) {
		in.Subject = string(credential.ByPasskey)
	}
	out, err := s.open(ctx, credential.Attempt{At: now}, credential.Candidate{Account: a, Clock: f.Clock, Known: known}, in, r.Client)
	if errors.Is(err, credential.ErrSpent) && !errors.Is(err, credential.ErrPasskeySpent) { // the ticket, by a second press
		err = errors.Join(ErrTooLate, err)
	}
	return out, err
}

// AskPasskeyAgain returns what a browser asks for a passkey of somebody who is signed in. *ratelimit.LimitedError.
func (s *Service) AskPasskeyAgain(ctx context.Context, f credential.Found, a account.Account, browser secret.Token, client device.Client) (passkey.Options, error) {
	return s.Passkeys.Ask(ctx, passkey.Question{For: passkey.ForAgain, Account: a, Stamp: credential.StampNow(f.Clock, f.Account), Browser: browser, Client: client})
}

// AgainByPasskey is Again with a passkey that has verified its user, which is full proof whatever the account asks for. The errors of passkey.Checker.Check;
// credential.ErrSpent.
func (s *Service) AgainByPasskey(ctx context.Context, f credential.Found, answer PasskeyAnswer, client device.Client) (secret.Token, error) {
	p, err := s.Passkeys.Check(ctx, passkey.Answer{Text: answer.Text, For: passkey.ForAgain, AccountID: f.AccountID, Browser: answer.Browser, Client: client})
	if err != nil {
		return secret.Token{}, err
	}
	now := s.Now()
	r := credential.Renewal{Replaces: f.Hash, Token: secret.NewToken(), FreshAt: now, Way: credential.ByPasskey, Passkey: &p.Use}
	act := audit.New(now, audit.ProvedAgain, f.AccountID, f.AccountID).From(client).With(audit.Reason, "passkey")
	return r.Token, s.Store.RenewSignIn(ctx, r, act)
}
