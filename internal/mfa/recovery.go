package mfa

import (
	"crypto/rand"
	"strings"

	"usher/internal/secret"
)

// RecoveryCodes is how many codes a set has; the first character of each tells which one it is, so that a try costs one hash.
const RecoveryCodes = 10

// UrgeAt is how many codes are left when a new set is urged.
const UrgeAt = 3

// recoveryAlphabet has no letters or digits that look alike.
const recoveryAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// recoverySymbols of 32 make 65 random bits (NIST SP 800-63B-4 §4.2.1.1 asks for 64).
const recoverySymbols = 13

// Recovery is a typed or a new recovery code in its one spelling.
type Recovery struct {
	Selector string       // a digit: which of the set it is
	Rest     secret.Token // what is hashed
}

// NewRecovery returns a fresh set of ten.
func NewRecovery() [RecoveryCodes]Recovery {
	var set [RecoveryCodes]Recovery
	for i := range set {
		raw := make([]byte, recoverySymbols)
		_, _ = rand.Read(raw)
		for j, b := range raw {
			raw[j] = recoveryAlphabet[b&31] // 256 is a multiple of 32: no symbol is likelier than another
		}
		set[i] = Recovery{string(rune('0' + i)), secret.TokenOf(string(raw))}
	}
	return set
}

// Text is the code as people keep it: 7ABC-DEFG-HJKL-MN.
func (r Recovery) Text() secret.Token {
	return secret.TokenOf(strings.ReplaceAll(InFours(r.Selector+r.Rest.Reveal()), " ", "-"))
}

// ReadRecovery reads a typed code and forgives case, spaces and dashes; false for what cannot be one.
func ReadRecovery(typed secret.Token) (Recovery, bool) {
	text := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\u2011", "", "\u2013", "").Replace(strings.TrimSpace(typed.Reveal())))
	if len(text) != 1+recoverySymbols || text[0] < '0' || text[0] > '9' || strings.Trim(text[1:], recoveryAlphabet) != "" {
		return Recovery{}, false
	}
	return Recovery{text[:1], secret.TokenOf(text[1:])}, true
}

// ReadCode reads six digits as people type them, with spaces in between; false for what cannot be a code.
func ReadCode(typed secret.Token) (secret.Token, bool) {
	text := strings.NewReplacer(" ", "", "\u00a0", "", "-", "").Replace(strings.TrimSpace(typed.Reveal()))
	return secret.TokenOf(text), isDigits(text)
}
