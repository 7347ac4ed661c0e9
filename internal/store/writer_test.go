package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/secret"
	"usher/internal/testdb"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openTest(t testing.TB, url string) *DB {
	t.Helper()
	ring, err := secret.NewRing()
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(context.Background(), Options{URL: url, Keys: secret.KeeperOf(ring)}, began)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func put(name string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec(context.Background(), `INSERT INTO lease (name, holder, until) VALUES ($1, '', 0)`, name)
		return err
	}
}

func (db *DB) has(t *testing.T, name string) bool {
	t.Helper()
	var n int64
	if err := get(context.Background(), db.engine.read(), `SELECT COUNT(*) FROM lease WHERE name = $1`, []any{name}, &n); err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// together commits transactions in one group, whatever the writer is doing, and returns what each got.
func commitTogether(db *DB, fns ...func(*tx) error) []error {
	jobs := make([]*job, len(fns))
	for i, fn := range fns {
		jobs[i] = &job{ctx: context.Background(), fn: fn, ready: make(chan struct{})}
	}
	return commitJobs(db, jobs)
}

func commitJobs(db *DB, jobs []*job) []error {
	w := db.engine.(*sqliteEngine).writer
	_ = w.do(context.Background(), func(*tx) error { return nil }) // the writer idles from here on
	w.commit(jobs)
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		<-j.ready
		errs[i] = j.err
	}
	return errs
}

func TestGroupOneFailureHarmsNoOther(t *testing.T) {
	db := openTest(t, testdb.SQLite(t))
	broken := errors.New("broken")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	left, leave := context.WithCancel(context.Background())
	jobs := []*job{
		{ctx: context.Background(), fn: put("first")},
		{ctx: context.Background(), fn: func(t *tx) error { return errors.Join(put("failed")(t), broken) }},
		{ctx: context.Background(), fn: func(t *tx) error { _ = put("panicked")(t); panic("oops") }},
		{ctx: gone, fn: put("gone")},
		{ctx: context.Background(), fn: func(t *tx) error { _ = put("bad sql")(t); _, err := t.exec(context.Background(), "NO SQL"); return err }},
		{ctx: left, fn: func(t *tx) error { // its caller leaves in the middle: what was begun is done
			leave()
			_, err := t.exec(left, `INSERT INTO lease (name, holder, until) VALUES ('left', '', 0)`)
			return err
		}},
		{ctx: context.Background(), fn: put("last")},
	}
	for _, j := range jobs {
		j.ready = make(chan struct{})
	}
	errs := commitJobs(db, jobs)
	for i, want := range []string{"", "broken", "panicked: oops", "context canceled", "syntax error", "", ""} {
		if got := fmt.Sprint(errs[i]); want == "" && errs[i] != nil || !strings.Contains(got, want) {
			t.Errorf("transaction %d got %v, want %q", i, errs[i], want)
		}
	}
	for name, want := range map[string]bool{"first": true, "failed": false, "panicked": false, "gone": false, "bad sql": false, "left": true, "last": true} {
		if db.has(t, name) != want {
			t.Errorf("%s was kept: %v", name, !want)
		}
	}
}

// fill limits the file to a few pages more than it has.
func (db *DB) fill(t *testing.T, more int64) {
	t.Helper()
	w := db.engine.(*sqliteEngine).writer
	var pages, limit int64
	ctx := context.Background()
	if err := w.conn.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if err := w.conn.QueryRowContext(ctx, fmt.Sprintf("PRAGMA max_page_count(%d)", pages+more)).Scan(&limit); err != nil {
		t.Fatal(err)
	}
}

// A full disk fails the transaction that needs room, and no other; there is no need to start anew when there is room again.
func TestDiskFull(t *testing.T) {
	db := openTest(t, testdb.SQLite(t))
	big := func(name string) func(*tx) error {
		return func(t *tx) error {
			if err := put(name)(t); err != nil {
				return err
			}
			_, err := t.exec(context.Background(), `INSERT INTO lease (name, holder, until) VALUES ($1, $2, 0)`, name+" 2", strings.Repeat("x", 1<<20))
			return err
		}
	}
	hidden := func(t *tx) error { // does not look at its error
		_ = big("hidden")(t)
		return nil
	}
	db.fill(t, 8)
	errs := commitTogether(db, put("first"), big("big"), put("second"), hidden, put("third"))
	for i, want := range []error{nil, ErrUnavailable, nil, ErrUnavailable, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("transaction %d got %v, want %v", i, errs[i], want)
		}
	}
	for name, want := range map[string]bool{"first": true, "big": false, "second": true, "hidden": false, "third": true} {
		if db.has(t, name) != want {
			t.Errorf("%s was kept: %v", name, !want)
		}
	}
	a := account.Account{Standing: account.Standing{ID: "a", State: account.Active}, Name: strings.Repeat("x", 1<<20)}
	if err := db.CreateAccount(context.Background(), a, nil, audit.Act{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a verb on a full disk: %v", err)
	}
	if _, err := db.ReadClock(context.Background()); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	db.fill(t, 1<<20)
	if err := db.CreateAccount(context.Background(), a, nil, audit.Act{}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// Another process holds the file: writers give up together, each after one wait and not after the sum of all.
func TestFileHeldByAnotherProcess(t *testing.T) {
	url := testdb.SQLite(t)
	db := openTest(t, url)
	other, err := openSQLite(context.Background(), strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.close() })
	holding, free := make(chan struct{}), make(chan struct{})
	var held error
	var wg sync.WaitGroup
	wg.Go(func() {
		held = other.write(context.Background(), func(*tx) error {
			close(holding)
			<-free
			return nil
		})
	})
	<-holding
	if _, err := db.engine.(*sqliteEngine).writer.conn.ExecContext(context.Background(), "PRAGMA busy_timeout(20)"); err != nil {
		t.Fatal(err)
	}
	for i, err := range commitTogether(db, put("first"), put("second")) {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("transaction %d got %v", i, err)
		}
	}
	if _, err := db.ReadClock(context.Background()); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	close(free)
	wg.Wait()
	if held != nil {
		t.Error(held)
	}
	if err := db.engine.write(context.Background(), put("third")); err != nil || db.has(t, "first") || !db.has(t, "third") {
		t.Errorf("after: %v", err)
	}
}

