package signin

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
)

// Entry is the owner of an account whose proof is not a password. Whoever checked that proof has read the account and the clock before.
type Entry struct {
	Account account.Account
	Clock   credential.Clock
	Way     credential.Way
	// Proved is when the owner gave the proof, where that was not just now: somebody who vouches may have let them in long ago. Zero: now.
	Proved  time.Time
	Method  string                 // as the list of devices says it: "Google", "passkey"
	Spends  string                 // hash of the single-use credential that led to it; empty when there was none
	Passkey *credential.PasskeyUse // written down in the place of Spends; nil where none was the proof
	// AskCode asks for the second factor, where there is one, although somebody else vouches. The owner's own wish counts besides.
	AskCode    bool
	Known      secret.Token // what the browser shows to have been here before
	Remembered secret.Token // what it shows to be let in without a code
	Client     device.Client
}

// Enter signs a browser in by a proof that is not a password, or says what stands between it and an open door. The same as next, but for one thing: where a
// new password is required, who gave such a proof needs no mail. credential.ErrSpent when the proof was used already.
func (s *Service) Enter(ctx context.Context, e Entry) (Outcome, error) {
	now := s.Now()
	switch {
	case e.Account.State == account.Locked:
		return s.refuseEntry(ctx, e, Outcome{Step: Locked, Account: e.Account.Standing}, "locked")
	case e.Clock.ResetRequired(e.Account.Standing):
		return s.restrict(ctx, e)
	}
	in := credential.NewSignIn(e.Account.ID, e.Method, e.Client, now)
	in.Stamp, in.Subject, in.Spends = credential.StampNow(e.Clock, e.Account.Standing), string(e.Way), e.Spends
	in.Passkey = e.Passkey
	if !e.Proved.IsZero() && e.Proved.Before(now) {
		in.FreshAt = e.Proved
	}
	at, c := credential.Attempt{At: now}, credential.Candidate{Account: e.Account, Clock: e.Clock}
	if (e.AskCode || e.Account.CodeAlways) && !e.Way.ProvesSecondFactor(e.Account.Standing) {
		remembered, err := s.shows(ctx, credential.Remembered, e.Remembered, e.Account.ID)
		if err != nil {
			return Outcome{}, err
		}
		if !remembered {
			return s.askCodeOf(ctx, e, in.Stamp)
		}
	}
	var err error
	if c.Known, err = s.shows(ctx, credential.Known, e.Known, e.Account.ID); err != nil {
		return Outcome{}, err
	}
	return s.open(ctx, at, c, in, e.Client)
}

// askCodeOf hands out the ticket for the second step, which remembers how the first was taken.
func (s *Service) askCodeOf(ctx context.Context, e Entry, stamp credential.Stamp) (Outcome, error) {
	link := credential.Link{Kind: credential.SecondStep, Token: secret.NewToken(), AccountID: e.Account.ID, Subject: string(e.Way), Detail: e.Method, Stamp: stamp}
	return Outcome{Step: CodeNeeded, Ticket: link.Token}, s.spendEntry(ctx, e, audit.Act{At: s.Now()}.Linking(link))
}

// restrict hands out what may finish a required reset, and nothing else: the ticket itself to who has proved the second factor too, or has none; else what a
// mailed link is, which asks for it first. Who has no password has none to choose, and confirms with the same ticket.
func (s *Service) restrict(ctx context.Context, e Entry) (Outcome, error) {
	link := credential.Link{Kind: credential.Restricted, Token: secret.NewToken(), AccountID: e.Account.ID, Stamp: credential.StampNow(e.Clock, e.Account.Standing), Newest: true}
	if !e.Way.ProvesSecondFactor(e.Account.Standing) {
		link.Kind = credential.Reset
	}
	out := Outcome{Step: ResetRequired, Account: e.Account.Standing, Ticket: link.Token}
	if e.Account.NoPassword {
		out.Step = ConfirmNeeded
	}
	return s.refuseEntry(ctx, e, out, "reset required", link)
}

// refuseEntry records that a good proof opened nothing.
func (s *Service) refuseEntry(ctx context.Context, e Entry, out Outcome, reason string, links ...credential.Link) (Outcome, error) {
	act := audit.New(s.Now(), audit.SignInRefused, e.Account.ID, e.Account.ID).From(e.Client).With(audit.Reason, reason)
	for _, l := range links {
		act = act.Linking(l)
	}
	return out, s.spendEntry(ctx, e, act)
}

// spendEntry uses up what led to an entry that opens nothing.
func (s *Service) spendEntry(ctx context.Context, e Entry, act audit.Act) error {
	if e.Passkey != nil {
		return s.Store.SpendPasskey(ctx, *e.Passkey, act)
	}
	return s.Store.SpendProof(ctx, e.Spends, act)
}
