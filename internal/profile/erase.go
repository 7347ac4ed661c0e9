package profile

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/household"
	"usher/internal/notice"
)

// ErasingStore destroys accounts whose grace is over, and leaves in the same transaction the act of each, and what parting tells others of its Home.
type ErasingStore interface {
	Erase(ctx context.Context, now time.Time, limit int, farewell func(account.Account) audit.Act, parting func(gone, other account.Account, h household.Home) audit.Act) (erased int, err error)
}

// mostErased bounds how many accounts one turn erases.
const mostErased = 100

// Erase destroys accounts whose grace is over, and says so to every address they had: the last mail those get. A Home ends with its owner's account, which its members are
// told; the owner of a Home is told that a member is gone.
func Erase(ctx context.Context, s ErasingStore, now time.Time) error {
	_, err := s.Erase(ctx, now, mostErased, func(a account.Account) audit.Act {
		act := audit.New(now, audit.AccountErased, audit.System, "")
		for _, to := range a.NoticeAddresses() {
			act = act.Telling(notice.DeletionDone(to, a.Name, now))
		}
		return act
	}, func(gone, other account.Account, h household.Home) audit.Act {
		if h.ID == gone.ID {
			return audit.New(now, audit.HomeEnded, audit.System, other.ID).TellOwner(other, func(to string) notice.Notice {
				return notice.HomeEnded(to, other.Name, gone.UserName, now)
			})
		}
		m, _ := h.Of(gone.ID)
		return audit.New(now, audit.HomeMemberLeft, audit.System, other.ID).With(audit.Guest, m.Name).TellOwner(other, func(to string) notice.Notice {
			return notice.HomeLeft(to, other.Name, m.Name, now)
		})
	})
	return err
}
