package grant

import (
	"context"
	"errors"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
)

// ServerStore keeps claimed media servers, and whom they let in.
type ServerStore interface {
	FindServer(ctx context.Context, id string) (server.Held, error)
	TouchServer(ctx context.Context, id string, now time.Time) error
	ListServers(ctx context.Context, accountID string) ([]server.Held, error)
	ListShared(ctx context.Context, accountID string, now time.Time) ([]server.Shared, error)
	FindGroup(ctx context.Context, serverID string, a account.Account, now time.Time) (server.Group, error)
	// FindVisit returns what a token made for a server is judged by; credential.ErrUnknown.
	FindVisit(ctx context.Context, serverID, parent string, now time.Time) (server.Visit, error)
	FindPasswordVisit(ctx context.Context, serverID string, password secret.Token, now time.Time) (server.Visit, error)
	ListPeople(ctx context.Context, serverID string, now time.Time) ([]server.Person, error)
}

// judged returns the media server that a client is; its Found is zero for a client that administrators registered. *Refusal while it is suspended: whatever it
// was given before, it is given nothing more until its owner brings it back.
func (s *Service) judged(ctx context.Context, c relyingparty.Client) (server.Held, error) {
	if c.AccountID == "" {
		return server.Held{}, nil
	}
	h, err := s.Store.FindServer(ctx, c.ID)
	if errors.Is(err, server.ErrNotFound) {
		return h, errClient()
	}
	if err != nil {
		return h, err
	}
	if st := h.Standing(s.Now()); st.State != server.Good {
		refusal := refuse("unauthorized_client", "the server is suspended: its owner has to bring it back")
		refusal.Standing = string(st.State)
		return h, refusal
	}
	return h, nil
}

// standing is judged for a client that has just proved itself: so it was heard of.
func (s *Service) standing(ctx context.Context, c relyingparty.Client) error {
	h, err := s.judged(ctx, c)
	if now := s.Now(); err == nil && h.ID != "" && now.Sub(h.SeenAt) >= server.SeenEvery {
		return s.Store.TouchServer(ctx, c.ID, now)
	}
	return err
}

// unlessOutage says of a token what is said of its server: it has ended.
func unlessOutage(err error) error {
	if errors.As(err, new(*Refusal)) {
		return credential.ErrEnded
	}
	return err
}

// open reports whether a client is no suspended media server.
func (s *Service) open(ctx context.Context, c relyingparty.Client) (bool, error) {
	_, err := s.judged(ctx, c)
	if errors.As(err, new(*Refusal)) {
		return false, nil
	}
	return err == nil, err
}

// closed answers a request of a suspended media server.
func (s *Service) closed(ctx context.Context, p Pending) (Answer, error) {
	return s.Refuse(ctx, p, "temporarily_unavailable", "the server is suspended: its owner has to bring it back")
}

// met reports whether a client may be answered before its person has pressed anything: any that administrators registered, and a media server that its owner,
// or somebody who agreed to it before, comes from. Any member can be the owner, who would else learn from errors which accounts there are, and whose browser
// it is that was sent here.
func (s *Service) met(ctx context.Context, p Pending, h Holder) (bool, error) {
	if !p.AtServer() || p.Client.Trusted(h.AccountID) {
		return true, nil
	}
	have, err := s.Store.FindConsent(ctx, h.AccountID, p.Client.ID)
	return len(have) > 0, err
}

// introduce is what a request of a media server needs of somebody who has agreed to nothing there. prompt=none does not count.
func (s *Service) introduce(ctx context.Context, p Pending, h Holder) (Step, error) {
	if s.mustProve(p, h) {
		return Prove, nil
	}
	group, err := s.groupOf(ctx, p, h)
	if err != nil || group == server.Nobody {
		return Outside, err
	}
	if open, err := s.open(ctx, p.Client); err != nil || !open {
		return Closed, err
	}
	return Ask, nil
}

// admitted says whether a request of a media server goes on to be asked about: only for its owner and those on its list, and while it is not suspended.
func (s *Service) admitted(ctx context.Context, p Pending, h Holder) (Step, Answer, error) {
	if !p.AtServer() {
		return Ask, Answer{}, nil
	}
	if open, err := s.open(ctx, p.Client); err != nil || !open {
		if err != nil {
			return Ask, Answer{}, err
		}
		a, err := s.closed(ctx, p)
		return Answered, a, err
	}
	group, err := s.groupOf(ctx, p, h)
	switch {
	case err != nil || group != server.Nobody:
		return Ask, Answer{}, err
	case p.Silent():
		a, err := s.Refuse(ctx, p, "access_denied", "the person is not on the server's list")
		return Answered, a, err
	}
	return Outside, Answer{}, nil
}

// groupOf is what who comes is to the media server that asks, or would be by having come in. Whoever only switched to an account comes in where that one has, and accepts no
// invitation in its place.
func (s *Service) groupOf(ctx context.Context, p Pending, h Holder) (server.Group, error) {
	if !p.AtServer() {
		return server.Nobody, nil
	}
	if h.IsPlayer() {
		open, err := s.playable(ctx, h.AccountID, s.Now())
		if err != nil || !slices.ContainsFunc(open, func(o server.Shared) bool { return o.ID == p.Client.ID }) {
			return server.Nobody, err
		}
	}
	return s.Store.FindGroup(ctx, p.Client.ID, h.Person, s.Now())
}

// groupsOf is what a person is to the media server that a client is; nothing to other clients. Whoever only switched to its owner is a player there.
func (s *Service) groupsOf(ctx context.Context, c relyingparty.Client, f credential.Found, who account.Account) ([]server.Group, error) {
	if c.AccountID == "" {
		return nil, nil
	}
	group, err := s.Store.FindGroup(ctx, c.ID, who, s.Now())
	if err != nil || group == server.Nobody { // it ended a moment ago
		return nil, err
	}
	if group == server.Owner && f.IsPlayer() {
		group = server.Player
	}
	return []server.Group{group}, nil
}
