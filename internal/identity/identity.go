// Package identity owns outside identities: by whom somebody is known elsewhere, what that service says about them, and which account is theirs. It refuses to
// know how a service is asked, and where identities are kept.
package identity

import (
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
)

// Most is how many identities an account may have.
const Most = 10

// Errors that doors translate.
var (
	ErrNotFound = errors.New("identity: there is no such identity")
	ErrTaken    = errors.New("identity: it belongs to another account")
	ErrLinked   = errors.New("identity: it belongs to this account already")
	ErrTooMany  = errors.New("identity: the account has as many as it may")
	ErrLastWay  = errors.New("identity: it is the only way into the account")
)

// Told is what a service says about somebody who has just signed in there. Issuer and Subject together are the person; everything else may change.
type Told struct {
	Provider string `json:"provider"` // as the configuration and addresses call the service
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Email    string `json:"email,omitempty"` // as told; empty when it told none that could be one
	Proved   bool   `json:"proved,omitempty"`
	Name     string `json:"name,omitempty"`
	// SignedIn is when the person last proved there who they are; zero when the service does not say.
	SignedIn time.Time `json:"signed_in,omitzero"`
}

// Handle is what finds the account of the person a service tells of: issuer and subject, and never an address.
func (t Told) Handle() account.Handle {
	return account.Handle{Kind: account.ByIdentity, Value: t.Issuer + "\x00" + t.Subject}
}

// Same reports whether both are one person at one issuer.
func (t Told) Same(other Told) bool { return t.Issuer == other.Issuer && t.Subject == other.Subject }

// Identity is a Told that is linked to an account: who comes with it comes in.
type Identity struct {
	ID        string
	AccountID string
	Told
	LinkedAt time.Time
	UsedAt   time.Time // zero when nobody has come in by it yet
}

// Newcomer is somebody whom a service tells of, on the way into an account that becomes theirs.
type Newcomer struct {
	Identity   Identity
	Address    account.Handle // proved by the service, or by a code that we mailed there
	SignIn     credential.SignIn
	Secured    int64  // instance epoch read before the proof was checked
	Arrival    string // hash of what is spent
	Invitation string // the same; empty when there is none
}
