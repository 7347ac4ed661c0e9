package password

import (
	"context"
	"errors"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/even"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Ask sends a reset link to the mailbox of an account, if there is one; the answer, the work and the time are the same if not.
// *ratelimit.LimitedError tells only about the source; limits of one account are kept silently.
func (s *Service) Ask(ctx context.Context, login string, client device.Client) error {
	defer even.Wait(ctx, time.Now())
	now := s.Now()
	rule, err := s.networkRule(ctx, now)
	if err != nil {
		return err
	}
	if err := s.Store.Take(ctx, rule.From(client.Address), now); err != nil {
		return err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return err
	}
	handle := account.LoginHandle(login)
	a, err := s.Store.FindAccount(ctx, handle)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return err
	}
	counter := a.ID
	if counter == "" {
		counter = string(handle.Kind) + " " + handle.Value
	}
	limited := new(ratelimit.LimitedError)
	err = s.Store.Take(ctx, []ratelimit.Take{ratelimit.ResetsAccount.For(counter), ratelimit.ResetsDaily.For(counter)}, now)
	if err != nil && !errors.As(err, &limited) {
		return err
	}
	act := audit.New(now, audit.ResetAsked, "", a.ID).From(client)
	if err != nil || a.ID == "" || a.State == account.Locked {
		act.Done.AccountID = ""
		return s.Store.LeaveDecoy(ctx, sendReset(act, nobody(login), clock))
	}
	return s.Store.Record(ctx, sendReset(act, a, clock))
}

// rush is for how long after an incident many people may ask for a reset from one address.
const rush = 30 * 24 * time.Hour

// networkRule is how many resets may be asked for from one network.
func (s *Service) networkRule(ctx context.Context, now time.Time) (ratelimit.Rule, error) {
	incident, err := s.Store.IncidentSince(ctx, now.Add(-rush))
	if incident {
		return ratelimit.ResetsNetworkIncident, err
	}
	return ratelimit.ResetsNetwork, err
}

// nobody is who a decoy of a reset is for: a mail of the same length, to no address.
func nobody(login string) account.Account {
	return account.Account{Email: strings.Repeat("x", min(len(login), 254)) + "@invalid"}
}

// sendReset adds a fresh reset link and its mail to an act; older links die.
func sendReset(act audit.Act, a account.Account, clock credential.Clock) audit.Act {
	link := newReset(credential.Reset, credential.StampNow(clock, a.Standing), a.ID)
	link.Detail = a.Email
	minutes := int(credential.Rules[credential.Reset].Life / time.Minute)
	mail := notice.Reset(a.Email, resetPath(link), minutes).For(a.ID)
	mail.Decoy = a.ID == ""
	return act.Linking(link).Telling(mail)
}

// newReset returns a link, or the ticket in its place. Its detail is the address it was mailed to; empty: an operator handed it over.
func newReset(kind credential.Kind, stamp credential.Stamp, accountID string) credential.Link {
	return credential.Link{Kind: kind, Token: secret.NewToken(), AccountID: accountID, Stamp: stamp, Newest: true}
}

func resetPath(l credential.Link) string { return "/reset/" + l.Token.Reveal() }

// Link is what an opened reset link leads to.
type Link struct {
	found credential.Found
	// AccountID is whose password it is about.
	AccountID string
	Email     string
	Required  bool         // everything is signed out in any case
	CodeDue   bool         // the second factor comes before the new password
	SignsOut  device.Tally // what the box would sign out
}

// OpenReset looks a reset link up, or the restricted ticket that took its place, and changes nothing; ErrGone.
func (s *Service) OpenReset(ctx context.Context, token secret.Token) (Link, error) {
	f, err := s.Resolver.Resolve(ctx, credential.Restricted, token)
	if errors.Is(err, credential.ErrUnknown) {
		f, err = s.Resolver.Resolve(ctx, credential.Reset, token)
	}
	if err != nil {
		return Link{}, gone(err)
	}
	if f.Kind == credential.Restricted && f.Account.NoPassword { // it confirms, by a fresh proof: setting a password is no way round that
		return Link{}, ErrGone
	}
	l := Link{found: f, AccountID: f.AccountID, CodeDue: f.Kind == credential.Reset && f.Account.SecondFactor}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return Link{}, err
	}
	l.Email = a.Email
	// Who answers from the mailbox for the first time need not be who has been in until now.
	l.Required = f.Clock.ResetRequired(f.Account) || !a.EmailProved && f.Detail == a.Email
	devices, err := s.Store.ListDevices(ctx, f.AccountID)
	l.SignsOut = device.Count(devices)
	return l, err
}

func gone(err error) error {
	if credential.IsDead(err) {
		return ErrGone
	}
	return err
}

