// Package household owns the Home: one account's household, in which members switch to one another without a password. It refuses to know how
// a switch is shown, and where Homes are kept.
package household

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
)

// Numbers of a Home.
const (
	// MostMembers is how many belong to a Home besides its owner, those who were invited and have not answered included.
	MostMembers = 15
	// InvitationLife is how long somebody who was invited can join, since the invitation was sent last.
	InvitationLife = 30 * 24 * time.Hour
	// DeclineLife is how long a no lasts: what the same owner sends to that account until then is not shown to it.
	DeclineLife = 30 * 24 * time.Hour
	// MostInvitations is how many invitations are listed for an account: anybody may invite it.
	MostInvitations = 20
	// MostSwitched is how many sign-ins one device may have for one member; the oldest ends.
	MostSwitched = 5
	// Pictures is how many drawings there are for managed members, numbered from 0.
	Pictures = 12
)

// Errors that doors translate.
var (
	ErrNone     = errors.New("household: the account is in no Home")
	ErrNotFound = errors.New("household: there is no such member or invitation")
	ErrTooMany  = errors.New("household: as many as belong to a Home at most")
	// ErrInOne says that the account is in another Home, or has members in its own.
	ErrInOne = errors.New("household: an account is in one Home at most")
	// ErrSelf says that somebody invited themselves.
	ErrSelf = errors.New("household: the owner is in the Home already")
)

// Member is somebody of a Home: its owner, an account that accepted, a managed member, or somebody who was invited and has not answered.
type Member struct {
	ID        string
	HomeID    string // the owner's account
	AccountID string // empty until somebody accepts
	Managed   bool
	Label     string // as the owner typed it; for the owner alone, and empty for managed members and the owner
	Name      string // display name, or user name; empty where there is neither, and never the address
	UserName  string // empty where none was chosen
	Picture   int    // of a managed member
	Protected bool   // switching to it needs its PIN
	Failures  Failures
	InvitedAt time.Time // the last time; zero for managed members and the owner
	JoinedAt  time.Time // zero while invited
}

// Nameless stands for somebody who has chosen no name: players look people up by what is never empty, and never by an address.
const Nameless = "No name yet"

// Called is how the others see a member.
func (m Member) Called() string { return cmp.Or(m.Name, Nameless) }

// NameOf is how the others see an account.
func NameOf(a account.Account) string { return cmp.Or(a.Name, a.UserName, Nameless) }

// IsOwner reports whether the Home is this member's.
func (m Member) IsOwner() bool { return m.AccountID == m.HomeID }

// Waits reports whether the invitation was not answered yet.
func (m Member) Waits() bool { return m.AccountID == "" }

// Lapsed reports whether nobody accepted before the invitation was too old.
func (m Member) Lapsed(now time.Time) bool {
	return m.Waits() && !now.Before(m.InvitedAt.Add(InvitationLife))
}

// Home is the owner and everybody else, in the order of their coming.
type Home struct {
	ID      string // the owner's account
	Members []Member
}

// Of returns the member that an account is.
func (h Home) Of(accountID string) (Member, bool) {
	return h.first(func(m Member) bool { return accountID != "" && m.AccountID == accountID })
}

// Find returns a member by its id.
func (h Home) Find(id string) (Member, bool) {
	return h.first(func(m Member) bool { return m.ID == id })
}

func (h Home) first(is func(Member) bool) (Member, bool) {
	i := slices.IndexFunc(h.Members, is)
	if i < 0 {
		return Member{}, false
	}
	return h.Members[i], true
}

// Joined are the owner and everybody who belongs to the Home, without those who were only invited.
func (h Home) Joined() (all []Member) {
	for _, m := range h.Members {
		if !m.Waits() {
			all = append(all, m)
		}
	}
	return all
}

// Guest is an invitation about to be written, found by what the owner typed.
type Guest struct {
	ID     string
	Label  string // as the owner typed it
	Handle account.Handle
	At     time.Time
}

// Invitation is a Home that an account may join.
type Invitation struct {
	ID        string // of the member that it would be
	HomeID    string
	Owner     string // user name; empty where the owner has chosen none, and never the address
	InvitedAt time.Time
}

// Joiner is an account that answers an invitation, found by what it is called now.
type Joiner struct {
	AccountID string
	Address   []account.Handle // if it is confirmed
}

// Managed is a member without address and password, about to be written or changed.
type Managed struct {
	ID        string
	AccountID string
	Name      string
	Picture   int
}

// Switch is somebody about to become another member on a device.
type Switch struct {
	HomeID string
	Source string // account that switches
	Member Member // that it becomes
	SignIn credential.SignIn
	// Ends is the device of the sign-in whose place the new one takes, on a browser that was switched already; empty else.
	Ends, EndsOf string
	// Parks is the hash of the browser's own sign-in, which becomes Away; empty where it is none, or is parked already.
	Parks string
	Away  secret.Token
}

// Return is a browser that comes back to its own sign-in.
type Return struct {
	Away         credential.Found // that is spent
	Token        secret.Token     // for the browser's own sign-in from now on
	Ends, EndsOf string           // device and account of the sign-in it was switched to; empty where that has ended
	Member       string           // its member, whose wrong PINs are forgotten; empty where it is in no Home
}

// SignedIn is something that a member switched to another one on.
type SignedIn struct {
	device.Device
	Member string // id of the member it plays as
	By     string // id of the member whose sign-in it came from
}

// Sharing is to whom of a Home a server is open.
type Sharing string

// The ways to share.
const (
	WithNobody Sharing = ""
	WithAll    Sharing = "all"
	WithChosen Sharing = "chosen"
)

// Shared is a server's sharing with the Home of its owner.
type Shared struct {
	With    Sharing
	Members []string // ids of those who are let in
}
