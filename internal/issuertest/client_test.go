package issuertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
)

// site is a client as anybody would write it with go-oidc, with the checks that its documentation asks for.
type site struct {
	*testing.T
	ctx      context.Context
	issuer   *Issuer
	provider *oidc.Provider
	config   oauth2.Config
	secret   func() string
}

const returns = "https://site.invalid/return"

func newSite(t *testing.T, i *Issuer) *site {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), i.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, ctx: t.Context(), issuer: i, provider: provider, secret: func() string { return i.ClientSecret }}
	s.config = oauth2.Config{ClientID: i.ClientID, Endpoint: provider.Endpoint(), RedirectURL: returns, Scopes: []string{"openid", "email", "profile"}}
	if i.kind == apple {
		s.config.Scopes, s.config.Endpoint.AuthStyle = []string{"openid", "email", "name"}, oauth2.AuthStyleInParams
		s.secret = func() string { return appleSecret(t, i, time.Now().Add(time.Hour), jose.ES256) }
	}
	return s
}

func appleSecret(t *testing.T, i *Issuer, ends time.Time, algorithm jose.SignatureAlgorithm) string {
	t.Helper()
	var key any = i.apple.private
	if algorithm == jose.HS256 {
		key = []byte(strings.Repeat("k", 32))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: i.AppleKeyID()}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: i.AppleTeam(), Subject: i.ClientID, Audience: jwt.Audience{i.URL}, IssuedAt: jwt.NewNumericDate(time.Now()), Expiry: jwt.NewNumericDate(ends),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signedIn is what a site knows after somebody has come in.
type signedIn struct {
	subject string
	claims  map[string]any
	answer  Answer
	access  *oauth2.Token
}

var (
	errAnswer = errors.New("the answer belongs to another question, or comes from another issuer")
	errNonce  = errors.New("the token was made for another sign-in")
	errParty  = errors.New("the token was given to somebody else")
)

// signIn sends a browser to the issuer and reads what it brings back.
func (s *site) signIn(with *Browser) (*signedIn, error) {
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)}
	if s.issuer.kind == apple {
		options = append(options, oauth2.SetAuthURLParam("response_mode", "form_post"))
	}
	answer, err := with.Visit(s.config.AuthCodeURL(state, options...))
	if err != nil {
		return nil, err
	}
	values := answer.Values()
	if values.Get("state") != state || s.issuer.kind != apple && values.Get("iss") != s.issuer.URL || !strings.HasPrefix(answer.URL, returns) {
		return nil, fmt.Errorf("%w: %v", errAnswer, answer)
	}
	if no := values.Get("error"); no != "" {
		return nil, errors.New(no)
	}
	s.config.ClientSecret = s.secret()
	access, err := s.config.Exchange(s.ctx, values.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	text, _ := access.Extra("id_token").(string)
	token, err := s.provider.Verifier(&oidc.Config{ClientID: s.config.ClientID}).Verify(s.ctx, text)
	if err != nil {
		return nil, err
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, err
	}
	switch party, named := claims["azp"]; {
	case token.Nonce != nonce:
		return nil, errNonce
	case named && party != s.config.ClientID:
		return nil, errParty
	}
	return &signedIn{subject: token.Subject, claims: claims, answer: answer, access: access}, nil
}

// mustSignIn is signIn where nothing is wrong.
func (s *site) mustSignIn(with *Browser) *signedIn {
	s.Helper()
	in, err := s.signIn(with)
	if err != nil {
		s.Fatalf("signing in by %s: %v", s.issuer.name, err)
	}
	return in
}

var ann = Account{Subject: "ann-there", Email: "ann@example.com", Verified: true, GivenName: "Ann", FamilyName: "Example"}

func (in *signedIn) values() url.Values { return in.answer.Values() }
