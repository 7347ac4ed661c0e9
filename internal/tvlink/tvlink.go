// Package tvlink owns how a TV or an app gets in by somebody else's hand: it asks for a code and waits; a person who is signed in types the code,
// sees what asks, and lets it in or not. A media server that nobody has claimed asks by the same codes. It refuses to know how a TV shows a code, and which
// protocol it polls by.
package tvlink

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/linkcode"
	"usher/internal/mfa"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Store keeps requests, codes and what they led to.
type Store interface {
	WaitingLinks(ctx context.Context, now time.Time) (c linkcode.Crowd, clock credential.Clock, err error)
	BeginLink(ctx context.Context, n linkcode.New) error
	EndLinkedDevice(ctx context.Context, link credential.Credential, act audit.Act) error
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	PollStore
	ApprovalStore
}

// PollStore keeps what a device polls with, and what it gets.
type PollStore interface {
	FindDeviceCode(ctx context.Context, token secret.Token) (f credential.Found, clientID string, err error)
	LoadLink(ctx context.Context, requestID string, now time.Time) (linkcode.Request, error)
	CollectLink(ctx context.Context, requestID string, s credential.SignIn, act, trimmed audit.Act) error
}

// ApprovalStore keeps what the person with the code does.
type ApprovalStore interface {
	ListDevices(ctx context.Context, accountID string) ([]device.Device, error)
	EnterLinkCode(ctx context.Context, e linkcode.Entry, wrong audit.Act) (elsewhere bool, err error)
	ApproveLink(ctx context.Context, a linkcode.Approval, act audit.Act) error
	DenyLink(ctx context.Context, requestID, ticketHash string, act audit.Act) error
}

// Resolver resolves what devices poll with, and what browsers show.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
	ResolveWith(ctx context.Context, kind credential.Kind, token secret.Token, find credential.Question) (credential.Found, error)
}

// Passwords checks the password of somebody who is signed in.
type Passwords interface {
	CheckPassword(ctx context.Context, f credential.Found, password, known secret.Token, client device.Client) error
}

// Service lets TVs and apps in.
type Service struct {
	Store     Store
	Resolver  Resolver
	Passwords Passwords
	Factors   *mfa.Checker
	Pace      *Pace
	Walks     *Walks
	// Origin is the public address, where codes are typed.
	Origin string
	// Longest is how many characters a short code may have, from linkcode.Shortest to linkcode.Longest.
	Longest int
	// Networks tells who is in whose household.
	Networks linkcode.Networks
	// SameNetwork says that codes are found from the account's own networks only.
	SameNetwork bool
	// PollCode is what a PIN's number and its client's name for itself make together: nobody else can.
	PollCode func(id int64, name string) secret.Token
	Now      func() time.Time
}

// Asking is a TV or an app that wants to be let in.
type Asking struct {
	Name, Product string // its own claims; often empty
	Claim         device.Claim
	Party         linkcode.Party
	// Asker names the software for good, in a spelling of the door's own: its older request is replaced. Often empty.
	Asker string
	// Poll is what it will poll with; empty: something new.
	Poll   secret.Token
	Key    linkcode.Key
	Client device.Client
	// Page is the path of the page where its code is typed; empty: that of TVs.
	Page string
}

// Pending is a request that waits: what to show, and what to poll with.
type Pending struct {
	DeviceCode  secret.Token
	Short, Long secret.Token
	Where       string       // the address of the page where a code is typed
	Complete    secret.Token // the same with the long code filled in
	ExpiresAt   time.Time
}

// page is where a code is typed.
const page = "/link"

// Address is the address of the page where a code is typed, with the code filled in (RFC 8628 §3.3.1).
func (s *Service) Address(code secret.Token) secret.Token { return s.address(page, code) }

func (s *Service) address(page string, code secret.Token) secret.Token {
	return secret.TokenOf(s.Origin + page + "?" + url.Values{"user_code": {linkcode.Grouped(code).Reveal()}}.Encode())
}

// tries is how often codes are made anew that were given out a short while ago, and patience after how many of them short ones get a symbol longer:
// so many were given out in a day that there is hardly one left of their length.
const (
	tries    = 8
	patience = 2
)

