package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/signing"
)

// LogoutRequest is a request of an app to sign its person out here as well (OpenID Connect RP-Initiated Logout §2). What was not sent is empty.
type LogoutRequest struct {
	Hint     string // an ID token, however old
	ClientID string
	URI      string // post_logout_redirect_uri
	State    string
}

// logout is what is kept of such a request, sealed, until it is answered.
type logout struct {
	Subject string `json:"sub,omitempty"` // whom the hint names; empty: nobody
	Grant   string `json:"sid,omitempty"` // and the sign-in that it was given for
	URI     string `json:"uri,omitempty"`
	State   string `json:"state,omitempty"`
}

// ErrLogout says that a sign-out was asked for with things that do not fit together: the hint is not ours, the client unknown, the address not registered.
var ErrLogout = errors.New("grant: not a sign-out that a client may ask for")

// BeginLogout checks a request to sign out, and keeps it for its page. ErrLogout, *ratelimit.LimitedError.
func (s *Service) BeginLogout(ctx context.Context, l LogoutRequest, client device.Client) (secret.Token, error) {
	if len(l.State) > longestText {
		return secret.Token{}, ErrLogout
	}
	kept := logout{URI: l.URI, State: l.State}
	clientID := l.ClientID
	if l.Hint != "" {
		said, err := s.Keys.Open(signing.Identity, l.Hint)
		audience := said.Texts("aud")
		if err != nil || said.Text("iss") != s.Issuer || len(audience) != 1 || l.ClientID != "" && audience[0] != l.ClientID {
			return secret.Token{}, ErrLogout
		}
		kept.Subject, kept.Grant, clientID = said.Text("sub"), said.Text("sid"), audience[0]
	}
	if clientID != "" || l.URI != "" {
		c, err := s.Store.FindClient(ctx, clientID)
		if errors.Is(err, relyingparty.ErrNotFound) || err == nil && l.URI != "" && !c.AllowsPostLogout(l.URI) {
			err = ErrLogout
		}
		if err != nil {
			return secret.Token{}, err
		}
		if open, err := s.open(ctx, c); err != nil || !open {
			return secret.Token{}, errors.Join(err, ErrLogout)
		}
	}
	return s.keep(ctx, credential.Logout, clientID, write(kept), client)
}

// PendingLogout is a request to sign out that waits for its page.
type PendingLogout struct {
	ID secret.Token
	// App is what the client is called; empty when it did not say who it is.
	App string

	logout
	hash     string
	atServer bool // some member's media server asks
}

// Proved reports whether the app has shown that this very person is signed in to it now, so that nobody need be asked: an ID token is a proof for as long
// as the sign-in that it was given for, and of one that ends with its browser only in that browser. Media servers prove nothing: any member's would sign its guests out of everything here.
func (s *Service) Proved(ctx context.Context, p PendingLogout, in credential.Found) (bool, error) {
	if p.atServer || p.Subject == "" || p.Subject != in.AccountID {
		return false, nil
	}
	f, _, err := s.Store.FindGrant(ctx, p.Grant)
	if err == nil {
		f.CreatedAt = s.Now() // it is judged as a token would be that it gives now
		err = credential.Judge(f, s.Now())
	}
	if credential.IsDead(err) {
		return false, nil
	}
	return err == nil && f.AccountID == in.AccountID && (f.Kind == credential.Refresh || f.DeviceID == in.DeviceID), err
}

// Location is where the browser goes afterwards; empty when it stays.
func (p PendingLogout) Location() string {
	switch {
	case p.URI == "":
		return ""
	case p.State == "":
		return p.URI
	}
	return Answer{URI: p.URI, Fields: []Field{{"state", p.State}}}.Location()
}

// Origin is where the browser goes afterwards, as a Content-Security-Policy names it.
func (p PendingLogout) Origin() string { return Return{URI: p.URI}.origin() }

// LookLogout returns the request to sign out that waits under an id. ErrGone.
func (s *Service) LookLogout(ctx context.Context, id secret.Token) (PendingLogout, error) {
	f, err := s.Resolver.Resolve(ctx, credential.Logout, id)
	if credential.IsDead(err) {
		err = ErrGone
	}
	if err != nil {
		return PendingLogout{}, err
	}
	p := PendingLogout{ID: id, hash: f.Hash}
	if err := json.Unmarshal([]byte(f.Detail), &p.logout); err != nil {
		return p, fmt.Errorf("reading a request to sign out: %w", err)
	}
	if f.Subject == "" {
		return p, nil
	}
	c, err := s.Store.FindClient(ctx, f.Subject)
	if errors.Is(err, relyingparty.ErrNotFound) || err == nil && p.URI != "" && !c.AllowsPostLogout(p.URI) {
		err = ErrGone
	}
	p.App, p.atServer = c.Name, c.AccountID != ""
	return p, err
}

// EndLogout ends such a request; ErrGone when it was answered meanwhile.
func (s *Service) EndLogout(ctx context.Context, p PendingLogout) error {
	err := s.Store.EndRequest(ctx, p.hash)
	if errors.Is(err, credential.ErrSpent) {
		err = ErrGone
	}
	return err
}
