package door

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
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
	// AppPassword says that it is no token, but a password that was made for one app at this server; Directory, that the app may look people up by it.
	AppPassword bool `json:"app_password,omitempty"`
	Directory   bool `json:"directory,omitempty"`
	// Once says that an account's password came with the code of its second step, which counts for nothing when it comes again.
	Once bool `json:"-"`
	// Until is the end of the token.
	Until time.Time `json:"exp"`
	// Ends is when the owner lets them in no more, whatever the token is, or not in this group; zero: no end.
	Ends time.Time `json:"ends,omitzero"`
}

// same reports whether two let in the same person by the same thing. That it lets them in for longer now is no difference: that of an app password, which has no
// end of its own, moves on with each answer.
func (d Decision) same(other Decision) bool {
	return d.Account == other.Account && d.Session == other.Session && d.UserName == other.UserName && d.Name == other.Name &&
		d.Email == other.Email && d.AppPassword == other.AppPassword && d.Directory == other.Directory && slices.Equal(d.Groups, other.Groups) && d.Ends.Equal(other.Ends)
}

// Why nobody is let in. Anything else that an Asker answers is taken for ErrAway.
var (
	// ErrRefused says that the service knows of no reason to let the token in.
	ErrRefused = errors.New("door: not let in")
	// ErrAway says that the service does not answer, and that nothing is known that would let the token in meanwhile.
	ErrAway = errors.New("door: the service does not answer")
	// ErrSuspended says that the server is signed out, or belongs to nobody.
	ErrSuspended = errors.New("door: this server is signed out")
	// ErrOff says that accounts' own passwords are not taken here, whatever they are.
	ErrOff = fmt.Errorf("%w: accounts' own passwords are not taken here", ErrRefused)
	// ErrBusy says that too many unknown tokens are being asked about.
	ErrBusy = errors.New("door: too many unknown tokens at once")
)

// Asker asks the service whom a token, or an app password of this server, lets in here (RFC 7662). ErrRefused, ErrSuspended, ErrAway.
type Asker interface {
	Ask(ctx context.Context, token secret.Token) (Decision, error)
}

// Passwords asks the service about accounts' own passwords.
type Passwords interface {
	// SignIn asks whom a name and the account's own password let in, with the code of the second step behind it, which counts for this one question. ErrRefused,
	// ErrOff, ErrSuspended, ErrBusy, ErrAway.
	SignIn(ctx context.Context, login string, password secret.Token) (Decision, error)
	// TakesPasswords reports whether the owner lets people do that, as it was a few seconds ago; with an error, as far as it is known. ErrSuspended, ErrAway.
	TakesPasswords(ctx context.Context) (bool, error)
}

// The clocks of decisions.
const (
	// patience is for how long the service's silence about sign-outs is taken for "there were none": longer than one long poll.
	patience = 45 * time.Second
	// lastAnswer is for how long an answer stands where the service tells nothing.
	lastAnswer = 5 * time.Second
	// wrongAnswer is for how long a refusal is remembered. That of an account's own password is so for wrongPassword at first, since the reason may be gone soon: the
	// account was locked, the invitation not accepted yet; and each time that it turns out wrong again for twice as long, up to wrongForLong: an app that goes on
	// and on with it would use up the account's budget of failures otherwise. What the service tells of sign-outs ends all of them.
	wrongAnswer   = 10 * time.Second
	wrongPassword = 5 * time.Minute
	wrongForLong  = 3 * time.Hour
	// ownPassword is for how long an account's own password is remembered. The code in it counts for nothing after that: usedCode is for how long it is known so.
	ownPassword = 15 * time.Minute
	usedCode    = 24 * time.Hour
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
	mostAsked    = 32     // at the same time
	mostTyped    = 16     // accounts' own passwords, besides
)

// newAsks returns the places of questions. One network has fewer in its budgets than there are, so that it never has all of them.
func newAsks() map[kind]chan struct{} {
	random := make(chan struct{}, mostAsked)
	return map[kind]chan struct{}{byToken: random, byAppPassword: random, byAccount: make(chan struct{}, mostTyped)}
}

// key names a decision: a hash over the token and everything else that the decision depends on.
type key [sha256.Size]byte

// admitted is a decision that counts until over is done.
type admitted struct {
	Decision
	key   key
	kind  kind
	Until time.Time // as it was said last; guarded by the Decider, and so is asked
	asked time.Time
	over  context.Context
	end   context.CancelFunc
	told  told
	seen  atomic.Int64 // when it let somebody in, in seconds since 1970, to seenEvery; 0: not since that was noted last
}

// admit is called with the lock held.
func (d *Decider) admit(k key, decision Decision, asked time.Time) *admitted {
	a := &admitted{Decision: decision, Until: decision.Until, key: k, asked: asked}
	a.over, a.end = context.WithCancel(context.Background())
	a.told.identity = identityOf(d.names.telling(decision))
	return a
}

// refusal is until when something is refused without a question.
type refusal struct {
	until time.Time
	after time.Duration // for how long that was
	used  bool          // it is a code that was used up; nothing that ends elsewhere changes that
}

// again is the refusal of something of a kind that was refused like this before, or not yet.
func (r refusal) again(k kind, now time.Time) refusal {
	after := wrongAnswer
	if k == byAccount {
		after = min(max(wrongPassword, 2*r.after), wrongForLong)
	}
	return refusal{until: now.Add(after), after: after}
}

// spent reports whether there is no asking about it again: a code in it is used up, and would be taken for a wrong one.
func (a *admitted) spent() bool { return a != nil && a.kind == byAccount && a.Once }

// endSpent says why something spent does not count: while that may change again, as where nothing is heard of sign-outs for a moment, nobody is signed out.
func (d *Decider) endSpent(a *admitted) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now().Before(a.Until) {
		return ErrAway
	}
	if d.known[a.key] == a {
		d.remove(a)
	}
	return ErrRefused
}
