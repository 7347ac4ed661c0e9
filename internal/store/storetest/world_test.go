// Package storetest owns the proof of the store: every verb on both databases, and every single-use verb raced. It refuses to know how the
// store does it: it looks at the rows only through a second connection, as a thief or an operator would.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/id"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// start is when every test's clock begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is one service's database, with a clock that stands still until a test moves it.
type world struct {
	*testing.T
	db   *store.DB
	url  string
	keys *secret.Keeper
	now  time.Time
	once sync.Once
	raw  *sql.DB
}

// each runs a test on both engines, each with an empty database of its own.
func each(t *testing.T, f func(w *world)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) { f(newWorld(t, url)) })
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{T: t, url: url, keys: teststore.Keys(t), now: start}
	w.db = w.open()
	return w
}

// open connects one more node to the same database.
func (w *world) open() *store.DB {
	w.Helper()
	db, err := store.Open(context.Background(), store.Options{URL: w.url, Keys: w.keys}, w.now)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = db.Close() }) // some tests close it themselves
	return db
}

func (w *world) ctx() context.Context { return context.Background() }

// must ends the test on an error.
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

// sql is the second connection to the database, which knows nothing of the store.
func (w *world) sql() *sql.DB {
	w.Helper()
	w.once.Do(func() {
		driver, dsn := "pgx", w.url
		if path, is := strings.CutPrefix(w.url, "sqlite:"); is {
			driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
		}
		db, err := sql.Open(driver, dsn)
		w.must(err)
		w.raw = db
		w.Cleanup(func() { _ = db.Close() })
	})
	return w.raw
}

// tamper changes rows behind the store's back and returns how many.
func (w *world) tamper(text string, args ...any) int64 {
	w.Helper()
	r, err := w.sql().Exec(text, args...)
	w.must(err)
	n, err := r.RowsAffected()
	w.must(err)
	return n
}

// number reads one number behind the store's back.
func (w *world) number(text string, args ...any) (n int64) {
	w.Helper()
	w.must(w.sql().QueryRow(text, args...).Scan(&n))
	return n
}

// text reads one text behind the store's back.
func (w *world) text(text string, args ...any) (s string) {
	w.Helper()
	w.must(w.sql().QueryRow(text, args...).Scan(&s))
	return s
}

func (w *world) act(action audit.Action, accountID string) audit.Act {
	return audit.New(w.now, action, audit.CLI, accountID)
}

// person writes an account called name, with the address name@example.org and that user name.
func (w *world) person(name string) account.Account {
	w.Helper()
	return teststore.Person(w, w.db, name, w.now, nil)
}

// draft is an account that is not in the database yet.
func (w *world) draft(name string) (account.Account, []account.Handle) {
	w.Helper()
	a := teststore.Draft(w, w.db, name, w.now)
	handles, err := a.Handles()
	w.must(err)
	return a, handles
}

func (w *world) mail(address string) account.Handle {
	w.Helper()
	_, h, err := account.EmailHandle(address)
	w.must(err)
	return h
}

func (w *world) name(name string) account.Handle {
	w.Helper()
	_, h, err := account.UserNameHandle(name)
	w.must(err)
	return h
}

// signIn is a sign-in that is about to be opened for an account, stamped now.
func (w *world) signIn(a account.Account) credential.SignIn {
	w.Helper()
	f, err := w.db.ReadClock(w.ctx())
	w.must(err)
	standing, err := w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	return credential.SignIn{
		Device: device.Device{
			ID: id.New(w.now), AccountID: a.ID, Kind: device.Browser, Name: "Firefox on Linux", Product: "Firefox", Method: "password",
			Seen: device.Seen{Address: "192.0.2.7", Place: "Lyon, France"},
		},
		Token: secret.NewToken(), Stamp: credential.StampNow(f, standing.Standing), FreshAt: w.now,
	}
}

// signedIn opens a sign-in of an account and returns it with its credential's hash.
func (w *world) signedIn(a account.Account) (credential.SignIn, string) {
	w.Helper()
	s := w.signIn(a)
	w.openSignIn(s)
	return s, w.find(credential.Browser, s.Token).Hash
}

func (w *world) openSignIn(s credential.SignIn) {
	w.Helper()
	acted, trimmed := w.act(audit.SignedIn, s.Device.AccountID), w.act(audit.DevicesTrimmed, s.Device.AccountID)
	w.must(w.db.OpenSignIn(w.ctx(), credential.Attempt{At: w.now}, credential.Candidate{}, s, acted, trimmed))
}

