package profile

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/notice"
)

// ErasingStore destroys accounts whose grace is over, and leaves the act of each in the same transaction.
type ErasingStore interface {
	Erase(ctx context.Context, now time.Time, limit int, farewell func(account.Account) audit.Act) (erased int, err error)
}

// mostErased bounds how many accounts one turn erases.
const mostErased = 100

// Erase destroys accounts whose grace is over, and says so to every address they had: the last mail those get.
func Erase(ctx context.Context, s ErasingStore, now time.Time) error {
	_, err := s.Erase(ctx, now, mostErased, func(a account.Account) audit.Act {
		act := audit.New(now, audit.AccountErased, audit.System, "")
		for _, to := range a.NoticeAddresses() {
			act = act.Telling(notice.DeletionDone(to, a.Name, now))
		}
		return act
	})
	return err
}
