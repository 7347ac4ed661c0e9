package signin

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Why software that sent the right password is not let in. Both tell that the password was right: doors that have no room for words give the
// same refusal as for ErrWrong.
var (
	// ErrCodeRequired says that the second factor is missing.
	ErrCodeRequired = errors.New("signin: the code of the second factor is missing")
	// ErrWrongCode says that the second factor is not right, or was used before.
	ErrWrongCode = errors.New("signin: the code of the second factor does not count")
)

// ErrTooManyApps says that as many apps signed in to the account lately as may. It comes with the limit, and tells that nothing failed.
var ErrTooManyApps = errors.New("signin: as many apps signed in lately as may")

// SoftwareRequest is software asking to be let in with what its user typed into two fields.
type SoftwareRequest struct {
	Login    string
	Password secret.Token // the account's, with the code directly behind it or not; or an app password
	Code     secret.Token // six digits, from software that has a field for them; often empty
	Name     string       // how the device calls itself; often empty
	Product  string       // what the software calls itself; often empty
	Claim    device.Claim // what it says about itself besides; often empty
	Client   device.Client
}

// Admitted is software that was let in.
type Admitted struct {
	Found   credential.Found // of the token; zero when there is none
	Account account.Account
	Token   secret.Token // for the software to keep; empty where nothing was signed in
	// Stamp is that of the proof, where nothing was signed in by it.
	Stamp credential.Stamp
}

// Software signs software in that sends name and password in one request. An app password stands for itself: it is its own token. ErrWrong,
// ErrCodeRequired, ErrWrongCode, credential.ErrLocked, ErrResetRequired, ErrDeleting, ErrTooManyApps, limits.
func (s *Service) Software(ctx context.Context, r SoftwareRequest) (Admitted, error) {
	if token, is := readMade(r.Password); is {
		return s.appPassword(ctx, r, token)
	}
	p, err := s.proveSoftware(ctx, r)
	if err != nil {
		return Admitted{}, err
	}
	a := p.found.Account
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.AppSignIns.For(a.ID), ratelimit.AppSignInsDaily.For(a.ID)}, p.at.At); err != nil {
		act := audit.New(p.at.At, audit.SignInRefused, a.ID, a.ID).From(r.Client).With(audit.Reason, "too many apps")
		if errors.As(err, new(*ratelimit.LimitedError)) {
			err = errors.Join(ErrTooManyApps, err)
		}
		return Admitted{}, errors.Join(err, s.accept(ctx, p, act, r.Client))
	}
	in := credential.NewSignIn(a.ID, p.method(), r.Client, p.at.At)
	in.Kind, in.Device.Kind = credential.App, device.App
	in.Device.Name, in.Device.Product = device.Claimed(r.Name, r.Product, r.Client.UserAgent)
	in.Device.Claim = r.Claim.Tame()
	in.FreshAt = time.Time{} // a token in a player does not show that its owner is there
	in.Stamp, in.Factor = credential.StampNow(p.found.Clock, a.Standing), p.factor
	act := audit.New(p.at.At, audit.SignedIn, a.ID, a.ID).From(r.Client).With(audit.Device, in.Device.Name).With(audit.Reason, "app, by "+p.method())
	err = s.Store.OpenSignIn(ctx, p.at, p.found, in, act.WarnOf(a, in.Device, r.Client, notice.NewDevice), audit.Trimmed(a, p.at.At))
	return Admitted{Account: a, Token: in.Token}, s.spent(ctx, p, err, r.Client)
}

// Admit lets one request of software in that carries name and password each time, and signs nothing in. The same errors as Software.
func (s *Service) Admit(ctx context.Context, r SoftwareRequest) (Admitted, error) {
	if token, is := readMade(r.Password); is {
		return s.appPassword(ctx, r, token)
	}
	p, err := s.proveSoftware(ctx, r)
	if err != nil {
		return Admitted{}, err
	}
	a := p.found.Account
	act := audit.New(p.at.At, audit.SignedIn, a.ID, a.ID).From(r.Client).With(audit.Reason, "one request, by "+p.method())
	return Admitted{Account: a, Stamp: credential.StampNow(p.found.Clock, a.Standing)}, s.accept(ctx, p, act, r.Client)
}

// accept spends what was proved for an act that signs nothing in.
func (s *Service) accept(ctx context.Context, p softwareProof, act audit.Act, client device.Client) error {
	if p.factor == nil {
		return s.Store.ForgiveAttempt(ctx, p.at, p.found, act)
	}
	return s.spent(ctx, p, s.Store.SpendFactor(ctx, *p.factor, act), client)
}

// spent is the answer to a code that somebody else used at the same moment.
func (s *Service) spent(ctx context.Context, p softwareProof, err error, client device.Client) error {
	if p.factor != nil && errors.Is(err, credential.ErrSpent) {
		return errors.Join(ErrWrongCode, s.Factors.Spent(ctx, err, p.found.Account, client))
	}
	return err
}

