// Package store keeps everything in a database, SQLite or PostgreSQL, with one SQL text for both. It seals on the way in and opens on
// the way out, so nothing above it can forget to. It holds no rule and no clock: time comes in as a value, and what may happen is
// decided above, except that whatever must succeed together is one verb and one transaction.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/credential"
	"usher/internal/outage"
	"usher/internal/secret"
)

// DB is a database with the key ring that opens it. One DB implements every store interface of the rooms above.
type DB struct {
	engine  engine
	keys    *secret.Keeper
	common  secret.AccountKey // seals what belongs to no account
	decoy   decoy
	clients openedClients
}

// engine is what differs between the two databases.
type engine interface {
	// read runs one question outside a transaction.
	read() querier
	// point runs a question for a row or two by their keys, which takes microseconds where the database is a file: there once begun, it runs to its end.
	point() querier
	// write runs fn in a transaction, again from its start when the database asks for that; what fn captures must survive it.
	write(ctx context.Context, fn func(*tx) error) error
	// load inserts rows in bulk, as fast as the database can, all of them or none.
	load(ctx context.Context, parts []part) error
	// scrub wipes what deleted rows have left in the database's files, as far as it lets itself be told to.
	scrub(ctx context.Context) error
	name() string
	pool() *sql.DB
	close() error
}

// querier runs SQL; statements are prepared once for each connection.
type querier interface {
	query(ctx context.Context, q string, args ...any) (*sql.Rows, error)
	exec(ctx context.Context, q string, args ...any) (int64, error)
}

// Errors of the store itself.
var (
	// ErrUnavailable says that the database cannot answer now: gone, full, or closing. Nothing was changed, unless the connection broke
	// during the commit itself.
	ErrUnavailable = fmt.Errorf("store: the database does not answer: %w", outage.Err)
	// ErrSpent says that a single-use thing was used, or ended, meanwhile.
	ErrSpent = credential.ErrSpent
	// ErrText says that a text is not UTF-8 or holds a NUL, which PostgreSQL cannot keep; no row has such a text.
	ErrText = errors.New("store: not a text the database can hold")
	// errNoRow says that a question for one row found none.
	errNoRow = errors.New("store: no row")
)

// Options say which database to open.
type Options struct {
	URL         string // "sqlite:PATH" or "postgres://…"
	Connections int    // PostgreSQL only
	Keys        *secret.Keeper
	// Progress is told about migrations and other long work, in words; nil is silent.
	Progress func(string)
}

// Open connects, brings the schema up to date and writes the instance's first row when there is none.
func Open(ctx context.Context, o Options, now time.Time) (*DB, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	var (
		e   engine
		err error
	)
	switch {
	case strings.HasPrefix(o.URL, "sqlite:"):
		e, err = openSQLite(ctx, strings.TrimPrefix(o.URL, "sqlite:"))
	case strings.HasPrefix(o.URL, "postgres://"), strings.HasPrefix(o.URL, "postgresql://"):
		e, err = openPostgres(ctx, o.URL, o.Connections)
	default:
		err = errors.New("store: the database must be sqlite:PATH or postgres://…")
	}
	if err != nil {
		return nil, err
	}
	db := &DB{engine: e, keys: o.Keys}
	if err := db.prepare(ctx, o.Progress, now); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return db, nil
}

func (db *DB) prepare(ctx context.Context, progress func(string), now time.Time) error {
	if err := migrate(ctx, db.engine, progress, now); err != nil {
		return err
	}
	return db.startInstance(ctx, now)
}

// Close ends every connection; writes that wait get ErrUnavailable.
func (db *DB) Close() error { return db.engine.close() }

// Engine names the database: "sqlite" or "postgres".
func (db *DB) Engine() string { return db.engine.name() }

// Ping asks the database for an answer; ErrUnavailable when there is none.
func (db *DB) Ping(ctx context.Context) error {
	var one int64
	return get(ctx, db.engine.read(), "SELECT 1", nil, &one)
}

// ring returns the newest key ring read.
func (db *DB) ring() *secret.Ring { return db.keys.Ring() }

// get reads one row into dest; errNoRow when there is none.
func get(ctx context.Context, q querier, text string, args []any, dest ...any) (err error) {
	rows, err := query(ctx, q, text, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return fault(ctx, err)
		}
		return errNoRow
	}
	if err := rows.Scan(dest...); err != nil {
		return fault(ctx, err)
	}
	for rows.Next() { // a statement that writes has to run to its end
	}
	return fault(ctx, rows.Err())
}

// each reads every row; scan is called once for each.
func each(ctx context.Context, q querier, text string, args []any, scan func(row scanner) error) (err error) {
	rows, err := query(ctx, q, text, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return fault(ctx, rows.Err())
}

func query(ctx context.Context, q querier, text string, args []any) (*sql.Rows, error) {
	if err := checkTexts(args); err != nil {
		return nil, err
	}
	rows, err := q.query(ctx, text, args...)
	return rows, fault(ctx, err)
}

// checkTexts refuses, on both databases alike, what one of them cannot keep.
func checkTexts(args []any) error {
	for _, a := range args {
		if s, is := a.(string); is && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			return ErrText
		}
	}
	return nil
}

type scanner interface{ Scan(dest ...any) error }

// ms is how a time is stored; the zero time is 0.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// oneOf writes "($n, $n+1, …)" for a list and appends its values to args.
func oneOf[T any](args []any, values []T) (string, []any) {
	var b strings.Builder
	b.WriteByte('(')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		args = append(args, v)
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(len(args)))
	}
	b.WriteByte(')')
	return b.String(), args
}
