package incident

import (
	"context"

	"usher/internal/audit"
	"usher/internal/notice"
)

// Withdraw ends an incident that was declared by mistake, or goes on ending it where it was stopped: old passwords count again, sign-ins stay
// ended. Every administrator is told, for nobody is asked first. ErrState, ErrNotFound.
func (s *Service) Withdraw(ctx context.Context, by, incidentID string) error {
	i, err := s.Store.LoadIncident(ctx, incidentID)
	if err != nil {
		return err
	}
	if i.State != Withdrawn {
		act := s.act(audit.IncidentWithdrawn, by, i)
		admins, err := s.administrators(ctx)
		if err != nil {
			return err
		}
		said := notice.IncidentWithdrawn
		if i.State == Proposed {
			said = notice.ProposalWithdrawn
		}
		if err := s.Store.WithdrawIncident(ctx, incidentID, i.State, telling(act, admins, i, said)); err != nil {
			return stateOf(err)
		}
	}
	for last, first := "", true; first || last != ""; first = false {
		if last, err = s.Store.UnlistIncident(ctx, incidentID, last); err != nil {
			return err
		}
	}
	return s.Folder.Remove(incidentID)
}
