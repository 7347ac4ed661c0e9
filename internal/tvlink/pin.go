package tvlink

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Pin is a request of software that polls by a number and by its name for itself, instead of by a secret it was given.
type Pin struct {
	ID int64 // random, below 2³¹
	Pending
}

// newPinID returns a random number that every client's language can hold.
func newPinID() int64 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24: the program ends instead
	return int64(binary.BigEndian.Uint32(b[:]) >> 1)
}

// AskPin is Ask for software that calls itself by a.Claim.Identifier, which must not be empty. linkcode.ErrMost, limits.
func (s *Service) AskPin(ctx context.Context, a Asking) (Pin, error) {
	id := newPinID()
	a.Claim = a.Claim.Tame()
	a.Asker, a.Poll = "pin\x00"+a.Claim.Identifier, s.PollCode(id, a.Claim.Identifier)
	p, err := s.Ask(ctx, a)
	return Pin{id, p}, err
}

// PinState is what a poll finds.
type PinState struct {
	Token     secret.Token // empty until somebody lets it in
	CreatedAt time.Time
	ExpiresAt time.Time
}

// PinPoll is software that asks whether somebody has let it in.
type PinPoll struct {
	ID     int64
	Name   string // for itself, as when it asked
	Signs  bool   // it shows something that its key has signed, which the caller exchanges for the token it gets here
	Client device.Client
}

// PollPin answers software that waits. Once somebody has let it in, it is signed in, exactly once; for a minute after, the same poll is told the same
// token again. ErrDenied, ErrExpired; numbers that wait for nobody count against the network. One look-up and nothing written while it waits.
func (s *Service) PollPin(ctx context.Context, p PinPoll) (PinState, error) {
	if err := s.Walks.closed(p.Client, s.Now()); err != nil {
		return PinState{}, err
	}
	code := s.PollCode(p.ID, p.Name)
	f, err := s.Resolver.Resolve(ctx, credential.DeviceCode, code)
	switch {
	case errors.Is(err, credential.ErrUnknown):
		return s.handedAgain(ctx, code, p)
	case credential.IsDead(err), err == nil && f.Subject == "":
		return PinState{}, ErrDenied
	case err != nil:
		return PinState{}, err
	}
	state := PinState{CreatedAt: f.CreatedAt, ExpiresAt: f.ExpiresAt}
	if f.AccountID == "" {
		return state, nil
	}
	in, err := s.collect(ctx, f, handing{p.Client, code, p.Signs})
	if errors.Is(err, ErrPending) { // without its key, nobody has let it in
		return state, nil
	}
	if errors.Is(err, ErrExpired) { // another poll was faster, and left the token for this one
		return s.handedAgain(ctx, code, p)
	}
	state.Token = in.Token
	return state, err
}

func (s *Service) handedAgain(ctx context.Context, code secret.Token, p PinPoll) (PinState, error) {
	f, err := s.Resolver.Resolve(ctx, credential.Handed, code)
	switch {
	case errors.Is(err, credential.ErrUnknown), err == nil && f.Subject == credential.Keyed && !p.Signs:
		return PinState{}, s.missed(ctx, p.Client)
	case credential.IsDead(err):
		return PinState{}, ErrDenied
	}
	return PinState{Token: secret.TokenOf(f.Detail), CreatedAt: f.CreatedAt, ExpiresAt: f.CreatedAt.Add(linkcode.Life)}, err
}

// missed counts a poll that found nothing; over the limit, the network is refused before anything is looked up, so that it does not find either.
func (s *Service) missed(ctx context.Context, client device.Client) error {
	err := s.Store.Take(ctx, ratelimit.PinMisses.OnPage(client.Page).From(client.Address), s.Now())
	limited := new(ratelimit.LimitedError)
	switch {
	case errors.As(err, &limited):
		s.Walks.close(client, limited.Until)
	case err == nil:
		err = ErrExpired
	}
	return err
}

// ErrElsewhere says that a device asks from none of the account's own networks: whoever lets it in has to look at the page that says so.
var ErrElsewhere = errors.New("tvlink: the device asks from elsewhere")

// ErrUnseen says that nothing but a token shows that its owner is where the device asks from: a thief of the token would be refused, so everybody is.
var ErrUnseen = errors.New("tvlink: no browser of the account was used on the device's network lately")

// ApproveTyped lets a device in by the word of software that acts for its owner, who typed the code there: only one on a network of the account's
// own, and, unless the password was typed a moment ago, on one where a browser of the account was used lately. credential.ErrMayNotAct,
// ErrElsewhere, ErrUnseen, and the errors of Enter, Open and Approve.
func (s *Service) ApproveTyped(ctx context.Context, f credential.Found, who account.Account, typed string, client device.Client) error {
	if err := f.MayAct(); err != nil {
		return err
	}
	ticket, err := s.Enter(ctx, f, who, typed, client)
	if err != nil {
		return err
	}
	asked, err := s.Open(ctx, f, ticket)
	if err != nil {
		return err
	}
	if asked.Elsewhere || asked.Party.Client != "" { // what a client gets stands on the page, too
		return ErrElsewhere
	}
	if err := s.seen(ctx, f, asked); err != nil {
		return err
	}
	return s.Approve(ctx, f, who, asked, Proof{}, client)
}

// seen returns ErrUnseen when only the token shows that its owner is near the device.
func (s *Service) seen(ctx context.Context, f credential.Found, a Asked) error {
	now := s.Now()
	if f.Kind == credential.App && now.Sub(f.CreatedAt) < credential.Fresh { // a key gets new tokens without its owner
		return nil
	}
	devices, err := s.Store.ListDevices(ctx, f.AccountID)
	if err != nil {
		return err
	}
	address, err := netip.ParseAddr(a.Seen.Address)
	if err != nil || !s.Networks.Browsed(now, s.Networks.Of(address), devices) {
		return ErrUnseen
	}
	return nil
}
