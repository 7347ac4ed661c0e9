package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// world is an instance with one administrator, on a real store, and a clock that the test moves.
type world struct {
	*testing.T
	db   *store.DB
	flow *admin.Service
	now  time.Time
	root account.Account
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) { test(newWorld(t, url)) })
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)}
	w.db = teststore.Open(t, url, w.now)
	w.flow = &admin.Service{Store: w.db, Now: func() time.Time { return w.now }}
	w.root = w.account("root", func(a *account.Account) { a.Admin = true })
	return w
}

func (w *world) ctx() context.Context { return w.Context() }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// is fails the test unless err is want.
func (w *world) is(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

// by is the administrator, as an actor.
func (w *world) by() admin.Actor { return admin.Actor(w.root.ID) }

// account makes an account called name, with the address name@example.org, the user name name and a display name.
func (w *world) account(name string, change func(*account.Account)) account.Account {
	w.Helper()
	w.now = w.now.Add(time.Millisecond) // so that numbers are in the order of making
	return teststore.Person(w, w.db, name, w.now, change)
}

// crowd makes n accounts at once, called person000 and on, and returns their names.
func (w *world) crowd(n int, change func(i int, a *account.Account)) (names []string) {
	w.Helper()
	_, err := w.db.LoadAccounts(w.ctx(), func() (account.Account, error) {
		i := len(names)
		if i == n {
			return account.Account{}, io.EOF
		}
		w.now = w.now.Add(time.Millisecond)
		name := fmt.Sprintf("person%03d", i)
		a := teststore.Draft(w, w.db, name, w.now)
		change(i, &a)
		names = append(names, name)
		return a, nil
	})
	w.must(err)
	return names
}

// twoAddresses is a person with a second address for notices.
func (w *world) twoAddresses(name string) account.Account {
	w.Helper()
	return w.account(name, func(a *account.Account) { a.NoticeEmail = name + "@second.example" })
}

func (w *world) load(a account.Account) account.Account {
	w.Helper()
	found, err := w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	return found
}

// signIn signs a browser in and returns its token.
func (w *world) signIn(a account.Account) secret.Token {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	in := credential.NewSignIn(a.ID, "password", device.Client{UserAgent: "Firefox/140.0 Linux"}, w.now)
	in.Stamp = credential.StampNow(clock, w.load(a).Standing)
	w.must(w.db.OpenSignIn(w.ctx(), credential.Attempt{At: w.now}, credential.Candidate{}, in, audit.New(w.now, audit.SignedIn, a.ID, a.ID), audit.Act{}))
	return in.Token
}

func (w *world) resolve(kind credential.Kind, t secret.Token) error {
	r := credential.Resolver{Store: w.db, Now: func() time.Time { return w.now }}
	_, err := r.Resolve(w.ctx(), kind, t)
	return err
}

// told lists whom waiting mails of a kind go to, sorted.
func (w *world) told(kind notice.Kind) []string {
	w.Helper()
	waiting, err := w.db.WaitingMail(w.ctx(), 1000)
	w.must(err)
	var to []string
	for _, n := range waiting {
		if n.Kind == kind {
			to = append(to, n.To)
		}
	}
	slices.Sort(to)
	return to
}

// recorded returns the entries of an action on an account ("" for none).
func (w *world) recorded(action audit.Action, accountID string) []audit.Entry {
	w.Helper()
	all, err := w.db.ListAudit(w.ctx(), audit.Filter{Action: action, Limit: 1000})
	w.must(err)
	return slices.DeleteFunc(all, func(e audit.Entry) bool { return e.AccountID != accountID })
}

// recordedBy fails the test unless the action stands exactly once in the log, done by the actor.
func (w *world) recordedBy(by admin.Actor, action audit.Action, accountID string) {
	w.Helper()
	entries := w.recorded(action, accountID)
	if len(entries) != 1 || entries[0].Actor != string(by) {
		w.Errorf("%s is recorded as %+v, want once by %s", action, entries, by)
	}
}

func (w *world) same(got, want []string) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("got %v, want %v", got, want)
	}
}
