package linkcode

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/outage"
	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// State is how far a request has come.
type State string

// Waiting is a request that nobody has let in yet. One that was collected, denied or has expired is no more.
const Waiting State = "waiting"

// How many requests may wait at once.
const (
	Most        = 5             // of one network
	MostCrowded = 50            // of one network, where those over Most have codes of Longest symbols
	MostAtAll   = 100_000       // with codes that their network has a place for; those over Most are made while half as many wait
	MostOfPages = MostAtAll / 4 // while so many wait, pages of other websites get none: one website is open in many networks at once
)

// Why a request is not made, or not found.
var (
	// ErrTaken says that one of the codes was given out within Reserved: make others.
	ErrTaken = errors.New("linkcode: the code was given out a short while ago")
	// ErrMost says that as many requests of this network wait as may.
	ErrMost = errors.New("linkcode: too many codes are waiting on this network")
	// ErrFull says that as many requests wait as may, on all networks together.
	ErrFull = fmt.Errorf("linkcode: too many codes are waiting: %w", outage.Err)
	// ErrNotFound says that no such request waits, or none that may be found from there; why is not told.
	ErrNotFound = errors.New("linkcode: no such code")
	// ErrAskLong says that short codes are found from their own network only for the rest of the day.
	ErrAskLong = errors.New("linkcode: the long code is needed")
)

// Key is the public key that a device brings along, to be known by once it is let in; often empty.
type Key struct {
	ID     string `json:"id"` // the device's own name for it
	Public string `json:"public"`
}

// Request is a device that asks to be let in. Name and product are its own claims.
type Request struct {
	ID        string
	State     State
	Name      string
	Product   string
	Claim     device.Claim // what it says about itself besides; often empty
	Key       Key
	Party     Party       // the client of OpenID Connect that asks; empty: no client, and it plays
	Seen      device.Seen // where it asked from
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Party is a registered client that asks by a code (RFC 8628), and what for.
type Party struct {
	Client string `json:"client,omitempty"` // its id
	Scope  string `json:"scope,omitempty"`  // RFC 6749 §3.3
}

// New is a request about to wait. Its codes and what it polls with are stored as keyed hashes.
type New struct {
	Request
	Short, Long secret.Token
	Poll        secret.Token // a credential.DeviceCode
	Stamp       credential.Stamp
	// Asker names the software that asks, where it has a lasting name of its own: it has one request at a time, a new one replaces it. Often empty.
	Asker   string
	Network Network
	Most    int64 // how many of its network may wait, this one included
	Takes   []ratelimit.Take
}

// Entry is a code that somebody who is signed in typed.
type Entry struct {
	Code      secret.Token // as Read returns it
	AccountID string
	Own       []Network // where short codes are found from, those of pages on them too
	OnlyOwn   bool      // long ones, too: nothing is found from elsewhere, and no page's
	Ticket    secret.Token
	Stamp     credential.Stamp
	Takes     []ratelimit.Take // counted in advance, given back when the code is found
	At        time.Time
}

// Ticket is what the detail of a credential.LinkTicket tells: the code as it was typed, for the person to compare once more, and whether the request
// comes from none of the account's own networks.
type Ticket struct {
	Code      secret.Token
	Elsewhere bool
}

// The two words that a ticket's detail begins with.
const (
	here      = "here "
	elsewhere = "elsewhere "
)

// Detail is the ticket as a text; ReadTicket reads it.
func (t Ticket) Detail() string {
	if t.Elsewhere {
		return elsewhere + t.Code.Reveal()
	}
	return here + t.Code.Reveal()
}

// ReadTicket reads what Detail wrote. What cannot be read comes from elsewhere.
func ReadTicket(detail string) Ticket {
	if code, is := strings.CutPrefix(detail, here); is {
		return Ticket{Code: secret.TokenOf(code)}
	}
	return Ticket{secret.TokenOf(strings.TrimPrefix(detail, elsewhere)), true}
}

// Approval lets a waiting request in.
type Approval struct {
	RequestID string
	Ticket    string // hash of the credential.LinkTicket, which is spent
	AccountID string
	Stamp     credential.Stamp
	Factor    *credential.Factor // spent too; nil where none was asked for
}
