// Package linkcode owns the codes by which somebody who is signed in lets a TV or an app in: how they are spelled, how long they are, from where a
// short one is found, and the ledger that bounds what guessing may hit. It refuses to know who polls, and how anything is stored.
package linkcode

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"usher/internal/secret"
)

// Life is how long both codes of a request work. Nothing makes it longer.
const Life = 15 * time.Minute

// Reserved is how long a code is given to nobody else after it was made.
const Reserved = 24 * time.Hour

// The spelling of codes. A short one is read off a screen across a room: 32 symbols, none of which looks like another. A long one is the user code
// of RFC 8628 §6.1: 20 consonants, so that it spells no words.
const (
	shortSymbols = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	longSymbols  = "BCDFGHJKLMNPQRSTVWXZ"

	Shortest   = 4 // characters of a short code while few are waiting
	Longest    = 7 // of a short code, ever: eight are a long one
	longLength = 8
)

// Why what was typed cannot be a code.
var (
	ErrTooShort = errors.New("linkcode: fewer characters than any code has")
	ErrTooLong  = errors.New("linkcode: more characters than any code has")
)

// NewShort returns a short code of so many symbols, five bits each.
func NewShort(length int) secret.Token { return secret.NewCode(shortSymbols, length) }

// NewLong returns a long code: 34.6 bits.
func NewLong() secret.Token { return secret.NewCode(longSymbols, longLength) }

// Read brings what somebody typed to the spelling that codes are made in: it forgives case, spaces and dashes, and nothing else. ErrTooShort,
// ErrTooLong. Symbols that no code has are read like any other; such a code is nobody's.
func Read(typed string) (secret.Token, error) {
	var code strings.Builder
	n := 0
	for _, c := range typed {
		if unicode.IsSpace(c) || unicode.Is(unicode.Dash, c) {
			continue
		}
		if n++; n > longLength {
			return secret.Token{}, ErrTooLong
		}
		code.WriteRune(unicode.ToUpper(c))
	}
	if n < Shortest {
		return secret.Token{}, ErrTooShort
	}
	return secret.TokenOf(code.String()), nil
}

// Spelled reports whether a code that was read has only symbols that codes have.
func Spelled(code secret.Token) bool { return strings.Trim(code.Reveal(), shortSymbols) == "" }

// IsLong reports whether a code that was read is a long one.
func IsLong(code secret.Token) bool { return len([]rune(code.Reveal())) == longLength }

// Grouped is a long code as it is shown: "BCDF-GHJK". A short one stays as it is.
func Grouped(code secret.Token) secret.Token {
	text := code.Reveal()
	if len(text) != longLength {
		return code
	}
	return secret.TokenOf(text[:longLength/2] + "-" + text[longLength/2:])
}
