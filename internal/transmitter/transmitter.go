// Package transmitter tells clients of what happens to the accounts and servers that concern them, over one stream for each client (SSF 1.0): making and
// changing a stream, verifying it, and the polls that wait on it (RFC 8936). It refuses to know HTTP, and what makes something happen.
package transmitter

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"usher/internal/id"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/stream"
)

// Store keeps streams, and what waits on them.
type Store interface {
	FindStream(ctx context.Context, clientID string) (stream.Stream, error)
	CreateStream(ctx context.Context, s stream.Stream) error
	ChangeStream(ctx context.Context, s stream.Stream) error
	DeleteStream(ctx context.Context, clientID, streamID string) error
	VerifyStream(ctx context.Context, clientID, streamID, state string, now time.Time) error
	ReadSignals(ctx context.Context, clientID string, limit int) (stream.Waiting, error)
	AcknowledgeSignals(ctx context.Context, clientID string, a stream.Acknowledged) error
}

// Service is the transmitter.
type Service struct {
	Store  Store
	Sign   func(claims any) (string, error) // as a security event token
	Issuer string
	Room   *Room
	Now    func() time.Time
}

// Errors that doors translate, besides those of stream.
var (
	ErrEndpoint = errors.New("transmitter: not an address that is called")
	ErrText     = errors.New("transmitter: a text is too long, or not one that can be kept")
	ErrStatus   = errors.New("transmitter: there is no such status")
	ErrMethod   = errors.New("transmitter: there is no such method of delivery")
)

// Wish is what a reader says of its stream. What it does not mention is nil.
type Wish struct {
	Method        *stream.Method
	Endpoint      *string // with stream.Push
	Authorization *secret.Token
	Events        *[]stream.Event
	Description   *string
}

// Create begins the stream of a client. stream.ErrExists, and the errors for what is wished.
func (s *Service) Create(ctx context.Context, c relyingparty.Client, w Wish) (stream.Stream, error) {
	now := s.Now()
	made := stream.Stream{ID: id.New(now), ClientID: c.ID, Events: stream.Every(), Status: stream.Enabled, CreatedAt: now}
	if err := w.apply(c, &made); err != nil {
		return made, err
	}
	return made, s.Store.CreateStream(ctx, made)
}

// Find returns the stream of a client; stream.ErrNotFound, also when it has another id.
func (s *Service) Find(ctx context.Context, c relyingparty.Client, streamID string) (stream.Stream, error) {
	got, err := s.Store.FindStream(ctx, c.ID)
	if err == nil && got.ID != streamID {
		err = stream.ErrNotFound
	}
	return got, err
}

// List returns the streams of a client: one, or none.
func (s *Service) List(ctx context.Context, c relyingparty.Client) ([]stream.Stream, error) {
	got, err := s.Store.FindStream(ctx, c.ID)
	if errors.Is(err, stream.ErrNotFound) {
		return nil, nil
	}
	return []stream.Stream{got}, err
}

// Change changes what a wish mentions. stream.ErrNotFound, and the errors for what is wished.
func (s *Service) Change(ctx context.Context, c relyingparty.Client, streamID string, w Wish) (stream.Stream, error) {
	got, err := s.Find(ctx, c, streamID)
	if err != nil {
		return got, err
	}
	if err := w.apply(c, &got); err != nil {
		return got, err
	}
	return got, s.Store.ChangeStream(ctx, got)
}

// Replace is Change with a wish that mentions everything: what it does not is as with a new stream.
func (s *Service) Replace(ctx context.Context, c relyingparty.Client, streamID string, w Wish) (stream.Stream, error) {
	got, err := s.Find(ctx, c, streamID)
	if err != nil {
		return got, err
	}
	got.Facts, got.Events = stream.Facts{Reason: got.Facts.Reason}, stream.Every()
	if err := w.apply(c, &got); err != nil {
		return got, err
	}
	return got, s.Store.ChangeStream(ctx, got)
}

// Delete ends a stream. stream.ErrNotFound.
func (s *Service) Delete(ctx context.Context, c relyingparty.Client, streamID string) error {
	if !id.Valid(streamID) {
		return stream.ErrNotFound
	}
	return s.Store.DeleteStream(ctx, c.ID, streamID)
}

// SetStatus pauses a stream, disables it, or enables it again. stream.ErrNotFound, ErrStatus, ErrText.
func (s *Service) SetStatus(ctx context.Context, c relyingparty.Client, streamID string, status stream.Status, reason string) (stream.Stream, error) {
	if !status.Known() {
		return stream.Stream{}, ErrStatus
	}
	if !sayable(reason) {
		return stream.Stream{}, ErrText
	}
	got, err := s.Find(ctx, c, streamID)
	if err != nil {
		return got, err
	}
	got.Status, got.Facts.Reason = status, reason
	return got, s.Store.ChangeStream(ctx, got)
}

// Verify has the stream carry a state back to its reader (SSF 1.0 §8.1.4). stream.ErrNotFound, ErrText.
func (s *Service) Verify(ctx context.Context, c relyingparty.Client, streamID, state string) error {
	if !sayable(state) {
		return ErrText
	}
	if !id.Valid(streamID) {
		return stream.ErrNotFound
	}
	return s.Store.VerifyStream(ctx, c.ID, streamID, state, s.Now())
}

// apply writes a wish into a stream of a client.
func (w Wish) apply(c relyingparty.Client, s *stream.Stream) error {
	if w.Events != nil {
		s.Events = stream.EventsOf(*w.Events)
	}
	if w.Description != nil {
		s.Facts.Description = *w.Description
	}
	if w.Method != nil {
		if err := w.deliver(&s.Facts); err != nil {
			return err
		}
	}
	if !sayable(s.Facts.Description) {
		return ErrText
	}
	if s.Facts.Endpoint != "" && (len(s.Facts.Endpoint) > stream.LongestEndpoint || c.CheckCalled(s.Facts.Endpoint) != nil) {
		return ErrEndpoint
	}
	return checkHeader(s.Facts.Authorization)
}

func (w Wish) deliver(f *stream.Facts) error {
	f.Endpoint, f.Authorization = "", secret.Token{}
	switch *w.Method {
	case stream.Poll:
		return nil
	case stream.Push:
		if w.Endpoint == nil || *w.Endpoint == "" {
			return ErrEndpoint
		}
		f.Endpoint = *w.Endpoint
		if w.Authorization != nil {
			f.Authorization = *w.Authorization
		}
		return nil
	}
	return ErrMethod
}

func sayable(text string) bool {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > stream.LongestText {
		return false
	}
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// checkHeader takes what may stand in a header (RFC 9110 §5.5).
func checkHeader(t secret.Token) error {
	text := t.Reveal()
	if len(text) > stream.LongestHeader {
		return ErrText
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return ErrText
		}
	}
	return nil
}
