package secret

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
)

// SigningUse is what a signing key signs; no key ever serves two uses.
type SigningUse string

// The uses there are.
const (
	SignsIdentity SigningUse = "identity" // ID and logout tokens: RSA, which every relying party can check
	SignsAccess   SigningUse = "access"   // access tokens: Ed25519
)

var signingUses = []SigningUse{SignsIdentity, SignsAccess}

// How long signing keys overlap. A new one is published for SigningLead before anything is signed with it, longer than anybody may keep what we
// published; an old one stays published for SigningOverlap after that, longer than anything it signed lives.
const (
	SigningLead    = time.Hour
	SigningOverlap = 8 * 24 * time.Hour
)

// SigningKey is a private key that others check by its public half.
type SigningKey struct {
	Use  SigningUse
	From time.Time // when it begins to sign; published before that. The zero time: always did
	Key  crypto.Signer
}

// signingFile is a signing key as the ring's file holds it.
type signingFile struct {
	Use   SigningUse `json:"use"`
	From  int64      `json:"from"`  // Unix seconds
	PKCS8 string     `json:"pkcs8"` // base64
}

// Signing returns the keys that are published at a moment, those for one use in the order in which they sign: what has been replaced for longer
// than SigningOverlap is not among them. Empty in a ring that was made before there were any.
func (r *Ring) Signing(use SigningUse, now time.Time) []SigningKey {
	var all []SigningKey
	for _, k := range r.signing {
		if k.Use == use {
			all = append(all, k)
		}
	}
	for len(all) > 1 && now.Sub(all[1].From) >= SigningOverlap {
		all = all[1:]
	}
	return all
}

// CanSign reports whether the ring has signing keys at all.
func (r *Ring) CanSign() bool { return len(r.signing) > 0 }

// NextSigning returns the ring with a further key for each use, which signs after SigningLead, or at once where there was none. What nobody
// needs any more is dropped. Generation and other keys stay.
func (r *Ring) NextSigning(now time.Time) (*Ring, error) {
	next := *r
	next.signing = nil
	for _, use := range signingUses {
		kept := r.Signing(use, now)
		key, err := newSigningKey(use)
		if err != nil {
			return nil, fmt.Errorf("making the %s signing key: %w", use, err)
		}
		if len(kept) > 0 {
			key.From = now.Add(SigningLead).Truncate(time.Second)
		}
		next.signing = append(append(next.signing, kept...), key)
	}
	return &next, nil
}

// ReplaceSigning returns the ring with one new key for each use, which signs at once; what the former ones signed counts for nothing any more. That is
// for keys that somebody else may have. Generation and other keys stay.
func (r *Ring) ReplaceSigning(now time.Time) (*Ring, error) {
	bare := *r
	bare.signing = nil
	return bare.NextSigning(now)
}

func newSigningKey(use SigningUse) (k SigningKey, err error) {
	k.Use = use
	if use == SignsIdentity {
		k.Key, err = rsa.GenerateKey(rand.Reader, 2048)
		return k, err
	}
	_, k.Key, err = ed25519.GenerateKey(rand.Reader)
	return k, err
}

func (r *Ring) signingFiles() ([]signingFile, error) {
	out := make([]signingFile, 0, len(r.signing))
	for _, k := range r.signing {
		raw, err := x509.MarshalPKCS8PrivateKey(k.Key)
		if err != nil {
			return nil, fmt.Errorf("writing the %s signing key: %w", k.Use, err)
		}
		f := signingFile{Use: k.Use, PKCS8: base64.StdEncoding.EncodeToString(raw)}
		if !k.From.IsZero() {
			f.From = k.From.Unix()
		}
		out = append(out, f)
	}
	return out, nil
}

var errSigningKey = errors.New("its signing keys cannot be read")

// readSigning reads what signingFiles wrote; an error never quotes it.
func readSigning(files []signingFile) ([]SigningKey, error) {
	var all []SigningKey
	for _, f := range files {
		raw, err := base64.StdEncoding.DecodeString(f.PKCS8)
		if err != nil {
			return nil, errSigningKey
		}
		parsed, err := x509.ParsePKCS8PrivateKey(raw)
		if err != nil {
			return nil, errSigningKey
		}
		k := SigningKey{Use: f.Use}
		if f.From != 0 {
			k.From = time.Unix(f.From, 0).UTC()
		}
		switch key := parsed.(type) {
		case *rsa.PrivateKey:
			k.Key = key
		case ed25519.PrivateKey:
			k.Key = key
		}
		if k.Key == nil || (k.Use == SignsIdentity) != isRSA(k.Key) || !slices.Contains(signingUses, k.Use) {
			return nil, errSigningKey
		}
		all = append(all, k)
	}
	for _, use := range signingUses {
		if len(all) > 0 && !slices.ContainsFunc(all, func(k SigningKey) bool { return k.Use == use }) {
			return nil, errSigningKey
		}
	}
	return all, nil
}

func isRSA(key crypto.Signer) bool {
	_, is := key.(*rsa.PrivateKey)
	return is
}
