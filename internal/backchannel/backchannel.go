// Package backchannel owns the calls that clients want: of ended sign-ins (OpenID Connect Back-Channel Logout 1.0), and of signals (RFC 8935). The tokens, the
// connection to an address that a client gave, and which addresses are never called. It refuses to know why anything happened.
package backchannel

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"usher/internal/relyingparty"
	"usher/internal/secret"
)

// Queue keeps what clients are still to be told.
type Queue interface {
	// ClientsToTell returns the clients for which something is due.
	ClientsToTell(ctx context.Context, now time.Time) ([]relyingparty.Client, error)
	// LeaseLogouts hands out some of what is due for a client; until the lease ends nobody else gets it.
	LeaseLogouts(ctx context.Context, clientID string, now time.Time, lease time.Duration, limit int) ([]relyingparty.Logout, error)
	LogoutTold(ctx context.Context, grant string) error
	// LogoutFailed keeps one for another try.
	LogoutFailed(ctx context.Context, grant string, again time.Time) error
}

// How clients are told.
const (
	tokenLife  = 2 * time.Minute
	lease      = time.Minute
	turn       = 20 * time.Second // a client's share of a round, so that its lease outlasts it
	perTurn    = 20               // logouts of one client in a round
	atOnce     = 4                // clients in a round
	patience   = 10 * time.Second // for one answer
	firstWait  = 10 * time.Second
	longerWait = time.Hour
	bodyLimit  = 4 << 10
)

// Deliverer tells clients.
type Deliverer struct {
	Queue  Queue
	Sign   func(claims any) (string, error) // as a logout token
	Issuer string
	Now    func() time.Time
	Log    *slog.Logger

	mu    sync.Mutex
	rests map[string]rest // by client
}

// rest is a client that did not answer: it is left alone until then.
type rest struct {
	until time.Time
	fails int
}

// Round tells every client some of what is due, several at once, and returns when all are done.
func (d *Deliverer) Round(ctx context.Context) error {
	clients, err := d.Queue.ClientsToTell(ctx, d.Now())
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, c := range clients {
		if !d.rested(c.ID) {
			continue
		}
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			if err := d.tell(ctx, c); err != nil && ctx.Err() == nil {
				d.Log.Warn("client not told of sign-outs", "client", c.ID, "error", err)
			}
		})
	}
	running.Wait()
	return ctx.Err()
}

func (d *Deliverer) rested(clientID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.Now().Before(d.rests[clientID].until)
}

// tell tells one client some of what is due. After the first failure the others wait with it.
func (d *Deliverer) tell(ctx context.Context, c relyingparty.Client) error {
	due, err := d.Queue.LeaseLogouts(ctx, c.ID, d.Now(), lease, perTurn)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, turn)
	defer stop()
	var failed error
	for _, l := range due {
		if failed == nil {
			failed = d.one(ctx, c, l)
		}
		switch {
		case ctx.Err() != nil: // what is left comes again when its lease ends
			return failed
		case failed != nil:
			err = d.Queue.LogoutFailed(ctx, l.Grant, d.Now().Add(wait(l.Attempts)))
		default:
			err = d.Queue.LogoutTold(ctx, l.Grant)
		}
		if err != nil {
			return err
		}
	}
	d.note(c.ID, failed)
	return failed
}

// note lets a client that failed rest, longer each time.
func (d *Deliverer) note(clientID string, failed error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if failed == nil {
		delete(d.rests, clientID)
		return
	}
	if d.rests == nil {
		d.rests = map[string]rest{}
	}
	fails := d.rests[clientID].fails
	d.rests[clientID] = rest{d.Now().Add(wait(fails)), fails + 1}
}

// wait is how long to wait after so many failures before: twice as long each time.
func wait(fails int) time.Duration { return min(firstWait<<min(fails, 10), longerWait) }

// claims are those of a logout token (OpenID Connect Back-Channel Logout §2.4). It has no nonce, so that nobody takes it for an ID token.
type claims struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	Audience string              `json:"aud"`
	IssuedAt int64               `json:"iat"`
	Expires  int64               `json:"exp"`
	ID       string              `json:"jti"`
	Events   map[string]struct{} `json:"events"`
	Grant    string              `json:"sid"`
}

const event = "http://schemas.openid.net/event/backchannel-logout"

// one tells a client of one sign-in.
func (d *Deliverer) one(ctx context.Context, c relyingparty.Client, l relyingparty.Logout) error {
	now := d.Now()
	token, err := d.Sign(claims{
		d.Issuer, l.AccountID, c.ID, now.Unix(), now.Add(tokenLife).Unix(), secret.NewToken().Reveal(), map[string]struct{}{event: {}}, l.Grant,
	})
	if err != nil {
		return err
	}
	return post(ctx, newCaller(reach(c)), c.LogoutURI, token)
}

// reach says which addresses may be called for a client: private ones only where an administrator has said so.
func reach(c relyingparty.Client) func(netip.Addr) bool {
	if c.TrustedPrivate {
		return trusted
	}
	return public
}

// newCaller returns what calls a client: without a proxy, which would look names up in our place; without redirects, which would lead elsewhere; by a new
// connection each time, so that each address is judged.
func newCaller(may func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{Timeout: patience, Control: guard(may)}
	return &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true, TLSHandshakeTimeout: patience,
			MaxResponseHeaderBytes: bodyLimit,
		},
	}
}

// post sends a token; nil when the client has taken it.
func post(ctx context.Context, by *http.Client, to, token string) error {
	body := strings.NewReader(url.Values{"logout_token": {token}}.Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, body)
	if err != nil {
		return fmt.Errorf("calling a client: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "usher")
	answer, err := by.Do(r)
	if err != nil {
		return fmt.Errorf("calling a client: %w", plain(err))
	}
	_, _ = io.CopyN(io.Discard, answer.Body, bodyLimit) // what it says does not matter
	if err := answer.Body.Close(); err != nil {
		return fmt.Errorf("reading a client's answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("calling a client: it answers %d", answer.StatusCode)
	}
	return nil
}
