// Package mediaserver owns how a media server comes to belong to an account, and what its owner may do with it: claim tokens, and their exchange for a
// token or for a place by the server's own key; bringing back what was signed out; addresses; whom it lets in. It refuses to know through which door a
// server speaks.
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
	"usher/internal/server"
)

const (
	// Most is how many media servers of a kind, with a key or with a token, an account may have.
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
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	Record(ctx context.Context, act audit.Act) error
	ClaimStore
	ServerStore
	OwnerStore
	PasswordStore
	SharedStore
}

// ClaimStore writes what is claimed.
type ClaimStore interface {
	AddDevice(ctx context.Context, s credential.SignIn, act audit.Act) error
	ClaimServer(ctx context.Context, c server.Claim, act audit.Act) (id string, err error)
	CollectClaim(ctx context.Context, requestID, spends string, act audit.Act) error
}

// ServerStore keeps servers.
type ServerStore interface {
	FindServer(ctx context.Context, id string) (server.Held, error)
	FindServerByKey(ctx context.Context, id, thumbprint string) (server.Held, error)
	ListServers(ctx context.Context, accountID string) ([]server.Held, error)
	DescribeServer(ctx context.Context, accountID, id string, says server.Facts) error
	NoteVisits(ctx context.Context, id string, visits map[string]time.Time) error
	BringServersBack(ctx context.Context, accountID string, ids []string, stamp credential.Stamp, act audit.Act) error
	SignOutServer(ctx context.Context, accountID, id string, act audit.Act) error
	UnclaimServer(ctx context.Context, accountID, id string, act audit.Act) error
}

// SharedStore keeps what is shared with an account, and where it was invited.
type SharedStore interface {
	FindAccount(ctx context.Context, h account.Handle) (account.Account, error)
	ListShared(ctx context.Context, accountID string, now time.Time) ([]server.Shared, error)
	FindShared(ctx context.Context, accountID, id string, now time.Time) (server.Shared, error)
	ListInvitations(ctx context.Context, a account.Account, now time.Time) ([]server.Shared, error)
	FindInvitation(ctx context.Context, id string, a account.Account, now time.Time) (server.Shared, error)
	AcceptInvitation(ctx context.Context, serverID string, by server.Acceptance, act audit.Act) error
	DeclineInvitation(ctx context.Context, serverID string, a account.Account, act audit.Act) error
	LeaveServer(ctx context.Context, accountID, serverID string, act audit.Act) error
}

// OwnerStore keeps what an owner says about a server.
type OwnerStore interface {
	ConfirmAddress(ctx context.Context, accountID, id, url string, act audit.Act) error
	RemoveAddress(ctx context.Context, accountID, id, url string, act audit.Act) error
	AdmitGuest(ctx context.Context, accountID, serverID string, g server.Guest, act audit.Act) error
	ChangeGuest(ctx context.Context, accountID, serverID, guestID string, to server.Terms, act audit.Act) error
	DismissGuest(ctx context.Context, accountID, serverID, guestID string, act audit.Act) error
	ListGuests(ctx context.Context, accountID, serverID string) ([]server.Guest, error)
}

// Resolver is the one way from a presented token to a right.
type Resolver interface {
	ResolveWith(ctx context.Context, kind credential.Kind, token secret.Token, find credential.Question) (credential.Found, error)
	ResolvePerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error)
}

// Service lets owners claim media servers, and get them back.
type Service struct {
	Store    Store
	Resolver Resolver
	Issuer   string // the origin: whom what servers sign is for
	// StandingAt is the address where servers ask how they stand. What they sign for that is for it alone, and counts nowhere else.
	StandingAt string
	Now        func() time.Time
}

// Offer makes a claim token for the account that software acts for, by which one server can be claimed within four minutes.
// credential.ErrMayNotAct, credential.ErrTooMany, limits.
func (s *Service) Offer(ctx context.Context, f credential.Found, client device.Client) (secret.Token, error) {
	if err := f.MayAct(); err != nil {
		return secret.Token{}, err
	}
	return s.OfferHere(ctx, f, client)
}

// OfferHere is Offer for a person at our own page. credential.ErrTooMany, limits.
func (s *Service) OfferHere(ctx context.Context, f credential.Found, client device.Client) (secret.Token, error) {
	return s.OfferOnce(ctx, f.AccountID, credential.StampNow(f.Clock, f.Account), client)
}

// OfferOnce is Offer for a program that proves with this one request that it acts for an account, and signs nothing in; stamp is that of the proof.
// credential.ErrTooMany, limits.
func (s *Service) OfferOnce(ctx context.Context, accountID string, stamp credential.Stamp, client device.Client) (secret.Token, error) {
	now := s.Now()
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.ClaimTokens.For(accountID)}, now); err != nil {
		return secret.Token{}, err
	}
	claim := newClaim(accountID, stamp)
	act := audit.New(now, audit.ClaimTokenMade, accountID, accountID).From(client)
	return claim.Token, s.Store.Record(ctx, act.Linking(claim))
}

func newClaim(accountID string, stamp credential.Stamp) credential.Link {
	return credential.Link{Kind: credential.ServerClaim, Token: secret.NewClaim(), AccountID: accountID, Stamp: stamp, Most: mostClaims}
}

// OfferLife is how long a claim token counts.
func OfferLife() time.Duration { return credential.Rules[credential.ServerClaim].Life }

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
	f, owner, err := s.offered(ctx, c.Token, c.Client)
	if err != nil {
		return Claimed{}, err
	}
	now := s.Now()
	in := credential.NewSignIn(owner.ID, byClaim, c.Client, now)
	in.Kind, in.FreshAt, in.Stamp, in.Spends, in.Most = credential.Server, time.Time{}, f.Stamp, f.Hash, Most
	in.Device.Kind, in.Device.Claim = device.Server, c.Says.Tame()
	in.Device.Name, in.Device.Product = device.Claimed(c.Name, c.Product, c.Client.UserAgent)
	err = s.Store.AddDevice(ctx, in, s.told(in.Device, owner, c.Client))
	if errors.Is(err, credential.ErrSpent) { // by another server, at this moment
		err = errors.Join(ErrDeadClaim, err)
	}
	return Claimed{Account: owner, Token: in.Token}, err
}

// offered resolves a claim token. ErrDeadClaim, and then the try counts against the network; limits.
func (s *Service) offered(ctx context.Context, token secret.Token, client device.Client) (f credential.Found, owner account.Account, err error) {
	f, owner, err = s.Resolver.ResolvePerson(ctx, credential.ServerClaim, token)
	if credential.IsDead(err) {
		err = errors.Join(ErrDeadClaim, s.Store.Take(ctx, ratelimit.ClaimExchanges.From(client.Address), s.Now()))
	}
	return f, owner, err
}

// told is what a claim leaves behind: its record, and the mail to the owner with the link that says "this wasn't me".
func (s *Service) told(d device.Device, owner account.Account, client device.Client) audit.Act {
	act := audit.New(s.Now(), audit.ServerClaimed, owner.ID, owner.ID).From(client).With(audit.Device, d.Name)
	return act.WarnOf(owner, d, client, notice.ServerClaimed)
}
