package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/html"

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

// key reads the key off the page that shows it to an authenticator: it is $KEY.
func cmdKey(ts *testscript.TestScript, _ bool, _ []string) {
	key := strings.ReplaceAll(storyOf(ts).shown(ts, "key"), " ", "")
	ts.Setenv("KEY", key)
	storyOf(ts).keepSecret(key)
}

// recovery reads the ten recovery codes off the page that shows them: they are $RECOVERY0 to $RECOVERY9.
func cmdRecovery(ts *testscript.TestScript, _ bool, _ []string) {
	codes := strings.Fields(storyOf(ts).shown(ts, "codes"))
	if len(codes) != mfa.RecoveryCodes {
		ts.Fatalf("%d recovery codes", len(codes))
	}
	for i, code := range codes {
		ts.Setenv(fmt.Sprint("RECOVERY", i), code)
		storyOf(ts).keepSecret(code)
		storyOf(ts).keepSecret(strings.ReplaceAll(code, "-", "")[1:])
	}
}

// warned ADDRESS N waits until the removal of a second step was told N times to an address, and no more.
func cmdWarned(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	told := 0
	for range 900 { // the job comes every minute
		told = s.toldOf(ts, args[0], "will be removed")
		if fmt.Sprint(told) == args[1] {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s was warned %d times, wanted %s", args[0], told, args[1])
}

// toldOf counts the mails to an address in the outbox.
func (s *story) toldOf(ts *testscript.TestScript, address, subject string) (n int) {
	c := exec.Command(usherCommand(ts), "outbox", "--last", "500")
	c.Dir, c.Env = s.dir, s.environ(ts)
	out, err := c.CombinedOutput()
	if err != nil {
		ts.Fatalf("usher outbox: %v\n%s", err, out)
	}
	for mail := range strings.SplitSeq(string(out), strings.Repeat("-", 72)+"\n") {
		head, _, _ := strings.Cut(mail, "\n\n")
		if strings.Contains(head, "\nTo: "+address+"\n") && strings.Contains(head, subject) {
			n++
		}
	}
	return n
}

// shown is the text of the element with an id.
func (s *story) shown(ts *testscript.TestScript, id string) string {
	for n := range s.page(ts).root.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return textOf(n)
		}
	}
	ts.Fatalf("the page has no %s\n%s", id, s.page(ts).text())
	return ""
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