func TestCloseWhileWaiting(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		db := openTest(t, url)
		running, free := make(chan struct{}), make(chan struct{})
		results := make(chan error, 200)
		var wg sync.WaitGroup
		wg.Go(func() {
			results <- db.engine.write(context.Background(), func(t *tx) error {
				close(running)
				<-free
				return put("running")(t)
			})
		})
		<-running
		for i := range 150 { // more than the queue holds
			wg.Go(func() { results <- db.engine.write(context.Background(), put(fmt.Sprint("waiting ", i))) })
		}
		closed := make(chan error)
		go func() { closed <- db.Close() }()
		close(free)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		wg.Wait()
		close(results)
		done := int64(0)
		for err := range results {
			if err == nil {
				done++
			} else if !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		}
		if err := db.engine.write(context.Background(), put("late")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("after closing: %v", err)
		}
		again := &DB{}
		ring, err := secret.NewRing()
		if err != nil {
			t.Fatal(err)
		}
		if again.engine, err = reopen(url); err != nil {
			t.Fatal(err)
		}
		again.keys = secret.KeeperOf(ring)
		t.Cleanup(func() { _ = again.Close() })
		var n int64
		if err := get(context.Background(), again.engine.read(), `SELECT COUNT(*) FROM lease`, nil, &n); err != nil || n != done {
			t.Errorf("%d acknowledged, %d are there, %v", done, n, err)
		}
	})
}

func reopen(url string) (engine, error) {
	if path, is := strings.CutPrefix(url, "sqlite:"); is {
		return openSQLite(context.Background(), path)
	}
	return openPostgres(context.Background(), url, 2)
}

func TestPostgresRunsBrokenUpTransactionsAgain(t *testing.T) {
	db := openTest(t, testdb.Postgres(t))
	ctx := context.Background()
	for _, name := range []string{"a", "b"} {
		if err := db.engine.write(ctx, put(name)); err != nil {
			t.Fatal(err)
		}
	}
	var ready, wg sync.WaitGroup
	ready.Add(2)
	runs := [2]int{}
	for i, order := range [][]string{{"a", "b"}, {"b", "a"}} { // each holds what the other wants next
		wg.Go(func() {
			err := db.engine.write(ctx, func(t *tx) error {
				runs[i]++
				for step, name := range order {
					if _, err := t.exec(ctx, `UPDATE lease SET until = until + 1 WHERE name = $1`, name); err != nil {
						return err
					}
					if step == 0 && runs[i] == 1 {
						ready.Done()
						ready.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs[0]+runs[1] < 3 {
		t.Error("nothing was broken up")
	}
	var sum int64
	if err := get(ctx, db.engine.read(), `SELECT CAST(SUM(until) AS BIGINT) FROM lease`, nil, &sum); err != nil || sum != 4 {
		t.Errorf("counted %d, %v", sum, err)
	}
}

// An error that comes with the rows is an error, and not "no row": that would sign people out.
func TestErrorsAreNotAbsence(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		db := openTest(t, url)
		var one int64
		for _, q := range []string{"SELECT 1 / CAST($1 AS BIGINT)", "SELECT id FROM nowhere WHERE 1 = $1", "SELECT name FROM lease WHERE until = CAST($1 AS BIGINT) / 0"} {
			err := get(context.Background(), db.engine.read(), q, []any{int64(0)}, &one)
			if db.Engine() == "sqlite" && strings.Contains(q, "/") {
				continue // where a division by zero is NULL
			}
			if err == nil || errors.Is(err, errNoRow) || errors.Is(err, ErrUnavailable) {
				t.Errorf("%s: %v", q, err)
			}
		}
		if err := get(context.Background(), db.engine.read(), "SELECT until FROM lease", nil, &one); !errors.Is(err, errNoRow) {
			t.Errorf("no row: %v", err)
		}
		for _, text := range []string{"a\x00b", "\xff"} {
			if err := db.engine.write(context.Background(), put(text)); !errors.Is(err, ErrText) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
