package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"usher/internal/account"
	"usher/internal/id"
	"usher/internal/secret"
	"usher/internal/store"
)

var checkCode = regexp.MustCompile(`[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}`)

// checkcode VARIABLE keeps the check code of the mail read last, which must have nothing in it to press.
func cmdCheckCode(ts *testscript.TestScript, _ bool, args []string) {
	mail := ts.Getenv("MAIL")
	for _, pressed := range []string{"http", "www.", "://"} {
		if strings.Contains(strings.ToLower(mail), pressed) {
			ts.Fatalf("the mail has %q in it\n%s", pressed, mail)
		}
	}
	code := checkCode.FindString(mail)
	if code == "" {
		ts.Fatalf("no check code in\n%s", mail)
	}
	storyOf(ts).keepSecret(code)
	ts.Setenv(args[0], code)
}

// incident VARIABLE keeps the number of the newest incident.
func cmdIncident(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("usher", "incident", "list"))
	number, _, _ := strings.Cut(ts.ReadFile("stdout"), " ")
	ts.Setenv(args[0], number)
}

// crowd N FILE makes N accounts behind the service's back, and writes their addresses into a file together with that of everybody who was there.
func cmdCrowd(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	now := storyClock(ts.Getenv("USHER_TEST_CLOCK"))()
	keys, err := secret.OpenKeeper(filepath.Join(ts.Getenv("USHER_DATA"), "keyring.json"))
	ts.Check(err)
	ctx := context.Background()
	db, err := store.Open(ctx, store.Options{URL: s.database, Keys: keys}, now)
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	there, err := db.ListAccounts(ctx, account.Filter{Limit: 1000})
	ts.Check(err)
	clock, err := db.ReadClock(ctx)
	ts.Check(err)
	var names strings.Builder
	for _, a := range there {
		_, _ = fmt.Fprintln(&names, a.Email)
	}
	made := 0
	_, err = db.LoadAccounts(ctx, func() (account.Account, error) {
		if made == n {
			return account.Account{}, io.EOF
		}
		made++
		address := fmt.Sprintf("crowd%d@crowd.example", made)
		_, _ = fmt.Fprintln(&names, address)
		return account.Account{
			Standing: account.Standing{ID: id.New(now), State: account.Active, Epoch: 1, Secured: clock.Epoch, PasswordVersion: 1}, Email: address, CreatedAt: now,
		}, nil
	})
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(s.dir, args[1]), []byte(names.String()), 0o600))
}

// eventually-told N waits until incidents have told so many.
func cmdEventuallyTold(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	db, err := s.open(s.database)
	ts.Check(err)
	defer func() { _ = db.Close() }()
	s.waitFor(ts, args[0]+" to be told", func() bool {
		var n int
		ts.Check(db.QueryRow(`SELECT CAST(SUM(mailed) AS BIGINT) FROM incident`).Scan(&n))
		return strconv.Itoa(n) == args[0]
	})
}
