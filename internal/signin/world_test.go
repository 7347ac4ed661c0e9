package signin_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// world is an instance on a real store with real hashes, and a clock that the test moves.
type world struct {
	*testing.T
	db   *store.DB
	pool *argon2id.Pool
	flow *signin.Service
	now  time.Time
	keys map[string]secret.Token // authenticators, by account
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) { test(newWorld(t, url)) })
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC), keys: map[string]secret.Token{}}
	w.db, w.pool = teststore.Open(t, url, w.now), teststore.Hasher(t, 200)
	clock := func() time.Time { return w.now }
	w.flow = &signin.Service{
		Store: w.db, Hasher: w.pool, Resolver: &credential.Resolver{Store: w.db, Now: clock}, Factors: &mfa.Checker{Store: w.db, Hasher: w.pool, Now: clock},
		Now: clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// person makes an account with a password and, where one is wanted, a second factor.
func (w *world) person(name, password string, factor bool) account.Account {
	w.Helper()
	phc := ""
	if password != "" {
		var err error
		phc, err = w.pool.Hash(w.Context(), []byte(password))
		w.must(err)
	}
	w.now = w.now.Add(time.Millisecond)
	a := teststore.Person(w, w.db, name, w.now, func(a *account.Account) { a.Password = phc })
	if factor {
		w.keys[a.ID] = mfa.NewKey()
		w.must(w.db.TurnOnFactor(w.Context(), credential.NewFactor{AccountID: a.ID, Key: w.keys[a.ID]}, audit.Act{At: w.now}))
	}
	return a
}

// code is what the authenticator of an account shows, some steps from now.
func (w *world) code(a account.Account, steps int64) string {
	return mfa.Code(w.keys[a.ID], mfa.Step(w.now)+steps).Reveal()
}

// evaluations counts the hashes of one act.
func (w *world) evaluations(act func()) uint64 {
	before := w.pool.Evaluations()
	act()
	return w.pool.Evaluations() - before
}

func (w *world) devices(a account.Account) []device.Device {
	w.Helper()
	all, err := w.db.ListDevices(w.Context(), a.ID)
	w.must(err)
	return all
}

func (w *world) recorded(accountID string, action audit.Action) int {
	w.Helper()
	entries, err := w.db.ListAudit(w.Context(), audit.Filter{AccountID: accountID, Action: action, Limit: 1000})
	w.must(err)
	return len(entries)
}

func (w *world) mails(kind notice.Kind) (n int) {
	w.Helper()
	waiting, err := w.db.WaitingMail(w.Context(), 1000)
	w.must(err)
	for _, m := range waiting {
		if m.Kind == kind {
			n++
		}
	}
	return n
}
