package passwordpolicy

import "fmt"

// Reason says what a verdict rests on. The zero value is no verdict at all, and not an acceptance.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	Unjudged Reason = iota
	Accepted
	TooLong
	Unreadable // not UTF-8, or control characters
	TooShort
	Context // a word of this place or this account, hardly changed
	Known   // on the ranked list or the operator's
	Leaked  // in the filter of breached passwords
	Easy    // made of words, names, dates, keys in a row
	Thin    // nothing of the kind is in it, but there is too little of it
	Same    // the one being replaced; said by the caller
	Voided  // one that an incident voided; said by the caller
)

// String names the reason for logs and the command line.
func (r Reason) String() string {
	names := [...]string{
		"unjudged", "accepted", "too_long", "unreadable", "too_short", "context", "known", "leaked", "easy", "thin", "same", "voided",
	}
	if int(r) >= len(names) {
		return "unknown"
	}
	return names[r]
}

// Verdict is what a policy says of one password. It holds nothing of the password itself.
type Verdict struct {
	Reason    Reason
	Score     int // 0 to 4 as zxcvbn counts; 0 when a rule decided before strength was looked at
	MinLength int // code points, for the sentence
}

// OK tells whether the password may be set.
func (v Verdict) OK() bool { return v.Reason == Accepted }

// Sentence says it to the person who is choosing, on pages and on the command line alike.
func (v Verdict) Sentence() string {
	switch v.Reason {
	case Accepted:
		if v.Score > MinScore {
			return "This one is very hard to guess."
		}
		return "This one is hard to guess."
	case TooLong:
		return fmt.Sprintf("This one is too long. Use at most %d characters.", MaxLength)
	case Unreadable:
		return "This one has characters that cannot be typed again. Use letters, digits, spaces and signs."
	case TooShort:
		return fmt.Sprintf("This one is too short. Use at least %d characters.", v.MinLength)
	case Context:
		return "This one is too close to your name, your address or the name of this site. Choose something that has nothing to do with them."
	case Known:
		return "Many people use this one, so it is guessed first. Three or four unrelated words work well."
	case Leaked:
		return "This one has turned up in a leak from another site, so it is tried early. Choose one you use nowhere else."
	case Easy:
		return "This one is easy to guess. Three or four unrelated words work well."
	case Thin:
		return "This one is a little too short to be hard to guess. Add a character or two."
	case Same:
		return "This is the password you have now. Choose a different one."
	case Voided:
		return "This password is no longer safe to use. Choose a different one."
	default:
		return "This one could not be checked. Try again."
	}
}