// Ask makes a request wait for linkcode.Life. On a network that has used up its places, or the number of codes it is made in a while, others may
// have done so: then the code has linkcode.Longest characters, where that many are allowed. linkcode.ErrMost, linkcode.ErrFull, limits.
func (s *Service) Ask(ctx context.Context, a Asking) (Pending, error) {
	now := s.Now()
	crowd, clock, err := s.Store.WaitingLinks(ctx, now)
	if err != nil {
		return Pending{}, err
	}
	most := int64(linkcode.MostAtAll)
	if a.Client.Page != "" {
		most = linkcode.MostOfPages
	}
	if crowd.All() >= most { // those who ask at this moment may be some more
		return Pending{}, linkcode.ErrFull
	}
	n := linkcode.New{
		Request: linkcode.Request{ID: id.New(now), Seen: a.Client.Seen(), CreatedAt: now, ExpiresAt: now.Add(linkcode.Life)},
		Poll:    secret.NewToken(), Stamp: credential.Stamp{Born: clock.Epoch}, Asker: a.Asker, Network: s.Networks.Of(a.Client.Address),
	}
	if a.Client.Page != "" {
		n.Network = n.Network.Page()
	}
	if !a.Poll.Empty() {
		n.Poll = a.Poll
	}
	if n.Asker != "" { // a name counts on its network, and a page's on its website: elsewhere, others may have or know it
		n.Asker += "\x00" + string(n.Network) + "\x00" + a.Client.Page
	}
	n.Claim, n.Party, n.Key = a.Claim.Tame(), a.Party, a.Key
	n.Name, n.Product = device.Claimed(a.Name, a.Product, a.Client.UserAgent)
	n.Most = linkcode.Most
	p, err := s.begin(ctx, n, ratelimit.LinkRequests, a, crowd.Length(s.Longest))
	if crowded(err) && s.Longest == linkcode.Longest && crowd.All() < linkcode.MostAtAll/2 {
		n.Most = linkcode.MostCrowded
		if long, err := s.begin(ctx, n, ratelimit.LinkRequestsCrowded, a, linkcode.Longest); !crowded(err) {
			return long, err
		}
	}
	return p, err
}

// crowded reports whether others on the same network may have kept a request from waiting.
func crowded(err error) bool {
	return errors.Is(err, linkcode.ErrMost) || errors.As(err, new(*ratelimit.LimitedError))
}

// begin makes a request wait, with a short code of so many characters or, where those are used up, more.
func (s *Service) begin(ctx context.Context, n linkcode.New, rule ratelimit.Rule, a Asking, length int) (p Pending, err error) {
	rule = rule.OnPage(a.Client.Page)
	n.Takes = append(rule.From(a.Client.Address), rule.For("network "+string(n.Network))) // the network is counted by itself
	for try := range tries {
		n.Short, n.Long = linkcode.NewShort(min(length+try/patience, s.Longest)), linkcode.NewLong()
		if err = s.Store.BeginLink(ctx, n); !errors.Is(err, linkcode.ErrTaken) {
			break
		}
	}
	if errors.Is(err, linkcode.ErrTaken) {
		err = linkcode.ErrFull
	}
	typed := cmp.Or(a.Page, page)
	return Pending{
		DeviceCode: n.Poll, Short: n.Short, Long: linkcode.Grouped(n.Long), Where: s.Origin + typed, Complete: s.address(typed, n.Long), ExpiresAt: n.ExpiresAt,
	}, err
}

// Why a device that polls is not let in (RFC 8628 §3.5).
var (
	ErrPending  = errors.New("tvlink: nobody has decided yet")
	ErrSlowDown = errors.New("tvlink: polled too soon")
	ErrDenied   = errors.New("tvlink: somebody said no, or the account closed meanwhile")
	ErrExpired  = errors.New("tvlink: there is no such request any more")
)

// Linked is a device that was let in.
type Linked struct {
	Account account.Account
	Token   secret.Token
}

// Poll answers a device that waits; once somebody has let it in, it is signed in, exactly once. ErrPending, ErrSlowDown, ErrDenied, ErrExpired.
// One look-up and nothing written while it waits.
func (s *Service) Poll(ctx context.Context, code secret.Token, client device.Client) (Linked, error) {
	f, _, err := s.polled(ctx, code)
	if err == nil && f.AccountID == "" {
		err = ErrPending
	}
	if err != nil {
		return Linked{}, err
	}
	return s.collect(ctx, f, handing{client: client})
}

