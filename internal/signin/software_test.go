package signin_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/mfa"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/signin"
)

var player = device.Client{Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "AtticPlayer/2.1"}

func request(login, password string) signin.SoftwareRequest {
	return signin.SoftwareRequest{Login: login, Password: secret.TokenOf(password), Client: player}
}

// The whole table of what a name and a password in one request mean, and what each costs: two hashes, always.
func TestSoftware(t *testing.T) {
	const plain, digits = "seven copper kettles", "seven copper kettles 123456"
	longest := strings.Repeat("kettles and ", 21) + "tea!" // 256 characters
	each(t, func(w *world) {
		off, offDigits := w.person("off", plain, false), w.person("offdigits", digits, false)
		on, onDigits, long := w.person("onn", plain, true), w.person("ondigits", digits, true), w.person("long", longest, true)
		bare, nobody := w.person("bare", "", false), account.Account{UserName: "nobody"}
		just := func(password string) func() (string, string) { return func() (string, string) { return password, "" } }
		both := func(password, code string) func() (string, string) {
			return func() (string, string) { return password, code }
		}
		appended := func(a account.Account, password, behind string) func() (string, string) {
			return func() (string, string) { return password + w.code(a, 0) + behind, "" }
		}
		apart := func(a account.Account, password string) func() (string, string) {
			return func() (string, string) { return password, w.code(a, 0) }
		}
		used := func(steps int64) func() (string, string) {
			return func() (string, string) {
				_, err := w.flow.Software(w.Context(), request("onn", plain+w.code(on, 0)))
				w.must(err)
				return plain + w.code(on, steps), ""
			}
		}
		for _, c := range []struct {
			name  string
			who   account.Account
			typed func() (password, code string)
			want  error
		}{
			{"off, right", off, just(plain), nil},
			{"off, digits behind it", off, just(plain + "123456"), signin.ErrWrong},
			{"off, wrong", off, just("x"), signin.ErrWrong},
			{"off, a code in its field all the same", off, both(plain, "123456"), nil},
			{"off, ends in digits", offDigits, just(digits), nil},
			{"off, ends in digits, without them", offDigits, just("seven copper kettles "), signin.ErrWrong},
			{"off, ends in digits, more behind", offDigits, just(digits + "123456"), signin.ErrWrong},
			{"on, no code", on, just(plain), signin.ErrCodeRequired},
			{"on, code", on, appended(on, plain, ""), nil},
			{"on, decomposed letters and code", w.person("accents", "caf\u00e9 noir with milk", true), nil, nil},
			{"on, used before", on, used(0), signin.ErrWrongCode},
			{"on, older than one used", on, used(-1), signin.ErrWrongCode},
			{"on, wrong password and code", on, appended(on, "wrong", ""), signin.ErrWrong},
			{"on, wrong password, code in its field", on, apart(on, "wrong"), signin.ErrWrong},
			{"on, code alone", on, appended(on, "", ""), signin.ErrWrong},
			{"on, blank before the code", on, appended(on, plain+" ", ""), signin.ErrWrong},
			{"on, blank behind the code", on, appended(on, plain, " "), signin.ErrWrong},
			{"on, newline behind the code", on, appended(on, plain, "\n"), signin.ErrWrong},
			{"on, digit behind the code", on, appended(on, plain, "1"), signin.ErrWrong},
			{"on, full-width digits", on, just(plain + "１２３４５６"), signin.ErrWrong},
			{"on, Arabic digits", on, just(plain + "١٢٣٤٥٦"), signin.ErrWrong},
			{"on, recovery code behind it", on, just(plain + "0ABCDEFGHJKLMN"), signin.ErrWrong},
			{"on, recovery code in the field", on, both(plain, "0ABC-DEFG-HJKL-MN"), signin.ErrWrongCode},
			{"on, words in the field", on, both(plain, "hello"), signin.ErrWrongCode},
			{"on, code in its field", on, apart(on, plain), nil},
			{"on, code in its field, digits behind the password", on, apart(on, plain+"123456"), signin.ErrWrong},
			{"on, ends in digits, and code", onDigits, appended(onDigits, digits, ""), nil},
			{"on, ends in digits, no code", onDigits, just(digits), signin.ErrCodeRequired},
			{"on, ends in digits, code in its field", onDigits, apart(onDigits, digits), nil},
			{"on, the longest password and code", long, appended(long, longest, ""), nil},
			{"on, nothing but six digits", on, just("000000"), signin.ErrWrong},
			{"no password", bare, just(plain), signin.ErrWrong},
			{"no password, empty", bare, just(""), signin.ErrWrong},
			{"no password, six digits", bare, just("123456"), signin.ErrWrong},
			{"empty", off, just(""), signin.ErrWrong},
			{"nobody", nobody, just(plain), signin.ErrWrong},
			{"nobody, digits", nobody, just(plain + "123456"), signin.ErrWrong},
			{"nobody, code in its field", nobody, both(plain, "123456"), signin.ErrWrong},
			{"no name", account.Account{}, just(plain), signin.ErrWrong},
			{"beyond measure", on, just(strings.Repeat("1", 60<<10)), signin.ErrWrong},
			{"no text", on, just("\xff\x00123456"), signin.ErrWrong},
		} {
			w.now = w.now.Add(25 * time.Hour) // so that no budget is in the way: tests of them are others
			if c.typed == nil {
				c.typed = func() (string, string) { return "cafe\u0301 noir with milk" + w.code(c.who, 0), "" }
			}
			password, code := c.typed()
			r := request(c.who.UserName, password)
			r.Code = secret.TokenOf(code)
			w.tries(c.name, c.who, r, c.want)
		}
	})
}

