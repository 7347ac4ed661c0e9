package door

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"usher/internal/secret"
)

// Decision is whom a token lets in, as the service says it.
type Decision struct {
	// Account is the subject, Session what a sign-out of one device names; both are opaque.
	Account string `json:"sub"`
	Session string `json:"sid,omitempty"`
	// UserName is what the person chose to be called by; empty where there is none.
	UserName string   `json:"username,omitempty"`
	Name     string   `json:"name,omitempty"`
	Email    string   `json:"email,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	// Until is the end of the token.
	Until time.Time `json:"exp"`
}

func (d Decision) same(other Decision) bool {
	return d.Account == other.Account && d.Session == other.Session && d.UserName == other.UserName && d.Name == other.Name &&
		d.Email == other.Email && slices.Equal(d.Groups, other.Groups) && d.Until.Equal(other.Until)
}

// Why nobody is let in. Anything else that an Asker answers is taken for ErrAway.
var (
	// ErrRefused says that the service knows of no reason to let the token in.
	ErrRefused = errors.New("door: not let in")
	// ErrAway says that the service does not answer, and that nothing is known that would let the token in meanwhile.
	ErrAway = errors.New("door: the service does not answer")
	// ErrSuspended says that the server is signed out, or belongs to nobody.
	ErrSuspended = errors.New("door: this server is signed out")
	// ErrBusy says that too many unknown tokens are being asked about.
	ErrBusy = errors.New("door: too many unknown tokens at once")
)

// Asker asks the service whom a token lets in here (RFC 7662). ErrRefused, ErrSuspended, ErrAway.
type Asker interface {
	Ask(ctx context.Context, token secret.Token) (Decision, error)
}

// The clocks of decisions.
const (
	// patience is for how long the service's silence about sign-outs is taken for "there were none": longer than one long poll.
	patience = 45 * time.Second
	// lastAnswer is for how long an answer stands where the service tells nothing.
	lastAnswer = 5 * time.Second
	// wrongAnswer is for how long a refusal is remembered.
	wrongAnswer = 10 * time.Second
	// afterFailure is for how long nothing is asked once the service did not answer. Somebody who signs out when it is back must not wait long for this.
	afterFailure = 2 * time.Second
	// briefly is for how long somebody who was let in waits for the service while it does not answer. The question stays open; the next one who comes may hear the answer.
	briefly = time.Second
	// longestToken is longer than any token for a server counts at the service.
	longestToken = 31 * 24 * time.Hour
)

const (
	mostAdmitted = 10_000
	mostRefused  = 10_000 // and as many who have left
	mostAsked    = 16     // at the same time
)

// key names a decision: a hash over the token and everything else that the decision depends on.
type key [sha256.Size]byte

// admitted is a decision that counts until over is done.
type admitted struct {
	Decision
	key   key
	asked time.Time // guarded by the Decider
	over  context.Context
	end   context.CancelFunc
	told  told
}

// admit is called with the lock held.
func (d *Decider) admit(k key, decision Decision, asked time.Time) *admitted {
	a := &admitted{Decision: decision, key: k, asked: asked}
	a.over, a.end = context.WithCancel(context.Background())
	a.told.identity = identityOf(d.names.telling(decision))
	return a
}
