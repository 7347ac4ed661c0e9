package testdb

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestEachRunsBothEngines(t *testing.T) {
	var seen []string
	Each(t, func(t *testing.T, databaseURL string) {
		scheme, _, _ := strings.Cut(databaseURL, ":")
		seen = append(seen, scheme)
	})
	if got := strings.Join(seen, " "); got != "sqlite postgres" {
		t.Errorf("ran on %q", got)
	}
}

func TestSQLiteFileIsNewInAFolderThatExists(t *testing.T) {
	first, second := SQLite(t), SQLite(t)
	if first == second {
		t.Error("two databases share a file")
	}
	path, found := strings.CutPrefix(first, "sqlite:")
	if !found {
		t.Fatalf("not a SQLite URL: %q", first)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is there already: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		t.Error(err)
	}
}

func TestPostgresDatabasesAreApartAndDropped(t *testing.T) {
	var first string
	t.Run("holder", func(t *testing.T) {
		first = Postgres(t)
		conn := open(t, first) // left open: dropping must not wait for it
		run(t, conn, "CREATE TABLE note (body TEXT)")

		var tables int
		row := open(t, Postgres(t)).QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE tablename = 'note'")
		if err := row.Scan(&tables); err != nil || tables != 0 {
			t.Errorf("the second database has %d tables of the first, %v", tables, err)
		}
	})
	if conn, err := pgx.Connect(t.Context(), first); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database outlived its test")
	}
}

func TestPostgresOrdersTextAsPeopleDo(t *testing.T) {
	var first string
	row := open(t, Postgres(t)).QueryRow(t.Context(), "SELECT min(x) FROM (VALUES ('B'), ('a')) AS v(x)")
	if err := row.Scan(&first); err != nil || first != "a" {
		t.Errorf("min is %q, %v: byte order would hide a query that leans on it", first, err)
	}
}

func TestClusterLeavesNothingWhenItsInputEnds(t *testing.T) {
	text, alive, err := start()
	if err != nil {
		t.Fatal(err)
	}
	conn := open(t, text)
	var data string
	if err := conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&data); err != nil {
		t.Fatal(err)
	}
	if err := alive.Close(); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if _, err := os.Stat(filepath.Dir(data)); os.IsNotExist(err) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the cluster's folder is still there")
}

func TestClusterSaysWhatIsMissing(t *testing.T) {
	command := exec.Command("/bin/sh", "-c", "PATH=/nowhere\n"+strings.ReplaceAll(script, "/usr/lib/postgresql", "/nowhere"))
	output, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "PostgreSQL server is not installed") {
		t.Errorf("%v: %s", err, output)
	}
}

func open(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
