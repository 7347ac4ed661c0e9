// Package passwordpolicy decides whether a password may be chosen, and says why not in plain words.
//
// It owns the length rule, the normal form, the strength rule and the sentences. It refuses to know accounts, hashes and
// where the password before came from: whoever verified that it is the same one says so with Refuse.
package passwordpolicy

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"usher/internal/blocklist"
)

// The numbers of the password rule (NIST SP 800-63B-4 §3.1.1.2; length is counted in code points after NFC).
const (
	LowestMinLength  = 8
	HighestMinLength = 15
	MaxLength        = 256  // code points
	MaxBytes         = 1024 // of UTF-8
	MinScore         = 3    // of 4

	// A text shrinks to a quarter at most when it is normalised, so nothing longer can fit.
	maxTyped = 4 * MaxBytes
)

// What Normalize refuses. The messages never quote the password.
var (
	ErrTooLong    = fmt.Errorf("password is longer than %d code points or %d bytes", MaxLength, MaxBytes)
	ErrUnreadable = errors.New("password is not UTF-8 text or has control characters")
)

// Normalize brings a typed password to the form that is judged, hashed and verified: NFC, otherwise as typed, spaces
// included. It is the first step at every door that takes a password; its work is bounded whatever is sent.
func Normalize(typed string) (string, error) {
	if len(typed) > maxTyped {
		return "", ErrTooLong
	}
	if !utf8.ValidString(typed) {
		return "", ErrUnreadable
	}
	for _, r := range typed {
		if unicode.IsControl(r) {
			return "", ErrUnreadable
		}
	}
	password := norm.NFC.String(typed)
	if len(password) > MaxBytes || utf8.RuneCountInString(password) > MaxLength {
		return "", ErrTooLong
	}
	return password, nil
}

// Policy is the rule of one instance.
type Policy struct {
	MinLength int             // code points; taken as 8 below 8 and as 15 above 15
	List      *blocklist.List // nil asks none
}

// Check judges a password that somebody wants to set. Context takes the account's own values (mail address, user name,
// display name), as they are.
func (p Policy) Check(password string, context []string) Verdict {
	password, err := Normalize(password)
	switch {
	case errors.Is(err, ErrTooLong):
		return p.verdict(TooLong)
	case err != nil:
		return p.verdict(Unreadable)
	case utf8.RuneCountInString(password) < p.minLength():
		return p.verdict(TooShort)
	}
	if reason, blocked := p.List.Check(password, context); blocked {
		return p.verdict(blockedFor(reason))
	}
	verdict := p.verdict(Accepted)
	estimate := estimateStrength(password, p.List.Words(context))
	verdict.Score = estimate.score
	switch {
	case estimate.score >= MinScore:
		return verdict
	case estimate.unknown:
		verdict.Reason = Thin
	default:
		verdict.Reason = Easy
	}
	return verdict
}

// Refuse is the verdict for a reason that only the caller can know: Same or Voided.
func (p Policy) Refuse(reason Reason) Verdict { return p.verdict(reason) }

// Strength is for the line under the field while typing: a score from 0 to 4, and one sentence. The score is 3 or more
// exactly when Check accepts.
func (p Policy) Strength(password string, context []string) (score int, sentence string) {
	if password == "" {
		return 0, fmt.Sprintf("Use at least %d characters. Three or four unrelated words work well.", p.minLength())
	}
	verdict := p.Check(password, context)
	return verdict.Score, verdict.Sentence()
}

func (p Policy) verdict(reason Reason) Verdict {
	return Verdict{Reason: reason, MinLength: p.minLength()}
}

func (p Policy) minLength() int {
	return min(max(p.MinLength, LowestMinLength), HighestMinLength)
}

func blockedFor(reason blocklist.Reason) Reason {
	switch reason {
	case blocklist.Context:
		return Context
	case blocklist.Breached:
		return Leaked
	default:
		return Known
	}
}
