package factor

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

// RemovalStore keeps second factors that an operator will take away.
type RemovalStore interface {
	ReadClock(ctx context.Context) (credential.Clock, error)
	FindRemoval(ctx context.Context, accountID string) (credential.Removal, error)
	ListRemovals(ctx context.Context, toldBy time.Time, limit int) ([]credential.Removal, error)
	AskRemoval(ctx context.Context, r credential.Removal, act audit.Act) error
	TellRemoval(ctx context.Context, was, is credential.Removal, act audit.Act) error
	StopRemoval(ctx context.Context, accountID, spends string, act audit.Act) error
	RemoveFactor(ctx context.Context, accountID string, act audit.Act) error
}

// AskRemoval begins the days of warning before an account's second factor is taken away, by an operator's word, and warns for the first time.
// It returns the day. ErrGone when the account has no second factor, or the days have begun already; account.ErrNotFound.
func (s *Service) AskRemoval(ctx context.Context, actor, accountID string) (due time.Time, err error) {
	a, err := s.Store.LoadAccount(ctx, accountID)
	if err != nil {
		return due, err
	}
	r := credential.NewRemoval(a.ID, actor, s.Now())
	act, err := s.warn(ctx, audit.New(s.Now(), audit.RemovalAsked, actor, a.ID), a, r)
	if err != nil {
		return due, err
	}
	err = s.Store.AskRemoval(ctx, r, act)
	if errors.Is(err, credential.ErrSpent) {
		return due, errors.Join(ErrGone, err)
	}
	return r.Due, err
}

// warn adds the mail that warns of a removal, to every address, with the link that stops it.
func (s *Service) warn(ctx context.Context, act audit.Act, a account.Account, r credential.Removal) (audit.Act, error) {
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return act, err
	}
	link := credential.Link{Kind: credential.KeepFactor, Token: secret.NewToken(), AccountID: a.ID, Stamp: credential.StampNow(clock, a.Standing)}
	return act.Linking(link).TellOwner(a, func(to string) notice.Notice {
		return notice.FactorRemoval(to, a.Name, r.Due, "/keep-second-step/"+link.Token.Reveal())
	}), nil
}

// Removal is what a link that stops a removal speaks of.
type Removal struct {
	found credential.Found
	Due   time.Time
}

// OpenKeep looks a link up that stops a removal, and changes nothing; ErrGone.
func (s *Service) OpenKeep(ctx context.Context, link secret.Token) (Removal, error) {
	f, err := s.Resolver.Resolve(ctx, credential.KeepFactor, link)
	if err != nil {
		return Removal{}, gone(err)
	}
	r, err := s.Store.FindRemoval(ctx, f.AccountID)
	if err == nil && r.Due.IsZero() {
		err = ErrGone
	}
	return Removal{f, r.Due}, err
}

// Keep stops a removal by the link in a warning. The typed address has to be one of the account's, because mail scanners press buttons. ErrGone,
// ErrOtherAddress.
func (s *Service) Keep(ctx context.Context, link secret.Token, email string, client device.Client) error {
	r, err := s.OpenKeep(ctx, link)
	if err != nil {
		return err
	}
	if err := s.Store.Take(ctx, ratelimit.LinksOpened.From(client.Address), s.Now()); err != nil {
		return err
	}
	a, err := s.Store.LoadAccount(ctx, r.found.AccountID)
	if err != nil {
		return err
	}
	if !a.HasAddress(email) {
		return ErrOtherAddress
	}
	return s.stop(ctx, a, r.found.Hash, client)
}

// StopRemoval stops a removal by somebody who is signed in. ErrGone when none is going on.
func (s *Service) StopRemoval(ctx context.Context, f credential.Found, client device.Client) error {
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return err
	}
	return s.stop(ctx, a, "", client)
}

func (s *Service) stop(ctx context.Context, a account.Account, spends string, client device.Client) error {
	actor := a.ID
	if spends != "" { // whoever reads the mail
		actor = ""
	}
	act := audit.New(s.Now(), audit.RemovalStopped, actor, a.ID).From(client).Warn(a, client, notice.FactorRemovalStopped)
	err := s.Store.StopRemoval(ctx, a.ID, spends, act)
	if errors.Is(err, credential.ErrSpent) {
		return errors.Join(ErrGone, err)
	}
	return err
}

// mostAtOnce bounds how many removals one turn looks at.
const mostAtOnce = 100

// Removals gives each removal that is going on its next warning, a day after the last, and takes away the second factors whose days are over.
// It may stop anywhere, and run on many nodes: a warning is sent with the row that remembers it.
func (s *Service) Removals(ctx context.Context) error {
	now := s.Now()
	due, err := s.Store.ListRemovals(ctx, now.Add(-credential.WarnEvery), mostAtOnce)
	if err != nil {
		return err
	}
	for _, r := range due {
		one := s.goOn(ctx, r, now)
		if !errors.Is(one, credential.ErrSpent) && !errors.Is(one, account.ErrNotFound) { // stopped, erased, or done by another node, meanwhile
			err = errors.Join(err, one)
		}
	}
	return err
}

func (s *Service) goOn(ctx context.Context, r credential.Removal, now time.Time) error {
	a, err := s.Store.LoadAccount(ctx, r.AccountID)
	switch {
	case err != nil:
		return err
	case a.State == account.Locked: // its owner cannot look: the days count from when they can
		next := credential.NewRemoval(r.AccountID, r.Actor, now)
		act, err := s.warn(ctx, audit.Act{At: now}, a, next)
		if err != nil {
			return err
		}
		return s.Store.TellRemoval(ctx, r, next, act)
	case r.Ripe(now):
		act := audit.New(now, audit.FactorRemoved, audit.System, a.ID).Warn(a, device.Client{}, notice.FactorRemoved)
		return s.Store.RemoveFactor(ctx, a.ID, act)
	case r.Told >= credential.RemovalWarnings:
		return nil
	}
	next := r.Again(now)
	act, err := s.warn(ctx, audit.Act{At: now}, a, next)
	if err != nil {
		return err
	}
	return s.Store.TellRemoval(ctx, r, next, act)
}
