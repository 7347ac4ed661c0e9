package web

import (
	"slices"
	"time"
)

// Figure is one number worth seeing at a glance.
type Figure struct {
	Label string
	Value int64
	Path  string // where the number comes from; empty: no link
}

// Check is one thing that must work.
type Check struct {
	Name string
	OK   bool
	Text string // what was seen, or what is wrong
}

// AdminPage is "admin": health at a glance.
type AdminPage struct {
	Figures  []Figure
	Checks   []Check
	Started  time.Time
	Version  string
	Database string // "SQLite" or "PostgreSQL"
}

// Healthy tells whether every check passed.
func (p AdminPage) Healthy() bool {
	for _, c := range p.Checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// AccountRow is one account in a list.
type AccountRow struct {
	ID       string
	Name     string
	UserName string
	Address  string
	State    string // active, locked or deleting
	Erasing  bool   // going to be erased although the state does not say so
	Admin    bool
	Created  time.Time
	LastSeen time.Time // zero: nothing is signed in
}

// AdminAccountsPage is "admin-accounts"; it posts q and state to itself, because what is looked for must not stay in an address bar.
type AdminAccountsPage struct {
	Query   string
	State   string // empty: all
	AnyPart bool   // the search finds parts of names and addresses, not only whole ones
	Rows    []AccountRow
	Next    string // path of the next page; empty: no more
	First   string // path of the first page, when this is not it
	Problem string // why there is no answer, such as a search that took too long
}

// AdminAccountPage is "admin-account". Its actions post to /admin/accounts/{id}/….
type AdminAccountPage struct {
	AccountRow
	Problem         string // why an act was refused
	NoticeAddress   string
	PasswordChanged time.Time
	LockedUntil     time.Time // by the failure budget; zero: not
	PasswordOff     bool      // by the failure budget: it opens nothing until it is reset
	ResetRequired   bool
	DeletingOn      time.Time
	SecondStep      bool
	RecoveryCodes   int64 // that are left
	Passkeys        int64
	NoPassword      bool
	Services        string    // by which other ones it opens; empty: none
	RemovalOn       time.Time // when the second step will be removed; zero when it will not
	Self            bool      // the administrator's own account
	Devices         []Device
	Servers         []AdminServer
	Events          []Event
	Mail            []QueuedMail
}

// MailWaits tells whether any mail to this person waits and can be tried again.
func (p AdminAccountPage) MailWaits() bool {
	return slices.ContainsFunc(p.Mail, func(m QueuedMail) bool { return m.Retry })
}

// Invitation is one link that lets somebody sign up, not used yet.
type Invitation struct {
	ID      string
	Address string // empty: for whoever holds the link
	By      string
	Created time.Time
	Expires time.Time
}

// AdminInvitationsPage is "admin-invitations"; it posts email.
type AdminInvitationsPage struct {
	Form
	Email   string
	NewLink string // shown once, right after it was made
	Rows    []Invitation
	Next    string
}

// QueuedMail is one mail of the queue. Its text is never shown.
type QueuedMail struct {
	ID        string
	AccountID string // empty: of no account
	What      string // "Confirm address"
	To        string // shortened address; empty once it is done
	State     string // waiting, sent, refused or expired
	Queued    time.Time
	NextTry   time.Time // zero: now
	Done      time.Time // zero: it waits
	Tries     int
	Problem   string // the last answer of the mail server
	Retry     bool   // it can be tried again now
}

// AdminMailPage is "admin-mail"; it gets state. A mail that waits posts its id to /admin/mail/retry.
type AdminMailPage struct {
	Figures []Figure
	State   string // which mails are shown
	Outbox  bool   // no mail server is set up; mail waits in the local outbox
	Rows    []QueuedMail
	Next    string
	First   string
}

// AuditRow is one recorded act.
type AuditRow struct {
	At        time.Time
	Act       string
	By        string
	AccountID string
	Account   string
	Detail    string
	Client    string // network, shortened
}

// ActChoice is one act that the audit can be filtered by.
type ActChoice struct {
	Key, Words string
}

// AdminAuditPage is "admin-audit"; it gets act and account (its number), and posts them to itself as they are typed.
type AdminAuditPage struct {
	Act     string
	Acts    []ActChoice
	Account string
	Rows    []AuditRow
	Next    string
	First   string
	Problem string // why there is no answer
}

// AdminServer is a media server as an administrator sees it.
type AdminServer struct {
	ID, Name      string
	Why           string // it is suspended; empty when it is not
	Seen, Claimed time.Time
}
