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

// ErrOtherAddress says that the typed address is not the account's.
var ErrOtherAddress = errors.New("password: the address does not belong to this link")

// Report is what a "this wasn't me" link speaks of.
type Report struct {
	found  credential.Found
	Device string
	At     time.Time
}

// OpenNotMe looks a "this wasn't me" link up and changes nothing; ErrGone.
func (s *Service) OpenNotMe(ctx context.Context, link secret.Token) (Report, error) {
	f, err := s.Resolver.Resolve(ctx, credential.NotMe, link)
	return Report{f, f.Detail, f.CreatedAt}, gone(err)
}

// NotMe ends everything that is signed in to an account, takes the media server away from it whose claim the link tells of, makes its owner choose a new
// password, and mails the link to do so. The typed address has to be one of the account's, because mail scanners press buttons.
func (s *Service) NotMe(ctx context.Context, link secret.Token, email string, client device.Client) error {
	r, err := s.OpenNotMe(ctx, link)
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
	act := audit.New(s.Now(), audit.NotMeReported, "", a.ID).From(client).With(audit.Device, r.Device)
	if err := s.Store.RequireReset(ctx, a.ID, r.found.Hash, act); err != nil {
		return err
	}
	return s.SendReset(ctx, a.ID)
}

// SendReset sends a reset link after the account's epoch has moved, so that the link is of the new one. To a locked account it sends none: no
// link would open anything, and the page after a sign-in sends one once it is unlocked.
func (s *Service) SendReset(ctx context.Context, accountID string) error {
	clock, a, err := s.subject(ctx, accountID)
	if err != nil {
		return err
	}
	if a.State == account.Locked {
		return nil
	}
	return s.Store.Record(ctx, sendReset(audit.New(s.Now(), audit.ResetAsked, audit.System, a.ID), a, clock))
}

// Require makes the owner of an account choose a new password, by an operator's word. It tells every address of the account, and mails the
// link to do so. account.ErrNotFound.
func (s *Service) Require(ctx context.Context, accountID, actor string) error {
	a, err := s.Store.LoadAccount(ctx, accountID)
	if err != nil {
		return err
	}
	act := audit.New(s.Now(), audit.ResetRequired, actor, accountID).TellOwner(a, notice.ResetRequired)
	if err := s.Store.RequireReset(ctx, accountID, "", act); err != nil {
		return err
	}
	return s.SendReset(ctx, accountID)
}
