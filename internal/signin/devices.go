package signin

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/secret"
)

// DeviceStore keeps what is signed in.
type DeviceStore interface {
	ListDevices(ctx context.Context, accountID string) ([]device.Device, error)
	EndDevice(ctx context.Context, accountID, deviceID string, act audit.Act) error
	EndEverything(ctx context.Context, accountID string, keep *credential.SignIn, act audit.Act) error
	LoadAccount(ctx context.Context, id string) (account.Account, error)
}

// Devices lists what is signed in, and signs it out.
type Devices struct {
	Store DeviceStore
	Now   func() time.Time
}

// List returns what is signed in to an account, last used first.
func (s *Devices) List(ctx context.Context, accountID string) ([]device.Device, error) {
	return s.Store.ListDevices(ctx, accountID)
}

// ListFor is List for software that may act for the account; credential.ErrMayNotAct.
func (s *Devices) ListFor(ctx context.Context, f credential.Found) ([]device.Device, error) {
	if err := f.MayAct(); err != nil {
		return nil, err
	}
	return s.List(ctx, f.AccountID)
}

// ListSoftware returns what any software of an account may know of: software and media servers. Browsers are their owner's own affair. What
// others call themselves is told only to who may act for the account: it is half of what a PIN is polled with. Whoever switched to the account in its Home is
// told of itself and of media servers. credential.ErrMayNotAct.
func (s *Devices) ListSoftware(ctx context.Context, f credential.Found) (software []device.Device, err error) {
	if err := f.MayRead(); err != nil {
		return nil, err
	}
	all, err := s.List(ctx, f.AccountID)
	for _, d := range all {
		if d.Kind == device.Browser || d.Kind == device.Phone || f.Origin != "" && d.ID != f.DeviceID && d.Kind != device.Server {
			continue
		}
		if f.MayAct() != nil && d.ID != f.DeviceID && d.Kind != device.Server {
			d.Claim.Identifier = ""
		}
		software = append(software, d)
	}
	return software, err
}

// SignOut ends one device of the account and everything made from it; device.ErrNotFound when the account has no such device.
func (s *Devices) SignOut(ctx context.Context, f credential.Found, deviceID string, client device.Client) error {
	return s.Store.EndDevice(ctx, f.AccountID, deviceID, audit.New(s.Now(), audit.SignedOut, f.AccountID, f.AccountID).From(client))
}

// SignOutOther ends another device by the word of software: credential.ErrMayNotAct where it may not, device.ErrNotFound.
func (s *Devices) SignOutOther(ctx context.Context, f credential.Found, deviceID string, client device.Client) error {
	if f.DeviceID != deviceID {
		if err := f.MayAct(); err != nil {
			return err
		}
	}
	return s.SignOut(ctx, f, deviceID, client)
}

// SignOutEverything ends everything that is signed in to the account by one step of its epoch, and signs the asking browser in anew. It
// returns the browser's new token, and what shows that it has been here before. credential.ErrStale; credential.ErrSpent when the browser was
// signed out meanwhile.
func (s *Devices) SignOutEverything(ctx context.Context, f credential.Found, client device.Client) (token, known secret.Token, err error) {
	now := s.Now()
	if !f.IsFresh(now) {
		return token, known, credential.ErrStale
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return token, known, err
	}
	in := credential.NewSignIn(a.ID, "password", client, now)
	in.Stamp, in.FreshAt, in.Known = credential.StampNow(f.Clock, f.Account), f.FreshAt, secret.NewToken()
	in.Replaces, in.Subject = f.Hash, f.Subject
	act := audit.New(now, audit.SignedOutAll, a.ID, a.ID).From(client).TellOwner(a, func(to string) notice.Notice {
		return notice.SignedOutEverywhere(to, a.Name, now)
	})
	return in.Token, in.Known, s.Store.EndEverything(ctx, a.ID, &in, act)
}
