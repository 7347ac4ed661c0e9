// Package stream owns the streams of shared signals that clients read: what one is, what may happen on it, and how that is written as a security event
// token (SSF 1.0, RFC 8417). It refuses to know how tokens reach their readers, and where streams are kept.
package stream

import (
	"errors"
	"time"

	"usher/internal/secret"
)

// Method is a way of delivery, as SSF 1.0 §6.1 names it.
type Method string

// The ways of delivery.
const (
	Poll Method = "urn:ietf:rfc:8936"
	Push Method = "urn:ietf:rfc:8935"
)

// Methods lists every way of delivery.
func Methods() []Method { return []Method{Poll, Push} }

// Status says what becomes of signals (SSF 1.0 §8.1.2).
type Status string

// A paused stream keeps signals until it is enabled again; for a disabled one there are none.
const (
	Enabled  Status = "enabled"
	Paused   Status = "paused"
	Disabled Status = "disabled"
)

// Known reports whether there is such a status.
func (s Status) Known() bool { return s == Enabled || s == Paused || s == Disabled }

// Stream is what one client reads.
type Stream struct {
	ID        string
	ClientID  string
	Facts     Facts
	Events    Events // asked for
	Status    Status
	CreatedAt time.Time
	Fails     int // calls of its reader that failed, one after the other

	// Floor is the newest instance epoch that ended everybody's sign-ins; Told is the newest that the reader knows of.
	Floor, Told int64
	Missed      time.Time // when the newest signal that nobody read was dropped; zero when the reader knows of that, or there was none
}

// Facts are what nothing is looked up by.
type Facts struct {
	Endpoint      string       // is called for every signal; empty when the reader polls
	Authorization secret.Token // header of that call
	Description   string
	Reason        string // why its status is what it is, by its reader
}

// Method is how the stream is delivered.
func (s Stream) Method() Method {
	if s.Facts.Endpoint != "" {
		return Push
	}
	return Poll
}

// Signal is one thing that has happened and that a reader is still to be told of.
type Signal struct {
	ID        string // jti
	AccountID string // empty when it concerns no account alone
	What      What
	Subject   string // sid of what has ended, id of a server, or the state of a verification
	Cause     string // txn: the same for all that one act left
	At        time.Time
}

// Waiting are the signals at the top of a stream, oldest first.
type Waiting struct {
	Stream  Stream
	Signals []Signal
	More    bool // there are more behind them
}

// Life is how long a signal waits for a reader. One that is dropped then leaves a note on its stream, of which the reader is told.
const Life = 7 * 24 * time.Hour

// Limits of what readers send.
const (
	LongestText     = 200  // of a description, a reason, a state, in code points
	LongestEndpoint = 2000 // in bytes
	LongestHeader   = 4000 // in bytes
)

// Errors that doors translate.
var (
	ErrNotFound = errors.New("stream: there is no such stream")
	ErrExists   = errors.New("stream: the client has a stream already")
)
