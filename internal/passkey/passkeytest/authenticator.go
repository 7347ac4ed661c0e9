// Package passkeytest owns an authenticator in software, for tests: it makes passkeys and answers for them as WebAuthn Level 3 says, or as a thief would. It
// refuses to know who judges its answers.
package passkeytest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// The bits of authenticator data (WebAuthn L3 §6.1).
const (
	userPresent    = 1 << 0
	userVerified   = 1 << 2
	backupEligible = 1 << 3
	backedUp       = 1 << 4
	attested       = 1 << 6
)

// Key is one passkey, with everything that a copy of it would have.
type Key struct {
	ID      []byte
	Handle  []byte
	Counter uint32
	private *ecdsa.PrivateKey
}

// Authenticator is a browser together with an authenticator. Its fields say how it behaves; the zero value of each is how a good one does.
type Authenticator struct {
	Origin      string // of the page that asks
	Unverified  bool   // it does not make sure who holds it
	Absent      bool   // nobody touched it
	Synced      bool   // it is copied to other devices, and does not count
	CrossOrigin bool   // the page that asks stands in a frame of another one
	Party       string // another relying party than the one that asks; empty: that one
	Type        string // another ceremony than the one that is asked for; empty: that one
	Challenge   string // another question than the one that is asked; empty: that one
	AAGUID      [16]byte
	Format      string // of the attestation; empty: "none"
	Length      int    // of the ids of its passkeys in bytes; 0: 32
	Keys        []*Key
	t           test
}

// test is what ends when something cannot be: a testing.TB, or a story.
type test interface {
	Helper()
	Fatalf(format string, args ...any)
}

// New returns an authenticator that pages of an origin ask.
func New(t test, origin string) *Authenticator { return &Authenticator{Origin: origin, t: t} }

type options struct {
	Challenge string `json:"challenge"`
	PartyID   string `json:"rpId"`
	Party     struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Allow []struct {
		ID string `json:"id"`
	} `json:"allowCredentials"`
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *Authenticator) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatalf("the authenticator: %v", err)
	}
}

func (a *Authenticator) bytes(text string) []byte {
	a.t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	a.must(err)
	return b
}

func (a *Authenticator) read(asked []byte) (o options) {
	a.t.Helper()
	a.must(json.Unmarshal(asked, &o))
	return o
}

// clientData is what the browser adds to the question (WebAuthn L3 §5.8.1).
func (a *Authenticator) clientData(kind, challenge string) []byte {
	a.t.Helper()
	if a.Type != "" {
		kind = a.Type
	}
	if a.Challenge != "" {
		challenge = a.Challenge
	}
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": a.CrossOrigin})
	a.must(err)
	return b
}

// data is authenticator data (WebAuthn L3 §6.1).
func (a *Authenticator) data(party string, counter uint32, flags byte, more []byte) []byte {
	if a.Party != "" {
		party = a.Party
	}
	hash := sha256.Sum256([]byte(party))
	if !a.Absent {
		flags |= userPresent
	}
	if !a.Unverified {
		flags |= userVerified
	}
	if a.Synced {
		flags |= backupEligible | backedUp
	}
	return append(binary.BigEndian.AppendUint32(append(hash[:], flags), counter), more...)
}

// Create makes a passkey for the options that a page was given, and returns what its script sends.
func (a *Authenticator) Create(asked []byte) string {
	a.t.Helper()
	o := a.read(asked)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	k := &Key{ID: make([]byte, cmp.Or(a.Length, 32)), Handle: a.bytes(o.User.ID), private: private}
	_, _ = rand.Read(k.ID)
	point, err := private.PublicKey.Bytes()
	a.must(err)
	public, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	a.must(err)
	known := append(append(binary.BigEndian.AppendUint16(a.AAGUID[:], uint16(len(k.ID))), k.ID...), public...)
	data := a.data(o.Party.ID, k.Counter, attested, known)
	format := a.Format
	if format == "" {
		format = "none"
	}
	object, err := webauthncbor.Marshal(map[string]any{"fmt": format, "attStmt": map[string]any{}, "authData": data})
	a.must(err)
	a.Keys = append(a.Keys, k)
	return a.answer(k, map[string]any{"clientDataJSON": text(a.clientData("webauthn.create", o.Challenge)), "attestationObject": text(object), "transports": []string{"internal"}})
}

// Get answers for one of the passkeys: one that was asked for by its id, else the newest.
func (a *Authenticator) Get(asked []byte) string {
	a.t.Helper()
	o := a.read(asked)
	k := a.Keys[len(a.Keys)-1]
	for _, allowed := range o.Allow {
		for _, one := range a.Keys {
			if allowed.ID == text(one.ID) {
				k = one
			}
		}
	}
	return a.GetWith(k, asked)
}

// GetWith answers for one passkey, whatever was asked for.
func (a *Authenticator) GetWith(k *Key, asked []byte) string {
	a.t.Helper()
	o := a.read(asked)
	if !a.Synced {
		k.Counter++
	}
	data := a.data(o.PartyID, k.Counter, 0, nil)
	said := a.clientData("webauthn.get", o.Challenge)
	hash := sha256.Sum256(said)
	signed := sha256.Sum256(append(append([]byte(nil), data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, signed[:])
	a.must(err)
	return a.answer(k, map[string]any{"clientDataJSON": text(said), "authenticatorData": text(data), "signature": text(signature), "userHandle": text(k.Handle)})
}

func (a *Authenticator) answer(k *Key, response map[string]any) string {
	a.t.Helper()
	b, err := json.Marshal(map[string]any{"id": text(k.ID), "rawId": text(k.ID), "type": "public-key", "authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}, "response": response})
	a.must(err)
	return string(b)
}
