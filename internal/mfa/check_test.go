package mfa_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/argon2id"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/testdb"
	"usher/internal/teststore"
)

// world is a store with somebody who has a second factor.
type world struct {
	*testing.T
	db      *store.DB
	pool    *argon2id.Pool
	checker *mfa.Checker
	now     time.Time
	who     account.Account
	key     secret.Token
	codes   [mfa.RecoveryCodes]mfa.Recovery
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url string) {
		w := &world{T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), key: mfa.NewKey(), codes: mfa.NewRecovery()}
		w.db, w.pool = teststore.Open(t, url, w.now), teststore.Hasher(t, 8)
		w.checker = &mfa.Checker{Store: w.db, Hasher: w.pool, Now: func() time.Time { return w.now }}
		w.who = teststore.Person(t, w.db, "anna", w.now, nil)
		w.enrol()
		test(w)
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) enrol() {
	w.Helper()
	f := credential.NewFactor{AccountID: w.who.ID, Key: w.key, Recovery: map[string]string{}}
	for _, c := range w.codes {
		phc, err := w.pool.Hash(w.Context(), []byte(c.Rest.Reveal()))
		w.must(err)
		f.Recovery[c.Selector] = phc
	}
	w.must(w.db.TurnOnFactor(w.Context(), f, audit.Act{At: w.now}))
}

// check tries something, and says what it cost.
func (w *world) check(t mfa.Try) (f credential.Factor, hashes uint64, err error) {
	w.Helper()
	before := w.pool.Stats().Hashes
	f, err = w.checker.Check(w.Context(), w.who, t)
	return f, w.pool.Stats().Hashes - before, err
}

// spend lets a sign-in rely on a factor.
func (w *world) spend(f credential.Factor) error {
	w.Helper()
	in := credential.NewSignIn(w.who.ID, "password", device.Client{}, w.now)
	in.Factor = &f
	return w.db.OpenSignIn(w.Context(), credential.Attempt{At: w.now}, credential.Candidate{}, in, audit.Act{At: w.now}, audit.Act{At: w.now})
}

func (w *world) code(steps int64) secret.Token { return mfa.Code(w.key, mfa.Step(w.now)+steps) }

