package tvlink

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/linkcode"
	"usher/internal/mfa"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// newborn is how long an account counts as new: it may try fewer codes.
const newborn = 24 * time.Hour

// Enter looks for the device whose code somebody who is signed in has typed, and returns the ticket for Open. linkcode.ErrTooShort and ErrTooLong
// count nothing; linkcode.ErrNotFound and ErrAskLong count as wrong ones; limits.
func (s *Service) Enter(ctx context.Context, f credential.Found, who account.Account, typed string, client device.Client) (secret.Token, error) {
	code, err := linkcode.Read(typed)
	if err != nil {
		return secret.Token{}, err
	}
	now := s.Now()
	devices, err := s.Store.ListDevices(ctx, f.AccountID)
	if err != nil {
		return secret.Token{}, err
	}
	e := linkcode.Entry{
		Code: code, AccountID: f.AccountID, Own: s.Networks.Own(now, client.Address, devices), OnlyOwn: s.SameNetwork,
		Ticket: secret.NewToken(), Stamp: credential.StampNow(f.Clock, f.Account), Takes: takes(who, client, now), At: now,
	}
	_, err = s.Store.EnterLinkCode(ctx, e, audit.New(now, audit.LinkCodeWrong, f.AccountID, f.AccountID).From(client))
	return e.Ticket, err
}

// takes are the limits that a typed code counts against.
func takes(who account.Account, client device.Client, now time.Time) []ratelimit.Take {
	all := []ratelimit.Take{ratelimit.LinkCodes.For(who.ID)}
	if now.Sub(who.CreatedAt) < newborn {
		all = append(all, ratelimit.LinkCodesNewborn.For(who.ID))
	}
	all = append(all, ratelimit.LinkCodesNetwork.From(client.Address)...)
	return append(all, ratelimit.LinkCodesNetworkDaily.From(client.Address)...)
}

// pause is how long somebody has to look at a device that asks from elsewhere before it can be let in.
const pause = 10 * time.Second

// Asked is a device as the person sees it who may let it in.
type Asked struct {
	linkcode.Request
	ticket credential.Found
	Code   secret.Token // as it was typed
	// Elsewhere says that it asks from none of the account's own networks: a stranger may have sent the code.
	Elsewhere bool
	// Opens is when it can be let in; before, only denied.
	Opens time.Time
}

// Claims tells a media server that asks for an owner from a TV or an app that asks to be let in.
func (a Asked) Claims() bool { return a.Party.Client == relyingparty.GateID }

// AsksProof reports whether who is signed in has to type a proof for it: for what asks from elsewhere. For a media server, what was typed since the
// code was is one.
func (a Asked) AsksProof(f credential.Found) bool {
	return a.Elsewhere && !(a.Claims() && f.FreshAt.After(a.ticket.CreatedAt))
}

// ErrGone says that the ticket, or the request behind it, is no more.
var ErrGone = errors.New("tvlink: the code was used, denied, or has expired")

// Open returns the device that a browser's ticket speaks of, for the account it was made for; ErrGone.
func (s *Service) Open(ctx context.Context, f credential.Found, ticket secret.Token) (Asked, error) {
	t, err := s.Resolver.Resolve(ctx, credential.LinkTicket, ticket)
	if credential.IsDead(err) || err == nil && t.AccountID != f.AccountID {
		return Asked{}, ErrGone
	}
	if err != nil {
		return Asked{}, err
	}
	r, err := s.Store.LoadLink(ctx, t.Subject, s.Now())
	if errors.Is(err, linkcode.ErrNotFound) || err == nil && r.State != linkcode.Waiting {
		return Asked{}, ErrGone
	}
	told := linkcode.ReadTicket(t.Detail)
	a := Asked{Request: r, ticket: t, Code: linkcode.Grouped(told.Code), Elsewhere: told.Elsewhere, Opens: t.CreatedAt}
	if a.Elsewhere {
		a.Opens = t.CreatedAt.Add(pause)
	}
	return a, err
}

