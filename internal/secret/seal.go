package secret

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrOpen says that a sealed value does not belong where it was found: another row, another column, another key, or
// changed bytes. Which one is not told.
var ErrOpen = errors.New("secret: sealed value does not open here")

// Place names the one cell a sealed value belongs to. A value sealed for one cell opens in no other.
type Place struct{ Table, Row, Column string }

// bytes is unambiguous because table and column names are ours and hold no slash.
func (p Place) bytes() []byte {
	b := make([]byte, 0, len(p.Table)+len(p.Column)+len(p.Row)+2)
	b = append(append(b, p.Table...), '/')
	b = append(append(b, p.Column...), '/')
	return append(b, p.Row...)
}

// AccountKey seals what belongs to one account. It exists outside the database only in memory; destroying its wrapped form
// makes everything sealed under it unreadable for good.
type AccountKey struct{ aead cipher.AEAD }

// Seal returns plain as sealed text for the place: XChaCha20-Poly1305 with a random nonce. An empty plain is sealed too, so the
// database does not tell which fields are empty.
func (k AccountKey) Seal(plain string, at Place) string {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	_, _ = rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(k.aead.Seal(nonce, nonce, []byte(plain), at.bytes()))
}

// Open returns what Seal was given, or ErrOpen.
func (k AccountKey) Open(sealed string, at Place) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(raw) < chacha20poly1305.NonceSizeX || k.aead == nil {
		return "", ErrOpen
	}
	nonce, text := raw[:chacha20poly1305.NonceSizeX], raw[chacha20poly1305.NonceSizeX:]
	plain, err := k.aead.Open(text[:0], nonce, text, at.bytes())
	if err != nil {
		return "", ErrOpen
	}
	return string(plain), nil
}

// KeyOf returns the data key that 32 random bytes are, which somebody else keeps.
func KeyOf(raw []byte) (AccountKey, error) {
	aead, err := chacha20poly1305.NewX(raw)
	if err != nil {
		return AccountKey{}, fmt.Errorf("reading a data key: %w", err)
	}
	return AccountKey{aead}, nil
}

// NewAccountKey makes a data key for the account and returns it together with its wrapped form for the database.
func (r *Ring) NewAccountKey(accountID string) (AccountKey, string, error) {
	raw := make([]byte, chacha20poly1305.KeySize)
	_, _ = rand.Read(raw)
	key, err := KeyOf(raw)
	if err != nil {
		return AccountKey{}, "", err
	}
	wrapped, err := r.Seal(string(raw), keyPlace(accountID))
	return key, wrapped, err
}

// AccountKey unwraps an account's data key; ErrOpen when the ring does not hold the key it was wrapped with.
func (r *Ring) AccountKey(accountID, wrapped string) (AccountKey, error) {
	raw, err := r.Open(wrapped, keyPlace(accountID))
	if err != nil {
		return AccountKey{}, err
	}
	return KeyOf([]byte(raw))
}

// RewrapAccountKey wraps the same data key under the ring's newest key.
func (r *Ring) RewrapAccountKey(accountID, wrapped string) (string, error) {
	raw, err := r.Open(wrapped, keyPlace(accountID))
	if err != nil {
		return "", err
	}
	return r.Seal(raw, keyPlace(accountID))
}

func keyPlace(accountID string) Place { return Place{"account", accountID, "key"} }
