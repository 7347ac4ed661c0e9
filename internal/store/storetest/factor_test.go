package storetest

import (
	"errors"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/store"
)

// authKey is the key of every second factor here; the store does not look into it.
var authKey = secret.TokenOf("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")

func recoverySet(of string) map[string]string {
	set := map[string]string{}
	for _, selector := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		set[selector] = "phc of " + of + " " + selector
	}
	return set
}

// protected is a person with a second factor.
func (w *world) protected(name string) account.Account {
	w.Helper()
	a := w.person(name)
	w.must(w.db.TurnOnFactor(w.ctx(), credential.NewFactor{AccountID: a.ID, Key: authKey, Step: 100, Recovery: recoverySet(name)}, w.act(audit.SecondFactorOn, a.ID)))
	return a
}

// begin reads what a typed factor is checked against.
func (w *world) begin(a account.Account, selector string) (credential.Factor, error) {
	at := credential.FactorAttempt{AccountID: a.ID, Selector: selector, At: w.now}
	c, err := w.db.BeginFactor(w.ctx(), at)
	return credential.Factor{AccountID: a.ID, Attempt: at, Candidate: c, Selector: selector}, err
}

// factor is one that was right a moment ago: a code of a step, or the recovery code of a selector.
func (w *world) factor(a account.Account, step int64, selector string) credential.Factor {
	w.Helper()
	f, err := w.begin(a, selector)
	w.must(err)
	f.Step = step
	return f
}

func TestBeginFactor(t *testing.T) {
	each(t, func(w *world) {
		a, bare := w.protected("anna"), w.person("bert")
		f, err := w.begin(a, "4")
		w.must(err)
		if f.Candidate.Key != authKey || f.Candidate.Step != 100 || f.Candidate.Recovery != "phc of anna 4" || f.Candidate.Failures != 1 {
			t.Errorf("step %d, %d failures", f.Candidate.Step, f.Candidate.Failures)
		}
		f, err = w.begin(a, "")
		w.must(err)
		if f.Candidate.Recovery != "" || f.Candidate.Failures != 2 {
			t.Error("a recovery code that nobody asked for")
		}
		f, err = w.begin(bare, "4")
		if err != nil || !f.Candidate.Key.Empty() || f.Candidate.Recovery != "" {
			t.Errorf("without a second factor: %v", err)
		}
	})
}

// No try is lost however many run at once, on however many nodes, and a restart forgets none.
func TestFactorTriesAreAllCounted(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		limited := new(ratelimit.LimitedError)
		passed := 0
		for _, err := range w.parallel(3*racers, func(db *store.DB, _ int) error {
			_, err := db.BeginFactor(w.ctx(), credential.FactorAttempt{AccountID: a.ID, At: w.now})
			return err
		}) {
			switch {
			case err == nil:
				passed++
			case !errors.As(err, &limited):
				t.Errorf("got %v", err)
			}
		}
		if passed != ratelimit.FreeFailures {
			t.Errorf("%d tries passed at once", passed)
		}
		w.count(1, "failure WHERE count = 5")
		w.must(w.db.Close())
		w.db = w.open()
		if _, err := w.begin(a, ""); !errors.As(err, &limited) {
			t.Errorf("after a restart: %v", err)
		}
	})
}

// A browser where the owner has been has a budget of its own: a stranger with the password cannot lock the owner out.
func TestKnownBrowsersHaveTheirOwnFactorBudget(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		known, _ := w.link(credential.Known, a)
		for range ratelimit.FreeFailures {
			_, err := w.begin(a, "")
			w.must(err)
		}
		if _, err := w.begin(a, ""); err == nil {
			t.Error("a sixth guess")
		}
		_, err := w.db.BeginFactor(w.ctx(), credential.FactorAttempt{AccountID: a.ID, Known: known, At: w.now})
		w.must(err)
	})
}

func TestReturnFactor(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		for range 5 * ratelimit.FreeFailures { // what did not take place counts nothing
			f := w.factor(a, 0, "1")
			w.must(w.db.ReturnFactor(w.ctx(), f.Attempt, f.Candidate))
		}
		f := w.factor(a, 0, "")
		if f.Candidate.Failures != 1 {
			t.Errorf("%d failures", f.Candidate.Failures)
		}
	})
}

