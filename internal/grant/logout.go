package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/signing"
)

// Leaving is a request of an app to sign its person out here as well (OpenID Connect RP-Initiated Logout §2). What was not sent is empty.
type Leaving struct {
	Hint     string // an ID token, however old
	ClientID string
	URI      string // post_logout_redirect_uri
	State    string
}

// farewell is such a request that may be answered, kept sealed until it is.
type farewell struct {
	Subject string `json:"sub,omitempty"` // whom the hint names; empty: nobody
	Grant   string `json:"sid,omitempty"` // and the sign-in that it was given for
	URI     string `json:"uri,omitempty"`
	State   string `json:"state,omitempty"`
}

// ErrLeaving says that a sign-out was asked for with things that do not fit together: the hint is not ours, the client unknown, the address not registered.
var ErrLeaving = errors.New("grant: not a sign-out that a client may ask for")

// BeginLogout checks a request to sign out, and keeps it for its page. ErrLeaving, *ratelimit.LimitedError.
func (s *Service) BeginLogout(ctx context.Context, l Leaving, client device.Client) (secret.Token, error) {
	if len(l.State) > longestText {
		return secret.Token{}, ErrLeaving
	}
	f := farewell{URI: l.URI, State: l.State}
	clientID := l.ClientID
	if l.Hint != "" {
		said, err := s.Keys.Open(signing.Identity, l.Hint)
		audience := said.Texts("aud")
		if err != nil || said.Text("iss") != s.Issuer || len(audience) != 1 || l.ClientID != "" && audience[0] != l.ClientID {
			return secret.Token{}, ErrLeaving
		}
		f.Subject, f.Grant, clientID = said.Text("sub"), said.Text("sid"), audience[0]
	}
	if clientID != "" || l.URI != "" {
		c, err := s.Store.FindClient(ctx, clientID)
		if errors.Is(err, relyingparty.ErrNotFound) || err == nil && l.URI != "" && !c.AllowsPostLogout(l.URI) {
			err = ErrLeaving
		}
		if err != nil {
			return secret.Token{}, err
		}
	}
	now := s.Now()
	if err := s.Store.Take(ctx, ratelimit.Authorizations.From(client.Address), now); err != nil {
		return secret.Token{}, err
	}
	clock, err := s.Store.ReadClock(ctx)
	if err != nil {
		return secret.Token{}, err
	}
	link := credential.Link{Kind: credential.Logout, Token: secret.NewToken(), Subject: clientID, Detail: write(f), Stamp: credential.Stamp{Born: clock.Epoch}}
	return link.Token, s.Store.Record(ctx, audit.Act{At: now}.Linking(link))
}

// Goodbye is a request to sign out that waits for its page.
type Goodbye struct {
	ID secret.Token
	// App is what the client is called; empty when it did not say who it is.
	App string

	farewell
	hash string
}

// Proved reports whether the app has shown that this very person is signed in to it now, so that nobody need be asked: an ID token is a proof for as long
// as the sign-in that it was given for, and of one that ends with its browser only in that browser.
func (s *Service) Proved(ctx context.Context, g Goodbye, in credential.Found) (bool, error) {
	if g.Subject == "" || g.Subject != in.AccountID {
		return false, nil
	}
	f, _, err := s.Store.FindGrant(ctx, g.Grant)
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
func (g Goodbye) Location() string {
	switch {
	case g.URI == "":
		return ""
	case g.State == "":
		return g.URI
	}
	return Answer{URI: g.URI, Fields: []Field{{"state", g.State}}}.Location()
}

// Origin is where the browser goes afterwards, as a Content-Security-Policy names it.
func (g Goodbye) Origin() string { return Return{URI: g.URI}.origin() }

// LookLogout returns the request to sign out that waits under an id. ErrGone.
func (s *Service) LookLogout(ctx context.Context, id secret.Token) (Goodbye, error) {
	f, err := s.Resolver.Resolve(ctx, credential.Logout, id)
	if credential.IsDead(err) {
		err = ErrGone
	}
	if err != nil {
		return Goodbye{}, err
	}
	g := Goodbye{ID: id, hash: f.Hash}
	if err := json.Unmarshal([]byte(f.Detail), &g.farewell); err != nil {
		return g, fmt.Errorf("reading a request to sign out: %w", err)
	}
	if f.Subject == "" {
		return g, nil
	}
	c, err := s.Store.FindClient(ctx, f.Subject)
	if errors.Is(err, relyingparty.ErrNotFound) || err == nil && g.URI != "" && !c.AllowsPostLogout(g.URI) {
		err = ErrGone
	}
	g.App = c.Name
	return g, err
}

// EndLogout ends such a request; ErrGone when it was answered meanwhile.
func (s *Service) EndLogout(ctx context.Context, g Goodbye) error {
	err := s.Store.EndRequest(ctx, g.hash)
	if errors.Is(err, credential.ErrSpent) {
		err = ErrGone
	}
	return err
}
