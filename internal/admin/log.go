package admin

import (
	"context"

	"usher/internal/audit"
)

// Log is one page of the audit log, newest first.
type Log struct {
	Entries []audit.Entry
	Names   map[string]string // what to call accounts that appear in it; those that are gone are missing
	Next    string            // for audit.Filter.Before; empty: no more
}

// Audit reads the log; the filter's Limit is PageSize whatever it says.
func (s *Service) Audit(ctx context.Context, f audit.Filter) (l Log, err error) {
	f.Limit = PageSize + 1
	if l.Entries, err = s.Store.ListAudit(ctx, f); err != nil {
		return l, err
	}
	l.Entries, l.Next = cut(l.Entries, func(e audit.Entry) string { return e.ID })
	l.Names, err = s.names(ctx, l.Entries)
	return l, err
}

// names looks up what to call whoever acted and whomever it concerned.
func (s *Service) names(ctx context.Context, entries []audit.Entry) (map[string]string, error) {
	seen := map[string]bool{"": true, audit.System: true, audit.CLI: true}
	var ids []string
	for _, e := range entries {
		for _, one := range []string{e.AccountID, e.Actor} {
			if !seen[one] {
				seen[one] = true
				ids = append(ids, one)
			}
		}
	}
	return s.Store.NameAccounts(ctx, ids)
}
