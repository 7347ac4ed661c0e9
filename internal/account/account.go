// Package account owns the account: what it is called, what state it is in, and when its owner must choose a new password. It
// refuses to know how anybody signs in, and where accounts are kept.
package account

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// State is what an operator or the owner has made of an account.
type State string

// The states of an account. There is no "unconfirmed": before the address is confirmed there is no account.
const (
	Active   State = "active"
	Locked   State = "locked"   // by an operator: nobody signs in, nothing is lost
	Deleting State = "deleting" // by its owner: kept for GraceBeforeErasure, then erased
	// Managed is what stands in the row of a member of a Home who has no address and no password. It counts nowhere: such a member is in the state
	// of the account whose Home it is.
	Managed State = "managed"
)

// Lifetimes and limits of accounts.
const (
	GraceBeforeErasure = 7 * 24 * time.Hour
	// HeldAddress is how long a former address stays reserved, so that its owner can undo a change.
	HeldAddress = 7 * 24 * time.Hour
	// LongestName is the limit of a display name, in code points.
	LongestName = 64
)

// Errors that doors translate.
var (
	ErrNotFound     = errors.New("account: there is no such account")
	ErrAddressTaken = errors.New("account: the address belongs to an account already")
	ErrNameTaken    = errors.New("account: the user name is taken")
	ErrLastAdmin    = errors.New("account: the last administrator cannot be locked, deleted or demoted")
)

// Standing is what decides whether things of an account still count. It holds nothing sealed, so reading it is cheap.
type Standing struct {
	ID              string
	State           State
	Admin           bool
	Epoch           int64 // moves on "sign out connected devices"
	Incident        int64 // newest incident that lists this account; 0 when none does
	Secured         int64 // instance epoch at which the owner last set a password
	PasswordVersion int64 // grows with each password; binds resets to the one they replace
	SecondFactor    bool  // a code from an authenticator, or a recovery code, is asked besides the password
	NoPassword      bool  // its owner comes in by other ways, and has set none yet; then there is no second factor either
}

// Account is a person's account, opened.
type Account struct {
	Standing
	Email       string // as typed by its owner; mail always goes to this form
	EmailProved bool   // a link or a code that was mailed there came back; false while only an operator has named it
	UserName    string // empty until chosen
	Name        string // display name; empty until chosen
	NoticeEmail string // second address for notices; empty when there is none
	Password    string // argon2id PHC string; empty when NoPassword
	CodeAlways  bool   // the second factor is asked whatever else vouches for its owner
	Review      bool   // the password was reset, and its owner has not looked yet at what else there is
	CreatedAt   time.Time
	FactorSince time.Time // since when the second factor is on; zero when it is off
	DeleteAt    time.Time // zero unless it is going to be deleted: Deleting, or Locked meanwhile
}

// Called returns what to call the person on a page: display name, else user name, else address.
func (a Account) Called() string {
	switch {
	case a.Name != "":
		return a.Name
	case a.UserName != "":
		return a.UserName
	}
	return a.Email
}

// Login returns what the person types to sign in, where a protocol has room for one name: user name, else address.
func (a Account) Login() string { return cmp.Or(a.UserName, a.Email) }

// Handles returns what finds the account: its address and, once it is chosen, its user name. A managed member has neither.
func (a Account) Handles() ([]Handle, error) {
	if a.Email == "" && a.UserName == "" {
		return nil, nil
	}
	_, mail, err := EmailHandle(a.Email)
	if err != nil {
		return nil, err
	}
	if a.UserName == "" {
		return []Handle{mail}, nil
	}
	_, name, err := UserNameHandle(a.UserName)
	if err != nil {
		return nil, err
	}
	return []Handle{mail, name}, nil
}

// ProvedAddress is the address as a Handle where its owner has shown that it is theirs; none where only an operator has named it.
func (a Account) ProvedAddress() ([]Handle, error) {
	all, err := a.Handles()
	if err != nil || !a.EmailProved || len(all) == 0 {
		return nil, err
	}
	return all[:1], nil
}

// AnswersTo reports whether a handle is one of the account's.
func (a Account) AnswersTo(h Handle) bool {
	_, mail, err := EmailHandle(a.Email)
	if err == nil && mail == h {
		return true
	}
	_, name, err := UserNameHandle(a.UserName)
	return err == nil && name == h
}

// NoticeAddresses lists every address that is told about changes.
func (a Account) NoticeAddresses() []string {
	switch {
	case a.Email == "": // of a managed member, who gets no mail
		return nil
	case a.NoticeEmail == "":
		return []string{a.Email}
	}
	return []string{a.Email, a.NoticeEmail}
}

// HasAddress reports whether a typed address is one of those that are told about changes.
func (a Account) HasAddress(typed string) bool {
	return slices.ContainsFunc(a.NoticeAddresses(), func(own string) bool { return SameAddress(typed, own) })
}

// Words lists what a password of this account must not be equal to.
func (a Account) Words() []string { return []string{a.Email, a.UserName, a.Name} }

// Filter narrows a listing of accounts, newest first; zero fields do not narrow.
type Filter struct {
	State  State
	Admins bool   // administrators only
	Before string // id of the account to go on after
	Limit  int
}

// MostScanned is how many accounts a search by any part of a name may open; above it only whole names are found.
const MostScanned = 50_000
