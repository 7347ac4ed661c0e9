// Package mediaserver owns how a media server comes to belong to an account: the claim token its owner asks for, and its one exchange for a token
// of the server's own. It refuses to know through which door a server speaks.
package mediaserver

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

const (
	// Most is how many media servers an account may have.
	Most = 50
	// mostClaims is how many claim tokens of an account may wait at once.
	mostClaims = 5
)

// byClaim is the method of what was claimed.
const byClaim = "claim token"

// ErrDeadClaim says that a claim token does not count: unknown, used, too old, or ended. Which, is not told.
var ErrDeadClaim = errors.New("mediaserver: the claim token does not count")

// Store keeps claim tokens and what was claimed.
type Store interface {
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	Record(ctx context.Context, act audit.Act) error
	AddDevice(ctx context.Context, s credential.SignIn, act audit.Act) error
}

// Resolver is the one way from a presented token to a right.
type Resolver interface {
	ResolvePerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error)
}

// Service lets owners claim media servers.
type Service struct {
	Store    Store
	Resolver Resolver
	Now      func() time.Time
}

// Offer makes a claim token for the account that software acts for, by which one server can be claimed within four minutes.
// credential.ErrMayNotAct, credential.ErrTooMany, limits.
func (s *Service) Offer(ctx context.Context, f credential.Found, client device.Client) (secret.Token, error) {
	if err := f.MayAct(); err != nil {
		return secret.Token{}, err
	}
	now := s.Now()
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.ClaimTokens.For(f.AccountID)}, now); err != nil {
		return secret.Token{}, err
	}
	claim := credential.Link{
		Kind: credential.ServerClaim, Token: secret.NewClaim(), AccountID: f.AccountID, Stamp: credential.StampNow(f.Clock, f.Account), Most: mostClaims,
	}
	act := audit.New(now, audit.ClaimTokenMade, f.AccountID, f.AccountID).From(client)
	return claim.Token, s.Store.Record(ctx, act.Linking(claim))
}

// Claim is a server that shows a claim token. What it says about itself is its own word.
type Claim struct {
	Token   secret.Token
	Name    string
	Product string
	Says    device.Claim
	Client  device.Client
}

// Claimed is a server that belongs to an account now.
type Claimed struct {
	Account account.Account
	Token   secret.Token // for the server to keep
}

// Exchange spends a claim token and signs the server in, in the place of the one that had its name for itself on that account. ErrDeadClaim,
// device.ErrTooMany, limits.
func (s *Service) Exchange(ctx context.Context, c Claim) (Claimed, error) {
	now := s.Now()
	f, owner, err := s.Resolver.ResolvePerson(ctx, credential.ServerClaim, c.Token)
	if credential.IsDead(err) {
		return Claimed{}, errors.Join(ErrDeadClaim, s.Store.Take(ctx, ratelimit.ClaimExchanges.From(c.Client.Address), now))
	}
	if err != nil {
		return Claimed{}, err
	}
	in := credential.NewSignIn(owner.ID, byClaim, c.Client, now)
	in.Kind, in.FreshAt, in.Stamp, in.Spends, in.Most = credential.Server, time.Time{}, f.Stamp, f.Hash, Most
	in.Device.Kind, in.Device.Claim = device.Server, c.Says.Tame()
	in.Device.Name, in.Device.Product = device.Claimed(c.Name, c.Product, c.Client.UserAgent)
	act := audit.New(now, audit.ServerClaimed, owner.ID, owner.ID).From(c.Client).With(audit.Device, in.Device.Name)
	err = s.Store.AddDevice(ctx, in, act.WarnOf(owner, in.Device, c.Client, notice.ServerClaimed))
	if errors.Is(err, credential.ErrSpent) { // by another server, at this moment
		err = errors.Join(ErrDeadClaim, err)
	}
	return Claimed{Account: owner, Token: in.Token}, err
}
