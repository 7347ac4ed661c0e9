// Package devicekey owns how software signs in by a key of its own: it registers the public half for a device that is signed in, and from then on
// gets tokens that live a week for what the key has signed. The claims are those of the one protocol that knows
// such keys, plex.tv's; it refuses to know how that one carries them.
package devicekey

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/signing"
)

// Store keeps keys, nonces and the tokens that keys have got.
type Store interface {
	ReadClock(ctx context.Context) (credential.Clock, error)
	ListDevices(ctx context.Context, accountID string) ([]device.Device, error)
	FindPerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error)
	Take(ctx context.Context, takes []ratelimit.Take, now time.Time) error
	Record(ctx context.Context, act audit.Act) error
	SetDeviceKey(ctx context.Context, k credential.DeviceKeyOf, act audit.Act) error
	RenewByKey(ctx context.Context, r credential.KeyRenewal, now time.Time) error
}

// Resolver is the one way from what is presented to a right.
type Resolver interface {
	Resolve(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, error)
	ResolvePerson(ctx context.Context, kind credential.Kind, token secret.Token) (credential.Found, account.Account, error)
	ResolveWith(ctx context.Context, kind credential.Kind, token secret.Token, find credential.Question) (credential.Found, error)
}

// Service registers keys and gives tokens for what they sign.
type Service struct {
	Store    Store
	Resolver Resolver
	Keys     *signing.Keys
	Host     string // our name: whom what keys sign may be for
	Now      func() time.Time
}

// Why a key is not registered, or what it signed gets no token.
var (
	ErrBadKey  = errors.New("devicekey: not an Ed25519 public key")
	ErrNoName  = errors.New("devicekey: the device has no name for itself")
	ErrTaken   = credential.ErrKeyTaken
	ErrDead    = errors.New("devicekey: no such key, or its device was signed out")
	ErrExpired = errors.New("devicekey: what the key signed, or its nonce, is too old, or was used")
	ErrInvalid = errors.New("devicekey: not signed by that key, or not for us")
	ErrForeign = errors.New("devicekey: what was signed, or its nonce, is another device's")
)

// JWK is a public key as software sends it (RFC 8037 §2). Private is the other half, which is to stay where it is.
type JWK struct{ KeyType, Curve, X, Private, Use, Algorithm, KeyID string }

// longestID bounds the name that software gives its key.
const longestID = 128

// Read returns the key, and what it is called: as its software says, else by its thumbprint (RFC 7638). ErrBadKey.
func (k JWK) Read() (public, id string, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(k.X)
	right := k.KeyType == "OKP" && k.Curve == "Ed25519" && (k.Use == "" || k.Use == "sig") && (k.Algorithm == "" || k.Algorithm == string(jose.EdDSA))
	if err != nil || !right || k.Private != "" || len(raw) != ed25519.PublicKeySize || len(k.KeyID) > longestID {
		return "", "", ErrBadKey
	}
	if k.KeyID != "" {
		return k.X, k.KeyID, nil
	}
	print, err := (&jose.JSONWebKey{Key: ed25519.PublicKey(raw)}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", "", ErrBadKey
	}
	return k.X, base64.RawURLEncoding.EncodeToString(print), nil
}

// Nonce returns something new for software to sign, once and within five minutes. Limits.
func (s *Service) Nonce(ctx context.Context, software string, client device.Client) (secret.Token, error) {
	now := s.Now()
	if err := s.Store.Take(ctx, ratelimit.DeviceNonces.OnPage(client.Page).From(client.Address), now); err != nil {
		return secret.Token{}, err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return secret.Token{}, err
	}
	nonce := credential.Link{Kind: credential.DeviceNonce, Token: secret.NewToken(), Detail: software, Stamp: credential.Stamp{Born: clock.Epoch}}
	return nonce.Token, s.Store.Record(ctx, audit.Act{At: now}.Linking(nonce))
}

// Register makes a key the one of the device whose token was shown, in the place of the one it had. ErrBadKey, ErrNoName, ErrTaken,
// credential.ErrMayNotAct for what is no software that signed in.
func (s *Service) Register(ctx context.Context, f credential.Found, k JWK, client device.Client) error {
	if f.Kind != credential.App && f.Kind != credential.DeviceToken {
		return credential.ErrMayNotAct
	}
	public, id, err := k.Read()
	if err != nil {
		return err
	}
	devices, err := s.Store.ListDevices(ctx, f.AccountID)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if d.ID != f.DeviceID {
			continue
		}
		if d.Claim.Identifier == "" {
			return ErrNoName
		}
		act := audit.New(s.Now(), audit.DeviceKeySet, f.AccountID, f.AccountID).From(client).With(audit.Device, d.Name)
		return s.Store.SetDeviceKey(ctx, credential.DeviceKeyOf{
			PublicKey: credential.PublicKey{Name: credential.KeyName(d.Claim.Identifier, id), Public: public}, AccountID: f.AccountID, DeviceID: d.ID, Subject: f.Subject, Stamp: f.Stamp,
		}, act)
	}
	return ErrDead
}