func TestRecoveryLeft(t *testing.T) {
	each(t, func(w *world) {
		a, bare := w.protected("anna"), w.person("bert")
		for who, want := range map[string]int64{a.ID: 10, bare.ID: 0, "nobody": 0} {
			if n, err := w.db.RecoveryLeft(w.ctx(), who); err != nil || n != want {
				t.Errorf("%d left, %v, want %d", n, err, want)
			}
		}
	})
}

func TestTurnOnFactor(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		reset, _ := w.link(credential.Reset, a)
		foreign, _ := w.link(credential.Reset, other)
		browser, _ := w.signedIn(a)
		enrolment, hash := w.link(credential.Enrolment, a)
		cyd := w.person("cyd")
		_, early := w.link(credential.Enrolment, cyd)
		w.must(w.db.RequireReset(w.ctx(), cyd.ID, "", w.act(audit.ResetRequired, cyd.ID)))
		late := credential.NewFactor{AccountID: cyd.ID, Key: authKey, Spends: early}
		w.is(w.db.TurnOnFactor(w.ctx(), late, w.act(audit.SecondFactorOn, cyd.ID)), store.ErrSpent)
		on := credential.NewFactor{AccountID: a.ID, Key: authKey, Step: 7, Recovery: recoverySet("anna"), Spends: hash}
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.TurnOnFactor(w.ctx(), on, w.act(audit.SecondFactorOn, a.ID))
		})
		w.recorded(audit.SecondFactorOn, 1)
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		if err != nil || !got.SecondFactor || !got.FactorSince.Equal(w.now) {
			t.Errorf("%v since %v", got.SecondFactor, got.FactorSince)
		}
		w.is(w.resolve(credential.Enrolment, enrolment), credential.ErrUnknown)
		w.is(w.resolve(credential.Reset, reset), credential.ErrUnknown) // begun without it
		w.must(w.resolve(credential.Reset, foreign))
		w.must(w.resolve(credential.Browser, browser.Token))
		on.Spends = ""
		w.is(w.db.TurnOnFactor(w.ctx(), on, w.act(audit.SecondFactorOn, a.ID)), store.ErrSpent) // another's key takes no one's place
		w.is(w.db.TurnOnFactor(w.ctx(), credential.NewFactor{AccountID: "gone", Key: authKey}, audit.Act{At: w.now}), account.ErrNotFound)
	})
}

// One code of the authenticator, submitted many times at once, on many nodes and through verbs of every sort, counts once.
func TestOneStepCountsOnce(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		f := w.factor(a, 101, "")
		w.race(store.ErrSpent, func(db *store.DB, i int) error {
			if i%2 == 0 {
				return db.ReplaceRecovery(w.ctx(), recoverySet("new"), f, w.act(audit.CodesReplaced, a.ID))
			}
			s := w.signIn(a)
			s.Factor = &f
			return db.OpenSignIn(w.ctx(), credential.Attempt{At: w.now}, credential.Candidate{}, s, w.act(audit.SignedIn, a.ID), w.act(audit.DevicesTrimmed, a.ID))
		})
		for _, step := range []int64{99, 100, 101} { // nor does an older one after a newer one
			w.is(w.db.ReplaceRecovery(w.ctx(), recoverySet("new"), w.factor(a, step, ""), audit.Act{At: w.now}), store.ErrSpent)
		}
		if n := w.number("SELECT totp_step FROM account WHERE id = $1", a.ID); n != 101 {
			t.Errorf("the newest step is %d", n)
		}
	})
}

// The same for one recovery code.
func TestOneRecoveryCodeCountsOnce(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		f := w.factor(a, 0, "6")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			s := w.signIn(a)
			s.Factor = &f
			return db.OpenSignIn(w.ctx(), credential.Attempt{At: w.now}, credential.Candidate{}, s, w.act(audit.SignedIn, a.ID), w.act(audit.DevicesTrimmed, a.ID))
		})
		w.count(9, "recovery_code WHERE account_id = $1", a.ID)
		w.count(1, "device WHERE account_id = $1", a.ID)
		w.count(0, "failure WHERE count > 0") // a right one gives everything back
	})
}

