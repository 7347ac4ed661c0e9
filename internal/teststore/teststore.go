// Package teststore owns how a test begins that needs a store: an empty one under keys of its own, hashes that cost next to nothing, and people.
// It refuses to know what happens to them.
package teststore

import (
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/id"
	"usher/internal/secret"
	"usher/internal/store"
)

// Open opens the store of an empty database under new keys, and closes it when the test ends.
func Open(t testing.TB, databaseURL string, now time.Time) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: databaseURL, Connections: 4, Keys: Keys(t)}, now)
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return db
}

// Keys returns the keys of a new ring, which is in no file.
func Keys(t testing.TB) *secret.Keeper {
	t.Helper()
	ring, err := secret.NewRing()
	must(t, err)
	return secret.KeeperOf(ring)
}

// Hasher hashes two passwords at a time while queue more wait. Its hashes are of no use outside tests.
func Hasher(t testing.TB, queue int) *argon2id.Pool {
	t.Helper()
	pool, err := argon2id.NewPool(2, queue, argon2id.Params{MemoryKiB: 8, Passes: 1, Lanes: 1})
	must(t, err)
	return pool
}

// Person writes the account that Draft returns, after change, which may be nil.
func Person(t testing.TB, db *store.DB, name string, now time.Time, change func(*account.Account)) account.Account {
	t.Helper()
	a := Draft(t, db, name, now)
	if change != nil {
		change(&a)
	}
	handles, err := a.Handles()
	must(t, err)
	must(t, db.CreateAccount(t.Context(), a, handles, audit.New(now, audit.AccountCreated, audit.CLI, a.ID)))
	return a
}

// Draft returns an active account called name, with the user name name and the address name@example.org, which is not in the database yet. Its
// password was set now, and is none that anybody can type.
func Draft(t testing.TB, db *store.DB, name string, now time.Time) account.Account {
	t.Helper()
	clock, err := db.ReadClock(t.Context())
	must(t, err)
	return account.Account{
		Standing: account.Standing{ID: id.New(now), State: account.Active, Epoch: 1, Secured: clock.Epoch, PasswordVersion: 1},
		Email:    name + "@example.org", EmailProved: true, UserName: name, Name: "The " + name, Password: "phc of " + name, CreatedAt: now,
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
