package store

import (
	"context"
	"database/sql"
	"sync"

	"usher/internal/secret"
)

// tx is a running write transaction.
type tx struct {
	querier
	keys map[string]secret.AccountKey // by account, those unwrapped so far
	act  string                       // names the act for those who are told of it; empty until somebody is
}

// keep remembers an account's data key for the rest of the transaction: it never changes while the account lives.
func (t *tx) keep(accountID string, key secret.AccountKey) {
	if t.keys == nil {
		t.keys = map[string]secret.AccountKey{}
	}
	t.keys[accountID] = key
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, q string, args ...any) (int64, error) {
	if err := checkTexts(args); err != nil {
		return 0, err
	}
	n, err := t.querier.exec(ctx, q, args...)
	return n, fault(ctx, err)
}

// statements prepares each SQL text once and keeps it. The texts are constants of this package (and those with lists of a few
// lengths), so the map stays small.
type statements struct {
	prepare func(ctx context.Context, q string) (*sql.Stmt, error)
	mu      sync.RWMutex
	kept    map[string]*sql.Stmt
}

func (s *statements) get(ctx context.Context, q string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt := s.kept[q]
	s.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt = s.kept[q]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.prepare(context.WithoutCancel(ctx), q)
	if err != nil {
		return nil, err
	}
	if s.kept == nil {
		s.kept = map[string]*sql.Stmt{}
	}
	s.kept[q] = stmt
	return stmt, nil
}

func (s *statements) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	stmt, err := s.get(ctx, q)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (s *statements) exec(ctx context.Context, q string, args ...any) (int64, error) {
	stmt, err := s.get(ctx, q)
	if err != nil {
		return 0, err
	}
	r, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// close forgets every statement.
func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stmt := range s.kept {
		_ = stmt.Close() // the connection goes next and takes them along
	}
	s.kept = nil
}
