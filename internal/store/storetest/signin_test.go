package storetest

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/ratelimit"
	"usher/internal/secret"
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

func TestTake(t *testing.T) {
	each(t, func(w *world) {
		one := ratelimit.Rule{Name: "one", Limit: 3, Period: time.Hour}.For("anna")
		day := ratelimit.Rule{Name: "day", Limit: 4, Period: 24 * time.Hour}.For("anna")
		for range 3 {
			w.must(w.db.Take(w.ctx(), []ratelimit.Take{one, day}, w.now))
		}
		var limited *ratelimit.LimitedError
		if err := w.db.Take(w.ctx(), []ratelimit.Take{day, one}, w.now); !errors.As(err, &limited) || !limited.Until.Equal(w.now.Add(20*time.Minute)) {
			t.Fatalf("the fourth: %v", err)
		}
		w.must(w.db.Take(w.ctx(), []ratelimit.Take{one, day}, limited.Until)) // which the refused one has not counted against
		if err := w.db.Take(w.ctx(), []ratelimit.Take{one, day}, w.now.Add(21*time.Minute)); !errors.As(err, &limited) || !limited.Until.Equal(w.now.Add(6*time.Hour)) {
			t.Errorf("the fifth: %v, want the later of the two limits", err)
		}
		w.count(0, "rate WHERE key LIKE '%anna%'")
	})
}

func TestTakeRaced(t *testing.T) {
	each(t, func(w *world) {
		takes := slices.Concat(ratelimit.Rule{Name: "x", Limit: 10, Period: time.Hour}.From(source), ratelimit.Rule{Name: "y", Limit: 500, Period: time.Hour}.From(source))
		passed := 0
		for i, err := range w.parallel(60, func(db *store.DB, i int) error {
			mine := slices.Clone(takes)
			if i%2 == 0 {
				slices.Reverse(mine) // whatever the order, nobody waits in a circle
			}
			return db.Take(w.ctx(), mine, w.now)
		}) {
			var limited *ratelimit.LimitedError
			switch {
			case err == nil:
				passed++
			case !errors.As(err, &limited):
				t.Errorf("%d got %v", i, err)
			}
		}
		if passed != 10 {
			t.Errorf("%d passed a limit of 10", passed)
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

func TestOpenSignIn(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		at := credential.Attempt{Handle: w.mail(a.Email), Network: ratelimit.SignInFailures.From(source), At: w.now}
		c, err := w.db.BeginAttempt(w.ctx(), at)
		w.must(err)
		s := w.signIn(a)
		s.Known = secret.NewToken()
		w.must(w.db.OpenSignIn(w.ctx(), at, c, s, w.act(audit.SignedIn, a.ID), w.act(audit.DevicesTrimmed, a.ID)))
		f := w.find(credential.Browser, s.Token)
		if f.AccountID != a.ID || f.DeviceID != s.Device.ID || f.Account != a.Standing || !f.FreshAt.Equal(w.now) || f.Stamp != s.Stamp || !f.DeviceUsedAt.Equal(w.now) {
			t.Errorf("found %+v", f)
		}
		w.must(w.resolve(credential.Browser, s.Token))
		w.must(w.resolve(credential.Known, s.Known))
		w.count(0, "failure")
		w.recorded(audit.SignedIn, 1)
		w.recorded(audit.DevicesTrimmed, 0)
		for _, column := range []string{"facts", "seen"} {
			if v := w.text("SELECT " + column + " FROM device"); strings.Contains(v, "Firefox") || strings.Contains(v, "192.0.2.7") {
				t.Errorf("%s stands open in the database", column)
			}
		}
		w.count(0, "credential WHERE hash LIKE $1", "%"+s.Token.Reveal()+"%")
	})
}

func TestOpenSignInTrimsTheOldest(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		ended, _ := w.signedIn(a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		_ = ended
		password, tv := w.appPassword(a), w.signIn(a) // unused for longest, and no browsers
		w.must(w.db.AddDevice(w.ctx(), password, audit.Act{At: w.now}))
		tv.Kind, tv.Device.Kind = credential.App, device.App
		w.openSignIn(tv)
		first, _ := w.signedIn(a)
		for range device.Most - 1 {
			w.now = w.now.Add(time.Second)
			w.openSignIn(w.signIn(a))
		}
		w.recorded(audit.DevicesTrimmed, 0) // those that "sign out everything" ended do not count
		w.must(w.resolve(credential.Browser, first.Token))
		w.now = w.now.Add(time.Second)
		last, _ := w.signedIn(a)
		w.recorded(audit.DevicesTrimmed, 1)
		w.is(w.resolve(credential.Browser, first.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, last.Token))
		w.must(w.resolve(credential.App, tv.Token))
		w.must(w.resolve(credential.AppPassword, password.Token))
		w.count(int64(device.Most)+2, "device")
		w.count(int64(device.Most)+2, "credential")
	})
}

func TestEndDevice(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, _ := w.signedIn(a)
		kept, _ := w.signedIn(a)
		w.is(w.db.EndDevice(w.ctx(), other.ID, s.Device.ID, audit.Act{}), device.ErrNotFound) // attack S16: another's device
		w.race(device.ErrNotFound, func(db *store.DB, _ int) error {
			return db.EndDevice(w.ctx(), a.ID, s.Device.ID, w.act(audit.SignedOut, a.ID))
		})
		w.recorded(audit.SignedOut, 1)
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrUnknown)
		w.must(w.resolve(credential.Browser, kept.Token))
	})
}

