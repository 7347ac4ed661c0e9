package admin

import (
	"context"
	"errors"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/id"
)

// Query is what an operator looks for; empty fields do not narrow.
type Query struct {
	Text   string // a whole address, user name or number; a part of a name only where AnyPart says so
	State  account.State
	Before string // the Next of the page before
}

// Row is one account in a listing.
type Row struct {
	account.Account
	LastSeen time.Time // zero when nothing is signed in
}

// Listing is one page of accounts, newest first.
type Listing struct {
	Rows []Row
	Next string // for Query.Before; empty: no more
}

// AnyPart reports whether a search finds parts of names: only while there are at most account.MostScanned accounts, because each one has to
// be opened to be compared.
func (s *Service) AnyPart(ctx context.Context) (bool, error) {
	return s.Store.AtMostAccounts(ctx, account.MostScanned)
}

// Search lists accounts. It ends with its context's error when opening them takes too long.
func (s *Service) Search(ctx context.Context, q Query) (Listing, error) {
	found, err := s.search(ctx, q)
	if err != nil {
		return Listing{}, err
	}
	found, next := cut(found, func(a account.Account) string { return a.ID })
	ids := make([]string, len(found))
	for i, a := range found {
		ids[i] = a.ID
	}
	seen, err := s.Store.LastSeen(ctx, ids)
	if err != nil {
		return Listing{}, err
	}
	l := Listing{Rows: make([]Row, len(found)), Next: next}
	for i, a := range found {
		l.Rows[i] = Row{a, seen[a.ID]}
	}
	return l, nil
}

func (s *Service) search(ctx context.Context, q Query) ([]account.Account, error) {
	f := account.Filter{State: q.State, Before: q.Before, Limit: PageSize + 1}
	text := strings.TrimSpace(q.Text)
	if text == "" {
		return s.Store.ListAccounts(ctx, f)
	}
	anyPart, err := s.AnyPart(ctx)
	if err != nil {
		return nil, err
	}
	if anyPart {
		found, err := s.Store.ScanAccounts(ctx, f, text)
		if err != nil || len(found) > 0 || q.Before != "" {
			return found, err
		}
	}
	a, err := s.Find(ctx, text) // a spelling that no part shows, such as another script's capitals, still finds its handle
	if errors.Is(err, account.ErrNotFound) || err == nil && q.State != "" && a.State != q.State {
		return nil, nil
	}
	return []account.Account{a}, err
}

// Find returns the account of a whole address, user name or number; account.ErrNotFound.
func (s *Service) Find(ctx context.Context, typed string) (account.Account, error) {
	typed = strings.TrimSpace(typed)
	if id.Valid(typed) {
		a, err := s.Store.LoadAccount(ctx, typed)
		if !errors.Is(err, account.ErrNotFound) {
			return a, err
		}
	}
	return s.Store.FindAccount(ctx, account.LoginHandle(typed))
}
