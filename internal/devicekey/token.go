package devicekey

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/secret"
	"usher/internal/signing"
)

// originalHost is whom clients say that what they sign is for, and by whom they want what they get to be issued, wherever they send it: they have
// that name built in.
const originalHost = "plex.tv"

// Token gives a token that lives a week for what a device's key has signed, in the place of the token the device had. The nonce is spent. It returns
// the key as well. client is how who shows it calls itself, often empty. ErrDead, ErrExpired, ErrInvalid, ErrForeign.
func (s *Service) Token(ctx context.Context, client, signed string) (secret.Token, credential.Found, error) {
	names, err := signing.Peek(signed)
	kid, software := names.KeyID, names.Issuer
	if err != nil || software == "" || kid == "" {
		return secret.Token{}, credential.Found{}, ErrInvalid
	}
	key, who, err := s.Resolver.ResolvePerson(ctx, credential.DeviceKey, credential.KeyName(software, kid))
	switch {
	case credential.IsDead(err) && client != "" && client != software:
		return secret.Token{}, credential.Found{}, ErrForeign
	case credential.IsDead(err):
		return secret.Token{}, credential.Found{}, ErrDead
	case err != nil:
		return secret.Token{}, credential.Found{}, err
	}
	claims, err := s.check(signed, kid, key.Detail)
	if err != nil {
		return secret.Token{}, credential.Found{}, err
	}
	nonce, err := s.Resolver.Resolve(ctx, credential.DeviceNonce, secret.TokenOf(claims.Text("nonce")))
	switch {
	case credential.IsDead(err):
		return secret.Token{}, credential.Found{}, ErrExpired
	case err != nil:
		return secret.Token{}, credential.Found{}, err
	case nonce.Detail != software:
		return secret.Token{}, credential.Found{}, ErrForeign
	}
	id := secret.NewToken()
	token, err := s.Keys.Sign(signing.Device, s.says(id, software, kid, who, claims.Text("scope")))
	if err != nil {
		return secret.Token{}, credential.Found{}, err
	}
	err = s.Store.RenewByKey(ctx, credential.KeyRenewal{Key: key.Credential, Nonce: nonce.Hash, ID: id}, s.Now())
	if errors.Is(err, credential.ErrSpent) { // the nonce, at this moment
		err = ErrExpired
	}
	return secret.TokenOf(token), key, err
}

// check reads what the key of that name signed: for us, and neither too old nor of the future.
func (s *Service) check(signed, kid, public string) (signing.Claims, error) {
	raw, err := base64.RawURLEncoding.DecodeString(public)
	if err != nil {
		return nil, err
	}
	claims, err := signing.OpenClient(signed, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: ed25519.PublicKey(raw), KeyID: kid, Algorithm: string(jose.EdDSA), Use: "sig"}}})
	if err != nil {
		return nil, ErrInvalid
	}
	now := s.Now()
	if exp := claims.Time("exp"); !exp.IsZero() && !now.Before(exp.Add(signing.Skew)) {
		return nil, ErrExpired
	}
	want := signing.Expected{Issuer: claims.Text("iss"), Audience: []string{s.Host, originalHost}, Now: now, Skew: signing.Skew} // the issuer found the key
	if claims.Check(want) != nil {
		return nil, ErrInvalid
	}
	return claims, nil
}

// says are the claims of a device's token. What a client asks for as scope is what it wants to read in it, and gives no right.
func (s *Service) says(id secret.Token, software, kid string, who account.Account, scope string) map[string]any {
	now := s.Now()
	user := map[string]any{"id": device.Number(who.ID), "uuid": who.ID}
	asked := strings.FieldsFunc(scope, func(c rune) bool { return c == ',' || c == ' ' })
	for name, value := range map[string]any{
		"username": who.Login(), "email": who.Email, "friendly_name": who.Name, "restricted": false, "anonymous": false, "joinedAt": who.CreatedAt.Unix(),
	} {
		if slices.Contains(asked, name) {
			user[name] = value
		}
	}
	return map[string]any{
		"iss": originalHost, "aud": []string{originalHost, software}, "iat": now.Unix(), "exp": now.Add(credential.Rules[credential.DeviceToken].Life).Unix(),
		"jti": id.Reveal(), "thumbprint": kid, "user": user,
	}
}

// Holder is software that showed a token its key has got.
type Holder struct {
	credential.Found
	Account account.Account
}

// Holder resolves such a token: its signature, then what it names, in one question, so that signing out counts at once. The errors of the resolver.
func (s *Service) Holder(ctx context.Context, token secret.Token) (h Holder, err error) {
	h.Found, err = s.Resolver.ResolveWith(ctx, credential.DeviceToken, token, func(ctx context.Context, kind credential.Kind, token secret.Token) (f credential.Found, err error) {
		claims, err := s.Keys.Open(signing.Device, token.Reveal())
		if err != nil || claims.Check(signing.Expected{Issuer: originalHost, Audience: []string{originalHost}, Now: s.Now()}) != nil {
			return f, credential.ErrUnknown
		}
		id := secret.TokenOf(claims.Text("jti"))
		if !id.WellFormed() {
			return f, credential.ErrUnknown
		}
		f, h.Account, err = s.Store.FindPerson(ctx, kind, id)
		return f, err
	})
	return h, err
}

// Published are the public keys that check such tokens.
func (s *Service) Published() []jose.JSONWebKey {
	var some []jose.JSONWebKey
	for _, key := range s.Keys.Published().Keys {
		if _, is := key.Key.(ed25519.PublicKey); is {
			some = append(some, key)
		}
	}
	return some
}