// polled finds what a device polls with, once somebody has let it in or not, and the client that is to collect what it gets, if any.
func (s *Service) polled(ctx context.Context, code secret.Token) (f credential.Found, clientID string, err error) {
	if !code.WellFormed() { // nor is it remembered
		return f, "", ErrExpired
	}
	if !s.Pace.Allow(code, s.Now()) {
		return f, "", ErrSlowDown
	}
	f, err = s.Resolver.ResolveWith(ctx, credential.DeviceCode, code, func(ctx context.Context, _ credential.Kind, token secret.Token) (f credential.Found, err error) {
		f, clientID, err = s.Store.FindDeviceCode(ctx, token)
		return f, err
	})
	switch {
	case errors.Is(err, credential.ErrUnknown):
		err = ErrExpired
	case credential.IsDead(err), err == nil && f.Subject == "":
		err = ErrDenied
	}
	return f, clientID, err
}

// LetIn is a request of a client that somebody has let in, and that is to be collected.
type LetIn struct {
	Code    credential.Found
	Request linkcode.Request
}

// PollFor is Poll for a client, which collects what it gets by itself. A request of another client, or of none, is ErrExpired.
func (s *Service) PollFor(ctx context.Context, clientID string, code secret.Token) (LetIn, error) {
	f, whose, err := s.polled(ctx, code)
	switch {
	case err != nil:
		return LetIn{}, err
	case whose == "" || whose != clientID:
		return LetIn{}, ErrExpired
	case f.AccountID == "":
		return LetIn{}, ErrPending
	}
	r, err := s.Store.LoadLink(ctx, f.Subject, s.Now())
	if err == nil && r.Party.Client != clientID { // the sealed word counts
		err = linkcode.ErrNotFound
	}
	if err != nil {
		return LetIn{}, expired(err)
	}
	return LetIn{f, r}, nil
}

// handing is how a token is handed out: who shows again is told it once more, and a device that brought a key along has to sign for it.
type handing struct {
	client device.Client
	again  secret.Token
	signs  bool
}

// collect signs a device in that somebody has let in.
func (s *Service) collect(ctx context.Context, f credential.Found, h handing) (Linked, error) {
	now := s.Now()
	r, err := s.Store.LoadLink(ctx, f.Subject, now)
	if err == nil && r.Party.Client != "" { // the client's to collect, by PollFor
		err = linkcode.ErrNotFound
	}
	if err != nil {
		return Linked{}, expired(err)
	}
	if r.Key.ID != "" && !h.signs {
		return Linked{}, ErrPending
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return Linked{}, err
	}
	in := credential.SignIn{
		Device: device.Device{
			ID: id.New(now), AccountID: a.ID, Kind: device.TV, Name: r.Name, Product: r.Product, Claim: r.Claim, Method: device.ByCode, Seen: h.client.Seen(),
		},
		Kind: credential.App, Subject: credential.Player, Token: secret.NewToken(), Stamp: f.Stamp, Spends: f.Hash, Again: h.again,
	}
	if r.Key.ID != "" {
		in.Key = credential.PublicKey{Name: credential.KeyName(r.Claim.Identifier, r.Key.ID), Public: r.Key.Public}
	}
	act := audit.New(now, audit.SignedIn, a.ID, a.ID).From(h.client).With(audit.Device, r.Name).With(audit.Reason, device.ByCode)
	if err := s.Store.CollectLink(ctx, r.ID, in, act.TellLinked(a, in.Device, h.client), audit.Trimmed(a, now)); err != nil {
		return Linked{}, expired(err)
	}
	return Linked{Account: a, Token: in.Token}, nil
}

// expired says of a request that ended while it was looked at what the next poll would say.
func expired(err error) error {
	if errors.Is(err, credential.ErrSpent) || errors.Is(err, linkcode.ErrNotFound) {
		return ErrExpired
	}
	if errors.Is(err, credential.ErrKeyTaken) {
		return ErrDenied
	}
	return err
}