// ErrTooSoon says that a device that asks from elsewhere was let in before its pause was over.
var ErrTooSoon = errors.New("tvlink: the pause is not over yet")

// Proof is what the person types for a device that asks from elsewhere: the code of the second step, or, where there is none, the password.
type Proof struct {
	Typed secret.Token
	Known secret.Token // what the browser shows to have been here before
}

// Approve lets a device in; it is signed in with its next poll, and can play but has no say in the account. A device that asks from elsewhere needs
// a proof. A media server outlives the sign-in that lets it in, so for one the person has proved themselves a moment ago, wherever it asks from.
// Who has no password to type has proved themselves a moment ago as well. ErrGone, ErrTooSoon, credential.ErrStale; of the proof signin.ErrWrong, the errors of mfa, limits.
func (s *Service) Approve(ctx context.Context, f credential.Found, who account.Account, a Asked, p Proof, client device.Client) error {
	now := s.Now()
	if now.Before(a.Opens) {
		return ErrTooSoon
	}
	if (a.Claims() || a.AsksProof(f) && f.Account.NoPassword) && !f.IsFresh(now) {
		return credential.ErrStale
	}
	approval := linkcode.Approval{RequestID: a.ID, Ticket: a.ticket.Hash, AccountID: f.AccountID, Stamp: credential.StampNow(f.Clock, f.Account)}
	act := audit.New(now, audit.LinkApproved, f.AccountID, f.AccountID).From(client).With(audit.Device, a.Name)
	if a.Elsewhere {
		act = act.With(audit.Reason, "elsewhere")
	}
	if !a.AsksProof(f) || f.Account.NoPassword {
		return gone(s.Store.ApproveLink(ctx, approval, act))
	}
	if !f.Account.SecondFactor {
		if err := s.Passwords.CheckPassword(ctx, f, p.Typed, p.Known, client); err != nil {
			return err
		}
		return gone(s.Store.ApproveLink(ctx, approval, act))
	}
	factor, err := s.Factors.Check(ctx, who, mfa.Try{Typed: p.Typed, Known: p.Known, Client: client})
	if err != nil {
		return err
	}
	if act, err = s.Factors.Telling(ctx, act, who, factor, client); err != nil {
		return err
	}
	approval.Factor = &factor
	return gone(s.Factors.Spent(ctx, s.Store.ApproveLink(ctx, approval, act), who, client))
}

// Deny sends a device away: it is told so, and its codes are dead. ErrGone.
func (s *Service) Deny(ctx context.Context, a Asked, client device.Client) error {
	act := audit.New(s.Now(), audit.LinkDenied, a.ticket.AccountID, a.ticket.AccountID).From(client).With(audit.Device, a.Name)
	return gone(s.Store.DenyLink(ctx, a.ID, a.ticket.Hash, act))
}

func gone(err error) error {
	if errors.Is(err, credential.ErrFactorSpent) {
		return err
	}
	if errors.Is(err, credential.ErrSpent) || errors.Is(err, linkcode.ErrNotFound) {
		return ErrGone
	}
	return err
}

// Removal is what the link of a mail about a new device speaks of.
type Removal struct {
	found  credential.Found
	Device string
	At     time.Time
}

// OpenRemoval looks such a link up and changes nothing; ErrGone.
func (s *Service) OpenRemoval(ctx context.Context, link secret.Token) (Removal, error) {
	f, err := s.Resolver.Resolve(ctx, credential.RemoveDevice, link)
	if credential.IsDead(err) {
		err = ErrGone
	}
	return Removal{f, f.Detail, f.CreatedAt}, err
}

// Remove signs the device out, and nothing else. ErrGone.
func (s *Service) Remove(ctx context.Context, r Removal, client device.Client) error {
	act := audit.New(s.Now(), audit.SignedOut, "", r.found.AccountID).From(client).With(audit.Device, r.Device)
	return gone(s.Store.EndLinkedDevice(ctx, r.found.Credential, act))
}
