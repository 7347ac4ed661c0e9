package credential

import (
	"errors"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/device"
	"usher/internal/secret"
)

// ErrNoName says that an app password was to be made without a name.
var ErrNoName = errors.New("credential: the app password has no name")

// NewAppPassword returns the sign-in of an app, called by a name, by a new AppPassword or ServerPassword of who is signed in and has just proved it. Which server
// it is of, and how many there may be, is the caller's to set. ErrNoPassword, ErrStale, ErrNoName, account.ErrBadName.
func NewAppPassword(f Found, kind Kind, name string, client device.Client, now time.Time) (SignIn, error) {
	if err := f.CheckProof(now); err != nil {
		return SignIn{}, err
	}
	name, err := account.DisplayName(strings.Join(strings.Fields(name), " "))
	if err == nil && name == "" {
		err = ErrNoName
	}
	if err != nil {
		return SignIn{}, err
	}
	method, token := device.ByAppPassword, secret.NewAppPassword()
	if kind == ServerPassword {
		method, token = device.ByServerPassword, secret.NewServerPassword()
	}
	in := NewSignIn(f.AccountID, method, client, now)
	in.Kind, in.Token, in.FreshAt, in.Stamp = kind, token, time.Time{}, StampNow(f.Clock, f.Account)
	in.Device.Kind, in.Device.Name = device.App, name
	return in, nil
}
