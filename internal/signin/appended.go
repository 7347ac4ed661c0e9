package signin

import (
	"golang.org/x/text/unicode/norm"

	"usher/internal/secret"
)

// appendedDigits is how many digits an authenticator shows.
const appendedDigits = 6

// splitAppended takes a typed text apart into a password and the code that may follow it directly: what the last six code points are, when all
// of them are ASCII digits. Digits of other scripts, and anything after the digits, make it a password and nothing else.
func splitAppended(typed secret.Token) (password, code secret.Token, ok bool) {
	text := typed.Reveal()
	if len(text) > longestAppended {
		return secret.Token{}, secret.Token{}, false
	}
	text = norm.NFC.String(text)
	at := len(text) - appendedDigits
	if at < 0 {
		return secret.Token{}, secret.Token{}, false
	}
	for i := at; i < len(text); i++ { // an ASCII digit is one byte, so six bytes are six code points
		if text[i] < '0' || text[i] > '9' {
			return secret.Token{}, secret.Token{}, false
		}
	}
	return secret.TokenOf(text[:at]), secret.TokenOf(text[at:]), true
}

// longestAppended bounds the work of normalising; no password comes near it.
const longestAppended = 8 << 10