// tries signs software in, or not, and checks what that led to.
func (w *world) tries(name string, who account.Account, r signin.SoftwareRequest, want error) {
	w.Helper()
	before := len(w.devices(who))
	var in signin.Admitted
	var err error
	if n := w.evaluations(func() { in, err = w.flow.Software(w.Context(), r) }); n != 2 {
		w.Errorf("%s: %d hashes", name, n)
	}
	if !errors.Is(err, want) {
		w.Errorf("%s: %v, want %v", name, err, want)
	}
	for _, other := range []error{signin.ErrWrong, signin.ErrCodeRequired, signin.ErrWrongCode} {
		if other != want && errors.Is(err, other) {
			w.Errorf("%s: it is %v as well", name, other)
		}
	}
	if opened := len(w.devices(who)) - before; (want == nil) != (opened == 1) || in.Token.Empty() == (want == nil) {
		w.Errorf("%s: %d devices more; a token: %t", name, opened, !in.Token.Empty())
	}
}

// A password whose last six digits are, by chance, the code that the authenticator shows now lets nobody in without one.
func TestDigitsOfAPasswordAreNoCode(t *testing.T) {
	each(t, func(w *world) {
		key := mfa.NewKey()
		now := mfa.Code(key, mfa.Step(w.now)).Reveal()
		a := w.person("ann", "seven copper kettles"+now, false)
		b := w.person("bob", "seven copper kettles", true)
		w.must(w.db.TurnOnFactor(w.Context(), credential.NewFactor{AccountID: a.ID, Key: key}, audit.Act{At: w.now}))
		w.keys[a.ID] = key
		w.tries("the whole password", a, request("ann", "seven copper kettles"+now), signin.ErrCodeRequired)
		w.tries("and its code", a, request("ann", "seven copper kettles"+now+now), nil)
		w.tries("somebody else's", b, request("bob", "seven copper kettles"+now), signin.ErrWrongCode)
	})
}

func TestSoftwareLeavesADeviceAndTellsItsOwner(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("ann", "seven copper kettles", true)
		r := request("ann", "seven copper kettles"+w.code(a, 0))
		r.Name = " Attic\u202e\nTV\x00 "
		in, err := w.flow.Software(w.Context(), r)
		w.must(err)
		d := w.devices(a)[0]
		if d.Kind != device.App || d.Name != "Attic TV" || d.Product != "AtticPlayer" || d.Method != "password and code" || d.Seen.Address != "192.0.2.7" {
			w.Errorf("%+v", d)
		}
		if w.mails(notice.KindNewDevice) != 1 || w.recorded(a.ID, audit.SignedIn) != 1 {
			w.Error("nobody is told")
		}
		held, err := w.flow.Bearer(w.Context(), in.Token)
		w.must(err)
		if held.Account.ID != a.ID || held.Account.Password != "" || held.Found.DeviceID != d.ID || !held.Found.FreshAt.IsZero() {
			w.Errorf("the token stands for %+v", held.Found)
		}
		for _, kind := range []credential.Kind{credential.Browser, credential.AppPassword, credential.Remembered, credential.Known} {
			if _, err := w.flow.Resolver.Resolve(w.Context(), kind, in.Token); !errors.Is(err, credential.ErrUnknown) {
				w.Errorf("as a %s: %v", kind, err)
			}
		}
		// a code that comes a second time was read by somebody
		_, err = w.flow.Software(w.Context(), r)
		if !errors.Is(err, signin.ErrWrongCode) || w.mails(notice.KindCodesRefused) != 1 || w.recorded(a.ID, audit.FactorFailed) != 1 {
			w.Errorf("%v, and %d mails", err, w.mails(notice.KindCodesRefused))
		}
	})
}

