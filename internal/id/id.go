// Package id makes row identifiers. It refuses to know what they identify.
package id

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// Length is the number of characters of an identifier.
const Length = 26

var encoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// New returns a fresh identifier of 26 lower-case base32hex characters: 48 bits of Unix milliseconds, then 80 random bits, so
// that identifiers sort by time in every collation. They name rows; they are not secrets.
func New(now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[6:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	return encoding.EncodeToString(b[:])
}

// Valid reports whether s has the one spelling New produces.
func Valid(s string) bool {
	if len(s) != Length {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'v') {
			return false
		}
	}
	return true
}
