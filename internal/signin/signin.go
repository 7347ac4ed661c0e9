// Package signin owns how browsers and software get in and out: the check of name and password, what stands between a right password and an open
// door, fresh proof, and signing out. It refuses to know pages and cookies.
package signin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/passkey"
	"usher/internal/passwordpolicy"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/server"
)

// Store keeps attempts and sign-ins.
type Store interface {
	BeginAttempt(ctx context.Context, at credential.Attempt) (credential.Candidate, error)
	ForgiveAttempt(ctx context.Context, at credential.Attempt, c credential.Candidate, act audit.Act) error
	ReturnAttempt(ctx context.Context, at credential.Attempt, c credential.Candidate) error
	OpenSignIn(ctx context.Context, at credential.Attempt, c credential.Candidate, s credential.SignIn, act, trimmed audit.Act) error
	RenewSignIn(ctx context.Context, r credential.Renewal, act audit.Act) error
	SpendProof(ctx context.Context, hash string, act audit.Act) error
	SpendPasskey(ctx context.Context, use credential.PasskeyUse, act audit.Act) error
	UpgradePassword(ctx context.Context, accountID string, version int64, phc string) error
	Record(ctx context.Context, act audit.Act) error
	LeaveDecoy(ctx context.Context, act audit.Act) error
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	RecoveryLeft(ctx context.Context, accountID string) (int64, error)
	SoftwareStore
}

// SoftwareStore keeps what software signs in with.
type SoftwareStore interface {
	SpendFactor(ctx context.Context, f credential.Factor, act audit.Act) error
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	// FindTerms returns what an account that has come to a server is there at a time; server.Nobody for every other.
	FindTerms(ctx context.Context, serverID, accountID string, now time.Time) (server.Terms, error)
}

// Resolver resolves what is shown besides name and password, or instead of them.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
	ResolvePerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error)
}

// Hasher checks passwords in a bounded number of slots.
type Hasher interface {
	Room() error
	Verify(ctx context.Context, phc string, password []byte) (bool, error)
	Decoy(ctx context.Context, password []byte) error
	Hash(ctx context.Context, password []byte) (string, error)
	Params() argon2id.Params
}

// Service signs browsers in.
type Service struct {
	Store    Store
	Hasher   Hasher
	Resolver Resolver
	Factors  *mfa.Checker
	Passkeys *passkey.Checker // nil where nobody comes in by one: in commands
	Now      func() time.Time
	Log      *slog.Logger
}

// ErrWrong says that name and password do not belong together. Which of the two is wrong, and whether there is such an account, is not told.
var ErrWrong = errors.New("signin: wrong name or password")

// Request is somebody asking to be let in.
type Request struct {
	Login      string
	Password   secret.Token
	Known      secret.Token // what the browser shows to have been here before
	Remembered secret.Token // what it shows to be let in without a code
	Client     device.Client
}

// Step is what comes after a right password, or another proof.
type Step int

// The steps.
const (
	Open          Step = iota // signed in
	ResetRequired             // a new password first; nothing is open
	Locked                    // by an operator; nothing is open
	CodeNeeded                // the second factor comes next; nothing is open
	ConfirmNeeded             // an owner without a password proves afresh who it is; nothing is open
)

// Outcome is what a right password, or another proof, led to.
type Outcome struct {
	Step  Step
	Token secret.Token // for the browser; set when Step is Open
	Known secret.Token // for the browser to keep; empty when it keeps the one it has
	// Ticket goes on: to Code when Step is CodeNeeded; after a proof that was no password, to the reset when it is ResetRequired, and to the
	// confirmation when it is ConfirmNeeded.
	Ticket   secret.Token
	Remember secret.Token // lets the browser in without a code from now on; empty unless that was asked for
	Recovery bool         // it was a recovery code that opened the door
	Review   bool         // the first sign-in after a reset: its owner looks around
	// Account is whose right password it was, for what a page may tell its owner.
	Account account.Standing
}

// Start checks a name and a password. Two trips to the database and one hash, whether or not there is such an account.
func (s *Service) Start(ctx context.Context, r Request) (Outcome, error) {
	now := s.Now()
	at := credential.Attempt{Handle: account.LoginHandle(r.Login), Known: r.Known, Network: ratelimit.SignInFailures.From(r.Client.Address), At: now}
	c, err := s.prove(ctx, at, r.Password)
	if errors.Is(err, ErrWrong) {
		return Outcome{}, errors.Join(err, s.recordWrong(ctx, at, c, r.Client))
	}
	if err != nil {
		return Outcome{}, err
	}
	return s.next(ctx, at, c, r)
}

