package incident

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"usher/internal/audit"
	"usher/internal/credential"
)

// Missing returns the incidents beside the key ring that the database lacks, as one restored from before them does.
func (s *Service) Missing(ctx context.Context) ([]Incident, error) {
	return s.filed(ctx, func(_ Incident, err error) bool { return errors.Is(err, ErrNotFound) })
}

// Unfinished returns the incidents beside the key ring whose listing was stopped.
func (s *Service) Unfinished(ctx context.Context) ([]Incident, error) {
	return s.filed(ctx, func(i Incident, err error) bool { return err == nil && i.State == Listing })
}

func (s *Service) filed(ctx context.Context, wanted func(Incident, error) bool) (some []Incident, err error) {
	files, err := s.Folder.Files()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		i, err := s.Store.LoadIncident(ctx, f.ID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if wanted(i, err) {
			some = append(some, f.Incident)
		}
	}
	return some, nil
}

// Begun returns the incident that was begun with the same list and not finished; false when there is none.
func (s *Service) Begun(ctx context.Context, source string) (Incident, bool, error) {
	files, err := s.Folder.Files()
	if err != nil {
		return Incident{}, false, err
	}
	for _, f := range files {
		if f.Source == "" || f.Source != source {
			continue
		}
		i, err := s.Store.LoadIncident(ctx, f.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			return f.Incident, true, nil
		case err != nil:
			return Incident{}, false, err
		case i.State == Listing:
			return i, true, nil
		}
	}
	return Incident{}, false, nil
}

// Apply declares one incident beside the key ring again, or goes on where its listing was stopped. It acts from now on: the clock steps anew.
func (s *Service) Apply(ctx context.Context, by, incidentID string, progress func(done, total int64)) (Incident, error) {
	if !s.Folder.Has(incidentID) {
		return Incident{}, ErrNotFound
	}
	f, err := s.Folder.read(incidentID, nil)
	if err != nil {
		return Incident{}, err
	}
	i, err := s.Store.LoadIncident(ctx, incidentID)
	if errors.Is(err, ErrNotFound) {
		i = f.Incident
		i.Epoch, i.State = 0, Open
		if i.Scope == List {
			i.State = Listing
		}
		i, err = s.Store.DeclareIncident(ctx, i, Console{}, s.act(audit.IncidentApplied, by, i))
		if errors.Is(err, credential.ErrSpent) { // another was faster
			i, err = s.Store.LoadIncident(ctx, incidentID)
		}
	}
	if err != nil || i.State != Listing {
		return i, err
	}
	accounts, err := s.Folder.Accounts(incidentID)
	if err != nil {
		return i, err
	}
	return s.list(ctx, i, slices.Values(accounts), progress)
}

// Keep writes the files of incidents that were declared on another node, and takes away those of withdrawn ones.
func (s *Service) Keep(ctx context.Context) error {
	all, err := s.Store.ListIncidents(ctx, "", PageSize)
	if err != nil {
		return err
	}
	for _, i := range all {
		has := s.Folder.Has(i.ID)
		switch {
		case i.State == Withdrawn && has:
			err = s.Folder.Remove(i.ID)
		case i.State == Open && i.Action == Require && !has:
			err = s.copyFile(ctx, i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) copyFile(ctx context.Context, i Incident) error {
	var accounts []string
	for last, first := "", true; i.Scope == List && (first || last != ""); first = false {
		some, err := s.Store.ListedAccounts(ctx, i.ID, last, listChunk)
		if err != nil {
			return err
		}
		if last = ""; len(some) == listChunk {
			last = some[listChunk-1]
		}
		accounts = append(accounts, some...)
	}
	return s.Folder.Write(File{Incident: i}, slices.Values(accounts))
}

// Refusal is why a service does not start with this database; nil when nothing is missing.
func (s *Service) Refusal(ctx context.Context) error {
	missing, err := s.Missing(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	return fmt.Errorf("this database lacks an incident that was declared on %s (%s), as one that was restored from before it does: the passwords and sign-ins that it ended would count again. "+
		"Apply it again with: usher incident apply (%d to apply). Its file is in %s",
		missing[0].CreatedAt.UTC().Format("2 January 2006, 15:04 UTC"), missing[0].ID, len(missing), s.Folder.Path)
}
