// Package testdb owns the empty databases tests run on, one fresh one per test, on both engines. It hands out URLs and
// refuses to know what anyone does with them: it opens no pool, knows no table and imports no store.
package testdb

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
)

// Each runs f as a subtest "sqlite" and a subtest "postgres", each with the URL of an empty database of its own.
func Each(t *testing.T, f func(t *testing.T, databaseURL string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// SQLite returns sqlite:PATH of a file that does not exist yet, in a folder removed when the test ends.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "usher.db")
}

// Postgres returns the URL of an empty database, dropped with whatever still holds it open when the test ends. The
// cluster is that of USHER_TEST_POSTGRES, or a private one shared by the test process; with neither, the test fails.
func Postgres(t testing.TB) string {
	t.Helper()
	cluster, err := shared()
	if err != nil {
		t.Fatalf("no PostgreSQL for this test: %v\nrun ./scripts/test, which sets one up", err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if err := cluster.exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("creating a test database: %v", err)
	}
	t.Cleanup(func() {
		if err := cluster.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("dropping a test database: %v", err)
		}
	})
	return cluster.database(name)
}
