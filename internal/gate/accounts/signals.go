package accounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/gate/keep"
)

// ErrNoSignals says that the service has no shared signals, or none for this server.
var ErrNoSignals = errors.New("the service tells nothing by itself")

// transmitter is what the service says of its signals (SSF 1.0 §7.1), as far as a gate needs it, and what is known of the keys they are signed with.
type transmitter struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
	Stream string `json:"configuration_endpoint"`

	poll    string
	keys    jose.JSONWebKeySet
	fetched time.Time
	missed  time.Time // when they were last fetched for a key that was not among them
}

const (
	pollDelivery = "urn:ietf:rfc:8936"
	mostSignals  = 50 // in one answer
	// keysAge is how old the service's keys may be: one that was taken back counts for that long at most. keysPause is how often they are fetched before that,
	// for a key that is not among them, at most.
	keysAge   = time.Hour
	keysPause = 10 * time.Second
)

// stream is a stream of signals (SSF 1.0 §8.1.1).
type stream struct {
	ID       string `json:"stream_id,omitempty"`
	Issuer   string `json:"iss,omitempty"`
	Audience any    `json:"aud,omitempty"`
	Delivery struct {
		Method   string `json:"method"`
		Endpoint string `json:"endpoint_url,omitempty"`
	} `json:"delivery"`
	Description string `json:"description,omitempty"`
}

// Poll is a request for signals (RFC 8936 §2.4).
type Poll struct {
	Immediately bool
	// Read are the ids of signals that are done, Wrong those that cannot be believed.
	Read  []string
	Wrong map[string]error
}

// Signals are what a poll brings, in the order in which it happened.
type Signals struct {
	All   []Signal
	Wrong map[string]error
	More  bool
}

// Listen finds the server's stream, or makes it: fresh, nothing is on it of what was before. ErrNoSignals; ErrUnclaimed; outage.Err; *Refused.
func (c *Client) Listen(ctx context.Context) (fresh bool, err error) {
	var t transmitter
	err = c.send(ctx, call{method: http.MethodGet, url: c.at("/.well-known/ssf-configuration")}, &t)
	refused := new(Refused)
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return false, ErrNoSignals
	case err != nil:
		return false, err
	case t.Issuer != c.Issuer() || !c.owns(t.Keys) || !c.owns(t.Stream):
		return false, fmt.Errorf("the service at %s names a place of its signals elsewhere", c.Issuer())
	}
	var all []stream
	if err := c.withToken(ctx, call{method: http.MethodGet, url: t.Stream}, &all); err != nil {
		return false, noScope(err)
	}
	if len(all) > 0 && (all[0].Delivery.Method != pollDelivery || !c.owns(all[0].Delivery.Endpoint)) {
		return false, fmt.Errorf("%w: its stream is delivered elsewhere", ErrNoSignals)
	}
	if len(all) == 0 {
		made := stream{Description: "usher gate"}
		made.Delivery.Method = pollDelivery
		all = make([]stream, 1)
		if err := c.withToken(ctx, call{method: http.MethodPost, url: t.Stream, json: made}, &all[0]); err != nil {
			return false, noScope(err)
		}
		if fresh = true; !c.owns(all[0].Delivery.Endpoint) {
			return false, fmt.Errorf("%w: its stream is delivered elsewhere", ErrNoSignals)
		}
	}
	t.poll = all[0].Delivery.Endpoint
	c.mu.Lock()
	defer c.mu.Unlock()
	if before := c.signals; before.Keys == t.Keys {
		t.keys, t.fetched, t.missed = before.keys, before.fetched, before.missed
	}
	c.signals = t
	return fresh, nil
}

// owns reports whether an address is the service's own.
func (c *Client) owns(address string) bool { return strings.HasPrefix(address, c.Issuer()+"/") }

// noScope tells a service whose signals are not for this server from one that does not answer.
func noScope(err error) error {
	if Is(err, "insufficient_scope", "invalid_scope") {
		return fmt.Errorf("%w: %w", ErrNoSignals, err)
	}
	return err
}

