package factor

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Begun is an authenticator about to be set up. It is shown once.
type Begun struct {
	Ticket  secret.Token // goes on to Confirm
	Key     secret.Token // in base32, to be typed
	Address secret.Token // what the QR carries
}

// pending is what an enrolment's credential keeps, sealed. The key leaves it only for the authenticator, the hashes only for the account.
type pending struct {
	Key    string            `json:"key"`
	Step   int64             `json:"step,omitempty"`   // of the code that proved the key
	Hashes map[string]string `json:"hashes,omitempty"` // of the recovery codes, by selector; none before the key is proved
	Until  time.Time         `json:"until"`            // when it ends, however often other codes are made
}

// Begin makes a key for the authenticator of somebody who has just typed the password. It dies in ten minutes, and when another is begun.
// credential.ErrNoPassword, credential.ErrStale, ErrOn.
func (s *Service) Begin(ctx context.Context, f credential.Found) (Begun, error) {
	if err := f.CheckProof(s.Now()); err != nil {
		return Begun{}, err
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	switch {
	case err != nil:
		return Begun{}, err
	case a.SecondFactor:
		return Begun{}, ErrOn
	}
	key := mfa.NewKey()
	ticket, err := s.keep(ctx, f, pending{Key: key.Reveal(), Until: s.end()})
	return Begun{ticket, key, mfa.Address(s.Name, a.Email, key)}, err
}

// end is when what begins now has ended.
func (s *Service) end() time.Time { return s.Now().Add(credential.Rules[credential.Enrolment].Life) }

// keep puts what is pending into a new enrolment, which takes the place of the account's older ones.
func (s *Service) keep(ctx context.Context, f credential.Found, p pending) (secret.Token, error) {
	detail, err := json.Marshal(p)
	if err != nil {
		return secret.Token{}, err
	}
	link := credential.Link{
		Kind: credential.Enrolment, Token: secret.NewToken(), AccountID: f.AccountID, Detail: string(detail),
		Stamp: credential.StampNow(f.Clock, f.Account), Newest: true,
	}
	return link.Token, s.Store.Record(ctx, audit.Act{At: s.Now()}.Linking(link))
}

// Ready is a set of recovery codes about to count. It is shown once.
type Ready struct {
	Ticket secret.Token // goes on to Finish
	Codes  Codes
}

// Confirm checks that the authenticator shows right codes, and makes the recovery codes, which can be stored for ten minutes, once. A wrong code leaves
// everything as it was. ErrGone,
// mfa.ErrShape, mfa.ErrWrong, mfa.ErrClock, *ratelimit.LimitedError.
func (s *Service) Confirm(ctx context.Context, f credential.Found, ticket, typed secret.Token) (Ready, error) {
	_, p, err := s.open(ctx, f, ticket)
	if err != nil {
		return Ready{}, err
	}
	if p.Hashes != nil { // the key is proved already: this ticket only goes on to Finish
		return Ready{}, ErrGone
	}
	if p.Step, err = s.match(secret.TokenOf(p.Key), typed); err != nil {
		return Ready{}, err
	}
	p.Until = s.end()
	return s.ready(ctx, f, p)
}

// Remake makes another set of recovery codes for somebody whose authenticator is proved and who has not stored the set before, which is worth
// nothing from then on. It ends when that set would have. ErrGone, *ratelimit.LimitedError.
func (s *Service) Remake(ctx context.Context, f credential.Found, ticket secret.Token) (Ready, error) {
	_, p, err := s.open(ctx, f, ticket)
	if err != nil {
		return Ready{}, err
	}
	if len(p.Hashes) != mfa.RecoveryCodes {
		return Ready{}, ErrGone
	}
	return s.ready(ctx, f, p)
}

// ready makes recovery codes for a key that is proved, and keeps both in a new enrolment.
func (s *Service) ready(ctx context.Context, f credential.Found, p pending) (Ready, error) {
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.RecoverySets.For(f.AccountID)}, s.Now()); err != nil {
		return Ready{}, err
	}
	codes, hashes, err := s.newCodes(ctx)
	if err != nil {
		return Ready{}, err
	}
	p.Hashes = hashes
	next, err := s.keep(ctx, f, p)
	return Ready{next, codes}, err
}

func (s *Service) match(key, typed secret.Token) (step int64, err error) {
	code, isCode := mfa.ReadCode(typed)
	if !isCode {
		return 0, mfa.ErrShape
	}
	step, ok := mfa.Match(key, code, s.Now())
	switch {
	case ok:
		return step, nil
	case mfa.ClockOff(key, code, s.Now()):
		return 0, mfa.ErrClock
	}
	return 0, mfa.ErrWrong
}

// Waiting reports whether a ticket waits for Finish; ErrGone when it does not.
func (s *Service) Waiting(ctx context.Context, f credential.Found, ticket secret.Token) error {
	_, p, err := s.open(ctx, f, ticket)
	if err == nil && len(p.Hashes) != mfa.RecoveryCodes {
		err = ErrGone
	}
	return err
}

// Finish turns the second step on, once the person says that the recovery codes are stored. ErrGone.
func (s *Service) Finish(ctx context.Context, f credential.Found, ticket secret.Token, client device.Client) error {
	hash, p, err := s.open(ctx, f, ticket)
	if err != nil {
		return err
	}
	if len(p.Hashes) != mfa.RecoveryCodes {
		return ErrGone
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return err
	}
	made := credential.NewFactor{AccountID: a.ID, Key: secret.TokenOf(p.Key), Step: p.Step, Recovery: p.Hashes, Spends: hash}
	act := audit.New(s.Now(), audit.SecondFactorOn, a.ID, a.ID).From(client).Warn(a, client, notice.SecondFactorOn)
	err = s.Store.TurnOnFactor(ctx, made, act)
	if errors.Is(err, credential.ErrSpent) {
		return errors.Join(ErrGone, err)
	}
	return err
}

// open reads what a ticket of this account stands for; ErrGone.
func (s *Service) open(ctx context.Context, f credential.Found, ticket secret.Token) (hash string, p pending, err error) {
	e, err := s.Resolver.Resolve(ctx, credential.Enrolment, ticket)
	if err != nil {
		return "", p, gone(err)
	}
	if e.AccountID != f.AccountID {
		return "", p, ErrGone
	}
	err = json.Unmarshal([]byte(e.Detail), &p)
	if err == nil && !s.Now().Before(p.Until) {
		err = ErrGone
	}
	return e.Hash, p, err
}

func gone(err error) error {
	if credential.IsDead(err) {
		return ErrGone
	}
	return err
}
