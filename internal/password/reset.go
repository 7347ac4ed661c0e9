package password

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Ask sends a reset link to the mailbox of an account, if there is one; the answer and the work are the same if not.
// *ratelimit.LimitedError tells only about the source; limits of one account are kept silently.
func (s *Service) Ask(ctx context.Context, login string, client device.Client) error {
	now := s.Now()
	if err := s.Store.Take(ctx, ratelimit.ResetsNetwork.From(client.Address), now); err != nil {
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
	if errors.As(err, &limited) {
		return nil
	}
	if err != nil {
		return err
	}
	act := audit.New(now, audit.ResetAsked, "", a.ID).From(client)
	if a.ID != "" && a.State != account.Locked {
		act = sendReset(act, a, clock)
	}
	return s.Store.Record(ctx, act)
}

// sendReset adds a fresh reset link and its mail to an act; older links die.
func sendReset(act audit.Act, a account.Account, clock credential.Clock) audit.Act {
	link := credential.Link{Kind: credential.Reset, Token: secret.NewToken(), AccountID: a.ID, Stamp: credential.StampNow(clock, a.Standing), Newest: true}
	minutes := int(credential.Rules[credential.Reset].Life / time.Minute)
	return act.Linking(link).Telling(notice.Reset(a.Email, "/reset/"+link.Token.Reveal(), minutes).For(a.ID))
}

// Link is what an opened reset link leads to.
type Link struct {
	found    credential.Found
	Email    string
	Required bool // everything is signed out in any case
}

// OpenReset looks a reset link up and changes nothing; ErrGone.
func (s *Service) OpenReset(ctx context.Context, link secret.Token) (Link, error) {
	f, err := s.Resolver.Resolve(ctx, credential.Reset, link)
	if err != nil {
		return Link{}, gone(err)
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	return Link{f, a.Email, f.Clock.ResetRequired(f.Account)}, err
}

func gone(err error) error {
	for _, e := range []error{credential.ErrUnknown, credential.ErrEnded, credential.ErrLocked, credential.ErrDeleting} {
		if errors.Is(err, e) {
			return ErrGone
		}
	}
	return err
}

// Reset spends a reset link for a new password. Nobody is signed in by it. A required reset signs everything out whatever the scope says;
// done tells which scope it was.
func (s *Service) Reset(ctx context.Context, link, typed secret.Token, scope Scope, client device.Client) (done Scope, err error) {
	l, err := s.OpenReset(ctx, link)
	if err != nil {
		return scope, err
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
	p := credential.PasswordChange{AccountID: a.ID, Replaces: l.found.Account.PasswordVersion, Password: phc, Secured: credential.Secure(l.found.Clock, l.found.Account)}
	d := credential.NewSignIn(a.ID, "reset", client, now).Device
	act := s.tell(audit.New(now, audit.PasswordReset, a.ID, a.ID).From(client), a, d, client)
	if scope == KeepDevices && !l.Required {
		return KeepDevices, s.Store.RedeemReset(ctx, l.found.Hash, p, act)
	}
	return SignOutDevices, s.Store.RedeemResetEverywhere(ctx, l.found.Hash, p, act.With(audit.Reason, "everything signed out"))
}
