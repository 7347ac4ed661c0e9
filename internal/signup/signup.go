// Package signup owns how an account comes to be: a person asks, proves the address, and is in. Before the address is proved there is no
// account, so nobody can sit on somebody else's. It refuses to know pages, and whether an address is taken it tells only to its mailbox.
package signup

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
	"usher/internal/passwordpolicy"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Mode says who may sign up.
type Mode string

// The modes.
const (
	ModeOpen       Mode = "open"
	ModeInvitation Mode = "invitation"
	ModeClosed     Mode = "closed"
)

// Store keeps pending sign-ups and makes accounts of them.
type Store interface {
	FindAccount(ctx context.Context, h account.Handle) (account.Account, error)
	ReadClock(ctx context.Context) (credential.Clock, error)
	BeginConfirmation(ctx context.Context, n account.NewConfirmation, act audit.Act) error
	RenewConfirmation(ctx context.Context, n account.NewConfirmation, act audit.Act) error
	LoadConfirmation(ctx context.Context, id string, now time.Time) (account.Confirmation, error)
	TryCode(ctx context.Context, id string, code secret.Token, now time.Time) error
	RedeemSignUp(ctx context.Context, confirmationID string, a account.Account, h account.Handle, s credential.SignIn, act audit.Act) error
	Record(ctx context.Context, act audit.Act) error
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
}

// Hasher hashes and checks passwords in a bounded number of slots.
type Hasher interface {
	Hash(ctx context.Context, password []byte) (string, error)
	Verify(ctx context.Context, phc string, password []byte) (bool, error)
}

// Resolver resolves what a browser or a link presents.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
}

// Service signs people up.
type Service struct {
	Store    Store
	Hasher   Hasher
	Resolver Resolver
	Policy   passwordpolicy.Policy
	Mode     Mode
	Now      func() time.Time
}

// Why a sign-up goes no further.
var (
	ErrClosed        = errors.New("signup: nobody can sign up here")
	ErrInvitation    = errors.New("signup: an invitation is needed, and this is none that still counts")
	ErrWrongPassword = errors.New("signup: not the password the sign-up began with")
	ErrGone          = errors.New("signup: the code or link is used up or too old")
)

// Request is somebody asking for an account.
type Request struct {
	Email      string
	Password   secret.Token
	Invitation secret.Token
	Client     device.Client
}

// Begin checks what was typed, hashes the password and sends the mail with the code and the link. It answers the same, and does the same
// work, when the address has an account already: then the mail says so. It returns what recognises this browser.
func (s *Service) Begin(ctx context.Context, r Request) (secret.Token, error) {
	invitation, err := s.Allow(ctx, r.Email, r.Invitation)
	if err != nil {
		return secret.Token{}, err
	}
	email, handle, err := account.EmailHandle(r.Email)
	if err != nil {
		return secret.Token{}, err
	}
	password, err := s.Policy.Choose(r.Password.Reveal(), []string{email})
	if err != nil {
		return secret.Token{}, err
	}
	now := s.Now()
	if err := s.Store.Take(ctx, ratelimit.SignUps.From(r.Client.Address), now); err != nil {
		return secret.Token{}, err
	}
	phc, err := s.Hasher.Hash(ctx, []byte(password))
	if err != nil {
		return secret.Token{}, err
	}
	c := account.Confirmation{
		ID: id.New(now), Purpose: account.ForSignUp, Email: email, Password: phc, Invitation: invitation,
		CreatedAt: now, ExpiresAt: now.Add(credential.Rules[credential.SignUp].Life),
	}
	n, mail, err := s.compose(ctx, c, handle)
	if err != nil {
		return secret.Token{}, err
	}
	n.Browser = secret.NewToken()
	return n.Browser, s.Store.BeginConfirmation(ctx, n, audit.Act{At: now, Tell: []notice.Notice{mail}})
}

// Allow returns the hash of the invitation that a new account with an address spends; empty where none is needed. It is asked on every way by which an account can
// come to be (attack L12). ErrClosed, ErrInvitation.
func (s *Service) Allow(ctx context.Context, email string, invitation secret.Token) (string, error) {
	if s.Mode == ModeClosed {
		return "", ErrClosed
	}
	if invitation.Empty() {
		if s.Mode == ModeInvitation {
			return "", ErrInvitation
		}
		return "", nil
	}
	i, err := s.Invitation(ctx, invitation)
	if err != nil {
		return "", err
	}
	if i.Email != "" {
		_, invited, err := account.EmailHandle(i.Email)
		if err != nil {
			return "", err
		}
		if _, typed, err := account.EmailHandle(email); err == nil && typed != invited {
			return "", ErrInvitation
		}
	}
	return i.hash, nil
}

