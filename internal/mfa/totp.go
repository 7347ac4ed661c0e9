package mfa

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what authenticator apps speak; HMAC-SHA-1 is not weakened by collisions (RFC 6238 §1.2)
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"usher/internal/secret"
)

// The parameters of RFC 6238 that every authenticator app knows.
const (
	keyBytes   = 20 // RFC 4226 R6: as long as the hash
	codeDigits = 6
	step       = 30 * time.Second
)

// Step numbers the 30-second steps since 1970, at one of which a code belongs.
func Step(at time.Time) int64 { return at.Unix() / int64(step/time.Second) }

// keyText is how keys are written: as authenticator apps want them typed.
var keyText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewKey returns 160 random bits in base32, as an authenticator app takes them.
func NewKey() secret.Token {
	raw := make([]byte, keyBytes)
	_, _ = rand.Read(raw)
	return secret.TokenOf(keyText.EncodeToString(raw))
}

// Code returns the six digits of a key at a step; empty for a text that is no key.
func Code(key secret.Token, step int64) secret.Token {
	raw, err := keyText.DecodeString(key.Reveal())
	if err != nil || len(raw) == 0 || step < 0 {
		return secret.Token{}
	}
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac := hmac.New(sha1.New, raw)
	_, _ = mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15 // RFC 4226 §5.3: dynamic truncation
	number := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return secret.TokenOf(fmt.Sprintf("%0*d", codeDigits, number%1_000_000))
}

// Match looks a typed code up among the steps that count at a time, one before and one after (RFC 6238 §5.2), whatever was used before. It takes
// the same time for each.
func Match(key, typed secret.Token, now time.Time) (at int64, ok bool) {
	if !isDigits(typed.Reveal()) {
		return 0, false
	}
	for s := Step(now) - 1; s <= Step(now)+1; s++ {
		if subtle.ConstantTimeCompare([]byte(Code(key, s).Reveal()), []byte(typed.Reveal())) == 1 {
			at, ok = s, true
		}
	}
	return at, ok
}

// ClockOff reports whether a code would have been right two steps to either side: the clock of the device that made it is wrong.
func ClockOff(key, typed secret.Token, now time.Time) bool {
	for _, off := range []int64{-3, -2, 2, 3} {
		if isDigits(typed.Reveal()) && Code(key, Step(now)+off) == typed {
			return true
		}
	}
	return false
}

func isDigits(text string) bool {
	return len(text) == codeDigits && strings.Trim(text, "0123456789") == ""
}

// Address is what the QR carries: the key with the names under which the app lists it (the otpauth scheme of Google Authenticator).
func Address(service, account string, key secret.Token) secret.Token {
	label := url.PathEscape(service + ":" + account)
	values := url.Values{"secret": {key.Reveal()}, "issuer": {service}}
	return secret.TokenOf("otpauth://totp/" + label + "?" + strings.ReplaceAll(values.Encode(), "+", "%20"))
}

// InFours groups a text for reading aloud and copying by hand.
func InFours(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(text[i:min(i+4, len(text))])
	}
	return b.String()
}