// A player that signs in again and again neither fills its owner's mailbox nor learns less than before; others are let in.
func TestAppSignInsAreLimited(t *testing.T) {
	each(t, func(w *world) {
		a, bob := w.person("ann", "seven copper kettles", true), w.person("bob", "eleven pewter spoons", false)
		limited := new(ratelimit.LimitedError)
		sign := func(login, password string) error {
			_, err := w.flow.Software(w.Context(), request(login, password))
			return err
		}
		for range ratelimit.AppSignIns.Limit {
			w.must(sign("ann", "seven copper kettles"+w.code(a, 0)))
			w.must(sign("bob", "eleven pewter spoons"))
			w.now = w.now.Add(30 * time.Second)
		}
		mails := w.mails(notice.KindNewDevice)
		for range 2 { // before one comes back
			code := w.code(a, 0)
			if err := sign("ann", "seven copper kettles"+code); !errors.As(err, &limited) {
				t.Errorf("got %v", err)
			}
			if err := sign("ann", "seven copper kettles"+code); !errors.Is(err, signin.ErrWrongCode) {
				t.Errorf("the code was not spent: %v", err)
			}
			if err := sign("bob", "eleven pewter spoons"); !errors.As(err, &limited) {
				t.Errorf("got %v", err)
			}
			w.now = w.now.Add(30 * time.Second)
		}
		if err := sign("bob", "wrong"); !errors.Is(err, signin.ErrWrong) {
			t.Errorf("got %v", err)
		}
		if got := w.mails(notice.KindNewDevice); got != mails || len(w.devices(bob)) != int(ratelimit.AppSignIns.Limit) {
			t.Errorf("%d mails, %d devices", got-mails, len(w.devices(bob)))
		}
	})
}

// Nothing is signed in by a password that comes with each request; a code is spent all the same.
func TestAdmit(t *testing.T) {
	each(t, func(w *world) {
		a, on := w.person("ann", "seven copper kettles", false), w.person("bob", "seven copper kettles", true)
		for range 20 { // and no budget runs out
			var in signin.Admitted
			var err error
			if n := w.evaluations(func() { in, err = w.flow.Admit(w.Context(), request("ann", "seven copper kettles")) }); n != 2 {
				w.Errorf("%d hashes", n)
			}
			w.must(err)
			if in.Account.ID != a.ID || !in.Token.Empty() {
				w.Errorf("let in as %s", in.Account.ID)
			}
		}
		for want, password := range map[error]string{signin.ErrWrong: "wrong", signin.ErrCodeRequired: "seven copper kettles", signin.ErrWrongCode: "seven copper kettles" + w.code(on, 5)} {
			if _, err := w.flow.Admit(w.Context(), request("bob", password)); !errors.Is(err, want) {
				w.Errorf("%v, want %v", err, want)
			}
		}
		code := "seven copper kettles" + w.code(on, 0)
		_, err := w.flow.Admit(w.Context(), request("bob", code))
		w.must(err)
		if _, err := w.flow.Software(w.Context(), request("bob", code)); !errors.Is(err, signin.ErrWrongCode) {
			w.Errorf("the code a second time: %v", err)
		}
		if n := len(w.devices(a)) + len(w.devices(on)); n != 0 {
			w.Errorf("%d devices", n)
		}
		if w.recorded(a.ID, audit.SignedIn) != 20 || w.recorded(on.ID, audit.SignedIn) != 1 {
			w.Error("not recorded")
		}
	})
}

// The same password and code fifty times at once, through both ways in.
func TestOneCodeLetsOneIn(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("ann", "seven copper kettles", true)
		r := request("ann", "seven copper kettles"+w.code(a, 0))
		var all sync.WaitGroup
		errs := make([]error, 50)
		for i := range errs {
			all.Go(func() {
				if i%2 == 0 {
					_, errs[i] = w.flow.Software(context.WithoutCancel(w.Context()), r)
				} else {
					_, errs[i] = w.flow.Admit(context.WithoutCancel(w.Context()), r)
				}
			})
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, signin.ErrWrongCode) && !errors.As(err, new(*ratelimit.LimitedError)):
				w.Errorf("%v", err)
			}
		}
		if won != 1 {
			w.Errorf("%d got in", won)
		}
	})
}

