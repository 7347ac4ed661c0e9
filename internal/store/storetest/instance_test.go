package storetest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// Many nodes start on one empty database at once: one migrates, all work.
func TestOpenManyAtOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) {
		keys := teststore.Keys(t)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				db, err := store.Open(context.Background(), store.Options{URL: url, Keys: keys}, start)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := db.ReadClock(context.Background()); err != nil {
					t.Error(err)
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestOpenRefuses(t *testing.T) {
	each(t, func(w *world) {
		refused := func(what string, o store.Options, now time.Time, want string) {
			if _, err := store.Open(w.ctx(), o, now); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		refused("another ring", store.Options{URL: w.url, Keys: teststore.Keys(t)}, w.now, "key ring")
		_, err := w.db.TickInstance(w.ctx(), w.now.Add(time.Hour))
		w.must(err)
		refused("a clock that went back", store.Options{URL: w.url, Keys: w.keys}, w.now, "clock")
		w.now = w.now.Add(time.Hour)
		w.open()
		w.tamper("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)")
		refused("a newer schema", store.Options{URL: w.url, Keys: w.keys}, w.now, "9999")
	})
}

func TestOpenNeverTellsThePassword(t *testing.T) {
	t.Parallel()
	keys := teststore.Keys(t)
	for _, url := range []string{
		"postgres://usher:hunter2@127.0.0.1:1/usher", "postgres://usher:hunter2@127.0.0.1:port/usher", "postgres://usher:hunter2@[::1/usher",
		"postgres://usher:hunter2@127.0.0.1/usher?sslmode=hunter2", "mysql://usher:hunter2@127.0.0.1/usher", "sqlite:",
	} {
		_, err := store.Open(context.Background(), store.Options{URL: url, Keys: keys}, start)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", strings.ReplaceAll(url, "hunter2", "…"), err)
		}
	}
}

func TestOpenSQLiteAtStrangePaths(t *testing.T) {
	t.Parallel()
	keys := teststore.Keys(t)
	for _, name := range []string{"plain", "with space", "50%", "a?b", "a#b", "ümlaut", "a:b", "a&_pragma=x", "a;b'c\"d"} {
		path := filepath.Join(t.TempDir(), name)
		db, err := store.Open(context.Background(), store.Options{URL: "sqlite:" + path, Keys: keys}, start)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() == 0 && !hasContent(path+"-wal") || info.Mode().Perm() != 0o600 {
			t.Errorf("%q: the file: %v, %v", name, info, err)
		}
		if info, err = os.Stat(path + "-wal"); err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%q: the log can be read by others", name)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func hasContent(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

func TestClose(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { // each gets its change through, or ErrUnavailable
				if err := w.db.SetName(w.ctx(), a.ID, label(i), w.act(audit.ProfileChanged, a.ID)); err != nil {
					w.is(err, store.ErrUnavailable)
				}
			})
		}
		w.must(w.db.Close())
		wg.Wait()
		w.is(w.db.SetName(w.ctx(), a.ID, "late", audit.Act{}), store.ErrUnavailable)
		w.is(w.db.Ping(w.ctx()), store.ErrUnavailable)
		_, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.is(err, store.ErrUnavailable)
		w.db = w.open()
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		entries, err := w.db.ListAudit(w.ctx(), audit.Filter{Action: audit.ProfileChanged, Limit: 100})
		w.must(err)
		if named := got.Name != a.Name; named != (len(entries) > 0) {
			t.Errorf("named %v by %d acts", named, len(entries))
		}
	})
}

func TestEngine(t *testing.T) {
	each(t, func(w *world) {
		if scheme, _, _ := strings.Cut(w.url, ":"); w.db.Engine() != scheme {
			t.Errorf("%s is called %s", scheme, w.db.Engine())
		}
	})
}

func TestPing(t *testing.T) {
	each(t, func(w *world) {
		w.must(w.db.Ping(w.ctx()))
		gone, cancel := context.WithCancel(w.ctx())
		cancel()
		w.is(w.db.Ping(gone), context.Canceled)
	})
}

