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

// The pace of a removal: so many warnings, so far apart, before an operator's word takes a second factor away.
const (
	RemovalWarnings = 7
	WarnEvery       = 24 * time.Hour
)

// removalSlack is how late the last warnings may be without moving the day that the first one told.
const removalSlack = time.Hour

// Removal is a second factor that an operator will take away because its owner has lost everything, after the days of warning.
type Removal struct {
	AccountID string
	Actor     string // who asked for it
	Due       time.Time
	Told      int64 // how often the owner was warned
	ToldAt    time.Time
}

// NewRemoval returns a removal that is told for the first time now.
func NewRemoval(accountID, actor string, now time.Time) Removal {
	return Removal{AccountID: accountID, Actor: actor, Due: now.Add(RemovalWarnings * WarnEvery), Told: 1, ToldAt: now}
}

// Ripe reports whether every warning was given and the day has come.
func (r Removal) Ripe(now time.Time) bool { return r.Told >= RemovalWarnings && !now.Before(r.Due) }

// Again returns the removal with one more warning, given now. Warnings that the service slept through are given later, and the day moves along:
// nobody loses a second factor with fewer.
func (r Removal) Again(now time.Time) Removal {
	r.Told, r.ToldAt = r.Told+1, now
	if least := now.Add(time.Duration(RemovalWarnings+1-r.Told)*WarnEvery - removalSlack); least.After(r.Due) {
		r.Due = least
	}
	return r
}
