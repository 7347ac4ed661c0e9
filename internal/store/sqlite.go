package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// sqliteEngine is a pool of readers beside one writer. In WAL mode readers never wait for the writer, nor it for them.
type sqliteEngine struct {
	readers *sql.DB
	reading *statements
	writer  *writer
}

// Every connection waits for another process's write for up to 5 s, flushes each commit to the disk, and overwrites what it deletes, so
// that an erased account's key does not stay behind in free pages. It keeps up to 4 MiB of pages; mapping the file instead
// was no faster with up to 100,000 accounts, and counts as this program's memory.
var sqlitePragmas = []string{
	"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "temp_store(MEMORY)",
	"cache_size(-4096)", "trusted_schema(OFF)",
}

func sqliteDSN(path string, more ...string) string {
	v := url.Values{"_pragma": append(append([]string{}, sqlitePragmas...), more...), "_txlock": {"immediate"}}
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + v.Encode()
}

func openSQLite(ctx context.Context, path string) (engine, error) {
	if path == "" {
		return nil, errors.New("store: sqlite: needs the path of a file")
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	writing, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	w, err := startWriter(ctx, writing)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), writing.Close())
	}
	readers, err := sql.Open("sqlite", sqliteDSN(path, "query_only(ON)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), w.close())
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	return &sqliteEngine{readers, &statements{prepare: readers.PrepareContext}, w}, nil
}

// createPrivate makes a new database's file readable by its owner only; SQLite gives its companions the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	return f.Close()
}

func (e *sqliteEngine) name() string  { return "sqlite" }
func (e *sqliteEngine) read() querier { return e.reading }

func (e *sqliteEngine) point() querier { return point{e.reading} }

// point asks unless its caller has gone, and then to the end: it spares the goroutines that would wait for the caller to go.
type point struct{ *statements }

func (p point) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.statements.query(context.WithoutCancel(ctx), q, args...)
}

func (e *sqliteEngine) pool() *sql.DB { return e.writer.db }
func (e *sqliteEngine) write(ctx context.Context, fn func(*tx) error) error {
	return e.writer.do(ctx, fn)
}

func (e *sqliteEngine) close() error {
	e.reading.close()
	return errors.Join(e.readers.Close(), e.writer.close())
}

// load inserts rows through prepared statements, in one transaction.
func (e *sqliteEngine) load(ctx context.Context, parts []part) error {
	return e.write(ctx, func(t *tx) error {
		for _, p := range parts {
			marks, _ := oneOf(nil, p.columns)
			text := "INSERT INTO " + p.table + " (" + strings.Join(p.columns, ",") + ") VALUES " + marks
			for _, row := range p.rows {
				if _, err := t.exec(ctx, text, row...); err != nil {
					return fmt.Errorf("loading %s: %w", p.table, err)
				}
			}
		}
		return nil
	})
}

// scrub moves the write-ahead log into the file and empties it: deleted rows are overwritten in the file at once (secure_delete), but stay
// in the log until it is written over.
func (e *sqliteEngine) scrub(ctx context.Context) error {
	var busy, frames, moved int64
	for range 5 {
		if err := e.writer.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
			return fmt.Errorf("emptying the write-ahead log: %w", fault(ctx, err))
		}
		if busy == 0 {
			return nil
		}
	}
	return fmt.Errorf("emptying the write-ahead log: %w: it is being read", ErrUnavailable)
}