// Invitation is what an invitation says.
type Invitation struct {
	Email string // the address it is for; empty when it is for whoever holds it
	hash  string
}

// Invitation looks an invitation up; ErrInvitation when it does not count, ErrClosed when nobody can sign up at all.
func (s *Service) Invitation(ctx context.Context, token secret.Token) (Invitation, error) {
	if s.Mode == ModeClosed {
		return Invitation{}, ErrClosed
	}
	f, err := s.Resolver.Resolve(ctx, credential.Invitation, token)
	if credential.IsDead(err) {
		return Invitation{}, ErrInvitation
	}
	return Invitation{Email: f.Detail, hash: f.Hash}, err
}

// compose makes the code, the link and the mail for a confirmation: with a code that works when the address is free, and with one that cannot
// when it has an account.
func (s *Service) compose(ctx context.Context, c account.Confirmation, h account.Handle) (account.NewConfirmation, notice.Notice, error) {
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return account.NewConfirmation{}, notice.Notice{}, err
	}
	n := account.NewConfirmation{Confirmation: c, Link: secret.NewToken(), Born: clock.Epoch}
	n.Limits = []ratelimit.Take{ratelimit.SignUpMails.For(h.Value), ratelimit.SignUpMailsDaily.For(h.Value)}
	_, err = s.Store.FindAccount(ctx, h)
	switch {
	case err == nil:
		return n, notice.AlreadyHaveAccount(c.Email), nil
	case !errors.Is(err, account.ErrNotFound):
		return n, notice.Notice{}, err
	}
	n.Code = secret.NewDigits(6)
	return n, notice.ConfirmSignUp(c.Email, n.Code.Reveal(), "/sign-up/confirm/"+n.Link.Reveal()), nil
}

// Pending returns the address a browser's sign-up waits for; ErrGone when there is none.
func (s *Service) Pending(ctx context.Context, browser secret.Token) (account.Confirmation, error) {
	return s.pending(ctx, credential.SignUp, browser)
}

func (s *Service) pending(ctx context.Context, kind credential.Kind, token secret.Token) (account.Confirmation, error) {
	f, err := s.Resolver.Resolve(ctx, kind, token)
	if err == nil {
		var c account.Confirmation
		if c, err = s.Store.LoadConfirmation(ctx, f.Subject, s.Now()); err == nil && s.stillAllowed(c) {
			return c, nil
		} else if err == nil {
			err = ErrGone
		}
	}
	return account.Confirmation{}, gone(err)
}

// stillAllowed checks the mode again: a sign-up that began before it was changed ends with it.
func (s *Service) stillAllowed(c account.Confirmation) bool {
	return s.Mode == ModeOpen || s.Mode == ModeInvitation && c.Invitation != ""
}

// gone turns the reasons why a link or a browser does not count any more into one.
func gone(err error) error {
	if credential.IsDead(err) {
		return ErrGone
	}
	return err
}

// Resend sends another code and another link; the former ones are dead. It returns what recognises this browser from now on.
func (s *Service) Resend(ctx context.Context, browser secret.Token) (secret.Token, error) {
	c, err := s.Pending(ctx, browser)
	if err != nil {
		return secret.Token{}, err
	}
	_, handle, err := account.EmailHandle(c.Email)
	if err != nil {
		return secret.Token{}, err
	}
	now := s.Now()
	c.ExpiresAt = now.Add(credential.Rules[credential.SignUp].Life)
	n, mail, err := s.compose(ctx, c, handle)
	if err != nil {
		return secret.Token{}, err
	}
	n.Browser = secret.NewToken()
	return n.Browser, s.Store.RenewConfirmation(ctx, n, audit.Act{At: now, Tell: []notice.Notice{mail}})
}

// CountStrength bounds how often a source may have passwords judged while typing.
func (s *Service) CountStrength(ctx context.Context, c device.Client) error {
	return s.Store.Take(ctx, ratelimit.Strengths.From(c.Address), s.Now())
}
