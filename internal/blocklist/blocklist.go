// Package blocklist answers one question: is this whole password on a list of known ones?
//
// It owns the ranked list that comes with the program, an operator's list of lines, the filter built from an operator's
// Pwned Passwords download, and the words that belong to this instance and this account. It refuses to know how long or
// how strong a password has to be, what a person is told, and any network: no lookup leaves the process.
package blocklist

import (
	"crypto/sha1" //nolint:gosec // Pwned Passwords is keyed by SHA-1; nothing here rests on its strength.
	"slices"

	"golang.org/x/text/unicode/norm"
)

// Reason says on which list a password was found.
type Reason uint8

// The lists, in the order in which they are asked.
const (
	// None is the reason of a password that no list holds.
	None Reason = iota
	// Context is a word of this instance or this account, plain or trivially decorated.
	Context
	// Common is the ranked list that comes with the program.
	Common
	// Operator is the operator's own list of lines.
	Operator
	// Breached is the filter built from Pwned Passwords; one in 65,536 strangers is found there by chance.
	Breached
)

// String names the reason for logs and the command line.
func (r Reason) String() string {
	switch r {
	case None:
		return "none"
	case Context:
		return "context"
	case Common:
		return "common"
	case Operator:
		return "operator"
	case Breached:
		return "breached"
	default:
		return "unknown"
	}
}

// List asks the lists it is made of, one after the other. A nil part is a list that is not there; a nil *List holds
// nothing. It is safe for concurrent use once its fields are set.
type List struct {
	Common   *Set     // Builtin()
	Operator *Set     // ReadFile of the operator's lines
	Breached *Filter  // Open of the operator's filter
	House    []string // what belongs to this instance beside the product's own name: the origin's host, a name of its own
}

// Check looks the whole password up, NFC and, for words and lines, without regard to case. Context takes the account's
// values as they are (mail address, user name, display name); they are taken apart here.
func (l *List) Check(password string, context []string) (reason Reason, blocked bool) {
	if l == nil {
		return None, false
	}
	password = norm.NFC.String(password)
	folded := fold(password)
	switch {
	case decorated(folded, l.Words(context)):
		return Context, true
	case l.Common.has(folded):
		return Common, true
	case l.Operator.has(folded):
		return Operator, true
	case l.Breached != nil && l.Breached.Contains(sha1.Sum([]byte(password))): //nolint:gosec // see the import
		return Breached, true
	}
	return None, false
}

// Words returns the product's, the house's and the account's words in this order, folded and taken apart: the whole, its
// pieces, and the whole without what separates them. There are at most 256.
func (l *List) Words(context []string) []string {
	words := product()
	if l != nil {
		words = appendWords(words, l.House)
	}
	words = appendWords(words, context)
	seen := make(map[string]bool, len(words))
	words = slices.DeleteFunc(words, func(word string) bool {
		known := seen[word]
		seen[word] = true
		return known
	})
	return words[:min(len(words), maxWords)]
}