func TestTurnOffFactor(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.protected("anna"), w.protected("bert")
		browser, _ := w.signedIn(a)
		remembered, _ := w.link(credential.Remembered, a)
		foreign, _ := w.link(credential.Remembered, other)
		half, _ := w.link(credential.SecondStep, a)
		w.must(w.db.AskRemoval(w.ctx(), credential.NewRemoval(a.ID, audit.CLI, w.now), w.act(audit.RemovalAsked, a.ID)))
		f := w.factor(a, 0, "6")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.TurnOffFactor(w.ctx(), f, w.act(audit.SecondFactorOff, a.ID))
		})
		w.recorded(audit.SecondFactorOff, 1)
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		if err != nil || got.SecondFactor || got.Password != a.Password {
			t.Errorf("it is on: %v; %v", got.SecondFactor, err)
		}
		w.count(10, "recovery_code")
		w.count(0, "factor_removal")
		w.count(0, "account WHERE id = $1 AND totp <> ''", a.ID)
		w.is(w.resolve(credential.Remembered, remembered), credential.ErrUnknown)
		w.is(w.resolve(credential.SecondStep, half), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, browser.Token))
		w.must(w.resolve(credential.Remembered, foreign))
		// A key that comes later does not let old steps count.
		w.must(w.db.TurnOnFactor(w.ctx(), credential.NewFactor{AccountID: a.ID, Key: authKey, Step: 200, Recovery: recoverySet("again")}, audit.Act{At: w.now}))
		w.is(w.db.TurnOffFactor(w.ctx(), f, audit.Act{At: w.now}), store.ErrSpent) // another set has other codes
		w.must(w.db.TurnOffFactor(w.ctx(), w.factor(a, 201, ""), audit.Act{At: w.now}))
	})
}

func TestReplaceRecovery(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		old := w.factor(a, 0, "3")
		w.must(w.db.ReplaceRecovery(w.ctx(), recoverySet("new"), w.factor(a, 101, ""), w.act(audit.CodesReplaced, a.ID)))
		w.recorded(audit.CodesReplaced, 1)
		w.count(10, "recovery_code WHERE account_id = $1", a.ID)
		w.is(w.db.TurnOffFactor(w.ctx(), old, audit.Act{At: w.now}), store.ErrSpent) // checked a moment before: void all the same
		if f := w.factor(a, 0, "3"); f.Candidate.Recovery != "phc of new 3" {
			t.Error("the old set counts")
		}
	})
}

func TestListRemembered(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.protected("anna"), w.protected("bert")
		for _, name := range []string{"Firefox on Linux", "Safari on iPhone"} {
			s := w.signIn(a)
			s.Remember, s.RememberedAs = secret.NewToken(), name
			w.openSignIn(s)
			w.now = w.now.Add(time.Minute)
		}
		foreign := w.signIn(other)
		foreign.Remember, foreign.RememberedAs = secret.NewToken(), "Chrome on Windows"
		w.openSignIn(foreign)
		list := func(at time.Time) []credential.Credential {
			all, err := w.db.ListRemembered(w.ctx(), a.ID, at)
			w.must(err)
			return all
		}
		if all := list(w.now); len(all) != 2 || all[0].Detail != "Safari on iPhone" || all[1].Detail != "Firefox on Linux" || all[0].CreatedAt.IsZero() || all[0].ExpiresAt.IsZero() {
			t.Errorf("%d are listed", len(all))
		}
		if all := list(w.now.Add(credential.Rules[credential.Remembered].Life)); len(all) != 0 {
			t.Errorf("%d are listed that are over", len(all))
		}
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{At: w.now}))
		if all := list(w.now); len(all) != 0 {
			t.Errorf("%d are listed that an epoch ended", len(all))
		}
	})
}

