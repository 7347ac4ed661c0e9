package storetest

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/store"
)

var source = netip.MustParseAddr("192.0.2.7")

func (w *world) attempt(a account.Account) credential.Attempt {
	return credential.Attempt{Account: a.ID, At: w.now}
}

func TestBeginAttempt(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		budgets := map[string]bool{}
		for _, at := range []credential.Attempt{
			{Handle: account.LoginHandle(" ANNA@Example.Org")}, {Handle: account.LoginHandle("ＡNNA")}, {Handle: account.LoginHandle("anna")}, {Account: a.ID},
		} {
			at.At = w.now
			c, err := w.db.BeginAttempt(w.ctx(), at)
			w.must(err)
			if c.Account != a || c.Known || c.Clock.Epoch == 0 {
				t.Errorf("got %+v", c.Account.Standing)
			}
			budgets[c.Budget] = true
		}
		if len(budgets) != 1 {
			t.Errorf("%d budgets for one account", len(budgets))
		}
		w.count(1, "failure WHERE count = 4")

		nobody, err := w.db.BeginAttempt(w.ctx(), credential.Attempt{Handle: account.LoginHandle("nobody"), At: w.now})
		w.must(err)
		if nobody.Exists() || nobody.Budget == "" || budgets[nobody.Budget] {
			t.Error("nobody's handle has no budget of its own")
		}
		for _, strange := range []string{"", "\x00", "\xff@example.org", strings.Repeat("ä", 5000)} {
			_, err := w.db.BeginAttempt(w.ctx(), credential.Attempt{Handle: account.LoginHandle(strange), At: w.now})
			w.must(err)
		}
		gone, err := w.db.BeginAttempt(w.ctx(), credential.Attempt{Account: "gone", At: w.now})
		w.must(err)
		if gone.Exists() {
			t.Error("found an account that is not there")
		}
	})
}

// At a media server only its owner and its household are somebody; for everybody else, and for nobody's handle, the handle there has a budget of its own.
func TestBeginAttemptAtServer(t *testing.T) {
	each(t, func(w *world) {
		owner, member, guest, stranger := w.person("anna"), w.person("bert"), w.person("carl"), w.person("dora")
		s, other := w.claimed(owner, "one"), w.claimed(owner, "other")
		w.admitsAs(s, "bert", server.Terms{Role: server.Household})
		w.admits(s, "carl")
		w.must(w.come(s, member))
		w.must(w.come(s, guest))
		budget := func(server, login string, want account.Account) string {
			w.Helper()
			c, err := w.db.BeginAttempt(w.ctx(), credential.Attempt{Handle: account.LoginHandle(login), Server: server, At: w.now})
			w.must(err)
			if c.Account.ID != want.ID {
				w.Errorf("%q at %q is %+v", login, server, c.Account.Standing)
			}
			return c.Budget
		}
		for _, a := range []account.Account{owner, member} {
			if budget(s.ID, a.UserName, a) != budget("", a.Email, a) {
				w.Errorf("%s has a budget for the server", a.UserName)
			}
		}
		if budget(other.ID, "bert", account.Account{}) == budget("", "bert", member) {
			w.Error("at a server where he is nobody his own tries are used up")
		}
		seen := map[string]bool{}
		for _, login := range []string{"carl", "dora", stranger.Email, "nobody"} {
			for _, at := range []string{s.ID, other.ID} {
				seen[budget(at, login, account.Account{})] = true
			}
		}
		for _, a := range []account.Account{guest, stranger, {UserName: "nobody"}} {
			seen[budget("", a.UserName, a)] = true
		}
		if len(seen) != 4*2+3 {
			w.Errorf("%d budgets", len(seen))
		}
	})
}