// softwareProof is a right password, and the right code where there is a second factor. The verb that relies on it spends the factor and gives
// the try back.
type softwareProof struct {
	at     credential.Attempt
	found  credential.Candidate
	factor *credential.Factor
}

func (p softwareProof) method() string {
	if p.factor != nil {
		return "password and code"
	}
	return "password"
}

// methods is method as RFC 8176 calls it.
func (p softwareProof) methods() []string {
	if p.factor != nil {
		return []string{"pwd", "otp"}
	}
	return []string{"pwd"}
}

// proveSoftware checks name, password and code. The password's verdict comes first: without the right one nobody learns anything about a code.
func (s *Service) proveSoftware(ctx context.Context, r SoftwareRequest) (softwareProof, error) {
	return s.proveAs(ctx, r, credential.Attempt{Network: ratelimit.SignInFailures.From(r.Client.Address)})
}

// proveAs is proveSoftware of a try that says where it was typed and what it counts against beside the account.
func (s *Service) proveAs(ctx context.Context, r SoftwareRequest, at credential.Attempt) (p softwareProof, err error) {
	at.Handle, at.At = account.LoginHandle(r.Login), s.Now()
	p.at = at
	if err := s.Hasher.Room(); err != nil { // in a flood, before anything is written
		return p, err
	}
	if p.found, err = s.Store.BeginAttempt(ctx, p.at); err != nil {
		return p, err
	}
	code, ok, err := s.twoHashes(ctx, p.found.Account, r)
	if err != nil {
		return p, errors.Join(err, s.Store.ReturnAttempt(context.WithoutCancel(ctx), p.at, p.found))
	}
	if !ok {
		return p, errors.Join(ErrWrong, s.recordWrong(ctx, p.at, p.found, r.Client))
	}
	if closed := closedTo(p.found); closed != nil {
		act := audit.New(p.at.At, audit.SignInRefused, p.found.Account.ID, p.found.Account.ID).From(r.Client).With(audit.Reason, closedReasons[closed])
		return p, errors.Join(closed, s.Store.ForgiveAttempt(ctx, p.at, p.found, act))
	}
	if !p.found.Account.SecondFactor {
		return p, nil
	}
	return s.proveCode(ctx, p, code, r.Client)
}

// twoHashes compares what was typed with an account's password, at the cost of two hashes whatever was typed and whatever the account is like,
// so that neither their number nor their time tells whether there is such an account, whether it has a second factor, or whether the password
// ends in digits. Only where there is a second factor is a code split off; and only when the rest is not the password is the whole tried, which
// then leaves no code.
func (s *Service) twoHashes(ctx context.Context, a account.Account, r SoftwareRequest) (code secret.Token, ok bool, err error) {
	password, appended, split := splitAppended(r.Password)
	if !a.SecondFactor || !split || !r.Code.Empty() {
		if ok, err = s.matches(ctx, a, r.Password); err == nil {
			err = s.Hasher.Decoy(ctx, nil)
		}
		return r.Code, ok, err
	}
	ok, err = s.matches(ctx, a, password)
	if err != nil {
		return secret.Token{}, false, err
	}
	if ok {
		return appended, true, s.Hasher.Decoy(ctx, nil)
	}
	ok, err = s.matches(ctx, a, r.Password)
	return secret.Token{}, ok, err
}

// closedReasons are the words of the record for an account that opens to no password.
var closedReasons = map[error]string{
	credential.ErrLocked: "locked", credential.ErrResetRequired: "reset required", credential.ErrDeleting: "deleting",
}

// closedTo says why software is not let into an account whatever it proves; nil when it is.
func closedTo(c credential.Candidate) error {
	switch {
	case c.Account.State == account.Locked:
		return credential.ErrLocked
	case c.Clock.ResetRequired(c.Account.Standing):
		return credential.ErrResetRequired
	case c.Account.State != account.Active:
		return credential.ErrDeleting
	}
	return nil
}

// proveCode gives the password's try back and checks the code, which has a budget of its own. A recovery code is for people, on a page.
func (s *Service) proveCode(ctx context.Context, p softwareProof, code secret.Token, client device.Client) (softwareProof, error) {
	if err := s.Store.ForgiveAttempt(ctx, p.at, p.found, audit.Act{At: p.at.At}); err != nil {
		return p, err
	}
	p.at.Network, p.found.Budget = nil, "" // given back
	if code.Empty() {
		return p, ErrCodeRequired
	}
	factor, err := s.Factors.Check(ctx, p.found.Account, mfa.Try{Typed: code, Accepts: mfa.AuthenticatorOnly, Client: client})
	for _, wrong := range []error{mfa.ErrWrong, mfa.ErrShape, mfa.ErrOff} {
		if errors.Is(err, wrong) {
			return p, errors.Join(ErrWrongCode, err)
		}
	}
	p.factor = &factor
	return p, err
}