func TestTickInstance(t *testing.T) {
	each(t, func(w *world) {
		g, err := w.db.TickInstance(w.ctx(), w.now.Add(time.Hour))
		w.must(err)
		if g != 1 {
			t.Errorf("generation %d", g)
		}
		_, err = w.db.TickInstance(w.ctx(), w.now) // a node whose clock is behind moves nothing back
		w.must(err)
		if newest := w.number("SELECT newest FROM instance"); newest != w.now.Add(time.Hour).UnixMilli() {
			t.Error("the newest time went back")
		}
		w.tamper("UPDATE instance SET generation = 7")
		if g, err = w.db.TickInstance(w.ctx(), w.now); err != nil || g != 7 {
			t.Errorf("a node with an older ring is told %d, %v", g, err)
		}
	})
}

func TestReadClock(t *testing.T) {
	each(t, func(w *world) {
		got, err := w.db.ReadClock(w.ctx())
		w.must(err)
		if want := (credential.Clock{Epoch: start.Unix()}); got != want {
			t.Errorf("a new database has %+v", got)
		}
		a := w.person("anna")
		w.now = w.now.Add(-time.Hour) // the epoch grows all the same
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID)))
		next, err := w.db.ReadClock(w.ctx())
		w.must(err)
		if next.Epoch != got.Epoch+1 || next.Incident != 0 || next.Floor != 0 {
			t.Errorf("got %+v", next)
		}
		w.now = w.now.Add(2 * time.Hour)
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID)))
		if next, err = w.db.ReadClock(w.ctx()); err != nil || next.Epoch != w.now.Unix() {
			t.Errorf("got %+v, %v", next, err)
		}
	})
}

func TestLease(t *testing.T) {
	each(t, func(w *world) {
		got := make([]bool, racers)
		w.all(func(db *store.DB, i int) (err error) {
			got[i], err = db.Lease(w.ctx(), "sweep", label(i), w.now, time.Minute)
			return err
		})
		holder := -1
		for i, has := range got {
			if has && holder >= 0 {
				t.Fatal("two nodes hold one lease")
			}
			if has {
				holder = i
			}
		}
		if holder < 0 {
			t.Fatal("nobody holds the lease")
		}
		lease := func(who int, after time.Duration, want bool) {
			t.Helper()
			has, err := w.db.Lease(w.ctx(), "sweep", label(who), w.now.Add(after), time.Minute)
			w.must(err)
			if has != want {
				t.Errorf("node %d after %v: %v", who, after, has)
			}
		}
		lease(holder, 30*time.Second, true)
		lease(holder+1, time.Minute, false)
		lease(holder+1, 90*time.Second, true)
		lease(holder, 91*time.Second, false)
		other, err := w.db.Lease(w.ctx(), "chain", label(holder), w.now, time.Minute)
		w.must(err)
		if !other {
			t.Error("one name's lease keeps another's")
		}
	})
}

// A node that died while migrating keeps the next one waiting for as long as its lease lasts, and no longer.
func TestOpenAfterANodeDiedMigrating(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url string) {
		w := &world{T: t, url: url, keys: teststore.Keys(t), now: start}
		w.tamper("CREATE TABLE migrating (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until BIGINT NOT NULL)")
		w.tamper("INSERT INTO migrating (name, holder, until) VALUES ('schema', 'dead', $1)", w.now.Add(300*time.Millisecond).UnixMilli())
		var told []string
		db, err := store.Open(w.ctx(), store.Options{URL: url, Keys: w.keys, Progress: func(s string) { told = append(told, s) }}, w.now)
		w.must(err)
		w.must(db.Ping(w.ctx()))
		w.must(db.Close())
		if all := strings.Join(told, "\n"); !strings.Contains(all, "another node is migrating") || !strings.Contains(all, "step 1 done") {
			t.Errorf("told %q", all)
		}
		w.count(0, "migrating")
	})
}

// A lease that was given up is anybody's at once; nobody gives up another's.
func TestEndLease(t *testing.T) {
	each(t, func(w *world) {
		take := func(holder string) bool {
			mine, err := w.db.Lease(w.ctx(), "job", holder, w.now, time.Minute)
			w.must(err)
			return mine
		}
		if !take("one") || take("two") {
			t.Fatal("two nodes hold one lease, or none")
		}
		w.must(w.db.EndLease(w.ctx(), "job", "two"))
		if take("two") {
			t.Error("another's lease was given up")
		}
		w.must(w.db.EndLease(w.ctx(), "job", "one"))
		if !take("two") {
			t.Error("what was given up is still held")
		}
	})
}
