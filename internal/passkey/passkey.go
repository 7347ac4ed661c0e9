// Package passkey owns passkeys: what is kept of one, what a browser is asked for one (WebAuthn Level 3), and the one check of what it answers. It refuses to
// know what a right answer opens, and where passkeys are kept.
package passkey

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"usher/internal/account"
)

// Limits of passkeys.
const (
	// Most is how many an account may have.
	Most = 20
	// LongestID is the limit of a credential id, in bytes (WebAuthn L3 §4).
	LongestID = 1023
	// longestAnswer bounds what is read of a browser's answer, in bytes: a credential id, a key and two short JSON texts.
	longestAnswer = 16 << 10
	// handleBytes is the length of a user handle (WebAuthn L3 §14.6.1): random, of nobody.
	handleBytes = 32
	// mostTransports and longestTransport bound what a browser says about how an authenticator is reached.
	mostTransports, longestTransport = 8, 32
)

// Why something is refused.
var (
	// ErrNotFound says that the account has no such passkey.
	ErrNotFound = errors.New("passkey: there is no such passkey")
	// ErrTaken says that the authenticator's passkey is in use here already.
	ErrTaken = errors.New("passkey: it is registered already")
	// ErrTooMany says that the account has Most of them.
	ErrTooMany = errors.New("passkey: the account has as many as may be")
	// ErrLast says that without it nobody could come in any more.
	ErrLast = errors.New("passkey: it is the account's last way in")
	// ErrNoName says that the service stands at a number, to which no passkey can belong.
	ErrNoName = errors.New("passkey: the service has no name")
	// ErrGone says that what was asked is too long ago, was answered before, or was asked in another browser.
	ErrGone = errors.New("passkey: the question does not count any more")
	// ErrUnknown says that the answer is of a passkey that nobody has here.
	ErrUnknown = errors.New("passkey: nobody has this passkey")
	// ErrWrong says that the answer does not prove what was asked.
	ErrWrong = errors.New("passkey: the answer does not count")
	// ErrUnverified wraps ErrWrong for an answer that is right, and for which the authenticator has not made sure who holds it.
	ErrUnverified = errors.Join(errors.New("passkey: the authenticator did not verify its user"), ErrWrong)
	// ErrCounter wraps ErrWrong for an authenticator that has counted backwards: there may be a copy of it.
	ErrCounter = errors.Join(errors.New("passkey: the counter went back"), ErrWrong)
)

// Passkey is one of an account's passkeys. Everything but its name is no secret: who has only this cannot sign in with it.
type Passkey struct {
	ID         string
	AccountID  string
	Credential []byte // its id, as authenticators know it
	UserHandle []byte // by which they know the account; the same for all passkeys of one
	PublicKey  []byte // COSE_Key (RFC 9052 §7)
	Counter    int64  // of the newest use that counted; stays 0 where the authenticator has none
	Eligible   bool   // may be copied to other devices of its owner
	BackedUp   bool   // is
	AAGUID     string // which authenticator it is in, in hex; empty where that is not told
	Transports []string
	Name       string
	CreatedAt  time.Time
	UsedAt     time.Time // CreatedAt until it is used
	AlarmAt    time.Time // when its counter went back the last time; zero: never
}

// Used reports whether it was used since it was made.
func (p Passkey) Used() bool { return p.UsedAt.After(p.CreatedAt) }

// Name returns how its owner calls a passkey; the name of its authenticator where nothing was typed. account.ErrBadName.
func Name(typed, aaguid string) (string, error) {
	name, err := account.DisplayName(strings.Join(strings.Fields(typed), " "))
	if err == nil && name == "" {
		name = Authenticator(aaguid)
	}
	return name, err
}

// tameTransports keeps what a browser says about transports short and plain; values we do not know are kept, as WebAuthn L3 §5.8.4 asks.
func tameTransports(said []string) (kept []string) {
	for _, t := range said {
		plain := !strings.ContainsFunc(t, func(c rune) bool {
			return c > unicode.MaxASCII || c != '-' && !unicode.IsLower(c) && !unicode.IsDigit(c)
		})
		if t != "" && len(t) <= longestTransport && plain && len(kept) < mostTransports && !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}
