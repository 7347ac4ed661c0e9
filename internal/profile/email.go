package profile

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// EmailStore keeps addresses and what proves them.
type EmailStore interface {
	FindAccount(ctx context.Context, h account.Handle) (account.Account, error)
	CodeStore
	RedeemEmail(ctx context.Context, confirmationID string, c account.EmailChange, act audit.Act) error
	RestoreEmail(ctx context.Context, undoHash string, c account.EmailChange, act audit.Act) error
	RedeemNoticeEmail(ctx context.Context, confirmationID, accountID, address string, act audit.Act) error
	RemoveNoticeEmail(ctx context.Context, accountID string, act audit.Act) error
}

// Why a change of address goes no further.
var (
	ErrSameAddress  = errors.New("profile: it is the address already")
	ErrOtherAddress = errors.New("profile: not the address this link was sent to")
	ErrGone         = errors.New("profile: the code or link is used up or too old")
)

// AskEmail begins a change of the address, for account.ForEmail, or of the second address for notices, for account.ForNotices: a code goes to
// the new address and is typed in a signed-in browser. The answer is the same whether or not somebody else has the address.
// The errors of credential.Found.CheckProof, account.ErrBadAddress, ErrSameAddress, *ratelimit.LimitedError.
func (s *Service) AskEmail(ctx context.Context, f credential.Found, p account.Purpose, typed string, client device.Client) error {
	now := s.Now()
	if err := f.CheckProof(now); err != nil {
		return err
	}
	email, handle, err := account.EmailHandle(typed)
	if err != nil {
		return err
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return err
	}
	if p == account.ForEmail {
		if err := s.settledAfterReset(ctx, a.ID); err != nil {
			return err
		}
	}
	if email == a.Email || p == account.ForNotices && email == a.NoticeEmail {
		return ErrSameAddress
	}
	c := account.Confirmation{
		ID: id.New(now), Purpose: p, AccountID: a.ID, Email: email, CreatedAt: now, ExpiresAt: now.Add(credential.Rules[credential.Change].Life),
	}
	n, mail, err := s.newConfirmation(ctx, f, c, handle)
	if err != nil {
		return err
	}
	act := audit.New(now, audit.EmailAsked, a.ID, a.ID).From(client).With(audit.Reason, string(p)).Telling(mail)
	return s.Store.BeginConfirmation(ctx, n, act)
}

// newConfirmation gives a confirmation its link, its limits and its mail.
func (s *Service) newConfirmation(ctx context.Context, f credential.Found, c account.Confirmation, h account.Handle) (account.NewConfirmation, notice.Notice, error) {
	n := account.NewConfirmation{
		Confirmation: c, Link: secret.NewToken(), Born: f.Clock.Epoch, Epoch: f.Account.Epoch,
		Limits: []ratelimit.Take{
			ratelimit.SignUpMails.For("change " + f.AccountID), ratelimit.SignUpMailsDaily.For("change " + f.AccountID),
			ratelimit.SignUpMails.For(h.Value), ratelimit.SignUpMailsDaily.For(h.Value),
		},
	}
	mail, err := s.confirmMail(ctx, &n, h)
	return n, mail.For(f.AccountID), err
}

// settledAfterReset refuses to change the address right after a reset by mail: whoever has the mailbox only for an hour must not be able to keep
// the account.
func (s *Service) settledAfterReset(ctx context.Context, accountID string) error {
	last, err := s.Store.ListAudit(ctx, audit.Filter{AccountID: accountID, Action: audit.PasswordReset, Limit: 1})
	if err != nil || len(last) == 0 {
		return err
	}
	if until := last[0].At.Add(AddressRest); s.Now().Before(until) {
		return &ResetError{until}
	}
	return nil
}

// AddressRest is how long after a reset by mail the address cannot be changed.
const AddressRest = 24 * time.Hour

// ResetError says until when the address cannot be changed, because the password was just reset.
type ResetError struct{ Until time.Time }

// Error names the time in UTC.
func (e *ResetError) Error() string {
	return "profile: the password was reset a short while ago; the address can be changed from " + e.Until.UTC().Format(time.RFC3339)
}

// confirmMail gives the confirmation a code, unless the address belongs to another account: then its mailbox is told that it has one.
func (s *Service) confirmMail(ctx context.Context, n *account.NewConfirmation, h account.Handle) (notice.Notice, error) {
	link := "/account/email/confirm/" + n.Link.Reveal()
	if n.Purpose == account.ForNotices {
		n.Code = secret.NewDigits(6)
		return notice.ConfirmNoticeAddress(n.Email, n.Code.Reveal(), link), nil
	}
	other, err := s.Store.FindAccount(ctx, h)
	switch {
	case err == nil && other.ID != n.AccountID:
		return notice.AlreadyHaveAccount(n.Email), nil
	case err != nil && !errors.Is(err, account.ErrNotFound):
		return notice.Notice{}, err
	}
	n.Code = secret.NewDigits(6)
	return notice.ConfirmAddress(n.Email, n.Code.Reveal(), link), nil
}

