package transmitter

import (
	"context"
	"fmt"
	"time"

	"usher/internal/relyingparty"
	"usher/internal/stream"
)

// Limits of a poll.
const (
	MostSets = 50   // in one answer: each costs a signature
	MostAcks = 1000 // in one request
	// Patience is how long a poll waits for something to tell. It is less than proxies and our own server wait for an answer.
	Patience = 30 * time.Second
)

// Poll is a request for signals (RFC 8936 §2.2).
type Poll struct {
	Acks []string // jti of what the reader has, or wants to see no more
	Most int      // at most MostSets; 0: none, the reader only acknowledges
	Wait bool     // for something to tell, when there is nothing
}

// Sets is the answer (RFC 8936 §2.3): tokens by their jti.
type Sets struct {
	Tokens map[string]string
	More   bool
}

// Poll acknowledges what the reader has, and returns what waits for it; when nothing does it waits, for Patience at most. stream.ErrNotFound, also of
// a stream that is pushed; ErrCrowded.
func (s *Service) Poll(ctx context.Context, c relyingparty.Client, p Poll) (Sets, error) {
	if len(p.Acks) > 0 {
		if err := s.Store.AcknowledgeSignals(ctx, c.ID, stream.Acknowledge(p.Acks)); err != nil {
			return Sets{}, err
		}
	}
	got, streamID, err := s.read(ctx, c, p.Most)
	if err != nil || !p.Wait || p.Most == 0 || len(got.Tokens) > 0 {
		return got, err
	}
	if err := s.Room.wait(ctx, streamID); err != nil {
		return Sets{}, err
	}
	got, _, err = s.read(ctx, c, p.Most)
	return got, err
}

func (s *Service) read(ctx context.Context, c relyingparty.Client, most int) (out Sets, streamID string, err error) {
	w, err := s.Store.ReadSignals(ctx, c.ID, most)
	if err == nil && w.Stream.Method() == stream.Push {
		err = stream.ErrNotFound
	}
	if err != nil {
		return out, "", err
	}
	out = Sets{map[string]string{}, w.More}
	if w.Stream.Status != stream.Enabled {
		return out, w.Stream.ID, nil
	}
	all := append(w.Stream.Derived(s.Now()), w.Signals...)
	if len(all) > most {
		all, out.More = all[:most], true
	}
	for _, g := range all {
		if out.Tokens[g.ID], err = s.Sign(w.Stream.Token(s.Issuer, g)); err != nil {
			return Sets{}, "", fmt.Errorf("writing a security event token: %w", err)
		}
	}
	return out, w.Stream.ID, nil
}
