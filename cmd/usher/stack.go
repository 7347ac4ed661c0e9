package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"usher/internal/api"
	"usher/internal/argon2id"
	"usher/internal/blocklist"
	"usher/internal/config"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/devicekey"
	"usher/internal/grant"
	"usher/internal/home"
	"usher/internal/mail"
	"usher/internal/mediaserver"
	"usher/internal/mfa"
	"usher/internal/passwordpolicy"
	"usher/internal/secret"
	"usher/internal/signing"
	"usher/internal/signup"
	"usher/internal/store"
)

// stack is what the service and the commands beside it share: the key ring, the database, and what judges and hashes passwords.
type stack struct {
	cfg      config.Config
	keys     *secret.Keeper
	signing  *signing.Keys
	db       *store.DB
	pool     *argon2id.Pool
	policy   passwordpolicy.Policy
	breached *blocklist.Filter
	resolver *credential.Resolver
	touches  *device.Touches
	composer *mail.Composer
	now      func() time.Time
	started  time.Time
}

// openStack opens everything; progress is told about long work in words.
func openStack(ctx context.Context, cfg config.Config, now func() time.Time, progress func(string)) (*stack, error) {
	s := &stack{cfg: cfg, touches: &device.Touches{}, now: now, started: now()}
	made, err := s.openKeys(progress)
	if err != nil {
		return nil, err
	}
	if err := s.openPasswords(); err != nil {
		return nil, err
	}
	s.composer, err = mail.NewComposer(mail.Letterhead{Service: cfg.Name, Origin: cfg.Origin, From: cfg.MailFrom, NoticeFrom: cfg.NoticeFrom})
	if err != nil {
		return nil, err
	}
	s.db, err = store.Open(ctx, store.Options{URL: cfg.DatabaseURL().Reveal(), Connections: cfg.Connections(runtime.NumCPU()), Keys: s.keys, Progress: progress}, now())
	if errors.Is(err, store.ErrOtherRing) && made { // a new ring beside somebody's database would only mislead the next start
		err = errors.Join(err, os.Remove(cfg.KeyRingPath()))
	}
	if err != nil {
		return nil, errors.Join(err, s.closePasswords())
	}
	s.signing, s.resolver = &signing.Keys{Ring: s.keys.Ring, Now: now}, &credential.Resolver{Store: s.db, Now: now}
	return s, nil
}

// openKeys reads the key ring, and tells whether it had to be made. It is made only together with the data folder's first database: a missing ring beside an existing database is a
// mistake to be told, not to be papered over.
func (s *stack) openKeys(progress func(string)) (made bool, err error) {
	path := s.cfg.KeyRingPath()
	if s.keys, err = secret.OpenKeeper(path); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if !s.cfg.Postgres() {
		if _, err := os.Stat(s.cfg.SQLitePath()); err == nil {
			return false, fmt.Errorf("there is a database at %s but no key ring at %s: put the ring that belongs to it there, or set key_ring", s.cfg.SQLitePath(), path)
		}
	}
	for _, dir := range []string{s.cfg.Data, filepath.Dir(path)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return false, fmt.Errorf("making the data folder: %w", err)
		}
	}
	if s.keys, err = secret.CreateKeeper(path); err != nil {
		return false, err
	}
	progress("key ring made: " + path)
	return true, nil
}

func (s *stack) openPasswords() error {
	words := blocklist.List{Common: blocklist.Builtin(), House: []string{s.cfg.Name, s.cfg.OriginURL().Hostname()}}
	var err error
	if s.cfg.PasswordWords != "" {
		if words.Operator, err = blocklist.ReadFile(s.cfg.PasswordWords); err != nil {
			return fmt.Errorf("reading password_words: %w", err)
		}
	}
	if s.cfg.PasswordBlocklist != "" {
		if words.Breached, err = blocklist.Open(s.cfg.PasswordBlocklist); err != nil {
			return fmt.Errorf("reading password_blocklist: %w", err)
		}
		s.breached = words.Breached
	}
	s.policy = passwordpolicy.Policy{MinLength: s.cfg.PasswordMinLength, List: &words}
	params := argon2id.DefaultParams()
	params.MemoryKiB, params.Passes = uint32(s.cfg.Argon2Memory), uint32(s.cfg.Argon2Passes)
	s.pool, err = argon2id.NewPool(s.cfg.HashSlotCount(runtime.NumCPU()), argon2id.DefaultQueue, params)
	return err
}

func (s *stack) founding() *signup.Founding {
	return &signup.Founding{Store: s.db, Hasher: s.pool, Resolver: s.resolver, Policy: s.policy, Now: s.now}
}

// grants decides what OpenID clients are given.
func (s *stack) grants() *grant.Service {
	return &grant.Service{
		Store: s.db, Resolver: s.resolver, Keys: s.signing, Ring: s.keys.Ring, Issuer: s.cfg.Origin, Touches: s.touches, Now: s.now,
	}
}

// servers lets owners claim media servers, and get them back.
func (s *stack) servers() *mediaserver.Service {
	return &mediaserver.Service{Store: s.db, Resolver: s.resolver, Issuer: s.cfg.Origin, StandingAt: s.cfg.Origin + api.StandingPath, Now: s.now}
}

// checker is the one check of second factors.
func (s *stack) checker() *mfa.Checker { return &mfa.Checker{Store: s.db, Hasher: s.pool, Now: s.now} }

func (s *stack) close() error { return errors.Join(s.db.Close(), s.closePasswords()) }

func (s *stack) closePasswords() error {
	if s.breached == nil {
		return nil
	}
	return s.breached.Close()
}

// newLog writes what the configuration asks for to stderr.
func newLog(least slog.Level, format config.LogFormat, w world) *slog.Logger {
	o := &slog.HandlerOptions{Level: least}
	if format == config.LogText {
		return slog.New(slog.NewTextHandler(w.Err, o))
	}
	return slog.New(slog.NewJSONHandler(w.Err, o))
}

// deviceKeys are the keys that software signs in by.
func (s *stack) deviceKeys() *devicekey.Service {
	return &devicekey.Service{
		Store: s.db, Resolver: s.resolver, Keys: s.signing, Host: s.cfg.OriginURL().Host, Now: s.now,
	}
}

func (s *stack) homes() *home.Service { return &home.Service{Store: s.db, Now: s.now} }
