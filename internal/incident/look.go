package incident

import (
	"context"

	"usher/internal/account"
)

// PageSize is how many rows a listing returns at once.
const PageSize = 50

// Progress is how far an incident has come.
type Progress struct {
	Incident
	Waiting int64 // accounts whose owner has not chosen a new password yet
}

// Back is how many have chosen a new password since, or are gone.
func (p Progress) Back() int64 { return max(0, p.Covered-p.Waiting) }

// Status returns an incident and how far it has come. ErrNotFound.
func (s *Service) Status(ctx context.Context, incidentID string) (Progress, error) {
	i, err := s.Store.LoadIncident(ctx, incidentID)
	if err != nil || i.Epoch == 0 {
		return Progress{Incident: i}, err
	}
	n, err := s.Store.CountWaiting(ctx, i)
	return Progress{i, min(n, i.Covered)}, err
}

// Newest returns the newest incident; ErrNotFound when there has been none.
func (s *Service) Newest(ctx context.Context) (Incident, error) {
	all, err := s.Store.ListIncidents(ctx, "", 1)
	if err != nil {
		return Incident{}, err
	}
	if len(all) == 0 {
		return Incident{}, ErrNotFound
	}
	return all[0], nil
}

// List returns incidents, newest first, a page at a time; next is empty on the last.
func (s *Service) List(ctx context.Context, before string) (page []Incident, next string, err error) {
	page, err = s.Store.ListIncidents(ctx, before, PageSize+1)
	if err == nil && len(page) > PageSize {
		page = page[:PageSize]
		next = page[PageSize-1].ID
	}
	return page, next, err
}

// Who returns who has not chosen a new password yet, a page at a time; next is empty on the last.
func (s *Service) Who(ctx context.Context, i Incident, after string) (page []account.Account, next string, err error) {
	page, err = s.Store.ListWaiting(ctx, i, after, PageSize+1)
	if err == nil && len(page) > PageSize {
		page = page[:PageSize]
		next = page[PageSize-1].ID
	}
	return page, next, err
}

// Names returns what to call the accounts that declared incidents; those that are gone are missing.
func (s *Service) Names(ctx context.Context, all ...Incident) (map[string]string, error) {
	var ids []string
	for _, i := range all {
		ids = append(ids, i.Actor, i.Second)
	}
	return s.Store.NameAccounts(ctx, ids)
}
