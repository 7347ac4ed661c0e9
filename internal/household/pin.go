package household

import (
	"crypto/subtle"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/secret"
)

// PINLength is how many digits a PIN has. Nobody guesses at it elsewhere: it is sealed, and each try is counted.
const PINLength = 4

// Wrong PINs of one member in a row, whatever device they came from: FreeTries are followed by Pause, and MostTries by whoever may unlock it. That is
// a chance of 1e-3 to hit one that was chosen by lot.
const (
	FreeTries = 5
	MostTries = 10
	Pause     = 15 * time.Minute
)

// What may be wrong with a PIN.
var (
	ErrBadPIN = errors.New("household: a PIN is four digits")
	// ErrPIN says that the PIN is missing, or is not the member's.
	ErrPIN = errors.New("household: wrong PIN")
	// ErrPINLocked says that too many PINs were wrong: the one who set it unlocks it.
	ErrPINLocked = errors.New("household: too many wrong PINs; the member is locked until it is unlocked")
)

// ReadPIN returns a typed PIN. ErrBadPIN.
func ReadPIN(typed string) (secret.Token, error) {
	if len(typed) != PINLength {
		return secret.Token{}, ErrBadPIN
	}
	for _, c := range typed {
		if c < '0' || c > '9' {
			return secret.Token{}, ErrBadPIN
		}
	}
	return secret.TokenOf(typed), nil
}

// Wait returns how long after the nth wrong PIN in a row the next one has to wait.
func Wait(failures int64) time.Duration {
	if failures == FreeTries {
		return Pause
	}
	return 0
}

// Failures is how a member's wrong PINs stand.
type Failures struct {
	Count int64
	Until time.Time // the next one counts from here on; zero when it does at once
}

// Locked reports whether no PIN counts until the member is unlocked.
func (f Failures) Locked() bool { return f.Count >= MostTries }

// Try is a PIN about to be checked.
type Try struct {
	Source string // account that switches
	Member string
	At     time.Time
}

// Candidate is what a PIN is checked against, with the failure already counted.
type Candidate struct {
	Member   Member
	PIN      secret.Token     // empty where none is set
	Failures int64            // with this one
	Account  account.Standing // of the member; a managed one stands as its owner does
	Clock    credential.Clock
}

// Fits reports whether a typed PIN is the member's.
func (c Candidate) Fits(typed secret.Token) bool {
	return subtle.ConstantTimeCompare([]byte(c.PIN.Reveal()), []byte(typed.Reveal())) == 1
}
