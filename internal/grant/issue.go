package grant

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/signing"
)

// issue is what tokens are made of.
type issue struct {
	client relyingparty.Client
	grant  credential.Found
	who    account.Account
	terms  terms
	at     time.Time
	nonce  string
	id     secret.Token   // jti
	groups []server.Group // at a media server
}

// accessClaims are those of an access token (RFC 9068 §2.2). It is short-lived, and says where to look whether it still counts.
type accessClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	ID       string `json:"jti"`
	Client   string `json:"client_id,omitempty"` // none of software that signed in without one
	Scope    string `json:"scope,omitempty"`
	AuthTime int64  `json:"auth_time,omitempty"`
	ACR      string `json:"acr,omitempty"`
	Grant    string `json:"sid,omitempty"`
	Born     int64  `json:"epoch,omitempty"`      // of a token that has no grant behind it
	Made     int64  `json:"generation,omitempty"` // the same: its client's, when it was made
}

// identityClaims are those of an ID token (OpenID Connect Core §2).
type identityClaims struct {
	Issuer   string         `json:"iss"`
	Subject  string         `json:"sub"`
	Audience string         `json:"aud"`
	Expires  int64          `json:"exp"`
	IssuedAt int64          `json:"iat"`
	AuthTime int64          `json:"auth_time,omitempty"`
	Nonce    string         `json:"nonce,omitempty"`
	ACR      string         `json:"acr,omitempty"`
	AMR      []string       `json:"amr,omitempty"`
	AtHash   string         `json:"at_hash"`
	Grant    string         `json:"sid"`
	Groups   []server.Group `json:"groups,omitempty"` // at a media server
	person
}

// person are the claims about who somebody is, as far as the scopes go (OpenID Connect Core §5.4).
type person struct {
	Name          string `json:"name,omitempty"`
	UserName      string `json:"preferred_username,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"` // false is told, too
}

func personOf(who account.Account, t terms) (p person) {
	if t.has(relyingparty.Profile) {
		p.Name, p.UserName = who.Name, who.UserName
	}
	if t.has(relyingparty.Email) {
		p.Email, p.EmailVerified = who.Email, &who.EmailProved
	}
	return p
}

// seconds is a NumericDate; zero for the zero time.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// issue signs an access token and, with openid, an ID token.
func (s *Service) issue(i issue) (t Tokens, err error) {
	kind, audience := credential.Access, s.Issuer
	if i.client.AccountID != "" { // a media server: its people's tokens count there, and nowhere else
		kind, audience = credential.ServerAccess, i.client.ID
	}
	life := credential.Rules[kind].Life
	t.Scopes, t.Life = i.terms.Scopes, life
	t.Access, err = s.Keys.Sign(signing.Access, accessClaims{
		Issuer: s.Issuer, Subject: i.who.ID, Audience: audience, Expires: i.at.Add(life).Unix(), IssuedAt: i.at.Unix(), ID: i.id.Reveal()[:secret.TokenLength/2],
		Client: i.client.ID, Scope: relyingparty.JoinScopes(i.terms.Scopes), AuthTime: seconds(i.grant.FreshAt), ACR: i.terms.ACR, Grant: i.grant.Hash,
	})
	if err != nil || !i.terms.has(relyingparty.OpenID) {
		return t, err
	}
	sum := sha256.Sum256([]byte(t.Access))
	t.Identity, err = s.Keys.Sign(signing.Identity, identityClaims{
		Issuer: s.Issuer, Subject: i.who.ID, Audience: i.client.ID, Expires: i.at.Add(identityLife).Unix(), IssuedAt: i.at.Unix(),
		AuthTime: seconds(i.grant.FreshAt), Nonce: i.nonce, ACR: i.terms.ACR, AMR: i.terms.AMR,
		AtHash: base64.RawURLEncoding.EncodeToString(sum[:16]), Grant: i.grant.Hash, Groups: i.groups, person: personOf(i.who, i.terms),
	})
	return t, err
}