func (w *world) wants(err, want error, what string) {
	w.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		w.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestCodesCountOnce(t *testing.T) {
	each(t, func(w *world) {
		for range 3 { // nothing is spent before a verb relies on it
			f, hashes, err := w.check(mfa.Try{Typed: w.code(0)})
			w.wants(err, nil, "a right code")
			if hashes != 0 || f.Step != mfa.Step(w.now) || f.IsRecovery() {
				t.Errorf("%d hashes", hashes)
			}
			w.must(w.db.ReturnFactor(w.Context(), f.Attempt, f.Candidate))
		}
		f, _, err := w.check(mfa.Try{Typed: w.code(0)})
		w.must(err)
		w.must(w.spend(f))
		w.wants(w.spend(f), credential.ErrSpent, "spent again")
		_, _, err = w.check(mfa.Try{Typed: w.code(0)})
		w.wants(err, mfa.ErrReplayed, "the same code")
		w.wants(err, mfa.ErrWrong, "the same code")
		_, _, err = w.check(mfa.Try{Typed: w.code(-1)})
		w.wants(err, mfa.ErrReplayed, "an older code after a newer one")
		f, _, err = w.check(mfa.Try{Typed: w.code(1)})
		w.wants(err, nil, "a newer one")
		w.must(w.spend(f))
		w.now = w.now.Add(time.Hour)
		_, _, err = w.check(mfa.Try{Typed: w.code(3)})
		w.wants(err, mfa.ErrClock, "a code of another minute")
		_, _, err = w.check(mfa.Try{Typed: w.code(9)})
		if w.wants(err, mfa.ErrWrong, "a wrong code"); errors.Is(err, mfa.ErrClock) || errors.Is(err, mfa.ErrReplayed) {
			t.Error("it says more than that it is wrong")
		}
	})
}

// attacks F2: two who use one code at the same moment. The one who comes second is refused, and the owner is told, as of any code used twice.
func TestACodeSpentMeanwhileIsTold(t *testing.T) {
	each(t, func(w *world) {
		client := device.Client{Address: netip.MustParseAddr("192.0.2.7")}
		first, _, err := w.check(mfa.Try{Typed: w.code(0), Client: client})
		w.must(err)
		second, _, err := w.check(mfa.Try{Typed: w.code(0), Client: client})
		w.must(err)
		w.must(w.checker.Spent(w.Context(), w.spend(first), w.who, client))
		w.told(0)
		w.wants(w.checker.Spent(w.Context(), w.spend(second), w.who, client), mfa.ErrReplayed, "the second one")
		w.told(1)
		outage := errors.New("an outage")
		w.wants(w.checker.Spent(w.Context(), outage, w.who, client), outage, "an outage")
		w.told(1)
	})
}

// told checks how often the owner was told that codes are refused.
func (w *world) told(want int) {
	w.Helper()
	waiting, err := w.db.WaitingMail(w.Context(), 100)
	w.must(err)
	n := 0
	for _, m := range waiting {
		if m.Kind == notice.KindCodesRefused && m.To == w.who.Email {
			n++
		}
	}
	if n != want {
		w.Errorf("told %d times, want %d", n, want)
	}
}

// A try of a recovery code costs one hash, whatever it is, and a code costs none.
func TestRecoveryCodesCostOneHash(t *testing.T) {
	each(t, func(w *world) {
		right := w.codes[3]
		wrong := secret.TokenOf("4" + right.Rest.Reveal())
		for name, c := range map[string]struct {
			typed secret.Token
			want  error
		}{"right": {right.Text(), nil}, "another's place": {wrong, mfa.ErrWrong}, "in small letters": {secret.TokenOf(strings.ToLower(right.Text().Reveal())), nil}} {
			f, hashes, err := w.check(mfa.Try{Typed: c.typed})
			if w.wants(err, c.want, name); hashes != 1 {
				t.Errorf("%s: %d hashes", name, hashes)
			}
			w.must(w.db.ReturnFactor(w.Context(), f.Attempt, f.Candidate))
		}
		f, _, err := w.check(mfa.Try{Typed: right.Text()})
		w.must(err)
		w.must(w.spend(f))
		w.wants(w.spend(f), credential.ErrSpent, "spent again")
		_, hashes, err := w.check(mfa.Try{Typed: right.Text()})
		w.wants(err, mfa.ErrUsedUp, "used up")
		if w.wants(err, mfa.ErrWrong, "used up"); hashes != 1 {
			t.Errorf("used up: %d hashes", hashes)
		}
		_, _, err = w.check(mfa.Try{Typed: wrong})
		if w.wants(err, mfa.ErrWrong, "another's place"); errors.Is(err, mfa.ErrUsedUp) {
			t.Error("a code that is only wrong is called used up")
		}
		if left, err := w.db.RecoveryLeft(w.Context(), w.who.ID); err != nil || left != mfa.RecoveryCodes-1 {
			t.Errorf("%d left, %v", left, err)
		}
	})
}

// What is neither costs nothing and counts nothing.
func TestShapesCountNothing(t *testing.T) {
	each(t, func(w *world) {
		for range 3 * ratelimit.FreeFailures {
			_, hashes, err := w.check(mfa.Try{Typed: secret.TokenOf("hello")})
			w.wants(err, mfa.ErrShape, "a word")
			_, more, err := w.check(mfa.Try{Typed: w.codes[0].Text(), Accepts: mfa.AuthenticatorOnly})
			if w.wants(err, mfa.ErrShape, "a recovery code where it does not do"); hashes+more != 0 {
				t.Error("it costs a hash")
			}
		}
		_, _, err := w.check(mfa.Try{Typed: w.code(0)})
		w.wants(err, nil, "a code afterwards")
	})
}

func TestWithoutASecondFactor(t *testing.T) {
	each(t, func(w *world) {
		w.who = teststore.Person(w, w.db, "bert", w.now, nil)
		for range 3 * ratelimit.FreeFailures {
			for _, typed := range []secret.Token{w.code(0), w.codes[0].Text()} {
				if _, hashes, err := w.check(mfa.Try{Typed: typed}); !errors.Is(err, mfa.ErrOff) || hashes != 0 {
					t.Errorf("%v, %d hashes", err, hashes)
				}
			}
		}
	})
}

// Guessing ends after five in ten minutes, whatever door the guesses come through; a right one gives the budget back.
func TestGuessingIsLimited(t *testing.T) {
	each(t, func(w *world) {
		limited := new(ratelimit.LimitedError)
		client := device.Client{Address: netip.MustParseAddr("192.0.2.7")}
		for i := range 4 {
			f, _, err := w.check(mfa.Try{Typed: w.code(9), Client: client})
			if w.wants(err, mfa.ErrWrong, "a guess"); f.Candidate.Failures != int64(i+1) {
				t.Errorf("guess %d is counted as %d in a row", i+1, f.Candidate.Failures)
			}
		}
		f, _, err := w.check(mfa.Try{Typed: w.code(0), Client: client})
		w.must(err)
		w.must(w.spend(f))
		// A right one forgets the row, and gives back its own try; the wrong ones stay counted in the window.
		_, _, err = w.check(mfa.Try{Typed: w.code(9)})
		w.wants(err, mfa.ErrWrong, "a guess after a right one")
		_, hashes, err := w.check(mfa.Try{Typed: w.codes[0].Text()})
		if !errors.As(err, &limited) || hashes != 0 {
			t.Errorf("the sixth guess: %v, %d hashes", err, hashes)
		}
		wrong, hours := 0, 24
		for range hours * 6 {
			w.now = w.now.Add(10 * time.Minute)
			for range 6 {
				if _, _, err := w.check(mfa.Try{Typed: w.code(9)}); errors.Is(err, mfa.ErrWrong) {
					wrong++
				}
			}
		}
		if wrong > 20 {
			t.Errorf("%d guesses in a day", wrong)
		}
		for range 60 * 24 {
			w.now = w.now.Add(time.Hour)
			_, _, err = w.check(mfa.Try{Typed: w.code(9)})
			if errors.As(err, new(credential.Exhausted)) {
				break
			}
		}
		w.wants(err, credential.Exhausted{}, "a hundred in a row")
		_, _, err = w.check(mfa.Try{Typed: w.code(0)})
		w.wants(err, credential.Exhausted{}, "a right one afterwards")
	})
}
