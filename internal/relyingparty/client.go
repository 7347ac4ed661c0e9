// Package relyingparty owns the clients of OpenID Connect and OAuth: who may ask for sign-ins, where answers may go, and what may be asked
// for. It refuses to know protocols, and where clients are kept.
package relyingparty

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Auth is how a client proves who it is at the token endpoint (OpenID Connect Core §9).
type Auth string

// The ways of client authentication. A client with None is public; every other is confidential (RFC 6749 §2.1).
const (
	None       Auth = "none"
	Basic      Auth = "client_secret_basic"
	Post       Auth = "client_secret_post"
	PrivateKey Auth = "private_key_jwt" // RFC 7523 §2.2
)

// Auths lists every way of client authentication.
func Auths() []Auth { return []Auth{None, Basic, Post, PrivateKey} }

// Grant is a grant type by the name that RFC 6749 and its extensions give it.
type Grant string

// The grants there are.
const (
	Code        Grant = "authorization_code"
	Refresh     Grant = "refresh_token"
	DeviceCode  Grant = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628 §3.4
	Credentials Grant = "client_credentials"
)

// Grants lists every grant.
func Grants() []Grant { return []Grant{Code, Refresh, DeviceCode, Credentials} }

// Client is one relying party. Whoever registers it is an administrator, on the pages, by the command or in the configuration.
type Client struct {
	ID             string // client_id: chosen by its administrator, or made by NewID
	AccountID      string // whose it is, of a claimed media server; empty: the administrators'
	Name           string // what people read when they are asked
	RedirectURIs   []string
	PostLogoutURIs []string // where a browser may go after signing out here
	Scopes         []Scope  // all it may ever ask for
	Grants         []Grant
	Auth           Auth
	Keys           string // JWK Set of public keys (RFC 7517 §5), with PrivateKey only; never an address of one
	LogoutURI      string // is told when a sign-in ends (OpenID Connect Back-Channel Logout 1.0); empty when it need not be
	TrustedPrivate bool   // LogoutURI may be in a private network, or without https
	FirstParty     bool   // belongs to the house: nobody is asked for consent
	Configured     bool   // stands in the configuration file, and is changed only there
	CreatedAt      time.Time
	TokenEpoch     int64 // how often the access tokens that it has for itself were ended
}

// Called is how administrators tell the client from others of its name.
func (c Client) Called() string { return c.Name + " (" + c.ID + ")" }

// Generation names the access tokens that the client has for itself and that count now. It is another after they were ended, and for another client
// that takes the id.
func (c Client) Generation() int64 { return c.CreatedAt.UnixMilli() + c.TokenEpoch }

// Limits of a client.
const (
	longestID   = 64
	LongestName = 64 // in code points
	mostURIs    = 20
	MostSecrets = 5 // at once, while they are being changed
	longestURI  = 2000
	longestKeys = 16_000
	mostKeys    = 10
)

// Errors that doors translate.
var (
	ErrNotFound    = errors.New("relyingparty: there is no such client")
	ErrTaken       = errors.New("relyingparty: a client of this id exists already")
	ErrConfigured  = errors.New("relyingparty: the client stands in the configuration, and is changed only there")
	ErrSecretUsed  = errors.New("relyingparty: another client has this secret")
	ErrNoSecret    = errors.New("relyingparty: the client proves itself without a secret")
	ErrManySecrets = errors.New("relyingparty: the client has as many secrets as it may have at once")
)

// Public reports whether the client cannot keep a secret, as an app on somebody's device.
func (c Client) Public() bool { return c.Auth == None }

// HasSecret reports whether the client proves itself with a secret.
func (c Client) HasSecret() bool { return c.Auth == Basic || c.Auth == Post }

// Trusted reports whether an account's owner is not asked for consent: the client is the house's, or the owner's own.
func (c Client) Trusted(accountID string) bool {
	return c.FirstParty || c.AccountID != "" && c.AccountID == accountID
}

// Provable reports whether an answer at a redirect URI can only have reached the client itself: it proves itself when it exchanges the code, or the
// address is its own on the internet. Any program on a person's device can wait at a loopback address or take a private-use scheme (RFC 8252 §8.6).
func (c Client) Provable(redirect string) bool {
	return !c.Public() || strings.HasPrefix(redirect, "https://")
}

// MayUse reports whether the client may use a grant.
func (c Client) MayUse(g Grant) bool { return slices.Contains(c.Grants, g) }

// MayAsk reports whether the client may ask for a scope.
func (c Client) MayAsk(s Scope) bool { return slices.Contains(c.Scopes, s) }

// NamedGrant returns a grant by its name; the long one of RFC 8628 may be shortened to device_code.
func NamedGrant(name string) Grant {
	if name == "device_code" {
		return DeviceCode
	}
	return Grant(name)
}
