package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"usher/internal/id"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. Nodes that start together take turns by a lease row.
func migrate(ctx context.Context, e engine, progress func(string), now time.Time) error {
	dialect := goose.DialectSQLite3
	if e.name() == "postgres" {
		dialect = goose.DialectPostgres
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, e.pool(), files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	pending, err := p.HasPending(ctx)
	if err == nil && !pending { // nearly every start: no lease, no write
		return newerSchema(ctx, p)
	}
	return whileLeased(ctx, e, progress, now, func() error { return up(ctx, p, progress) })
}

func up(ctx context.Context, p *goose.Provider, progress func(string)) error {
	for {
		pending, err := p.HasPending(ctx)
		if err != nil {
			return fmt.Errorf("asking for the schema's version: %w", err)
		}
		if !pending {
			return newerSchema(ctx, p)
		}
		r, err := p.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("migrating the database: %w", err)
		}
		progress(fmt.Sprintf("database: step %d done in %s", r.Source.Version, r.Duration.Round(time.Millisecond)))
	}
}

// newerSchema refuses a database that a newer program has migrated: this one would write rows the other cannot read.
func newerSchema(ctx context.Context, p *goose.Provider) error {
	at, newest, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("asking for the schema's version: %w", err)
	}
	if at > newest {
		return fmt.Errorf("the database has schema version %d and this program knows %d: start the newer program, or restore the backup from before its update", at, newest)
	}
	return nil
}

// The lease table exists before the first migration, because migrating needs it. Creating it is tried again: two nodes may do so at once,
// and PostgreSQL lets one of them fail.
const createLease = `CREATE TABLE IF NOT EXISTS migrating (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until BIGINT NOT NULL)`

// A node that dies while migrating keeps the others waiting for no longer than this; a living one renews its lease meanwhile.
const migrationLease = 30 * time.Second

type migrationTurn struct {
	engine engine
	holder string
	clock  func() time.Time
}

func whileLeased(ctx context.Context, e engine, progress func(string), now time.Time, fn func() error) error {
	for attempt := 0; ; attempt++ {
		_, err := e.pool().ExecContext(ctx, createLease)
		if err == nil {
			break
		}
		if attempt == 5 {
			return fmt.Errorf("%w: making the lease table: %w", ErrUnavailable, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	started := time.Now()
	turn := migrationTurn{e, id.New(now), func() time.Time { return now.Add(time.Since(started)) }}
	if err := turn.wait(ctx, progress); err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		turn.keep(working)
	}()
	err := fn()
	stop()
	<-kept
	return errors.Join(err, turn.end(context.WithoutCancel(ctx)))
}

// wait takes the lease as soon as nobody has it.
func (m migrationTurn) wait(ctx context.Context, progress func(string)) error {
	for told := false; ; told = true {
		got, err := m.take(ctx)
		if err != nil {
			return fmt.Errorf("waiting for another node's migration: %w", err)
		}
		if got {
			return nil
		}
		if !told {
			progress("database: another node is migrating; waiting for it")
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m migrationTurn) take(ctx context.Context) (got bool, err error) {
	err = m.engine.write(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `INSERT INTO migrating (name, holder, until) VALUES ('schema', $1, $2)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE migrating.until < $3 OR migrating.holder = excluded.holder`,
			m.holder, ms(m.clock().Add(migrationLease)), ms(m.clock()))
		got = n == 1
		return err
	})
	return got, err
}

// keep renews the lease. A renewal that fails is tried again: on SQLite a long step holds the file, from everybody else as well.
func (m migrationTurn) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(migrationLease / 3):
			_, _ = m.take(ctx)
		}
	}
}

func (m migrationTurn) end(ctx context.Context) error {
	return m.engine.write(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM migrating WHERE name = 'schema' AND holder = $1`, m.holder)
		return err
	})
}
