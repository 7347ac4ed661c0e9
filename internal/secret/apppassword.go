package secret

import (
	"crypto/rand"
	"strings"
)

// App passwords begin with a word, so that no other password is taken for one, and have symbols that nobody mistakes for another.
const (
	appPasswordMark     = "usher"
	appPasswordSymbols  = 28 // of 32: 140 bits
	appPasswordAlphabet = "23456789abcdefghjklmnpqrstuvwxyz"
)

// NewAppPassword returns 140 random bits as "usher" and 28 symbols.
func NewAppPassword() Token {
	raw := make([]byte, appPasswordSymbols)
	_, _ = rand.Read(raw)
	for i, b := range raw {
		raw[i] = appPasswordAlphabet[b&31] // 256 is a multiple of 32: no symbol is likelier than another
	}
	return Token{appPasswordMark + string(raw)}
}

// ReadAppPassword reads one as people copy it, and forgives case, spaces and dashes; false for anything that is none.
func ReadAppPassword(typed Token) (Token, bool) {
	if len(typed.text) > 128 {
		return Token{}, false
	}
	t := Token{strings.ToLower(strings.NewReplacer("-", "", " ", "", "\t", "", "\u00a0", "", "\u2011", "").Replace(strings.TrimSpace(typed.text)))}
	return t, t.IsAppPassword()
}

// IsAppPassword reports whether the text has the one spelling NewAppPassword produces.
func (t Token) IsAppPassword() bool {
	rest, marked := strings.CutPrefix(t.text, appPasswordMark)
	return marked && len(rest) == appPasswordSymbols && strings.Trim(rest, appPasswordAlphabet) == ""
}

// Grouped is the token in groups of four after its mark, as it is shown and typed: usher-abcd-efgh-…
func (t Token) Grouped() Token {
	rest, marked := strings.CutPrefix(t.text, appPasswordMark)
	if !marked {
		return t
	}
	var b strings.Builder
	b.WriteString(appPasswordMark)
	for i := 0; i < len(rest); i += 4 {
		b.WriteByte('-')
		b.WriteString(rest[i:min(i+4, len(rest))])
	}
	return Token{b.String()}
}
