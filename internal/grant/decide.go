package grant

import (
	"context"
	"errors"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
)

// Step is what an authorization request needs next.
type Step int

// The steps.
const (
	Answered Step = iota // the browser goes back to the client
	Prove                // the person proves again who it is
	Ask                  // the person is asked
	Outside              // the person is not on the list of the media server that asks, and can only go back
	Closed               // the media server that asks is suspended, and the person can only go back
)

// Approval is a request that is answered with a code.
type Approval struct {
	Spends    string // hash of the request
	Code      secret.Token
	AccountID string
	DeviceID  string // of the browser
	ClientID  string
	Detail    string
	Stamp     credential.Stamp
	FreshAt   time.Time
	// Consent are the scopes that the person has just agreed to; nil when nobody was asked, and then the client has to be the house's, or Scopes agreed to.
	Consent, Scopes []relyingparty.Scope
	Address         []account.Handle // of the account, if it is confirmed, by which it may be on the list of a media server
}

// promise is what a code may be exchanged for, kept sealed with it.
type promise struct {
	terms
	URI       string      `json:"uri"`
	Challenge string      `json:"challenge"`
	Nonce     string      `json:"nonce,omitempty"`
	Seen      device.Seen `json:"seen"`
}

// Refuse answers a request with an error. ErrGone.
func (s *Service) Refuse(ctx context.Context, p Pending, code, text string) (Answer, error) {
	err := s.Store.EndRequest(ctx, p.hash)
	if errors.Is(err, credential.ErrSpent) {
		err = ErrGone
	}
	return s.Refused(&Refusal{Code: code, Text: text, To: p.To}), err
}

// AskedOf is the request as it is put to somebody: whoever only switched to an account in its Home is not asked for its address, which is nobody else's to tell.
func (p Pending) AskedOf(f credential.Found) Pending {
	if f.IsPlayer() {
		p.Scopes = slices.DeleteFunc(slices.Clone(p.Scopes), func(s relyingparty.Scope) bool { return s == relyingparty.Email })
	}
	return p
}

// Decide says what a request needs next from who is signed in. Where nothing is needed, it is answered. ErrGone.
func (s *Service) Decide(ctx context.Context, p Pending, h Holder, client device.Client) (Step, Answer, error) {
	p = p.AskedOf(h.Found)
	if met, err := s.met(ctx, p, h); err != nil || !met {
		if err != nil {
			return Ask, Answer{}, err
		}
		step, err := s.introduce(ctx, p, h)
		return step, Answer{}, err
	}
	if s.mustProve(p, h) {
		if !p.Silent() {
			return Prove, Answer{}, nil
		}
		a, err := s.Refuse(ctx, p, "login_required", "the person must sign in")
		return Answered, a, err
	}
	if step, a, err := s.admitted(ctx, p, h); err != nil || step != Ask {
		return step, a, err
	}
	known, err := s.consented(ctx, p, h)
	switch {
	case err != nil:
		return Ask, Answer{}, err
	case known:
		a, err := s.grantCode(ctx, p, h, nil, client)
		return Answered, a, err
	case p.Silent():
		a, err := s.Refuse(ctx, p, "consent_required", "the person must be asked")
		return Answered, a, err
	}
	return Ask, Answer{}, nil
}

// mustProve reports whether the last proof is too old, or too weak, for what the client asks. A sign-in counts as new only when its proof was given
// after the request came.
func (s *Service) mustProve(p Pending, h Holder) bool {
	switch {
	case slices.Contains(p.Prompt, "login") && h.FreshAt.Before(p.begun):
		return true
	case p.MaxAge >= 0 && s.Now().Sub(h.authenticated()) > time.Duration(p.MaxAge)*time.Second && h.FreshAt.Before(p.begun):
		return true
	}
	return p.Stepped && h.Account.SecondFactor && !h.stepped()
}

// consented reports whether nobody has to be asked. Where any program could get the answer, somebody always is: what was agreed to was agreed to for
// another one, perhaps (RFC 6749 §10.2, RFC 8252 §8.6).
func (s *Service) consented(ctx context.Context, p Pending, h Holder) (bool, error) {
	if slices.Contains(p.Prompt, "consent") || slices.Contains(p.Prompt, "select_account") || !p.Client.Provable(p.To.URI) {
		return false, nil
	}
	if p.Client.Trusted(h.AccountID) {
		return true, nil
	}
	have, err := s.Store.FindConsent(ctx, h.AccountID, p.Client.ID)
	if err != nil || len(have) == 0 {
		return false, err
	}
	return !slices.ContainsFunc(p.Scopes, func(want relyingparty.Scope) bool { return !slices.Contains(have, want) }), nil
}

// Approve answers a request with a code, because the person has agreed. credential.ErrStale when the person must prove again first; ErrGone.
func (s *Service) Approve(ctx context.Context, p Pending, h Holder, client device.Client) (Answer, error) {
	if s.mustProve(p, h) {
		return Answer{}, credential.ErrStale
	}
	p = p.AskedOf(h.Found)
	if h.IsPlayer() {
		if group, err := s.groupOf(ctx, p, h); err != nil || group == server.Nobody {
			if err != nil {
				return Answer{}, err
			}
			return s.Refuse(ctx, p, "access_denied", "the person is not on the server's list")
		}
	}
	if open, err := s.open(ctx, p.Client); err != nil || !open {
		if err != nil {
			return Answer{}, err
		}
		return s.closed(ctx, p)
	}
	return s.grantCode(ctx, p, h, p.Scopes, client)
}

// grantCode makes a code. It belongs to the browser's sign-in, and ends with it.
func (s *Service) grantCode(ctx context.Context, p Pending, h Holder, consent []relyingparty.Scope, client device.Client) (Answer, error) {
	acr, amr := h.context()
	a := Approval{
		Spends: p.hash, Code: secret.NewToken(), AccountID: h.AccountID, DeviceID: h.DeviceID, ClientID: p.Client.ID, Stamp: h.Stamp, FreshAt: h.authenticated(),
		Detail:  write(promise{terms{p.Scopes, acr, amr}, p.To.URI, p.Challenge, p.Nonce, client.Seen()}),
		Consent: consent, Scopes: p.Scopes,
	}
	var err error
	if a.Address, err = h.Person.ProvedAddress(); err != nil {
		return Answer{}, err
	}
	err = s.Store.GrantCode(ctx, a, s.allowed(p, h, consent != nil, client))
	if errors.Is(err, credential.ErrSpent) {
		err = ErrGone
	}
	return p.To.answer(s.Issuer, Field{"code", a.Code.Reveal()}), err
}

// allowed is the record of a code: of what somebody was asked about, and of every app that stays signed in, whether somebody was asked or not.
func (s *Service) allowed(p Pending, h Holder, asked bool, client device.Client) audit.Act {
	stays := slices.Contains(p.Scopes, relyingparty.OfflineAccess)
	var act audit.Act
	switch {
	case asked:
		act = audit.New(s.Now(), audit.AppAllowed, h.AccountID, h.AccountID).From(client).With(audit.App, p.Client.Name)
	case stays:
		act = audit.New(s.Now(), audit.SignedIn, h.AccountID, h.AccountID).From(client).With(audit.Device, p.Client.Name).With(audit.Reason, device.ByConsent)
	default:
		return audit.Act{At: s.Now()}
	}
	if stays { // who did not let it in is to hear of it
		act = act.WarnOf(h.Person, device.Device{Name: p.Client.Name, Product: p.Client.Name}, client, notice.NewDevice)
	}
	return act
}