// OpenLink looks a confirmation link up and changes nothing. The link only counts in a browser that is signed in to the account it is for;
// ErrGone otherwise.
func (s *Service) OpenLink(ctx context.Context, f credential.Found, link secret.Token) (account.Confirmation, error) {
	l, err := s.Resolver.Resolve(ctx, credential.Change, link)
	if err != nil {
		return account.Confirmation{}, gone(err)
	}
	if l.AccountID != f.AccountID {
		return account.Confirmation{}, ErrGone
	}
	for _, p := range []account.Purpose{account.ForEmail, account.ForNotices} {
		if c, err := s.PendingEmail(ctx, f, p); err == nil && c.ID == l.Subject {
			return c, nil
		} else if err != nil && !errors.Is(err, ErrGone) {
			return c, err
		}
	}
	return account.Confirmation{}, ErrGone
}

// ConfirmLink confirms a new address by its link, pressed in a signed-in browser.
func (s *Service) ConfirmLink(ctx context.Context, f credential.Found, link secret.Token, client device.Client) (account.Purpose, error) {
	c, err := s.OpenLink(ctx, f, link)
	if err != nil {
		return "", err
	}
	return c.Purpose, s.redeem(ctx, c, client)
}

func (s *Service) redeem(ctx context.Context, c account.Confirmation, client device.Client) error {
	now := s.Now()
	a, err := s.Store.LoadAccount(ctx, c.AccountID)
	if err != nil {
		return err
	}
	if c.Purpose == account.ForNotices {
		_, name, _ := device.Describe(client.UserAgent)
		act, notMe := audit.New(now, audit.NoticeChanged, a.ID, a.ID).From(client).NotMe(a.ID, device.Device{Name: name})
		added := func(to string) notice.Notice {
			return notice.NoticeAddressAdded(to, a.Name, notice.Masked(c.Email), notMe, now)
		}
		return s.Store.RedeemNoticeEmail(ctx, c.ID, a.ID, c.Email, act.TellOwner(a, added).Telling(added(c.Email).For(a.ID)))
	}
	_, handle, err := account.EmailHandle(c.Email)
	if err != nil {
		return err
	}
	undo := credential.Link{Kind: credential.Undo, Token: secret.NewToken(), AccountID: a.ID, Detail: a.Email}
	act := audit.New(now, audit.EmailChanged, a.ID, a.ID).From(client).Linking(undo).TellOwner(a, func(to string) notice.Notice {
		return notice.AddressChanged(to, a.Name, c.Email, "/undo/"+undo.Token.Reveal(), now)
	})
	return s.Store.RedeemEmail(ctx, c.ID, account.EmailChange{AccountID: a.ID, Email: c.Email, Handle: handle}, act)
}

// RemoveNoticeEmail takes the second address for notices away. credential.ErrNoPassword, credential.ErrStale.
func (s *Service) RemoveNoticeEmail(ctx context.Context, f credential.Found, client device.Client) error {
	now := s.Now()
	if err := f.CheckProof(now); err != nil {
		return err
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil || a.NoticeEmail == "" {
		return err
	}
	act := audit.New(now, audit.NoticeChanged, a.ID, a.ID).From(client).Warn(a, client, func(to, name string, e notice.Event) notice.Notice {
		return notice.NoticeAddressRemoved(to, name, notice.Masked(a.NoticeEmail), e.NotMe, e.At)
	})
	return s.Store.RemoveNoticeEmail(ctx, a.ID, act)
}

// Undo is what an undo link speaks of.
type Undo struct {
	found  credential.Found
	Former string
	Now    string
	Until  time.Time
}

// OpenUndo looks an undo link up and changes nothing; ErrGone.
func (s *Service) OpenUndo(ctx context.Context, link secret.Token) (Undo, error) {
	f, err := s.Resolver.Resolve(ctx, credential.Undo, link)
	if err != nil {
		return Undo{}, gone(err)
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	return Undo{f, f.Detail, a.Email, f.ExpiresAt}, err
}

// Undo gives the former address back, signs everything out and requires a new password, whose link goes to that address. It returns the account.
// The former address has to be typed, because mail scanners press buttons: ErrOtherAddress.
func (s *Service) Undo(ctx context.Context, link secret.Token, typed string, client device.Client) (accountID string, err error) {
	u, err := s.OpenUndo(ctx, link)
	if err != nil {
		return "", err
	}
	if err := s.Store.Take(ctx, ratelimit.LinksOpened.From(client.Address), s.Now()); err != nil {
		return "", err
	}
	if !account.SameAddress(typed, u.Former) {
		return "", ErrOtherAddress
	}
	now := s.Now()
	a, err := s.Store.LoadAccount(ctx, u.found.AccountID)
	if err != nil {
		return "", err
	}
	_, handle, err := account.EmailHandle(u.Former)
	if err != nil {
		return "", err
	}
	act := audit.New(now, audit.EmailRestored, "", a.ID).From(client)
	for _, to := range []string{u.Former, a.Email} {
		act = act.Telling(notice.AddressRestored(to, a.Name, now).For(a.ID))
	}
	return a.ID, s.Store.RestoreEmail(ctx, u.found.Hash, account.EmailChange{AccountID: a.ID, Email: u.Former, Handle: handle}, act)
}

func gone(err error) error {
	if credential.IsDead(err) {
		return ErrGone
	}
	return err
}
