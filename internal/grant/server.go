package grant

import (
	"context"
	"errors"
	"time"

	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/server"
)

// ServerStore keeps claimed media servers.
type ServerStore interface {
	FindServer(ctx context.Context, id string) (server.Held, error)
	TouchServer(ctx context.Context, id string, now time.Time) error
}

// standing judges a client that is somebody's media server, and notes that it was heard of. *Refusal while it is suspended: whatever it was given before,
// it is given nothing more until its owner brings it back.
func (s *Service) standing(ctx context.Context, c relyingparty.Client) error {
	if c.AccountID == "" {
		return nil
	}
	h, err := s.Store.FindServer(ctx, c.ID)
	if errors.Is(err, server.ErrNotFound) {
		return errClient()
	}
	if err != nil {
		return err
	}
	now := s.Now()
	if st := h.Standing(now); st.State != server.Good {
		refusal := refuse("unauthorized_client", "the server is suspended: its owner has to bring it back")
		refusal.Standing = string(st.State)
		return refusal
	}
	if now.Sub(h.SeenAt) >= server.SeenEvery {
		return s.Store.TouchServer(ctx, c.ID, now)
	}
	return nil
}

// unlessOutage says of a token what is said of its server: it has ended.
func unlessOutage(err error) error {
	if errors.As(err, new(*Refusal)) {
		return credential.ErrEnded
	}
	return err
}
