package teststore

import (
	"log/slog"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/signin"
	"usher/internal/store"
)

// SignIn is the flow by which people and software come in, on a store.
func SignIn(db *store.DB, pool *argon2id.Pool, clock func() time.Time, log *slog.Logger) *signin.Service {
	return &signin.Service{
		Store: db, Hasher: pool, Resolver: &credential.Resolver{Store: db, Now: clock}, Factors: &mfa.Checker{Store: db, Hasher: pool, Now: clock},
		Now: clock, Log: log,
	}
}

// Member is Person with a password that can be typed; an empty one stays none at all.
func Member(t testing.TB, db *store.DB, pool *argon2id.Pool, name, password string, now time.Time) account.Account {
	t.Helper()
	phc := ""
	if password != "" {
		var err error
		phc, err = pool.Hash(t.Context(), []byte(password))
		must(t, err)
	}
	return Person(t, db, name, now, func(a *account.Account) { a.Password = phc })
}

// TurnOnFactor gives an account a second factor without recovery codes, and returns the key of its authenticator.
func TurnOnFactor(t testing.TB, db *store.DB, accountID string, now time.Time) secret.Token {
	t.Helper()
	key := mfa.NewKey()
	must(t, db.TurnOnFactor(t.Context(), credential.NewFactor{AccountID: accountID, Key: key}, audit.Act{At: now}))
	return key
}

// AppPassword makes an app password called "TV", as its owner does on the page.
func AppPassword(t testing.TB, db *store.DB, accountID string, now time.Time) secret.Token {
	t.Helper()
	clock, err := db.ReadClock(t.Context())
	must(t, err)
	a, err := db.LoadAccount(t.Context(), accountID)
	must(t, err)
	flow := signin.AppPasswords{Store: db, Now: func() time.Time { return now }}
	f := credential.Found{Credential: credential.Credential{AccountID: a.ID, FreshAt: now}, Clock: clock, Account: a.Standing}
	made, err := flow.Make(t.Context(), f, signin.NewAppPassword{Name: "TV"}, device.Client{})
	must(t, err)
	return made
}

// Mailed counts the waiting mails of a kind.
func Mailed(t testing.TB, db *store.DB, kind notice.Kind) (n int) {
	t.Helper()
	waiting, err := db.WaitingMail(t.Context(), 1000)
	must(t, err)
	for _, m := range waiting {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

// Recorded counts what the record says was done to an account, or, where none is named, to any.
func Recorded(t testing.TB, db *store.DB, accountID string, action audit.Action) int {
	t.Helper()
	entries, err := db.ListAudit(t.Context(), audit.Filter{AccountID: accountID, Action: action, Limit: 1000})
	must(t, err)
	return len(entries)
}