func TestEndEverything(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		one, _ := w.signedIn(a)
		two, hash := w.signedIn(a)
		reset, _ := w.link(credential.Reset, a)
		undo, _ := w.link(credential.Undo, a)
		foreign, _ := w.signedIn(other)
		keep := w.signIn(a)
		keep.Replaces = hash
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.EndEverything(w.ctx(), a.ID, &keep, w.act(audit.SignedOutAll, a.ID))
		})
		w.recorded(audit.SignedOutAll, 1)
		w.is(w.resolve(credential.Browser, one.Token), credential.ErrEnded)
		w.is(w.resolve(credential.Browser, two.Token), credential.ErrUnknown) // the browser that asked: its old sign-in is spent
		w.is(w.resolve(credential.Reset, reset), credential.ErrEnded)
		w.must(w.resolve(credential.Browser, keep.Token))
		w.must(w.resolve(credential.Undo, undo)) // protective
		w.must(w.resolve(credential.Browser, foreign.Token))
		devices, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		if len(devices) != 1 || devices[0].ID != keep.Device.ID {
			t.Errorf("%d devices", len(devices))
		}
		w.is(w.db.EndEverything(w.ctx(), "gone", nil, audit.Act{}), account.ErrNotFound)

		late := w.signIn(a) // whose own sign-in is ended before it comes to its turn
		late.Replaces = w.find(credential.Browser, keep.Token).Hash
		w.must(w.db.EndDevice(w.ctx(), a.ID, keep.Device.ID, audit.Act{}))
		w.is(w.db.EndEverything(w.ctx(), a.ID, &late, audit.Act{}), store.ErrSpent)
		w.is(w.resolve(credential.Browser, late.Token), credential.ErrUnknown)
	})
}

// A sign-in whose proof began before "sign out everything" is dead when it is written after.
func TestStampIsReadBeforeTheProof(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		late := w.signIn(a)
		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, audit.Act{}))
		w.openSignIn(late)
		w.is(w.resolve(credential.Browser, late.Token), credential.ErrUnknown) // trimmed with what else has ended

		late = w.signIn(a)
		w.tamper("UPDATE instance SET epoch = epoch + 1, incident = epoch + 1")
		w.openSignIn(late)
		w.is(w.resolve(credential.Browser, late.Token), credential.ErrEnded)
	})
}

func TestRenewSignIn(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, hash := w.signedIn(a)
		var tokens [racers]secret.Token
		for i := range tokens {
			tokens[i] = secret.NewToken()
		}
		w.now = w.now.Add(time.Hour)
		winner := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			return db.RenewSignIn(w.ctx(), credential.Renewal{Replaces: hash, Token: tokens[i], FreshAt: w.now}, w.act(audit.ProvedAgain, a.ID))
		})
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrUnknown)
		for i, token := range tokens {
			if i != winner {
				w.is(w.resolve(credential.Browser, token), credential.ErrUnknown)
				continue
			}
			f := w.find(credential.Browser, token)
			if f.DeviceID != s.Device.ID || !f.FreshAt.Equal(w.now) || !f.CreatedAt.Equal(start) || f.Stamp != s.Stamp {
				t.Errorf("renewed into %+v", f)
			}
		}
		w.recorded(audit.ProvedAgain, 1)
	})
}

func TestListDevices(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		first, _ := w.signedIn(a)
		w.now = w.now.Add(time.Minute)
		second, _ := w.signedIn(a)
		w.signedIn(w.person("bert"))
		got, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		want := second.Device
		want.CreatedAt, want.UsedAt = w.now, w.now
		if len(got) != 2 || got[0] != want || got[1].ID != first.Device.ID {
			t.Errorf("got %+v", got)
		}
		for _, set := range []string{"UPDATE instance SET floor = epoch + 1", "UPDATE instance SET floor = 0, incident = epoch + 1", "UPDATE instance SET incident = 0"} {
			w.tamper(set)
			got, err = w.db.ListDevices(w.ctx(), a.ID)
			w.must(err)
			if alive := strings.HasSuffix(set, "incident = 0"); alive != (len(got) == 2) {
				t.Errorf("after %q: %d devices", set, len(got))
			}
		}
		got, err = w.db.ListDevices(w.ctx(), "gone")
		w.must(err)
		if len(got) != 0 {
			t.Error("devices of nobody")
		}
	})
}

func TestTouchDevices(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		used := s.Device
		used.UsedAt, used.Seen = w.now.Add(time.Hour), device.Seen{Address: "2001:db8::1"}
		gone := used
		gone.ID, gone.AccountID = "gone", "gone"
		w.must(w.db.TouchDevices(w.ctx(), []device.Device{gone, used}))
		older := used
		older.UsedAt, older.Seen = w.now.Add(time.Minute), device.Seen{Address: "192.0.2.1"}
		w.must(w.db.TouchDevices(w.ctx(), []device.Device{older})) // which came late
		got, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		if !got[0].UsedAt.Equal(used.UsedAt) || got[0].Seen != used.Seen {
			t.Errorf("got %+v", got[0])
		}
		w.all(func(db *store.DB, i int) error {
			all := []device.Device{used, gone}
			if i%2 == 0 {
				slices.Reverse(all)
			}
			return db.TouchDevices(w.ctx(), all)
		})
	})
}
