package credential

import (
	"errors"

	"usher/internal/secret"
)

// ErrKeyTaken says that a key of that name is registered for another device.
var ErrKeyTaken = errors.New("credential: the key is another device's")

// DeviceKeyOf is a public key that a device is to be known by.
type DeviceKeyOf struct {
	AccountID string
	DeviceID  string
	Name      secret.Token // of the software and its key: what it is found by, and no secret
	Public    string
	Subject   string // Player, or nothing
	Stamp     Stamp  // of the token that registers it
}

// KeyRenewal puts a new token in the place of a device's, by the word of its key.
type KeyRenewal struct {
	Key   Credential
	Nonce string       // hash of the one that was signed, which is spent
	ID    secret.Token // the new token's own, which it carries signed
}
