package account

import (
	"errors"
	"time"

	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// Purpose is what an address is being proved for.
type Purpose string

// The purposes of a confirmation.
const (
	ForSignUp  Purpose = "sign-up"
	ForEmail   Purpose = "email"
	ForNotices Purpose = "notices"
	ForArrival Purpose = "arrival" // somebody another service tells of, whose address it does not prove
)

// MostCodeTries is how often a six-digit code may be typed before a new one has to be asked for.
const MostCodeTries = 5

// ErrWrongCode says that a typed code does not match, or cannot any more.
var ErrWrongCode = errors.New("account: the code is wrong or used up")

// Confirmation is an address that waits to be proved.
type Confirmation struct {
	ID         string
	Purpose    Purpose
	AccountID  string // empty for a sign-up
	Email      string
	Password   string // PHC string; of sign-ups only
	Invitation string // hash of the invitation it came by, or empty
	Tries      int64
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// NewConfirmation is a confirmation about to be asked for. Without a code no code can match: so the sign-up of an address that has an
// account looks and costs the same, and leads nowhere.
type NewConfirmation struct {
	Confirmation
	Code    secret.Token
	Browser secret.Token // recognises the browser where a sign-up began; empty otherwise
	Link    secret.Token
	Born    int64 // instance epoch, read before
	Epoch   int64 // the account's epoch, read before
	Limits  []ratelimit.Take
}

// EmailChange gives an account another address.
type EmailChange struct {
	AccountID string
	Email     string
	Handle    Handle
}
