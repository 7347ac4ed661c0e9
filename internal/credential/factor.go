package credential

import (
	"time"

	"usher/internal/ratelimit"
	"usher/internal/secret"
)

// FactorAttempt is a second factor that is about to be checked.
type FactorAttempt struct {
	AccountID string
	Selector  string       // which recovery code; empty for a code from the authenticator
	Known     secret.Token // what the browser shows to have been here before; often empty
	Network   []ratelimit.Take
	At        time.Time
}

// Takes are the limits that an attempt counts against besides the failures in a row. A browser where the owner has been before, known by its
// budget, has limits of its own, so that a stranger who has the password cannot lock the owner out.
func (at FactorAttempt) Takes(budget string) []ratelimit.Take {
	return append([]ratelimit.Take{ratelimit.Factors.For(budget), ratelimit.FactorsDaily.For(budget)}, at.Network...)
}

// FactorCandidate is what a typed second factor is checked against, read in one transaction with the failure already counted.
type FactorCandidate struct {
	Key      secret.Token // the authenticator's; empty when there is no second factor
	Step     int64        // newest step used
	Recovery string       // PHC string of the recovery code of that selector; empty when it is used up
	Sealed   string       // the same as it stands in its row: a code of another set is another row
	Budget   string       // the failure counter that was charged
	Failures int64        // in a row, this try among them
}

// Worrying reports whether so many wrong ones in a row should be told to the owner: who types them has the password.
func (c FactorCandidate) Worrying() bool {
	return c.Failures == 3 || c.Failures == 10 || c.Failures == 50
}

// Factor is a second factor that was right a moment ago. The verb that relies on it spends it, and gives the try back, in its own transaction;
// ErrSpent when another was faster.
type Factor struct {
	AccountID string
	Attempt   FactorAttempt
	Candidate FactorCandidate
	Step      int64  // of the code from the authenticator
	Selector  string // of the recovery code; then Step is zero
}

// IsRecovery reports whether it is a recovery code.
func (f Factor) IsRecovery() bool { return f.Selector != "" }

// NewFactor is a second factor about to be turned on.
type NewFactor struct {
	AccountID string
	Key       secret.Token      // the authenticator's
	Step      int64             // of the code that proved it: it counts no more
	Recovery  map[string]string // PHC string of each recovery code, by selector
	Spends    string            // hash of the enrolment; empty when there was none
}