// F3: one budget for passwords, whichever way they come; limits tell nothing about names.
func TestSoftwareHasTheBudgetOfTheAccount(t *testing.T) {
	each(t, func(w *world) {
		w.person("ann", "seven copper kettles", false)
		for _, name := range []string{"ann", "nobody"} {
			for i := range ratelimit.FreeFailures {
				try := w.flow.Software
				if i%2 == 0 {
					try = w.flow.Admit
				}
				if _, err := try(w.Context(), request(name, "wrong")); !errors.Is(err, signin.ErrWrong) {
					w.Errorf("%s: %v", name, err)
				}
			}
			if n := w.evaluations(func() {
				if _, err := w.flow.Software(w.Context(), request(name, "seven copper kettles")); !errors.As(err, new(*ratelimit.LimitedError)) {
					w.Errorf("%s: %v", name, err)
				}
			}); n != 0 {
				w.Errorf("%d hashes in vain", n)
			}
		}
		_, err := w.flow.Start(w.Context(), signin.Request{Login: "ann", Password: secret.TokenOf("seven copper kettles"), Client: player})
		if !errors.As(err, new(*ratelimit.LimitedError)) {
			w.Errorf("a browser has another budget: %v", err)
		}
	})
}

// F19: what is closed is closed to programs, whatever they prove; and only who has the password learns it.
func TestSoftwareIsKeptOutOfClosedAccounts(t *testing.T) {
	each(t, func(w *world) {
		for name, c := range map[string]struct {
			do   func(a account.Account) error
			want error
		}{
			"locked": {func(a account.Account) error {
				return w.db.SetState(w.Context(), a.ID, account.Active, account.Locked, time.Time{}, audit.Act{At: w.now})
			}, credential.ErrLocked},
			"required": {func(a account.Account) error { return w.db.RequireReset(w.Context(), a.ID, "", audit.Act{At: w.now}) }, credential.ErrResetRequired},
			"deleting": {func(a account.Account) error {
				return w.db.SetState(w.Context(), a.ID, account.Active, account.Deleting, w.now.Add(time.Hour), audit.Act{At: w.now})
			}, credential.ErrDeleting},
		} {
			a := w.person(name, "seven copper kettles", true)
			in, err := w.flow.Software(w.Context(), request(name, "seven copper kettles"+w.code(a, 0)))
			w.must(err)
			app := w.appPassword(a)
			w.must(c.do(a))
			for _, password := range []string{"seven copper kettles", "seven copper kettles" + w.code(a, 1)} {
				if _, err := w.flow.Software(w.Context(), request(name, password)); !errors.Is(err, c.want) {
					w.Errorf("%s: %v", name, err)
				}
			}
			if _, err := w.flow.Admit(w.Context(), request(name, "wrong")); !errors.Is(err, signin.ErrWrong) {
				w.Errorf("%s, wrong password: %v", name, err)
			}
			if _, err := w.flow.Admit(w.Context(), request(name, app.Reveal())); !errors.Is(err, signin.ErrWrong) || errors.Is(err, c.want) {
				w.Errorf("%s, app password: %v", name, err)
			}
			if _, err := w.flow.Bearer(w.Context(), in.Token); err == nil {
				w.Errorf("%s: the token lives", name)
			}
		}
	})
}

// What is given back to the network is what was taken, whatever way a program came in.
func TestSoftwareGivesBackToTheNetworkOnce(t *testing.T) {
	each(t, func(w *world) {
		w.person("ann", "seven copper kettles", false)
		b := w.person("bob", "seven copper kettles", true)
		wrong := func(n int) error {
			_, err := w.flow.Software(w.Context(), request(fmt.Sprintf("nobody%d", n), "wrong"))
			return err
		}
		limit := int(ratelimit.SignInFailures.Limit)
		for n := range limit - 2 {
			if err := wrong(n); !errors.Is(err, signin.ErrWrong) {
				w.Fatal(err)
			}
		}
		for range 3 {
			_, err := w.flow.Software(w.Context(), request("ann", "seven copper kettles"))
			w.must(err)
			_, err = w.flow.Admit(w.Context(), request("ann", "seven copper kettles"))
			w.must(err)
			if _, err := w.flow.Admit(w.Context(), request("bob", "seven copper kettles")); !errors.Is(err, signin.ErrCodeRequired) {
				w.Fatal(err)
			}
		}
		for steps := range int64(2) {
			_, err := w.flow.Software(w.Context(), request("bob", "seven copper kettles"+w.code(b, steps)))
			w.must(err)
		}
		for n := range 3 {
			if err := wrong(limit + n); errors.As(err, new(*ratelimit.LimitedError)) != (n == 2) {
				w.Errorf("try %d after them: %v", n, err)
			}
		}
	})
}
