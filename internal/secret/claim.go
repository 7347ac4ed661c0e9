package secret

import (
	"crypto/rand"
	"strings"
)

// Claim tokens begin as owners of media servers know them, and go into environments and command lines: no symbol needs quoting.
const (
	claimMark  = "claim-"
	claimBytes = 20 // 160 bits
)

// NewClaim returns 160 random bits as "claim-" and 32 lower-case letters and digits.
func NewClaim() Token {
	raw := make([]byte, claimBytes)
	_, _ = rand.Read(raw)
	return Token{claimMark + encoding.EncodeToString(raw)}
}

// IsClaim reports whether the text has the one spelling NewClaim produces.
func (t Token) IsClaim() bool {
	rest, marked := strings.CutPrefix(t.text, claimMark)
	return marked && len(rest) == encoding.EncodedLen(claimBytes) && strings.Trim(rest, "0123456789abcdefghijklmnopqrstuv") == ""
}