// find returns a stored credential, or ends the test.
func (w *world) find(kind credential.Kind, token secret.Token) credential.Found {
	w.Helper()
	f, err := w.db.FindCredential(w.ctx(), kind, token)
	w.must(err)
	return f
}

// resolve asks the one resolver whether a presented credential counts now.
func (w *world) resolve(kind credential.Kind, token secret.Token) error {
	if kind == credential.Refresh || kind == credential.Access || kind == credential.ClientAccess || kind == credential.DeviceToken || kind == credential.ServerStanding || kind == credential.ServerAccess { // what finds them is part of what is presented
		f, err := w.db.FindCredential(w.ctx(), kind, token)
		if err == nil {
			err = credential.Judge(f, w.now)
		}
		return err
	}
	r := credential.Resolver{Store: w.db, Now: func() time.Time { return w.now }}
	_, err := r.Resolve(w.ctx(), kind, token)
	return err
}

// link mints a link of a kind and returns it with its hash.
func (w *world) link(kind credential.Kind, a account.Account) (secret.Token, string) {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	l := credential.Link{Kind: kind, Token: secret.NewToken(), AccountID: a.ID, Stamp: credential.StampNow(clock, a.Standing)}
	w.must(w.db.Record(w.ctx(), w.act(audit.ResetAsked, a.ID).Linking(l)))
	return l.Token, w.find(kind, l.Token).Hash
}

// racers is how many goroutines race for one thing.
const racers = 8

// race runs f in racers goroutines at once on alternating nodes; exactly one may return nil, the others lose.
func (w *world) race(lose error, f func(db *store.DB, i int) error) (winner int) {
	w.Helper()
	winner = -1
	won := 0
	for i, err := range w.parallel(racers, f) {
		if err == nil {
			winner = i
			won++
		} else if !errors.Is(err, lose) {
			w.Errorf("racer %d got %v, want %v", i, err, lose)
		}
	}
	if won != 1 {
		w.Fatalf("%d of %d racers won", won, racers)
	}
	return winner
}

// all runs f in racers goroutines at once on alternating nodes and returns how many got an error, which must be one of allowed.
func (w *world) all(f func(db *store.DB, i int) error, allowed ...error) (failed int) {
	w.Helper()
	for _, err := range w.parallel(racers, f) {
		if err == nil {
			continue
		}
		failed++
		if !slices.ContainsFunc(allowed, func(want error) bool { return errors.Is(err, want) }) {
			w.Errorf("one of many at once got %v", err)
		}
	}
	return failed
}

// parallel runs f in n goroutines at once on alternating nodes.
func (w *world) parallel(n int, f func(db *store.DB, i int) error) []error {
	w.Helper()
	nodes := []*store.DB{w.db, w.open()}
	errs := make([]error, n)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-gate
			errs[i] = f(nodes[i%len(nodes)], i)
		})
	}
	close(gate)
	wg.Wait()
	return errs
}

// count fails the test unless a table holds want rows that match.
func (w *world) count(want int64, where string, args ...any) {
	w.Helper()
	if n := w.number("SELECT COUNT(*) FROM "+where, args...); n != want {
		w.Errorf("%d rows in %s, want %d", n, where, want)
	}
}

// recorded fails the test unless an act stands in the audit log so often.
func (w *world) recorded(action audit.Action, want int) {
	w.Helper()
	entries, err := w.db.ListAudit(w.ctx(), audit.Filter{Action: action, Limit: 1000})
	w.must(err)
	if len(entries) != want {
		w.Errorf("%s is recorded %d times, want %d", action, len(entries), want)
	}
}

// tells finds one entry of an action in the record of an account, by somebody else, with these details and no other: where that one was is nobody else's to know.
func (w *world) tells(about account.Account, action audit.Action, by account.Account, detail map[string]string) {
	w.Helper()
	entries, err := w.db.ListAudit(w.ctx(), audit.Filter{AccountID: about.ID, Action: action, Limit: 1000})
	w.must(err)
	if len(entries) != 1 || entries[0].Actor != by.ID || !maps.Equal(entries[0].Detail, detail) {
		w.Errorf("%s: %+v, want one by %s with %v", action, entries, by.ID, detail)
	}
}

func label(i int) string { return fmt.Sprintf("person%04d", i) }
