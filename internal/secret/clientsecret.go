package secret

import "strings"

// A client's secret is made by NewToken, or chosen for the configuration: long enough that nobody guesses it, and of symbols that no way of
// sending it has to escape (RFC 6749 §2.3.1).
const (
	clientSecretSymbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	shortestSecret      = 32
	longestSecret       = 128
)

// IsClientSecret reports whether the text can be a client's secret: 32 to 128 letters, digits, dashes, dots, underscores and tildes.
func (t Token) IsClientSecret() bool {
	return len(t.text) >= shortestSecret && len(t.text) <= longestSecret && strings.Trim(t.text, clientSecretSymbols) == ""
}
