// Package incident owns the day the passwords of many accounts are known to others: declaring it, telling everybody, watching who has come back,
// and taking it back when it was a mistake. It refuses to know how a password is reset, and pages.
package incident

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Action is what an incident asks of the accounts it covers.
type Action string

// The actions. Their texts stand in the database.
const (
	Require Action = "require" // old passwords open nothing, and everything is signed out
	Advise  Action = "advise"  // nothing is voided; the notice goes out
)

// Scope is whom an incident covers.
type Scope string

// The scopes.
const (
	All  Scope = "all"
	List Scope = "list"
)

// State is how far an incident has come.
type State string

// The states.
const (
	Drafted   State = "draft"     // being written; it asks nothing of anybody
	Proposed  State = "proposed"  // waits for a second administrator's word
	Listing   State = "listing"   // the list is being written
	Open      State = "open"      // it holds, and people are told
	Withdrawn State = "withdrawn" // it was a mistake: old passwords count again
)

// Incident is one declared incident.
type Incident struct {
	ID         string
	Epoch      int64 // the clock when it was declared; 0 before
	Action     Action
	Scope      Scope
	State      State
	Paused     bool // the notices wait
	Notice     notice.Parts
	Names      string // of a draft: the list as it was typed
	Actor      string // account id of who declared it, or audit.CLI
	Second     string // the second administrator, where one was needed
	Alone      bool   // without a second administrator's word
	Covered    int64  // accounts it covered when it was declared
	Mailed     int64  // accounts that were told
	ToldAt     time.Time
	CreatedAt  time.Time
	DeclaredAt time.Time
	EndedAt    time.Time
}

// Holds reports whether it asks anything of anybody now.
func (i Incident) Holds() bool { return i.State == Open || i.State == Listing }

// ProposalLife is how long a proposal waits for a second word.
const ProposalLife = 24 * time.Hour

// Lapsed reports whether a proposal has waited for too long.
func (i Incident) Lapsed(now time.Time) bool {
	return i.State == Proposed && now.Sub(i.CreatedAt) >= ProposalLife
}

// Errors that doors translate.
var (
	ErrNotFound = errors.New("incident: there is no such incident")
	ErrOwnWord  = errors.New("incident: the second word is another administrator's")
	ErrLapsed   = errors.New("incident: the proposal has waited for more than 24 hours")
	ErrState    = errors.New("incident: it is not in a state for that")
	ErrNobody   = errors.New("incident: the list names no account")
	ErrWrong    = errors.New("incident: the address and the code do not belong together")
)

// Store keeps incidents.
type Store interface {
	DeclareStore
	DraftStore
	ListStore
	TellStore
	LookStore
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
}

// DeclareStore begins and ends incidents. Each verb steps what it steps, writes the record, and posts its mail in one transaction.
type DeclareStore interface {
	ProposeIncident(ctx context.Context, i Incident, act audit.Act) error
	// DeclareIncident steps the clock and returns the incident with its epoch. credential.ErrSpent when there is an incident of that id.
	DeclareIncident(ctx context.Context, i Incident, c Console, act audit.Act) (Incident, error)
	// ConfirmIncident declares what was proposed after a time; credential.ErrSpent when it is not proposed any more, or by that actor itself.
	ConfirmIncident(ctx context.Context, id string, after time.Time, c Console, act audit.Act) (Incident, error)
	// WithdrawIncident ends what is in one of the states in which there is something to withdraw; credential.ErrSpent when it is in another by now.
	WithdrawIncident(ctx context.Context, id string, state State, act audit.Act) error
	PauseIncident(ctx context.Context, id string, act audit.Act) error
	ResumeIncident(ctx context.Context, id string, act audit.Act) error
}