// Prove checks the second factor of whoever opened a reset link, and returns the restricted ticket that takes the link's place: it finishes this
// reset, and can do nothing else for as long as it lives. The errors of mfa, ErrGone.
func (s *Service) Prove(ctx context.Context, link, typed, known secret.Token, client device.Client) (ticket secret.Token, err error) {
	l, err := s.OpenReset(ctx, link)
	if err != nil {
		return ticket, err
	}
	if !l.CodeDue {
		return link, nil
	}
	a, err := s.Store.LoadAccount(ctx, l.found.AccountID)
	if err != nil {
		return ticket, err
	}
	factor, err := s.Factors.Check(ctx, a, mfa.Try{Typed: typed, Known: known, Client: client})
	if err != nil {
		return ticket, err
	}
	next := newReset(credential.Restricted, l.found.Stamp, a.ID)
	next.Detail = l.found.Detail
	act := audit.New(s.Now(), audit.ResetProved, a.ID, a.ID).From(client).Linking(next)
	if factor.IsRecovery() {
		act = act.With(audit.Reason, "recovery code")
	}
	if act, err = s.Factors.Telling(ctx, act, a, factor, client); err != nil {
		return ticket, err
	}
	return next.Token, s.Factors.Spent(ctx, s.Store.ProveReset(ctx, l.found.Hash, factor, act), a, client)
}

// ErrCodeFirst says that the second factor has to be proved before a new password is taken.
var ErrCodeFirst = errors.New("password: the second factor comes first")

// Reset spends a reset link, or the restricted ticket where there is a second factor, for a new password. Nobody is signed in by it. A required
// reset, and the first one by a mailbox that nobody had proved, sign everything out whatever the scope says; done tells which scope it was. ErrGone, ErrCodeFirst, *passwordpolicy.RefusedError.
func (s *Service) Reset(ctx context.Context, token, typed secret.Token, scope Scope, client device.Client) (done Scope, err error) {
	l, err := s.OpenReset(ctx, token)
	if err != nil {
		return scope, err
	}
	if l.CodeDue {
		return scope, ErrCodeFirst
	}
	a, err := s.Store.LoadAccount(ctx, l.found.AccountID)
	if err != nil {
		return scope, err
	}
	phc, err := s.choose(ctx, a, typed)
	if err != nil {
		return scope, err
	}
	now := s.Now()
	p := credential.PasswordChange{
		AccountID: a.ID, Replaces: l.found.Account.PasswordVersion, Old: a.Password, Password: phc,
		Secured: credential.Secure(l.found.Clock, l.found.Account), Incident: l.found.Account.Incident, Review: true,
		Proves: l.found.Detail == a.Email,
	}
	d := credential.NewSignIn(a.ID, "reset", client, now).Device
	act := audit.New(now, audit.PasswordReset, a.ID, a.ID).From(client).WarnOf(a, d, client, notice.PasswordChanged)
	if scope == KeepDevices && !l.Required {
		return KeepDevices, s.Store.RedeemReset(ctx, l.found.Hash, p, act)
	}
	return SignOutDevices, s.Store.RedeemResetEverywhere(ctx, l.found.Hash, p, act.With(audit.Reason, "everything signed out"))
}

// Send sends a reset link to the owner of an account, by an operator's word: the same mail that its owner can ask for. account.ErrNotFound.
func (s *Service) Send(ctx context.Context, accountID, actor string) error {
	clock, a, err := s.subject(ctx, accountID)
	if err != nil {
		return err
	}
	return s.Store.Record(ctx, sendReset(audit.New(s.Now(), audit.ResetAsked, actor, a.ID), a, clock))
}

// HandOver makes a reset link for the owner of an account and returns its path, for an operator on the machine itself to hand over where there is
// no mail. Every address of the account is told. account.ErrNotFound.
func (s *Service) HandOver(ctx context.Context, accountID, actor string) (path string, err error) {
	clock, a, err := s.subject(ctx, accountID)
	if err != nil {
		return "", err
	}
	link := newReset(credential.Reset, credential.StampNow(clock, a.Standing), a.ID)
	now := s.Now()
	act := audit.New(now, audit.ResetLinkMade, actor, a.ID).Linking(link).TellOwner(a, func(to string) notice.Notice {
		return notice.ResetHandedOver(to, a.Name, now)
	})
	return resetPath(link), s.Store.Record(ctx, act)
}

func (s *Service) subject(ctx context.Context, accountID string) (credential.Clock, account.Account, error) {
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return clock, account.Account{}, err
	}
	a, err := s.Store.LoadAccount(ctx, accountID)
	return clock, a, err
}
