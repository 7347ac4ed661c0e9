package mediaserver

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/linkcode"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/signing"
)

// ErrProof says that a server did not show that its key is in its hand, for this claim token and for us.
var ErrProof = errors.New("mediaserver: the proof is not signed by its key, or not for this claim token")

// longestProof is how far ahead what a server signs may end.
const longestProof = 5 * time.Minute

// ByKey is a server with a key of its own that shows a claim token. What it says about itself is its own word.
type ByKey struct {
	Token                  secret.Token
	Proof                  secret.Token // signed by the key, which stands in its header
	Name, Product, Version string
	Addresses              []string
	Client                 device.Client
}

// Owned is a server that belongs to an account.
type Owned struct {
	server.Server
	Owner account.Account
}

// ClaimServer spends a claim token and registers the server's key for the account; the server that had this key on the same account is brought back by it.
// ErrProof, ErrDeadClaim, server.ErrClaimed, server.ErrTooMany, limits.
func (s *Service) ClaimServer(ctx context.Context, k ByKey) (Owned, error) {
	proof, err := s.checkProof(k)
	if err != nil {
		return Owned{}, err
	}
	f, owner, err := s.offered(ctx, k.Token, k.Client)
	if err != nil {
		return Owned{}, err
	}
	now := s.Now()
	c := server.Claim{Spends: f.Hash, Most: Most, Server: server.Server{
		ID: id.New(now), AccountID: owner.ID, Thumbprint: proof.Thumbprint, Public: proof.Public, Facts: facts(k), Stamp: f.Stamp, ClaimedAt: now, SeenAt: now,
	}}
	c.From = k.Client.Seen()
	c.ID, err = s.Store.ClaimServer(ctx, c, s.told(device.Device{ID: c.ID, Name: c.Name, Product: c.Product}, owner, k.Client))
	if errors.Is(err, credential.ErrSpent) { // by another server, at this moment
		err = errors.Join(ErrDeadClaim, err)
	}
	return Owned{c.Server, owner}, err
}

// facts are what a server says about itself, each as one short line, and those of its addresses where somebody can come back after signing in.
func facts(k ByKey) (f server.Facts) {
	f.Name, f.Product = device.Claimed(k.Name, k.Product, "Media server")
	f.Version = device.Claim{Version: k.Version}.Tame().Version
	var readable []string
	for _, text := range k.Addresses {
		if address, err := server.ReadAddress(text); err == nil {
			readable = append(readable, address)
		}
	}
	return f.Says(readable)
}

// checkProof checks that the key which is to be registered signed for this token, for us, a moment ago. ErrProof.
func (s *Service) checkProof(k ByKey) (signing.Proof, error) {
	proof, err := signing.OpenProof(k.Proof.Reveal(), signing.ClaimProof)
	if err != nil {
		return proof, ErrProof
	}
	now := s.Now()
	want := signing.Expected{Issuer: proof.Claims.Text("iss"), Audience: []string{s.Issuer}, Now: now, Skew: signing.Skew} // it has no name yet
	sum := sha256.Sum256([]byte(k.Token.Reveal()))
	bound := base64.RawURLEncoding.EncodeToString(sum[:])
	switch {
	case proof.Claims.Check(want) != nil, proof.Claims.Time("exp").Sub(now) > longestProof+signing.Skew, proof.Claims.Text("jti") == "",
		subtle.ConstantTimeCompare([]byte(proof.Claims.Text("ath")), []byte(bound)) != 1:
		return proof, ErrProof
	}
	return proof, nil
}

// Collect gives a gate whose code somebody has confirmed its claim token: once. ErrDeadClaim when it was collected, or the account's owner signed everything
// out, meanwhile; credential.ErrTooMany, limits: it is one of the claim tokens that the account may have in a day.
func (s *Service) Collect(ctx context.Context, code credential.Found, r linkcode.Request, client device.Client) (secret.Token, error) {
	now := s.Now()
	if err := s.Store.Take(ctx, []ratelimit.Take{ratelimit.ClaimTokens.For(code.AccountID)}, now); err != nil {
		return secret.Token{}, err
	}
	claim := newClaim(code.AccountID, code.Stamp)
	act := audit.New(now, audit.ClaimTokenMade, code.AccountID, code.AccountID).From(client).With(audit.Reason, device.ByCode)
	err := s.Store.CollectClaim(ctx, r.ID, code.Hash, act.Linking(claim))
	if errors.Is(err, credential.ErrSpent) {
		err = errors.Join(ErrDeadClaim, err)
	}
	return claim.Token, err
}
