package server

import (
	"time"

	"usher/internal/account"
	"usher/internal/credential"
)

// State is whether a server counts.
type State string

// The states.
const (
	Good      State = "good"
	Suspended State = "suspended" // claimed still, and lets nobody in until its owner brings it back
	Unclaimed State = "unclaimed"
)

// Reason is why a server is suspended.
type Reason string

// The reasons, the most pressing first.
const (
	Locked          Reason = "locked"            // the account, by an operator
	Deleting        Reason = "deleting"          // the account is going to be erased
	ResetRequired   Reason = "reset-required"    // its owner must choose a new password first
	ServerSignedOut Reason = "server-signed-out" // its owner signed this server out
	Incident        Reason = "incident"
	SignedOut       Reason = "signed-out" // its owner signed all devices out
)

// Standing is how a server stands.
type Standing struct {
	State  State
	Reason Reason    // of Suspended
	Since  time.Time // of Suspended; zero when it is not known
}

// SignedOutAlone is the account epoch of a server that its owner signed out by itself: below any.
const SignedOutAlone = -1

// Standing judges the server.
func (h Held) Standing(now time.Time) Standing {
	if credential.Judge(h.Found, now) == nil {
		return Standing{State: Good}
	}
	covered := max(h.Found.Clock.Floor, h.Found.Clock.Incident, h.Found.Account.Incident)
	switch {
	case h.Found.Account.State == account.Locked:
		return Standing{State: Suspended, Reason: Locked}
	case h.Found.Account.State == account.Deleting:
		return Standing{State: Suspended, Reason: Deleting}
	case h.Found.Clock.ResetRequired(h.Found.Account):
		return Standing{State: Suspended, Reason: ResetRequired}
	case h.Stamp.Account == SignedOutAlone:
		return Standing{Suspended, ServerSignedOut, h.EndedAt}
	case h.Stamp.Born < covered:
		return Standing{Suspended, Incident, time.Unix(covered, 0).UTC()} // an epoch is the second it began in, or soon after
	}
	return Standing{State: Suspended, Reason: SignedOut}
}
