package incident

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/notice"
)

// mostTold bounds how many administrators are told of something.
const mostTold = 1000

// administrators returns them in whatever state: or one could lock the others first, and be alone.
func (s *Service) administrators(ctx context.Context) ([]account.Account, error) {
	return s.Store.ListAccounts(ctx, account.Filter{Admins: true, Limit: mostTold})
}

// telling adds a mail to each of the administrators to an act on an incident. A proposal asks everybody but who makes it.
func telling(act audit.Act, admins []account.Account, i Incident, write func(to, from string, accounts int64, at time.Time) notice.Notice) audit.Act {
	from := ""
	for _, a := range admins {
		if a.ID == act.Done.Actor {
			from = a.Called()
		}
	}
	for _, a := range admins {
		if act.Done.Action != audit.IncidentProposed || a.ID != act.Done.Actor {
			act = act.Telling(write(a.Email, from, i.Covered, act.At).For(a.ID))
		}
	}
	return act
}