// Poll acknowledges, and waits for signals for half a minute or so. outage.Err; *Refused, of status 404 when there is no such stream any more.
func (c *Client) Poll(ctx context.Context, p Poll) (Signals, error) {
	s, err := c.server()
	if err != nil {
		return Signals{}, err
	}
	type setError struct {
		Code        string `json:"err"`
		Description string `json:"description"`
	}
	asked := struct {
		Most        int                 `json:"maxEvents"`
		Immediately bool                `json:"returnImmediately"`
		Ack         []string            `json:"ack,omitempty"`
		Errors      map[string]setError `json:"setErrs,omitempty"`
	}{mostSignals, p.Immediately, p.Read, map[string]setError{}}
	for id, err := range p.Wrong {
		asked.Errors[id] = setError{"invalid_request", err.Error()}
		if w := new(wrongSET); errors.As(err, &w) {
			asked.Errors[id] = setError{w.Code, w.Why}
		}
	}
	var got struct {
		Sets map[string]string `json:"sets"`
		More bool              `json:"moreAvailable"`
	}
	c.mu.Lock()
	at := c.signals.poll
	c.mu.Unlock()
	if err := c.withToken(ctx, call{method: http.MethodPost, url: at, json: asked, waits: true}, &got); err != nil {
		return Signals{}, err
	}
	out := Signals{More: got.More, Wrong: map[string]error{}}
	for _, id := range inOrder(got.Sets) {
		signal, err := c.read(ctx, got.Sets[id], s)
		if err == nil && signal.ID != id {
			err = wrong("invalid_request", "it stands under the number of another")
		}
		var why *wrongSET
		switch {
		case errors.As(err, &why):
			out.Wrong[id] = why
		case err != nil:
			return Signals{}, err
		default:
			out.All = append(out.All, signal)
		}
	}
	return out, nil
}

// first begin the ids of signals that come before all others.
var first = []string{"everybody.", "missed."}

// inOrder lists the ids of signals in the order in which it happened: what concerns everybody goes first.
func inOrder(sets map[string]string) []string {
	rank := func(id string) int {
		if slices.ContainsFunc(first, func(begin string) bool { return strings.HasPrefix(id, begin) }) {
			return 0
		}
		return 1
	}
	return slices.SortedFunc(maps.Keys(sets), func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}

// read believes a signal; for one of a key that is not known, because it is new, the keys are fetched anew, once in keysPause. outage.Err; *wrongSET.
func (c *Client) read(ctx context.Context, text string, s keep.Server) (Signal, error) {
	keys, err := c.signalKeys(ctx)
	if err != nil {
		return Signal{}, err
	}
	signal, err := readSET(text, keys, c.Issuer(), s.ID)
	if !errors.Is(err, errUnknownKey) || !c.mayMiss() {
		return signal, err
	}
	if keys, err = c.fetchSignalKeys(ctx); err != nil {
		return Signal{}, err
	}
	return readSET(text, keys, c.Issuer(), s.ID)
}

// signalKeys are the service's keys, not older than keysAge.
func (c *Client) signalKeys(ctx context.Context) (jose.JSONWebKeySet, error) {
	c.mu.Lock()
	t := c.signals
	c.mu.Unlock()
	if since := c.now().Sub(t.fetched); since >= 0 && since < keysAge && len(t.keys.Keys) > 0 {
		return t.keys, nil
	}
	return c.fetchSignalKeys(ctx)
}

func (c *Client) fetchSignalKeys(ctx context.Context) (keys jose.JSONWebKeySet, err error) {
	c.mu.Lock()
	at := c.signals.Keys
	c.mu.Unlock()
	if err := c.send(ctx, call{method: http.MethodGet, url: at}, &keys); err != nil {
		return keys, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signals.keys, c.signals.fetched = keys, c.now()
	return keys, nil
}

// mayMiss reports whether the keys may be fetched for one that is not among them, and counts that as done.
func (c *Client) mayMiss() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := c.now().Sub(c.signals.missed); since >= 0 && since < keysPause {
		return false
	}
	c.signals.missed = c.now()
	return true
}

// Abandon forgets a claim of which the service knows nothing any more. One that was made meanwhile stays.
func (c *Client) Abandon(s keep.Server) error {
	if now, claimed := c.folder.Server(); !claimed || now.ID != s.ID || !now.ClaimedAt.Equal(s.ClaimedAt) {
		return nil
	}
	c.forgetToken()
	return c.folder.Forget()
}
