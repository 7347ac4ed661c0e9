package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
)

// redacted is what every way of printing a Token shows.
const redacted = "[redacted]"

// encoding is lower-case base32hex: letters and digits only, so a token survives URLs, headers and old players unescaped.
var encoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// TokenLength is the number of characters of a random token: 256 bits in base32hex.
const TokenLength = 52

const tokenBytes = 32

// Token is a secret that a person or a program presents: a bearer token, a code, a typed password. It prints, logs and
// marshals as "[redacted]"; only Reveal gives the text.
type Token struct{ text string }

// NewToken returns 256 random bits as 52 lower-case letters and digits.
func NewToken() Token {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24: the program ends instead
	return Token{encoding.EncodeToString(b[:])}
}

// NewDigits returns n random decimal digits, for codes that people type.
func NewDigits(n int) Token {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic("secret: the system's random source failed: " + err.Error())
	}
	return Token{fmt.Sprintf("%0*d", n, v)}
}

// NewCode returns n random symbols of an alphabet, for codes that people type; an alphabet has at most 256 symbols of one byte.
func NewCode(alphabet string, n int) Token {
	code := make([]byte, 0, n)
	even := 256 - 256%len(alphabet) // what is above would make the first symbols more likely
	for b := [1]byte{}; len(code) < n; {
		if _, _ = rand.Read(b[:]); int(b[0]) < even {
			code = append(code, alphabet[int(b[0])%len(alphabet)])
		}
	}
	return Token{string(code)}
}

// TokenOf wraps a text that somebody presented or configured.
func TokenOf(text string) Token { return Token{text} }

// Bearer returns the token in the lines of an Authorization header (RFC 6750 §2.1); empty where there is none, and where there are two lines.
func Bearer(authorization []string) Token {
	if len(authorization) != 1 {
		return Token{}
	}
	scheme, text, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Token{}
	}
	return TokenOf(strings.Trim(text, " "))
}

// Reveal returns the text. Every call is a place where a secret may leak, so call it late and keep the result short.
func (t Token) Reveal() string { return t.text }

// Empty reports whether there is no text at all.
func (t Token) Empty() bool { return t.text == "" }

// WellFormed reports whether the text has the one spelling NewToken produces; anything else cannot be in the store and
// need not be looked up.
func (t Token) WellFormed() bool {
	if len(t.text) != TokenLength {
		return false
	}
	for i := range len(t.text) {
		c := t.text[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'v') {
			return false
		}
	}
	return true
}

// Fingerprint is by what a token is known again that is not kept itself: SHA-256 in hex. It hides random tokens alone; what somebody chose can be guessed from it.
func (t Token) Fingerprint() string {
	sum := sha256.Sum256([]byte(t.text))
	return hex.EncodeToString(sum[:])
}

// HasFingerprint reports, in a time that tells nothing, whether it is the token that the fingerprint was taken of. The empty token never is.
func (t Token) HasFingerprint(fingerprint string) bool {
	return !t.Empty() && subtle.ConstantTimeCompare([]byte(t.Fingerprint()), []byte(fingerprint)) == 1
}

// Format writes "[redacted]" for every verb, %#v included.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns "[redacted]".
func (t Token) String() string { return redacted }

// GoString returns "[redacted]".
func (t Token) GoString() string { return redacted }

// LogValue keeps the text out of structured logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes "[redacted]", which covers JSON, XML and TOML as well.
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText takes the text as it stands, for configuration values.
func (t *Token) UnmarshalText(b []byte) error {
	t.text = string(b)
	return nil
}