// The waiting times, and the end of the budget, on a clock of the test's own; an unknown name is treated alike.
func TestBeginAttemptWaits(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		for _, at := range []credential.Attempt{{Account: a.ID}, {Handle: account.LoginHandle("nobody")}} {
			w.now = start
			for n := int64(1); n <= ratelimit.MostFailures; n++ {
				at.At = w.now
				_, err := w.db.BeginAttempt(w.ctx(), at)
				w.must(err)
				wait := ratelimit.Wait(n)
				if wait == 0 || n == ratelimit.MostFailures {
					continue
				}
				at.At = w.now.Add(wait - time.Millisecond)
				var limited *ratelimit.LimitedError
				if _, err = w.db.BeginAttempt(w.ctx(), at); !errors.As(err, &limited) || !limited.Until.Equal(w.now.Add(wait)) {
					t.Fatalf("after %d failures: %v", n, err)
				}
				w.now = w.now.Add(wait)
			}
			at.At = w.now.Add(365 * 24 * time.Hour)
			var exhausted credential.Exhausted
			if _, err := w.db.BeginAttempt(w.ctx(), at); !errors.As(err, &exhausted) {
				t.Fatalf("after %d failures: %v", ratelimit.MostFailures, err)
			}
		}
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID)))
		_, link := w.link(credential.Reset, a)
		w.must(w.db.RedeemReset(w.ctx(), link, w.newPassword(a, "new"), w.act(audit.PasswordReset, a.ID)))
		_, err := w.db.BeginAttempt(w.ctx(), w.attempt(a))
		w.must(err) // a new password has a new budget
	})
}

// Attack F5: two hundred wrong passwords at once on two nodes. Every one that is evaluated is counted, and no more are evaluated than are free.
func TestBeginAttemptLosesNoFailure(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		evaluated := 0
		for _, err := range w.parallel(200, func(db *store.DB, _ int) error {
			_, err := db.BeginAttempt(w.ctx(), w.attempt(a))
			return err
		}) {
			var limited *ratelimit.LimitedError
			switch {
			case err == nil:
				evaluated++
			case !errors.As(err, &limited):
				t.Errorf("a try got %v", err)
			}
		}
		if evaluated != ratelimit.FreeFailures {
			t.Errorf("%d passwords were evaluated, want %d", evaluated, ratelimit.FreeFailures)
		}
		w.count(1, "failure WHERE count = $1", int64(ratelimit.FreeFailures))
	})
}

func TestKnownBrowserHasItsOwnBudget(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s := w.signIn(a)
		s.Known = secret.NewToken()
		w.openSignIn(s)
		for range ratelimit.FreeFailures {
			_, err := w.db.BeginAttempt(w.ctx(), w.attempt(a))
			w.must(err)
		}
		known := credential.Attempt{Account: a.ID, Known: s.Known, At: w.now}
		c, err := w.db.BeginAttempt(w.ctx(), known)
		w.must(err)
		if !c.Known {
			t.Error("the browser was not known again")
		}
		foreign := credential.Attempt{Account: other.ID, Known: s.Known, At: w.now} // attack F16: somebody else's mark
		if c, err = w.db.BeginAttempt(w.ctx(), foreign); err != nil || c.Known {
			t.Errorf("known with another account: %v, %v", c.Known, err)
		}
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, w.act(audit.SignedOutAll, a.ID)))
		var limited *ratelimit.LimitedError
		if _, err = w.db.BeginAttempt(w.ctx(), known); !errors.As(err, &limited) {
			t.Errorf("a browser that was signed out with all others: %v", err)
		}
	})
}

func TestForgiveAttempt(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		at := w.attempt(a)
		at.Network = ratelimit.Rule{Name: "x", Limit: 6, Period: time.Hour}.From(source)
		var c credential.Candidate
		for range ratelimit.FreeFailures {
			var err error
			c, err = w.db.BeginAttempt(w.ctx(), at)
			w.must(err)
		}
		w.must(w.db.ForgiveAttempt(w.ctx(), at, c, w.act(audit.SignInRefused, a.ID)))
		w.count(0, "failure")
		w.recorded(audit.SignInRefused, 1)
		_, err := w.db.BeginAttempt(w.ctx(), at)
		w.must(err)
		_, err = w.db.BeginAttempt(w.ctx(), at) // one of the six was given back
		w.must(err)
		var limited *ratelimit.LimitedError
		if _, err = w.db.BeginAttempt(w.ctx(), at); !errors.As(err, &limited) {
			t.Errorf("the seventh failure from one network: %v", err)
		}
		w.count(1, "failure WHERE count = 2")
	})
}

func TestReturnAttempt(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		at := w.attempt(a)
		at.Network = ratelimit.Rule{Name: "x", Limit: 60, Period: time.Hour}.From(source)
		for range ratelimit.FreeFailures - 1 {
			_, err := w.db.BeginAttempt(w.ctx(), at)
			w.must(err)
		}
		for range 3 {
			c, err := w.db.BeginAttempt(w.ctx(), at)
			w.must(err)
			w.must(w.db.ReturnAttempt(w.ctx(), at, c))
			w.count(1, "failure WHERE count = $1", int64(ratelimit.FreeFailures-1))
		}
	})
}