// DraftStore keeps what an administrator is writing. Nobody else sees it.
type DraftStore interface {
	// SaveDraft writes a draft, or writes it over; credential.ErrSpent when it is another's, or none any more.
	SaveDraft(ctx context.Context, i Incident) error
	// LoadDraft returns an actor's draft; ErrNotFound.
	LoadDraft(ctx context.Context, actor, id string) (Incident, error)
	ListDrafts(ctx context.Context, actor string) ([]Incident, error)
	DropDraft(ctx context.Context, actor, id string) error
}

// ListStore covers accounts by a list, in portions.
type ListStore interface {
	// ResolveHandles returns the account of each handle, in order; "" for nobody's.
	ResolveHandles(ctx context.Context, handles []account.Handle) ([]string, error)
	// ListIncident covers accounts; those covered already are left alone. credential.ErrSpent when the incident is not being listed.
	ListIncident(ctx context.Context, id string, accounts []string) error
	// OpenIncident ends the listing and counts what it covers.
	OpenIncident(ctx context.Context, id string) (Incident, error)
	// ListedAccounts returns the accounts that an incident's list covers, after one, in order.
	ListedAccounts(ctx context.Context, id, after string, limit int) ([]string, error)
	// UnlistIncident lets go of the accounts that a withdrawn incident covered, after one; it returns the last it came to, or "".
	UnlistIncident(ctx context.Context, id, after string) (last string, err error)
}

// TellStore posts the notices.
type TellStore interface {
	IncidentsToTell(ctx context.Context) ([]Incident, error)
	// NoticesWaiting counts the mail that everything else overtakes, no further than most.
	NoticesWaiting(ctx context.Context, most int) (int, error)
	// TellIncident posts the notices of the next accounts and moves on, in one transaction: whatever happens, each account is told once.
	// It returns how many; fewer than limit means that everybody is told.
	TellIncident(ctx context.Context, i Incident, limit int, now time.Time, letters Letters) (told int, err error)
}

// Letters are the mails to one account; check is the code by which it knows them.
type Letters func(i Incident, a account.Account, check secret.Token) []notice.Notice

// LookStore answers questions.
type LookStore interface {
	LoadIncident(ctx context.Context, id string) (Incident, error)
	ListIncidents(ctx context.Context, before string, limit int) ([]Incident, error)
	// IncidentsCovering returns the newest incidents that cover an account or covered it, newest first.
	IncidentsCovering(ctx context.Context, accountID string, limit int) ([]Incident, error)
	// FindNotices returns what was sent to whoever has a handle. For nobody it does the same work, and says so.
	FindNotices(ctx context.Context, h account.Handle, limit int) (all []Sent, known bool, err error)
	CountIncident(ctx context.Context) (Counts, error)
	CountAdmins(ctx context.Context, accounts []string) (int64, error)
	CountWaiting(ctx context.Context, i Incident) (int64, error)
	ListWaiting(ctx context.Context, i Incident, after string, limit int) ([]account.Account, error)
	LoadAccount(ctx context.Context, id string) (account.Account, error)
	ListAccounts(ctx context.Context, f account.Filter) ([]account.Account, error)
	NameAccounts(ctx context.Context, ids []string) (map[string]string, error)
}

// Console is the ticket of the browser that declares an incident which ends its own sign-in. The zero value is none.
type Console struct {
	Token     secret.Token
	AccountID string
}

// Sent is a notice that was sent to an account, with its code.
type Sent struct {
	Incident
	Check secret.Token
}

// Counts are how many accounts a declaration would cover.
type Counts struct {
	Accounts int64
	Admins   int64 // administrators among them
}

// Service declares incidents and sees them through.
type Service struct {
	Store    Store
	Resolver Resolver
	Folder   Folder
	Now      func() time.Time
	Host     string // as people type it
	// Write puts a mail into words, for a preview; nil shows none.
	Write   func(n notice.Notice) (subject, text string, err error)
	Contact string // how to reach who runs the service; empty when nobody said
}

// Parts are the first words of a notice.
func (s *Service) Parts() notice.Parts { return notice.DefaultParts(s.Host, s.Contact) }