func TestForgetRemembered(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.protected("anna"), w.protected("bert")
		one, hash := w.link(credential.Remembered, a)
		two, _ := w.link(credential.Remembered, a)
		foreign, others := w.link(credential.Remembered, other)
		reset, resets := w.link(credential.Reset, a)
		for _, hashes := range [][]string{nil, {"x"}, {others}, {resets}} {
			w.is(w.db.ForgetRemembered(w.ctx(), a.ID, hashes, w.act(audit.BrowserForgotten, a.ID)), store.ErrSpent)
		}
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.ForgetRemembered(w.ctx(), a.ID, []string{hash, others}, w.act(audit.BrowserForgotten, a.ID))
		})
		w.recorded(audit.BrowserForgotten, 1)
		w.is(w.resolve(credential.Remembered, one), credential.ErrUnknown)
		w.must(errors.Join(w.resolve(credential.Remembered, two), w.resolve(credential.Remembered, foreign), w.resolve(credential.Reset, reset)))
	})
}

// warning is an act with a mail, as the job makes it.
func (w *world) warning(a account.Account) audit.Act {
	l := credential.Link{Kind: credential.KeepFactor, Token: secret.NewToken(), AccountID: a.ID}
	return audit.Act{At: w.now}.Linking(l).Telling(notice.FactorRemoval(a.Email, "", w.now, "/keep").For(a.ID))
}

func TestAskRemoval(t *testing.T) {
	each(t, func(w *world) {
		a, bare := w.protected("anna"), w.person("bert")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.AskRemoval(w.ctx(), credential.NewRemoval(a.ID, audit.CLI, w.now), w.act(audit.RemovalAsked, a.ID))
		})
		w.recorded(audit.RemovalAsked, 1)
		w.is(w.db.AskRemoval(w.ctx(), credential.NewRemoval(bare.ID, audit.CLI, w.now), audit.Act{At: w.now}), store.ErrSpent)
		w.is(w.db.AskRemoval(w.ctx(), credential.NewRemoval("gone", audit.CLI, w.now), audit.Act{At: w.now}), account.ErrNotFound)
	})
}

func TestFindRemoval(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.protected("anna"), w.protected("bert")
		want := credential.NewRemoval(a.ID, audit.CLI, w.now)
		w.must(w.db.AskRemoval(w.ctx(), want, audit.Act{At: w.now}))
		if got, err := w.db.FindRemoval(w.ctx(), a.ID); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := w.db.FindRemoval(w.ctx(), other.ID); err != nil || !got.Due.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestListRemovals(t *testing.T) {
	each(t, func(w *world) {
		for i := range 5 {
			a := w.protected(label(i))
			w.must(w.db.AskRemoval(w.ctx(), credential.NewRemoval(a.ID, audit.CLI, w.now), audit.Act{At: w.now}))
			w.now = w.now.Add(time.Hour)
		}
		for by, want := range map[time.Duration]int{-time.Second: 0, 0: 1, 2 * time.Hour: 3, 9 * time.Hour: 4} {
			got, err := w.db.ListRemovals(w.ctx(), start.Add(by), 4)
			if err != nil || len(got) != want {
				t.Errorf("told within %v: %d, %v, want %d", by, len(got), err, want)
			}
		}
	})
}

// Each warning is sent once, whatever node sends it and wherever one was killed: the row and the mail are one transaction.
func TestTellRemoval(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		r := credential.NewRemoval(a.ID, audit.CLI, w.now)
		w.must(w.db.AskRemoval(w.ctx(), r, w.warning(a)))
		w.now = w.now.Add(credential.WarnEvery)
		next := r.Again(w.now)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error { return db.TellRemoval(w.ctx(), r, next, w.warning(a)) })
		w.count(2, "mail")
		w.count(2, "credential WHERE kind = $1", string(credential.KeepFactor))
		if got, err := w.db.FindRemoval(w.ctx(), a.ID); err != nil || got != next || got.Told != 2 || !got.Due.Equal(r.Due) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestStopRemoval(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.protected("anna"), w.protected("bert")
		w.is(w.db.StopRemoval(w.ctx(), a.ID, "", audit.Act{At: w.now}), store.ErrSpent)
		w.must(w.db.AskRemoval(w.ctx(), credential.NewRemoval(a.ID, audit.CLI, w.now), audit.Act{At: w.now}))
		w.must(w.db.AskRemoval(w.ctx(), credential.NewRemoval(other.ID, audit.CLI, w.now), audit.Act{At: w.now}))
		first, hash := w.link(credential.KeepFactor, a)
		second, _ := w.link(credential.KeepFactor, a)
		foreign, _ := w.link(credential.KeepFactor, other)
		w.is(w.db.StopRemoval(w.ctx(), a.ID, "no such hash", audit.Act{At: w.now}), store.ErrSpent)
		w.race(store.ErrSpent, func(db *store.DB, i int) error {
			if i%2 == 0 {
				return db.StopRemoval(w.ctx(), a.ID, "", w.act(audit.RemovalStopped, a.ID))
			}
			return db.StopRemoval(w.ctx(), a.ID, hash, w.act(audit.RemovalStopped, a.ID))
		})
		w.recorded(audit.RemovalStopped, 1)
		w.is(w.resolve(credential.KeepFactor, first), credential.ErrUnknown)
		w.is(w.resolve(credential.KeepFactor, second), credential.ErrUnknown)
		w.must(w.resolve(credential.KeepFactor, foreign))
		w.count(1, "factor_removal")
	})
}

