package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/testdb"
)

// PostgreSQL throws everybody out, again and again. Calls fail with ErrUnavailable at worst, nothing that was acknowledged is lost, and the
// store recovers by itself.
func TestPostgresGoneAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testdb.Postgres(t))
	a := w.person("anna")
	var acknowledged, failed atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := w.db.Record(w.ctx(), w.act(audit.SignInFailed, a.ID))
				if err == nil {
					_, err = w.db.LoadAccount(w.ctx(), a.ID)
					acknowledged.Add(1)
				}
				if err != nil {
					failed.Add(1)
					w.is(err, store.ErrUnavailable)
				}
			}
		})
	}
	for range 10 {
		before := acknowledged.Load()
		w.number(`SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		for acknowledged.Load() < before+20 {
			time.Sleep(time.Millisecond)
		}
	}
	close(stop)
	wg.Wait()
	if failed.Load() == 0 {
		t.Error("nothing was interrupted")
	}
	w.must(w.db.Ping(w.ctx()))
	if n := w.number("SELECT COUNT(*) FROM audit WHERE action = $1", string(audit.SignInFailed)); n < acknowledged.Load() {
		t.Errorf("%d of %d acknowledged acts are there", n, acknowledged.Load())
	}
}

func TestSQLiteKilledWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys, err := secret.CreateKeeper(filepath.Join(dir, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "usher.db")
	total := 0
	for range 3 {
		total += len(killedWriter(t, dir))
		w := &world{T: t, url: "sqlite:" + path, keys: keys, now: start}
		w.db = w.open()
		got, err := w.db.ListAccounts(w.ctx(), account.Filter{Limit: 100000})
		w.must(err)
		if len(got) < total {
			t.Errorf("%d of %d acknowledged accounts are there", len(got), total)
		}
		for _, a := range got {
			found, err := w.db.FindAccount(w.ctx(), w.mail(a.Email))
			w.must(err)
			if found.ID != a.ID {
				t.Error("a handle leads astray")
			}
		}
		w.count(int64(len(got)), "audit")
		if check := w.text("PRAGMA integrity_check"); check != "ok" {
			t.Error(check)
		}
		total = len(got)
		w.must(w.db.Close())
	}
}

// killedWriter runs this test binary as a process that creates accounts, kills it in the middle, and returns what it had acknowledged.
func killedWriter(t *testing.T, dir string) (acknowledged []string) {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestWriterToBeKilled$", "-test.v")
	command.Env = append(os.Environ(), "USHER_STORETEST_VICTIM="+dir)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if id, is := strings.CutPrefix(lines.Text(), "acknowledged "); is {
			if acknowledged = append(acknowledged, id); len(acknowledged) == 50 {
				if err := command.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := command.Wait(); err == nil || len(acknowledged) < 50 {
		t.Fatalf("the writer ended by itself after %d: %v", len(acknowledged), err)
	}
	return acknowledged
}

// TestWriterToBeKilled is the victim of TestSQLiteKilledWhileWriting, and by itself only opens and closes a database.
func TestWriterToBeKilled(t *testing.T) {
	dir, victim := os.LookupEnv("USHER_STORETEST_VICTIM")
	if !victim {
		w := newWorld(t, testdb.SQLite(t))
		w.must(w.db.Ping(w.ctx()))
		return
	}
	keys, err := secret.OpenKeeper(filepath.Join(dir, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, url: "sqlite:" + filepath.Join(dir, "usher.db"), keys: keys, now: start}
	w.db = w.open()
	var mu sync.Mutex
	for {
		w.all(func(db *store.DB, i int) error {
			a, handles := w.draft(strings.ToLower(fmt.Sprintf("a%sz%d", secret.NewDigits(12).Reveal(), i)))
			if err := w.db.CreateAccount(w.ctx(), a, handles, w.act(audit.AccountCreated, a.ID)); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			_, err := io.WriteString(os.Stdout, "acknowledged "+a.ID+"\n")
			return err
		})
	}
}

// A caller who has gone, or whose time is over, gets its own error back and changes nothing.
func TestCallersThatGiveUp(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		gone, cancel := context.WithCancel(w.ctx())
		cancel()
		w.is(w.db.SetName(gone, a.ID, "Nobody", w.act(audit.ProfileChanged, a.ID)), context.Canceled)
		_, err := w.db.LoadAccount(gone, a.ID)
		w.is(err, context.Canceled)
		_, err = w.db.FindCredential(gone, "browser", secret.NewToken())
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a look-up that did not take place: %v", err) // and not "unknown": that would sign somebody out
		}
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		if got.Name != a.Name {
			t.Error("a caller who had gone was served")
		}
		// Callers that leave in the middle harm nobody who is committed with them.
		for _, err := range w.parallel(64, func(db *store.DB, i int) error {
			if i%2 == 0 {
				return db.SetName(w.ctx(), a.ID, label(i), w.act(audit.SignedIn, a.ID))
			}
			ctx, cancel := context.WithTimeout(w.ctx(), time.Duration(i)*100*time.Microsecond)
			defer cancel()
			err := db.SetName(ctx, a.ID, label(i), w.act(audit.SignInFailed, a.ID))
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}) {
			w.must(err)
		}
		w.recorded(audit.SignedIn, 32)
	})
}
