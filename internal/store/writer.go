package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// writer is SQLite's one writing connection. Transactions queue for it; those that wait together are committed together, each inside a
// savepoint of its own, so one disk flush serves them all and one failure harms none of the others.
type writer struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts *statements
	queue chan *job
	once  sync.Once
	stop  chan struct{}
	done  chan struct{}
}

type job struct {
	ctx   context.Context
	fn    func(*tx) error
	err   error
	ready chan struct{}
}

// longestGroup bounds how many transactions share a commit, so that the first of them does not wait for too many others.
const longestGroup = 64

func startWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := firstConn(ctx, db)
	if err != nil {
		return nil, err
	}
	w := &writer{
		db: db, conn: conn, stmts: &statements{prepare: conn.PrepareContext},
		queue: make(chan *job, longestGroup), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// firstConn connects, and tries again while another process makes the file: turning the write-ahead log on does not wait for its turn.
func firstConn(ctx context.Context, db *sql.DB) (conn *sql.Conn, err error) {
	for range 100 {
		if conn, err = db.Conn(ctx); !isBusy(err) {
			return conn, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, err
}

// do queues fn and waits until its commit is on the disk, or it failed. A caller that gives up before its turn is skipped.
func (w *writer) do(ctx context.Context, fn func(*tx) error) error {
	j := &job{ctx: ctx, fn: fn, ready: make(chan struct{})}
	select {
	case w.queue <- j:
	case <-w.stop:
		return ErrUnavailable
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.ready:
		return j.err
	case <-w.done: // closed between queueing and its turn
		select {
		case <-j.ready:
			return j.err
		default:
			return ErrUnavailable
		}
	}
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case <-w.stop:
			return
		case first := <-w.queue:
			w.commit(w.group(first))
		}
	}
}

func (w *writer) group(first *job) []*job {
	jobs := []*job{first}
	for len(jobs) < longestGroup {
		select {
		case j := <-w.queue:
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// commit runs jobs in one transaction. When that breaks as a whole, each is run again in one of its own, so that the one that broke it is
// the only one to fail.
func (w *writer) commit(jobs []*job) {
	defer func() {
		for _, j := range jobs {
			close(j.ready)
		}
	}()
	ctx := context.Background() // a commit is shared: no caller's hurry may break it
	if w.together(ctx, jobs) || len(jobs) == 1 {
		return
	}
	for i := range jobs {
		w.together(ctx, jobs[i:i+1])
	}
}

// together reports false when the transaction was lost; every job then has an error and nothing was changed.
func (w *writer) together(ctx context.Context, jobs []*job) bool {
	fail := func(err error) {
		for _, j := range jobs {
			if j.err == nil || !errors.Is(j.err, ErrUnavailable) {
				j.err = fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
		}
	}
	if _, err := w.stmts.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		fail(err)
		return true // another process holds the file: to ask again for each would multiply the wait
	}
	if len(jobs) == 1 {
		return w.alone(ctx, jobs[0], fail)
	}
	for _, j := range jobs {
		kept, err := w.one(ctx, j)
		if j.err = err; !kept {
			return w.lose(ctx, fail, err)
		}
	}
	if _, err := w.stmts.exec(ctx, "COMMIT"); err != nil {
		return w.lose(ctx, fail, err)
	}
	return true
}

// alone ends a transaction of one job, which needs no savepoint: it is the transaction.
func (w *writer) alone(ctx context.Context, j *job, fail func(error)) bool {
	if j.err = j.ctx.Err(); j.err == nil {
		j.err = protected(j.fn, &tx{querier: shared{w.stmts}})
	}
	if j.err != nil {
		if _, back := w.stmts.exec(ctx, "ROLLBACK"); back != nil {
			return w.lose(ctx, fail, errors.Join(j.err, back))
		}
		return true
	}
	if _, err := w.stmts.exec(ctx, "COMMIT"); err != nil {
		return w.lose(ctx, fail, err)
	}
	return true
}

func (w *writer) lose(ctx context.Context, fail func(error), err error) bool {
	_, _ = w.stmts.exec(ctx, "ROLLBACK") // SQLite may have rolled back by itself; a second time does no harm
	fail(err)
	return false
}

// one runs a job inside a savepoint. kept is false when SQLite has rolled the whole transaction back (the disk is full, or broken): what
// runs on would be committed statement by statement.
func (w *writer) one(ctx context.Context, j *job) (kept bool, err error) {
	if err := j.ctx.Err(); err != nil {
		return true, err
	}
	if _, err := w.stmts.exec(ctx, "SAVEPOINT one"); err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	err = protected(j.fn, &tx{querier: shared{w.stmts}})
	if err != nil {
		if _, back := w.stmts.exec(ctx, "ROLLBACK TO one"); back != nil {
			return false, errors.Join(err, back)
		}
	}
	if _, release := w.stmts.exec(ctx, "RELEASE one"); release != nil {
		return false, errors.Join(err, release)
	}
	return true, err
}

// protected turns a panic into an error, so that the writer outlives it.
func protected(fn func(*tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: a transaction panicked: %v", p)
		}
	}()
	return fn(t)
}

// shared runs a job's statements to their end even when its caller has gone: SQLite answers an interrupted statement by rolling back the
// whole transaction, which belongs to others as well.
type shared struct{ *statements }

func (s shared) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	return s.statements.query(context.WithoutCancel(ctx), q, args...)
}

func (s shared) exec(ctx context.Context, q string, args ...any) (int64, error) {
	return s.statements.exec(context.WithoutCancel(ctx), q, args...)
}

func (w *writer) close() error {
	w.once.Do(func() { close(w.stop) })
	<-w.done
	w.stmts.close()
	return errors.Join(w.conn.Close(), w.db.Close())
}
