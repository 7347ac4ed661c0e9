package admin_test

import (
	"context"
	"slices"
	"testing"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/store"
)

// crowded is a store that says there are too many accounts to open each one.
type crowded struct{ *store.DB }

func (crowded) AtMostAccounts(context.Context, int) (bool, error) { return false, nil }

// found lists the user names a query finds, over all its pages, and how many pages those were.
func (w *world) found(q admin.Query) (names []string, pages int) {
	w.Helper()
	for {
		l, err := w.flow.Search(w.ctx(), q)
		w.must(err)
		pages++
		for _, r := range l.Rows {
			names = append(names, r.UserName)
		}
		if l.Next == "" {
			return names, pages
		}
		if len(l.Rows) != admin.PageSize {
			w.Fatalf("a page that is not the last has %d rows", len(l.Rows))
		}
		q.Before = l.Next
	}
}

func TestSearchByAnyPart(t *testing.T) {
	each(t, func(w *world) {
		w.account("annika", nil)
		w.account("bob", func(a *account.Account) { a.Email = "hannah@else.example" })
		w.account("cyd", func(a *account.Account) { a.Name = "Joanne" })
		w.account("édith", func(a *account.Account) { a.Email, a.Name = "e@example.org", "" })
		for text, want := range map[string][]string{
			"":                    {"édith", "cyd", "bob", "annika", "root"},
			"ann":                 {"cyd", "bob", "annika"},
			"ANN":                 {"cyd", "bob", "annika"},
			" hannah@else ":       {"bob"},
			"@example.org":        {"édith", "cyd", "annika", "root"},
			"the annika":          {"annika"},
			"ÉDITH":               {"édith"},
			"%":                   nil,
			"nobody":              nil,
			"hannah@else.example": {"bob"},
		} {
			if got, _ := w.found(admin.Query{Text: text}); !slices.Equal(got, want) {
				t.Errorf("%q finds %v, want %v", text, got, want)
			}
		}
		any, err := w.flow.AnyPart(w.ctx())
		w.must(err)
		if !any {
			t.Error("parts are not searched for")
		}
	})
}

func TestSearchInACrowdFindsWholeNamesOnly(t *testing.T) {
	each(t, func(w *world) {
		w.flow.Store = crowded{w.db}
		ann := w.account("annika", nil)
		for text, want := range map[string][]string{
			"annika": {"annika"}, "ANNIKA": {"annika"}, "annika@example.org": {"annika"}, "Annika@Example.org ": {"annika"}, ann.ID: {"annika"},
			"ann": nil, "example.org": nil, "The annika": nil,
		} {
			if got, _ := w.found(admin.Query{Text: text}); !slices.Equal(got, want) {
				t.Errorf("%q finds %v, want %v", text, got, want)
			}
		}
		if got, _ := w.found(admin.Query{Text: "annika", State: account.Locked}); got != nil {
			t.Errorf("among the locked it finds %v", got)
		}
		if got, _ := w.found(admin.Query{}); len(got) != 2 {
			t.Errorf("the listing has %v", got)
		}
	})
}

func TestPagesHaveEveryAccountOnce(t *testing.T) {
	each(t, func(w *world) {
		var locked []string
		made := w.crowd(2*admin.PageSize+20, func(i int, a *account.Account) {
			if i%2 == 0 {
				a.State = account.Locked
				locked = append(locked, a.UserName)
			}
		})
		slices.Reverse(made)
		slices.Reverse(locked)
		for _, text := range []string{"person", ""} {
			got, pages := w.found(admin.Query{Text: text, State: account.Locked})
			w.same(got, locked)
			if pages != 2 {
				t.Errorf("%d pages of locked accounts, want 2", pages)
			}
		}
		got, pages := w.found(admin.Query{Text: "person"})
		w.same(got, made)
		if pages != 3 {
			t.Errorf("%d pages, want 3", pages)
		}

		first, err := w.flow.Search(w.ctx(), admin.Query{})
		w.must(err)
		w.account("newcomer", nil) // comes before the first page and shifts nothing
		next, err := w.flow.Search(w.ctx(), admin.Query{Before: first.Next})
		w.must(err)
		if got, want := next.Rows[0].UserName, made[admin.PageSize]; got != want {
			t.Errorf("the second page begins with %s, want %s", got, want)
		}
	})
}

func TestExactlyOnePageHasNoNext(t *testing.T) {
	each(t, func(w *world) {
		w.crowd(admin.PageSize-1, func(int, *account.Account) {})
		l, err := w.flow.Search(w.ctx(), admin.Query{})
		w.must(err)
		if len(l.Rows) != admin.PageSize || l.Next != "" {
			t.Errorf("%d rows, next %q", len(l.Rows), l.Next)
		}
	})
}

func TestListingsTellWhenSomebodyWasSeen(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		w.signIn(ann)
		seen := w.now
		l, err := w.flow.Search(w.ctx(), admin.Query{})
		w.must(err)
		if !l.Rows[0].LastSeen.Equal(seen) || !l.Rows[1].LastSeen.IsZero() {
			t.Errorf("ann was seen %s, root %s", l.Rows[0].LastSeen, l.Rows[1].LastSeen)
		}
	})
}

func TestFind(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		for _, typed := range []string{"ann", "ANN", "ann@example.org", " Ann@EXAMPLE.org", ann.ID, ann.ID + " "} {
			a, err := w.flow.Find(w.ctx(), typed)
			w.must(err)
			if a.ID != ann.ID {
				t.Errorf("%q is %s", typed, a.ID)
			}
		}
		for _, typed := range []string{"", "an", "ann@", "\x00", "\xff", ann.ID[1:]} {
			_, err := w.flow.Find(w.ctx(), typed)
			w.is(err, account.ErrNotFound)
		}
	})
}

func TestSearchStopsWithItsContext(t *testing.T) {
	each(t, func(w *world) {
		ctx, cancel := context.WithCancel(w.ctx())
		cancel()
		_, err := w.flow.Search(ctx, admin.Query{Text: "ann"})
		w.is(err, context.Canceled)
	})
}
