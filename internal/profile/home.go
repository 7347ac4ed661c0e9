package profile

import (
	"context"
	"errors"
	"time"

	"usher/internal/household"
)

// DataHome is the Home that the person is in.
type DataHome struct {
	Yours    bool           `json:"yours"`
	JoinedAt time.Time      `json:"joined_at"`
	AsksPIN  bool           `json:"asks_for_pin"` // of whoever switches to the person
	Members  []DataMember   `json:"members"`      // the person too
	Invited  []DataInvited  `json:"invited"`      // by the person
	Switched []DataSwitched `json:"switched"`     // for the owner all that is, for others what concerns them
}

// DataMember is somebody of the Home as the others see them.
type DataMember struct {
	Name     string    `json:"name"`
	You      bool      `json:"you"`
	Owner    bool      `json:"owner"`
	Managed  bool      `json:"managed"` // by the owner, without an account of their own
	Picture  int       `json:"picture,omitempty"`
	JoinedAt time.Time `json:"joined_at"`
}

// DataInvited is somebody whom the person has invited.
type DataInvited struct {
	As string    `json:"as"` // as the person typed it
	At time.Time `json:"invited_at"`
}

// DataSwitched is a device that plays as a member.
type DataSwitched struct {
	As     string    `json:"as"`
	By     string    `json:"on_a_device_of,omitempty"`
	Name   string    `json:"name"`
	At     time.Time `json:"switched_at"`
	UsedAt time.Time `json:"last_used_at"`
}

func (s *Service) homeData(ctx context.Context, accountID string) (*DataHome, error) {
	h, err := s.Store.FindHome(ctx, accountID)
	if errors.Is(err, household.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	you, _ := h.Of(accountID)
	d := &DataHome{Yours: you.IsOwner(), JoinedAt: you.JoinedAt, AsksPIN: you.Protected, Invited: []DataInvited{}, Switched: []DataSwitched{}}
	for _, m := range h.Joined() {
		d.Members = append(d.Members, DataMember{m.Called(), m.ID == you.ID, m.IsOwner(), m.Managed, m.Picture, m.JoinedAt})
	}
	for _, m := range h.Members {
		if m.Waits() && d.Yours {
			d.Invited = append(d.Invited, DataInvited{m.Label, m.InvitedAt})
		}
	}
	switched, err := s.Store.ListSwitched(ctx, h.ID)
	for _, one := range switched {
		as, _ := h.Find(one.Member)
		by, is := h.Find(one.By)
		if !d.Yours && as.ID != you.ID && by.ID != you.ID {
			continue
		}
		shown := DataSwitched{As: as.Called(), Name: one.Name, At: one.CreatedAt, UsedAt: one.UsedAt}
		if is {
			shown.By = by.Called()
		}
		d.Switched = append(d.Switched, shown)
	}
	return d, err
}
