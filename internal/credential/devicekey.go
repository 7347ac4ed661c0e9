package credential

import (
	"errors"

	"usher/internal/secret"
)

// ErrKeyTaken says that a key of that name is registered for another device.
var ErrKeyTaken = errors.New("credential: the key is another device's")

// Keyed is the subject of a Handed credential whose device brought a key along: the token is told only to who signs for it.
const Keyed = "keyed"

// KeyName is what a key is found by: its software's name for itself, and the key's own.
func KeyName(software, key string) secret.Token { return secret.TokenOf(software + "\x00" + key) }

// PublicKey is a key with what it is found by, which is no secret.
type PublicKey struct {
	Name   secret.Token
	Public string
}

// DeviceKeyOf is a public key that a device is to be known by.
type DeviceKeyOf struct {
	PublicKey
	AccountID string
	DeviceID  string
	Subject   string // Player, or nothing
	Stamp     Stamp  // of the token that registers it
}

// KeyRenewal puts a new token in the place of a device's, by the word of its key.
type KeyRenewal struct {
	Key   Credential
	Nonce string       // hash of the one that was signed, which is spent
	ID    secret.Token // the new token's own, which it carries signed
}
