package tvlink

import (
	"context"
	"errors"
	"slices"
	"testing"

	"usher/internal/id"
	"usher/internal/linkcode"
	"usher/internal/secret"
	"usher/internal/store"
)

// rivals is the store, where for so many times somebody on another network is given the same short code a moment before.
type rivals struct {
	*store.DB
	left  int
	taken []string
}

func (s *rivals) BeginLink(ctx context.Context, n linkcode.New) error {
	if s.left > 0 {
		s.left--
		first := n
		first.ID, first.Poll, first.Long, first.Network, first.Asker, first.Takes = id.New(n.CreatedAt), secret.NewToken(), linkcode.NewLong(), "somewhere else", "", nil
		first.Most = linkcode.MostAtAll
		if err := s.DB.BeginLink(ctx, first); err != nil {
			return err
		}
		s.taken = append(s.taken, n.Short.Reveal())
	}
	return s.DB.BeginLink(ctx, n)
}

// Attack D1: a code that somebody else was given is made anew, and again, and after some tries with one symbol more; it never leads to the wrong device.
func TestTakenCodesAreMadeAnew(t *testing.T) {
	eachHouse(t, func(h *house) {
		for clashes, length := range map[int]int{0: 4, 1: 4, patience: 5, tries - 1: 4 + (tries-1)/patience} {
			s := &rivals{DB: h.db, left: clashes}
			h.Store = s
			p, err := h.Ask(h.Context(), Asking{Asker: "attic", Client: at("192.0.2.7")})
			if err != nil || s.left > 0 || len(s.taken) != clashes {
				h.Fatalf("after %d clashes: %v, %d came about", clashes, err, len(s.taken))
			}
			if code := p.Short.Reveal(); len(code) != length || slices.Contains(s.taken, code) {
				h.Errorf("after %d clashes a code has %d symbols, want %d", clashes, len(code), length)
			}
			for _, code := range s.taken {
				owner := h.person("owner"+code, "192.0.2.7")
				if ticket, err := h.Enter(h.Context(), owner.Found, owner.Account, code, owner.client); err == nil {
					if asked, err := h.Open(h.Context(), owner.Found, ticket); err != nil || !asked.Elsewhere {
						h.Errorf("a code of somewhere else leads to a device at home: %v", err)
					}
				}
			}
		}
		h.Store = &rivals{DB: h.db, left: tries}
		if _, err := h.Ask(h.Context(), Asking{Asker: "attic", Client: at("192.0.2.7")}); !errors.Is(err, linkcode.ErrFull) {
			h.Errorf("where every code is taken: %v", err)
		}
	})
}
