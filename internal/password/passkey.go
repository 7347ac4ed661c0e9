package password

import (
	"context"

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

// AskPasskey returns what a browser asks for a passkey in the place of the code, after a reset link. ErrGone, *ratelimit.LimitedError.
func (s *Service) AskPasskey(ctx context.Context, link, browser secret.Token, client device.Client) (passkey.Options, error) {
	l, err := s.OpenReset(ctx, link)
	if err != nil {
		return passkey.Options{}, err
	}
	a, err := s.Store.LoadAccount(ctx, l.AccountID)
	if err != nil {
		return passkey.Options{}, err
	}
	return s.Passkeys.Ask(ctx, passkey.Question{For: passkey.ForReset, Account: a, Stamp: l.found.Stamp, Browser: browser, Unverified: true, Client: client})
}

// ProveByPasskey is Prove with a passkey in the place of the code: mailbox and passkey are two things. ErrGone, the errors of passkey.Checker.Check.
func (s *Service) ProveByPasskey(ctx context.Context, link secret.Token, answer PasskeyAnswer, client device.Client) (ticket secret.Token, err error) {
	l, err := s.OpenReset(ctx, link)
	if err != nil {
		return ticket, err
	}
	if !l.CodeDue {
		return link, nil
	}
	p, err := s.Passkeys.Check(ctx, passkey.Answer{Text: answer.Text, For: passkey.ForReset, AccountID: l.AccountID, Browser: answer.Browser, Client: client})
	if err != nil {
		return ticket, err
	}
	next := newReset(credential.Restricted, l.found.Stamp, l.AccountID)
	next.Detail = l.found.Detail
	act := audit.New(s.Now(), audit.ResetProved, l.AccountID, l.AccountID).From(client).With(audit.Reason, "passkey").Linking(next)
	return next.Token, s.Store.ProveResetByPasskey(ctx, l.found.Hash, p.Use, act)
}

// AskPasskeyAfresh returns what a browser asks for a passkey of who has no password, and holds a ticket that an incident has left. *ratelimit.LimitedError.
func (s *Service) AskPasskeyAfresh(ctx context.Context, ticket credential.Found, browser secret.Token, client device.Client) (passkey.Options, error) {
	a, err := s.Store.LoadAccount(ctx, ticket.AccountID)
	if err != nil {
		return passkey.Options{}, err
	}
	return s.Passkeys.Ask(ctx, passkey.Question{For: passkey.ForAfresh, Account: a, Stamp: ticket.Stamp, Browser: browser, Client: client})
}

// ConfirmByPasskey takes an account without a password back into use after an incident, by a passkey that verifies its user: everything is signed out, and its owner
// signs in again. The errors of passkey.Checker.Check; credential.ErrSpent.
func (s *Service) ConfirmByPasskey(ctx context.Context, ticket credential.Found, answer PasskeyAnswer, client device.Client) error {
	p, err := s.Passkeys.Check(ctx, passkey.Answer{Text: answer.Text, For: passkey.ForAfresh, AccountID: ticket.AccountID, Browser: answer.Browser, Client: client})
	if err != nil {
		return err
	}
	afresh := credential.NewAfresh(ticket)
	afresh.Passkey = &p.Use
	act := audit.New(s.Now(), audit.ConfirmedAfresh, ticket.AccountID, ticket.AccountID).From(client).With(audit.Reason, "passkey")
	return s.Store.ConfirmSecured(ctx, afresh, act)
}
