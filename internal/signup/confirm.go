package signup

import (
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/passwordpolicy"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Confirmed is a new account's first sign-in.
type Confirmed struct {
	Token secret.Token
	Known secret.Token
}

// TypeCode confirms an address by the six digits, in the browser where the sign-up began. account.ErrWrongCode, ErrGone,
// *ratelimit.LimitedError.
func (s *Service) TypeCode(ctx context.Context, browser, code secret.Token, client device.Client) (Confirmed, error) {
	c, err := s.Pending(ctx, browser)
	if err != nil {
		return Confirmed{}, err
	}
	if err := s.countCode(ctx, c, client); err != nil {
		return Confirmed{}, err
	}
	if err := s.Store.TryCode(ctx, c.ID, code, s.Now()); err != nil {
		return Confirmed{}, s.recordWrong(ctx, err, client)
	}
	return s.create(ctx, c, client)
}

// Link is what an opened confirmation link leads to.
type Link struct {
	confirmation account.Confirmation
	// SameBrowser tells that the sign-up began in this browser: one press is enough. Elsewhere the sign-up's password is asked, because mail
	// scanners open links, run scripts and press buttons.
	SameBrowser bool
}

// Email is the address that the link confirms.
func (l Link) Email() string { return l.confirmation.Email }

// OpenLink looks a confirmation link up and changes nothing; ErrGone.
func (s *Service) OpenLink(ctx context.Context, link, browser secret.Token) (Link, error) {
	c, err := s.pending(ctx, credential.SignUpLink, link)
	if err != nil {
		return Link{}, err
	}
	began, err := s.Pending(ctx, browser)
	if err != nil && !errors.Is(err, ErrGone) {
		return Link{}, err
	}
	return Link{c, err == nil && began.ID == c.ID}, nil
}

// ConfirmLink confirms an address by the link: with nothing else in the browser where the sign-up began, with its password anywhere else.
// ErrWrongPassword, ErrGone, account.ErrAddressTaken.
func (s *Service) ConfirmLink(ctx context.Context, link, browser, password secret.Token, client device.Client) (Confirmed, error) {
	l, err := s.OpenLink(ctx, link, browser)
	if err != nil {
		return Confirmed{}, err
	}
	if !l.SameBrowser {
		if err := s.checkPassword(ctx, l.confirmation, password); err != nil {
			return Confirmed{}, s.recordWrong(ctx, err, client)
		}
	}
	return s.create(ctx, l.confirmation, client)
}

func (s *Service) checkPassword(ctx context.Context, c account.Confirmation, typed secret.Token) error {
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.CodesTyped.For("link " + c.ID)}, s.Now()); err != nil {
		return err
	}
	password, err := passwordpolicy.Normalize(typed.Reveal())
	if err != nil || password == "" {
		return ErrWrongPassword
	}
	ok, err := s.Hasher.Verify(ctx, c.Password, []byte(password))
	if err == nil && !ok {
		err = ErrWrongPassword
	}
	return err
}

// countCode bounds guesses at codes for one address, however many sign-ups were begun for it.
func (s *Service) countCode(ctx context.Context, c account.Confirmation, client device.Client) error {
	_, h, err := account.EmailHandle(c.Email)
	if err != nil {
		return err
	}
	return s.Store.Take(ctx, ratelimit.GuessesAtCode(client.Address, h.Value), s.Now())
}

// recordWrong keeps a trace of a wrong code or password, and returns the error it was given.
func (s *Service) recordWrong(ctx context.Context, err error, client device.Client) error {
	if !errors.Is(err, account.ErrWrongCode) && !errors.Is(err, ErrWrongPassword) {
		return err
	}
	return errors.Join(err, s.Store.Record(context.WithoutCancel(ctx), audit.New(s.Now(), audit.CodeFailed, "", "").From(client)))
}

func (s *Service) create(ctx context.Context, c account.Confirmation, client device.Client) (Confirmed, error) {
	now := s.Now()
	_, handle, err := account.EmailHandle(c.Email)
	if err != nil {
		return Confirmed{}, err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return Confirmed{}, err
	}
	a := account.Account{
		Standing: account.Standing{ID: id.New(now), State: account.Active, Epoch: 1, Secured: clock.Epoch, PasswordVersion: 1},
		Email:    c.Email, EmailProved: true, Password: c.Password, CreatedAt: now,
	}
	in := credential.NewSignIn(a.ID, "sign-up", client, now)
	in.Stamp, in.Known, in.FreshAt = credential.StampNow(clock, a.Standing), secret.NewToken(), c.CreatedAt // when the password was typed
	act := audit.New(now, audit.AccountCreated, a.ID, a.ID).From(client).With(audit.Device, in.Device.Name)
	if c.Invitation != "" {
		act = act.With(audit.Reason, "invitation")
	}
	err = s.Store.RedeemSignUp(ctx, c.ID, a, handle, in, act)
	return Confirmed{in.Token, in.Known}, err
}