func TestRemoveFactor(t *testing.T) {
	each(t, func(w *world) {
		a, stopped := w.protected("anna"), w.protected("bert")
		remembered, _ := w.link(credential.Remembered, a)
		for _, who := range []account.Account{a, stopped} {
			r := credential.NewRemoval(who.ID, audit.CLI, w.now)
			w.must(w.db.AskRemoval(w.ctx(), r, audit.Act{At: w.now}))
			w.is(w.db.RemoveFactor(w.ctx(), who.ID, audit.Act{At: r.Due}), store.ErrSpent) // one warning is not enough
			r2 := r
			r2.Told = credential.RemovalWarnings
			w.must(w.db.TellRemoval(w.ctx(), r, r2, audit.Act{At: w.now}))
		}
		w.is(w.db.RemoveFactor(w.ctx(), a.ID, w.act(audit.FactorRemoved, a.ID)), store.ErrSpent) // not yet
		w.now = w.now.Add(credential.RemovalWarnings * credential.WarnEvery)
		w.must(w.db.StopRemoval(w.ctx(), stopped.ID, "", audit.Act{At: w.now}))
		w.is(w.db.RemoveFactor(w.ctx(), stopped.ID, audit.Act{At: w.now}), store.ErrSpent)
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Locked, time.Time{}, audit.Act{At: w.now}))
		w.is(w.db.RemoveFactor(w.ctx(), a.ID, audit.Act{At: w.now}), store.ErrSpent) // its owner is kept out
		w.must(w.db.SetState(w.ctx(), a.ID, account.Locked, account.Active, time.Time{}, audit.Act{At: w.now}))
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RemoveFactor(w.ctx(), a.ID, w.act(audit.FactorRemoved, a.ID))
		})
		w.recorded(audit.FactorRemoved, 1)
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		if err != nil || got.SecondFactor || got.Password != a.Password || got.PasswordVersion != a.PasswordVersion {
			t.Errorf("it is on: %v, or the password is another; %v", got.SecondFactor, err)
		}
		w.is(w.resolve(credential.Remembered, remembered), credential.ErrUnknown)
	})
}

// The one who stops a removal and the job that carries it out meet: exactly one of them wins.
func TestStoppedOrRemovedButNotBoth(t *testing.T) {
	each(t, func(w *world) {
		a := w.protected("anna")
		r := credential.NewRemoval(a.ID, audit.CLI, w.now)
		r.Told = credential.RemovalWarnings
		w.must(w.db.AskRemoval(w.ctx(), r, audit.Act{At: w.now}))
		w.now = r.Due
		winner := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			if i%2 == 0 {
				return db.StopRemoval(w.ctx(), a.ID, "", w.act(audit.RemovalStopped, a.ID))
			}
			return db.RemoveFactor(w.ctx(), a.ID, w.act(audit.FactorRemoved, a.ID))
		})
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		if err != nil || got.SecondFactor != (winner%2 == 0) {
			t.Errorf("racer %d won, and it is on: %v; %v", winner, got.SecondFactor, err)
		}
	})
}