// recordWrong keeps a trace of a wrong password; where there is no account, with the same work for nobody's.
func (s *Service) recordWrong(ctx context.Context, at credential.Attempt, c credential.Candidate, client device.Client) error {
	act := audit.New(at.At, audit.SignInFailed, "", c.Account.ID).From(client)
	if !c.Exists() {
		return s.Store.LeaveDecoy(context.WithoutCancel(ctx), act)
	}
	return s.Store.Record(context.WithoutCancel(ctx), act)
}

// prove counts the try, checks the password and gives the try back only when the check could not be made. A typed password that cannot be
// any account's still costs a hash.
func (s *Service) prove(ctx context.Context, at credential.Attempt, typed secret.Token) (credential.Candidate, error) {
	if err := s.Hasher.Room(); err != nil { // in a flood, before anything is written
		return credential.Candidate{}, err
	}
	c, err := s.Store.BeginAttempt(ctx, at)
	if err != nil {
		return c, err
	}
	ok, err := s.matches(ctx, c.Account, typed)
	switch {
	case err != nil:
		return c, errors.Join(err, s.Store.ReturnAttempt(context.WithoutCancel(ctx), at, c))
	case !ok:
		return c, ErrWrong
	}
	return c, nil
}

// matches compares a typed password with an account's, at the cost of one hash also where there is no account, or nothing to compare.
func (s *Service) matches(ctx context.Context, a account.Account, typed secret.Token) (bool, error) {
	password, unusable := passwordpolicy.Normalize(typed.Reveal())
	if unusable != nil || a.ID == "" || a.Password == "" {
		return false, s.Hasher.Decoy(ctx, []byte(password))
	}
	ok, err := s.Hasher.Verify(ctx, a.Password, []byte(password))
	if ok && err == nil && argon2id.NeedsRehash(a.Password, s.Hasher.Params()) {
		s.upgrade(ctx, a, password)
	}
	return ok, err
}

// upgrade replaces a weaker hash while the password is at hand. Failing to do so is no reason to refuse anybody.
func (s *Service) upgrade(ctx context.Context, a account.Account, password string) {
	phc, err := s.Hasher.Hash(ctx, []byte(password))
	if err == nil {
		err = s.Store.UpgradePassword(ctx, a.ID, a.PasswordVersion, phc)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "password hash not upgraded", "account", a.ID, "error", err)
	}
}

// next decides what stands between a right password and an open door. Every way of signing in ends here.
func (s *Service) next(ctx context.Context, at credential.Attempt, c credential.Candidate, r Request) (Outcome, error) {
	closed := func(step Step, reason string) (Outcome, error) {
		act := audit.New(at.At, audit.SignInRefused, c.Account.ID, c.Account.ID).From(r.Client).With(audit.Reason, reason)
		return Outcome{Step: step, Account: c.Account.Standing}, s.Store.ForgiveAttempt(ctx, at, c, act)
	}
	switch {
	case c.Account.State == account.Locked:
		return closed(Locked, "locked")
	case c.Clock.ResetRequired(c.Account.Standing):
		return closed(ResetRequired, "reset required")
	}
	in := credential.NewSignIn(c.Account.ID, byPassword, r.Client, at.At)
	in.Stamp = credential.StampNow(c.Clock, c.Account.Standing)
	if c.Account.SecondFactor {
		remembered, err := s.shows(ctx, credential.Remembered, r.Remembered, c.Account.ID)
		if err != nil {
			return Outcome{}, err
		}
		if !remembered {
			return s.askCode(ctx, at, c, in.Stamp)
		}
		in.Device.Method, in.FreshAt = "password, on a remembered browser", time.Time{} // whoever found this browser is not its owner
	}
	return s.open(ctx, at, c, in, r.Client)
}

// byPassword is the method of who typed a name and a password, and nothing else.
const byPassword = "password"

// open signs a browser in.
func (s *Service) open(ctx context.Context, at credential.Attempt, c credential.Candidate, in credential.SignIn, client device.Client) (Outcome, error) {
	act := audit.New(at.At, audit.SignedIn, c.Account.ID, c.Account.ID).From(client).With(audit.Device, in.Device.Name)
	if in.Device.Method != byPassword || in.Factor != nil || in.Passkey != nil {
		act = act.With(audit.Reason, in.Device.Method)
	}
	out := Outcome{Step: Open, Token: in.Token, Review: c.Account.Review, Remember: in.Remember, Recovery: in.Factor != nil && in.Factor.IsRecovery()}
	if !c.Known {
		in.Known = secret.NewToken()
		out.Known = in.Known
		act = act.WarnOf(c.Account, in.Device, client, notice.NewDevice)
	}
	if in.Factor != nil {
		var err error
		if act, err = s.Factors.Telling(ctx, act, c.Account, *in.Factor, client); err != nil {
			return Outcome{}, err
		}
	}
	if err := s.Store.OpenSignIn(ctx, at, c, in, act, audit.Trimmed(c.Account, at.At)); err != nil {
		return Outcome{}, err
	}
	return out, nil
}
