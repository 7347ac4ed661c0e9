package signin

import (
	"context"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/secret"
)

// MostAppPasswords is how many app passwords an account may have.
const MostAppPasswords = 50

// AppPasswordStore keeps app passwords: each is a device of its own.
type AppPasswordStore interface {
	AddDevice(ctx context.Context, s credential.SignIn, act audit.Act) error
	ListDevices(ctx context.Context, accountID string) ([]device.Device, error)
	LoadAccount(ctx context.Context, id string) (account.Account, error)
}

// AppPasswords makes and lists passwords for apps that know only a name and a password. They are ended as any device is.
type AppPasswords struct {
	Store AppPasswordStore
	Now   func() time.Time
}

// List returns an account's app passwords, last used first. What was not used yet was last used when it was made.
func (s *AppPasswords) List(ctx context.Context, accountID string) ([]device.Device, error) {
	all, err := s.Store.ListDevices(ctx, accountID)
	var made []device.Device
	for _, d := range all {
		if d.Method == device.ByAppPassword {
			made = append(made, d)
		}
	}
	return made, err
}

// NewAppPassword is what its owner says about an app password.
type NewAppPassword struct {
	Name    string // which app it is for
	Purpose string // often empty
}

// Make makes an app password and returns it, this once. credential.ErrStale, credential.ErrNoName, account.ErrBadName, device.ErrTooMany.
func (s *AppPasswords) Make(ctx context.Context, f credential.Found, n NewAppPassword, client device.Client) (secret.Token, error) {
	now := s.Now()
	in, err := credential.NewAppPassword(f, credential.AppPassword, n.Name, client, now)
	if err != nil {
		return secret.Token{}, err
	}
	purpose, err := account.DisplayName(strings.Join(strings.Fields(n.Purpose), " "))
	if err != nil {
		return secret.Token{}, err
	}
	a, err := s.Store.LoadAccount(ctx, f.AccountID)
	if err != nil {
		return secret.Token{}, err
	}
	in.Most, in.Device.Product, in.Device.Purpose = MostAppPasswords, "App password", purpose
	act := audit.New(now, audit.AppPasswordMade, a.ID, a.ID).From(client).With(audit.Device, in.Device.Name)
	act = act.Warn(a, client, func(to, called string, e notice.Event) notice.Notice {
		return notice.AppPasswordMade(to, called, e, notice.AppPassword{Name: in.Device.Name})
	})
	return in.Token, s.Store.AddDevice(ctx, in, act)
}
