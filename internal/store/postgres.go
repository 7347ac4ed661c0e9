package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// pgEngine is PostgreSQL through one pool. Transactions run at READ COMMITTED: every verb decides by what a conditional UPDATE, INSERT
// or DELETE changed, never by what it read before, so nothing stronger is needed and hot counters do not fail each other.
type pgEngine struct{ db *sql.DB }

func openPostgres(ctx context.Context, url string, connections int) (engine, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("store: the database URL cannot be read") // the parser's words would quote the password
	}
	db := stdlib.OpenDB(*cfg)
	n := connections
	if n <= 0 {
		n = max(16, 4*runtime.GOMAXPROCS(0))
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(5 * time.Minute)
	ping, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := db.PingContext(ping); err != nil {
		return nil, errors.Join(fmt.Errorf("store: PostgreSQL at %s:%d, database %q, does not answer: %w", cfg.Host, cfg.Port, cfg.Database, pgPlain(err)), db.Close())
	}
	return &pgEngine{db}, nil
}

func (e *pgEngine) name() string  { return "postgres" }
func (e *pgEngine) read() querier { return pgQuerier{e.db} }

// point can hang as long as the network does, hence it ends with its caller.
func (e *pgEngine) point() querier { return e.read() }
func (e *pgEngine) pool() *sql.DB  { return e.db }
func (e *pgEngine) close() error   { return e.db.Close() }

// pgQuerier runs on the pool or on a transaction; pgx keeps prepared statements for each connection by itself.
type pgQuerier struct {
	on interface {
		QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
		ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error)
	}
}

func (q pgQuerier) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return q.on.QueryContext(ctx, text, args...)
}

func (q pgQuerier) exec(ctx context.Context, text string, args ...any) (int64, error) {
	r, err := q.on.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// mostRetries bounds how often a transaction that PostgreSQL broke up (a deadlock, a failed serialization) is run again.
const mostRetries = 8

func (e *pgEngine) write(ctx context.Context, fn func(*tx) error) error {
	for attempt := 0; ; attempt++ {
		err := e.once(ctx, fn)
		code := pgCode(err)
		if attempt == mostRetries || code != "40001" && code != "40P01" {
			return err
		}
		pause := time.Duration(rand.IntN(4<<attempt)) * time.Millisecond //nolint:gosec // spreading, not guessing
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *pgEngine) once(ctx context.Context, fn func(*tx) error) error {
	t, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return fault(ctx, err)
	}
	defer func() { _ = t.Rollback() }() // does nothing after a commit
	if err := fn(&tx{querier: pgQuerier{t}}); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("committing: %w", fault(ctx, err))
	}
	return nil
}

// load streams rows with COPY, in one transaction.
func (e *pgEngine) load(ctx context.Context, parts []part) error {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return fault(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(driver any) error {
		t, err := driver.(*stdlib.Conn).Conn().Begin(ctx)
		if err != nil {
			return fault(ctx, err)
		}
		defer func() { _ = t.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
		for _, p := range parts {
			if _, err := t.CopyFrom(ctx, pgx.Identifier{p.table}, p.columns, pgx.CopyFromRows(p.rows)); err != nil {
				return fmt.Errorf("loading %s: %w", p.table, fault(ctx, err))
			}
		}
		return fault(ctx, t.Commit(ctx))
	})
}

// scrub leaves it to the server's own vacuum, which cannot be hurried without locking the table.
func (e *pgEngine) scrub(context.Context) error { return nil }

func pgCode(err error) string {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// pgPlain keeps connection errors, whose text may quote the whole URL, to PostgreSQL's own words.
func pgPlain(err error) error {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p
	}
	for _, plain := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, plain) {
			return plain
		}
	}
	return errors.New("no connection")
}
