package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/mfa"
	"usher/internal/secret"
	"usher/internal/store"
)

// factor ADDRESS turns the second factor of an account on, behind the pages' back, for stories about what comes after: its key is $KEY and its
// recovery codes are $RECOVERY0 to $RECOVERY9.
func cmdFactor(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	now := storyClock(ts.Getenv("USHER_TEST_CLOCK"))()
	keys, err := secret.OpenKeeper(filepath.Join(ts.Getenv("USHER_DATA"), "keyring.json"))
	ts.Check(err)
	ctx := context.Background()
	db, err := store.Open(ctx, store.Options{URL: s.database, Keys: keys}, now)
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	a, err := db.FindAccount(ctx, account.LoginHandle(args[0]))
	ts.Check(err)
	pool, err := argon2id.NewPool(2, 20, argon2id.DefaultParams())
	ts.Check(err)
	key := mfa.NewKey()
	f := credential.NewFactor{AccountID: a.ID, Key: key, Recovery: map[string]string{}}
	for _, code := range mfa.NewRecovery() {
		f.Recovery[code.Selector], err = pool.Hash(ctx, []byte(code.Rest.Reveal()))
		ts.Check(err)
		ts.Setenv("RECOVERY"+code.Selector, code.Text().Reveal())
		s.keepSecret(code.Text().Reveal())
		s.keepSecret(code.Rest.Reveal())
	}
	ts.Check(db.TurnOnFactor(ctx, f, audit.Act{At: now}))
	ts.Setenv("KEY", key.Reveal())
	s.keepSecret(key.Reveal())
}

// code VARIABLE [STEPS] is what the authenticator with $KEY shows by the story's clock, or some steps of 30 seconds later or earlier.
func cmdCode(ts *testscript.TestScript, _ bool, args []string) {
	steps := int64(0)
	if len(args) > 1 {
		_, err := fmt.Sscan(args[1], &steps)
		ts.Check(err)
	}
	now := storyClock(ts.Getenv("USHER_TEST_CLOCK"))()
	code := mfa.Code(secret.TokenOf(ts.Getenv("KEY")), mfa.Step(now)+steps)
	storyOf(ts).keepSecret(code.Reveal())
	ts.Setenv(args[0], code.Reveal())
}
