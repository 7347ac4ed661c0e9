package backchannel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"usher/internal/relyingparty"
	"usher/internal/stream"
)

// Streams keeps what is pushed to clients.
type Streams interface {
	// LeaseStreams hands out some streams on which something waits; until the lease ends nobody else gets them.
	LeaseStreams(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]stream.Stream, error)
	ReadSignals(ctx context.Context, clientID string, limit int) (stream.Waiting, error)
	AcknowledgeSignals(ctx context.Context, clientID string, a stream.Acknowledged) error
	StreamTaken(ctx context.Context, id string) error
	// StreamFailed leaves the reader alone until then.
	StreamFailed(ctx context.Context, id string, again time.Time) error
	FindClient(ctx context.Context, id string) (relyingparty.Client, error)
}

// Pusher brings signals to the clients that want to be called for them (RFC 8935).
type Pusher struct {
	Streams Streams
	Sign    func(claims any) (string, error) // as a security event token
	Issuer  string
	Now     func() time.Time
	Log     *slog.Logger
}

// streamsPerRound is how many readers are called in one round.
const streamsPerRound = 4 * atOnce

// Round calls some of the readers for whom something waits, several at once, and returns when all are done.
func (p *Pusher) Round(ctx context.Context) error {
	due, err := p.Streams.LeaseStreams(ctx, p.Now(), lease+turn*streamsPerRound/atOnce, streamsPerRound)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, s := range due {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			if err := p.push(ctx, s); err != nil && ctx.Err() == nil {
				p.Log.Warn("client not told of signals", "client", s.ClientID, "error", err)
			}
		})
	}
	running.Wait()
	return ctx.Err()
}

// push brings the reader of a stream what waits on it, oldest first, until it does not take one.
func (p *Pusher) push(ctx context.Context, s stream.Stream) error {
	c, err := p.Streams.FindClient(ctx, s.ClientID)
	if errors.Is(err, relyingparty.ErrNotFound) { // and its stream is gone
		return nil
	}
	if err != nil {
		return err
	}
	bounded, stop := context.WithTimeout(ctx, turn)
	defer stop()
	failed := p.all(bounded, c)
	switch {
	case ctx.Err() != nil: // it comes again when its lease ends
		return failed
	case failed != nil:
		return errors.Join(failed, p.Streams.StreamFailed(ctx, s.ID, p.Now().Add(wait(s.Fails))))
	}
	return p.Streams.StreamTaken(ctx, s.ID)
}

// all brings a portion of what waits.
func (p *Pusher) all(ctx context.Context, c relyingparty.Client) error {
	w, err := p.Streams.ReadSignals(ctx, c.ID, perTurn)
	if errors.Is(err, stream.ErrNotFound) {
		return nil
	}
	if err != nil || w.Stream.Status != stream.Enabled || w.Stream.Method() != stream.Push {
		return err
	}
	by := newCaller(reach(c))
	for _, g := range append(w.Stream.Derived(p.Now()), w.Signals...) {
		token, err := p.Sign(w.Stream.Token(p.Issuer, g))
		if err != nil {
			return err
		}
		refused, err := deliver(ctx, by, w.Stream.Facts, token)
		if err != nil {
			return err
		}
		if refused {
			p.Log.Warn("a client refuses a signal", "client", c.ID)
		}
		if err := p.Streams.AcknowledgeSignals(ctx, c.ID, stream.Acknowledge([]string{g.ID})); err != nil {
			return err
		}
	}
	return nil
}

// finally are the errors after which a token would be refused again (RFC 8935 §2.4).
var finally = []string{"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience"}

// deliver sends a token; nil when its reader has taken it, or refused it for good.
func deliver(ctx context.Context, by *http.Client, to stream.Facts, token string) (refused bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Endpoint, strings.NewReader(token))
	if err != nil {
		return false, fmt.Errorf("calling a client: %w", err)
	}
	r.Header.Set("Content-Type", "application/secevent+jwt")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "usher")
	if !to.Authorization.Empty() {
		r.Header.Set("Authorization", to.Authorization.Reveal())
	}
	answer, err := by.Do(r)
	if err != nil {
		return false, fmt.Errorf("calling a client: %w", plain(err))
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, bodyLimit)) // what cannot be read says nothing
	if err := answer.Body.Close(); err != nil {
		return false, fmt.Errorf("reading a client's answer: %w", err)
	}
	switch answer.StatusCode {
	case http.StatusAccepted, http.StatusOK, http.StatusNoContent:
		return false, nil
	case http.StatusBadRequest:
		var said struct {
			Code string `json:"err"`
		}
		if json.Unmarshal(bytes.TrimSpace(body), &said) == nil && slices.Contains(finally, said.Code) {
			return true, nil
		}
	}
	return false, fmt.Errorf("calling a client: it answers %d", answer.StatusCode)
}
