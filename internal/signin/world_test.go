package signin_test

import (
	"log/slog"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
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
	w.flow = teststore.SignIn(w.db, w.pool, clock, slog.New(slog.DiscardHandler))
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
	w.now = w.now.Add(time.Millisecond)
	a := teststore.Member(w, w.db, w.pool, name, password, w.now)
	if factor {
		w.keys[a.ID] = teststore.TurnOnFactor(w, w.db, a.ID, w.now)
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
	return teststore.Recorded(w, w.db, accountID, action)
}

func (w *world) mails(kind notice.Kind) int {
	w.Helper()
	return teststore.Mailed(w, w.db, kind)
}
