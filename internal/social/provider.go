package social

import (
	"context"
	"errors"
	"time"

	"usher/internal/identity"
	"usher/internal/secret"
)

// Provider is a service by which people can sign in here.
type Provider struct {
	ID      string   // as addresses and the configuration call it: "google"
	Name    string   // as its button says it: "Google"
	Logo    bool     // there is a picture for its button
	Origins []string // to which its button may lead a browser; what is known of them now
}

// ReturnPath is where a service sends browsers back to: each has its own, so that the answer of one is never taken for another's (RFC 9700 §4.4).
func ReturnPath(id string) string { return "/sign-in/with/" + id + "/return" }

// Providers are the services by which people can sign in here, in the order of their buttons.
type Providers interface {
	Offered() []Provider
	// Ask returns the address at which a browser puts a question to a service. ErrNotOffered, ErrUnreachable.
	Ask(ctx context.Context, id string, q Question) (string, error)
	// Read exchanges what a browser has brought back, and checks it against the question that it answers. ErrNotOffered, ErrCancelled, ErrUnreachable, ErrRefused.
	Read(ctx context.Context, id string, q Question, a Answer) (identity.Told, error)
}

// Question is what a browser is sent to a service with.
type Question struct {
	State    secret.Token
	Nonce    secret.Token // comes back in the ID token (OpenID Connect Core §3.1.2.1)
	Verifier secret.Token // of PKCE (RFC 7636)
	Afresh   bool         // the service should have the person prove there who they are, however lately they did
	AskedAt  time.Time
}

// Answer is what a browser brings back.
type Answer struct {
	Code   string `json:"code,omitempty"`
	Issuer string `json:"iss,omitempty"`  // RFC 9207
	User   string `json:"user,omitempty"` // Apple's: a name, the first time only
	Error  string `json:"error,omitempty"`
}

// Why signing in by another service went no further. None tells an outsider more than that.
var (
	ErrNotOffered  = errors.New("social: nobody can sign in by this service")
	ErrCancelled   = errors.New("social: the person said no at the service")
	ErrUnreachable = errors.New("social: the service does not answer")
	ErrRefused     = errors.New("social: the service's answer does not hold")
)
