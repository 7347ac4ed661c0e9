// Package admin owns what operators do to other people's accounts and what they see of the service, for the pages and for the command line
// alike. It refuses to know passwords: nobody sets, sees or types one here. Every act is recorded with who did it, and told to the person.
package admin

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
)

// Store is everything the administration reads and writes.
type Store interface {
	AccountStore
	SearchStore
	MailStore
	InvitationStore
	LogStore
	SheetStore
}

// AccountStore changes single accounts.
type AccountStore interface {
	GrantAdmin(ctx context.Context, accountID string, act audit.Act) error
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	FindAccount(ctx context.Context, h account.Handle) (account.Account, error)
	SetState(ctx context.Context, accountID string, from, to account.State, deleteAt time.Time, act audit.Act) error
	EndEverything(ctx context.Context, accountID string, keep *credential.SignIn, act audit.Act) error
	ListDevices(ctx context.Context, accountID string) ([]device.Device, error)
	ReadFailures(ctx context.Context, accountID string) (credential.Failures, error)
	ReadClock(ctx context.Context) (credential.Clock, error)
}

// SearchStore finds accounts.
type SearchStore interface {
	ListAccounts(ctx context.Context, f account.Filter) ([]account.Account, error)
	// ScanAccounts opens accounts one after the other and returns those with the part in an address, a user name or a display name.
	ScanAccounts(ctx context.Context, f account.Filter, part string) ([]account.Account, error)
	// AtMostAccounts reports whether there are no more than so many accounts.
	AtMostAccounts(ctx context.Context, most int) (bool, error)
	CountAccounts(ctx context.Context) (map[account.State]int64, error)
	// NameAccounts returns what to call accounts; those that are gone are missing.
	NameAccounts(ctx context.Context, ids []string) (map[string]string, error)
	// LastSeen returns when any device of the accounts was last used; those with no device are missing.
	LastSeen(ctx context.Context, ids []string) (map[string]time.Time, error)
}

// LogStore reads and writes the audit log.
type LogStore interface {
	ListAudit(ctx context.Context, f audit.Filter) ([]audit.Entry, error)
	CountAudit(ctx context.Context) (int64, error)
	Record(ctx context.Context, act audit.Act) error
}

// Service is the administration.
type Service struct {
	Store Store
	Now   func() time.Time
	// Health looks at what must work; it may take as long as its context lasts.
	Health func(ctx context.Context) []Check

	Started  time.Time
	Version  string
	Database string // as people call it: "SQLite" or "PostgreSQL"
	Outbox   bool   // no mail server is set up: mail waits in the local outbox
	Closed   bool   // nobody can sign up, so an invitation would lead nowhere
}

// Actor is who acts: the account id of an administrator, or audit.CLI.
type Actor string

// Why an act is refused.
var (
	ErrSelf    = errors.New("admin: this is the own account")
	ErrAlready = errors.New("admin: the account is like that already")
	ErrClosed  = errors.New("admin: nobody can sign up here, so an invitation leads nowhere")
)

// PageSize is how many rows a listing returns at once.
const PageSize = 50

// Check is one thing that must work.
type Check struct {
	Name string
	OK   bool
	Text string // what was seen, or what is wrong
}

// Overview is the service at a glance.
type Overview struct {
	Accounts map[account.State]int64
	Waiting  int64 // mails that wait
	Refused  int64 // mails given up in the last day
	Entries  int64 // of the audit log
	Checks   []Check
}

// Overview counts, and looks at the service's health.
func (s *Service) Overview(ctx context.Context) (o Overview, err error) {
	if o.Accounts, err = s.Store.CountAccounts(ctx); err != nil {
		return o, err
	}
	mails, err := s.MailCounts(ctx)
	if err != nil {
		return o, err
	}
	o.Waiting, o.Refused = mails.Waiting, mails.Refused
	if o.Entries, err = s.Store.CountAudit(ctx); err != nil {
		return o, err
	}
	if s.Health != nil {
		o.Checks = s.Health(ctx)
	}
	return o, nil
}

// cut returns at most PageSize rows of one that was asked for more, and the cursor of the next page.
func cut[T any](rows []T, cursor func(T) string) ([]T, string) {
	if len(rows) <= PageSize {
		return rows, ""
	}
	rows = rows[:PageSize]
	return rows, cursor(rows[PageSize-1])
}
