package secret

import (
	"crypto/rand"
	"strings"
)

// App passwords begin with a word, so that no other password is taken for one, and have symbols that nobody mistakes for another. Those of one media server
// have a word of their own: a gate knows them by it, and hands no other password on.
const (
	appPasswordMark     = "usher"
	serverPasswordMark  = "gate"
	appPasswordSymbols  = 28 // of 32: 140 bits
	appPasswordAlphabet = "23456789abcdefghjklmnpqrstuvwxyz"
)

// NewAppPassword returns 140 random bits as "usher" and 28 symbols.
func NewAppPassword() Token { return marked(appPasswordMark) }

// NewServerPassword returns 140 random bits as "gate" and 28 symbols: 32 characters, which is as many as some old apps take.
func NewServerPassword() Token { return marked(serverPasswordMark) }

func marked(mark string) Token {
	raw := make([]byte, appPasswordSymbols)
	_, _ = rand.Read(raw)
	for i, b := range raw {
		raw[i] = appPasswordAlphabet[b&31] // 256 is a multiple of 32: no symbol is likelier than another
	}
	return Token{mark + string(raw)}
}

// ReadAppPassword reads one as people copy it, and forgives case, spaces and dashes; false for anything that is none.
func ReadAppPassword(typed Token) (Token, bool) {
	t := copied(typed)
	return t, t.IsAppPassword()
}

// ReadServerPassword is ReadAppPassword for one that a media server takes.
func ReadServerPassword(typed Token) (Token, bool) {
	t := copied(typed)
	return t, t.IsServerPassword()
}

// copied is a text without what people and clipboards add; empty when it is too long for an app password.
func copied(typed Token) Token {
	if len(typed.text) > 128 {
		return Token{}
	}
	return Token{strings.ToLower(strings.NewReplacer("-", "", " ", "", "\t", "", "\u00a0", "", "\u2011", "").Replace(strings.TrimSpace(typed.text)))}
}

// IsAppPassword reports whether the text has the one spelling NewAppPassword produces.
func (t Token) IsAppPassword() bool { return t.isMarked(appPasswordMark) }

// IsServerPassword reports whether the text has the one spelling NewServerPassword produces.
func (t Token) IsServerPassword() bool { return t.isMarked(serverPasswordMark) }

func (t Token) isMarked(mark string) bool {
	rest, marked := strings.CutPrefix(t.text, mark)
	return marked && len(rest) == appPasswordSymbols && strings.Trim(rest, appPasswordAlphabet) == ""
}

// Grouped is the token in groups of four after its mark, as it is shown and typed: usher-abcd-efgh-…
func (t Token) Grouped() Token {
	mark := appPasswordMark
	if t.IsServerPassword() {
		mark = serverPasswordMark
	}
	rest, marked := strings.CutPrefix(t.text, mark)
	if !marked {
		return t
	}
	var b strings.Builder
	b.WriteString(mark)
	for i := 0; i < len(rest); i += 4 {
		b.WriteByte('-')
		b.WriteString(rest[i:min(i+4, len(rest))])
	}
	return Token{b.String()}
}
