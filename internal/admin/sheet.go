package admin

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/identity"
	"usher/internal/notice"
)

// Sheet is everything an operator may see of one account.
type Sheet struct {
	Account       account.Account
	Devices       []device.Device // last used first
	Events        []audit.Entry   // the newest ones
	Actors        map[string]string
	Mail          []notice.Queued // waiting ones and the newest others
	LastSeen      time.Time       // zero when nothing is signed in
	PasswordSet   time.Time
	Failures      credential.Failures
	ResetRequired bool
	Passkeys      int64
	Identities    []identity.Identity // by which other services it opens
}

// SheetStore reads what only a sheet tells.
type SheetStore interface {
	CountPasskeys(ctx context.Context, accountID string) (int64, error)
	ListIdentities(ctx context.Context, accountID string) ([]identity.Identity, error)
}

// Services lists by which other services the account opens, as the configuration calls them.
func (sh Sheet) Services() []string {
	names := make([]string, 0, len(sh.Identities))
	for _, i := range sh.Identities {
		names = append(names, i.Provider)
	}
	return names
}

// newest bounds the events and mails on a sheet.
const newest = 20

// Show returns one account's sheet; account.ErrNotFound.
func (s *Service) Show(ctx context.Context, accountID string) (sh Sheet, err error) {
	if sh.Account, err = s.Store.LoadAccount(ctx, accountID); err != nil {
		return sh, err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return sh, err
	}
	sh.ResetRequired = clock.ResetRequired(sh.Account.Standing)
	if sh.Failures, err = s.Store.ReadFailures(ctx, accountID); err != nil {
		return sh, err
	}
	if sh.Devices, err = s.Store.ListDevices(ctx, accountID); err != nil {
		return sh, err
	}
	if len(sh.Devices) > 0 {
		sh.LastSeen = sh.Devices[0].UsedAt
	}
	if sh.PasswordSet, err = s.passwordSet(ctx, sh.Account); err != nil {
		return sh, err
	}
	if sh.Passkeys, err = s.Store.CountPasskeys(ctx, accountID); err != nil {
		return sh, err
	}
	if sh.Identities, err = s.Store.ListIdentities(ctx, accountID); err != nil {
		return sh, err
	}
	if sh.Mail, err = s.Store.ListQueue(ctx, notice.Filter{AccountID: accountID, Limit: newest}); err != nil {
		return sh, err
	}
	if sh.Events, err = s.Store.ListAudit(ctx, audit.Filter{AccountID: accountID, Limit: newest}); err != nil {
		return sh, err
	}
	sh.Actors, err = s.names(ctx, sh.Events)
	return sh, err
}

// passwordSet finds when the password was last chosen; the record is the only place that keeps it.
func (s *Service) passwordSet(ctx context.Context, a account.Account) (time.Time, error) {
	at := a.CreatedAt
	for _, action := range []audit.Action{audit.PasswordChanged, audit.PasswordReset} {
		last, err := s.Store.ListAudit(ctx, audit.Filter{AccountID: a.ID, Action: action, Limit: 1})
		if err != nil {
			return at, err
		}
		if len(last) == 1 && last[0].At.After(at) {
			at = last[0].At
		}
	}
	return at, nil
}
