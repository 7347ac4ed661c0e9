//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"usher/internal/config"
)

// databaseLock keeps a second service off the same SQLite file. The kernel frees it when the process ends, however it ends.
type databaseLock struct{ file *os.File }

func lockDatabase(cfg config.Config) (databaseLock, error) {
	if cfg.Postgres() {
		return databaseLock{}, nil // made for many nodes
	}
	path := cfg.SQLitePath() + ".lock"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return databaseLock{}, fmt.Errorf("making the data folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return databaseLock{}, fmt.Errorf("locking the database: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0) // only for the message
		return databaseLock{}, errors.Join(fmt.Errorf("another usher serve (process %s) uses %s: stop it first, or use PostgreSQL for several nodes", holder[:n], cfg.SQLitePath()), f.Close())
	}
	if err := f.Truncate(0); err != nil {
		return databaseLock{}, errors.Join(err, f.Close())
	}
	if _, err := fmt.Fprintf(f, "%d", os.Getpid()); err != nil {
		return databaseLock{}, errors.Join(err, f.Close())
	}
	return databaseLock{f}, nil
}

func (l databaseLock) release() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
