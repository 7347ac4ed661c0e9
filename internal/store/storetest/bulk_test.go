package storetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/secret"
)

// manyAccounts is how many the bulk path is tested with: always more than one of its chunks.
func manyAccounts() int {
	switch {
	case underRace:
		return 6_000
	case os.Getenv("USHER_TEST_FULL") != "":
		return 1_000_000
	}
	return 20_000
}

// accounts gives n accounts one after the other.
func (w *world) accounts(n int) func() (account.Account, error) {
	i := 0
	return func() (account.Account, error) {
		if i == n {
			return account.Account{}, io.EOF
		}
		i++
		return account.Account{
			Standing: account.Standing{ID: numbered(i), State: account.Active, Epoch: 1, Secured: start.Unix(), PasswordVersion: 1},
			Email:    fmt.Sprintf("Person%d@example.org", i), UserName: fmt.Sprintf("person%d", i), Password: "phc", CreatedAt: w.now,
		}, nil
	}
}

func numbered(i int) string { return fmt.Sprintf("%026d", i) }

func (w *world) signIns(n int, tokens map[int]secret.Token) func() (credential.SignIn, error) {
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	i := 0
	return func() (credential.SignIn, error) {
		if i == n {
			return credential.SignIn{}, io.EOF
		}
		i++
		s := credential.SignIn{Token: secret.NewToken(), Stamp: credential.Stamp{Born: clock.Epoch, Account: 1}, FreshAt: w.now}
		s.Device.ID, s.Device.AccountID, s.Device.Name = id.New(w.now), numbered(i), "Firefox"
		if i%5000 == 1 {
			s.Known = secret.NewToken()
			tokens[i] = s.Token
		}
		return s, nil
	}
}

func TestLoadAccounts(t *testing.T) {
	each(t, func(w *world) {
		many := manyAccounts()
		next, most := w.accounts(many), uint64(0)
		n, err := w.db.LoadAccounts(w.ctx(), func() (account.Account, error) {
			a, err := next()
			if len(a.ID) > 0 && a.ID[len(a.ID)-4:] == "0000" {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
			return a, err
		})
		w.must(err)
		if n != int64(many) {
			t.Errorf("loaded %d of %d", n, many)
		}
		if most > 256<<20 {
			t.Errorf("%d MiB in use while loading", most>>20)
		}
		w.count(int64(many), "account")
		w.count(int64(2*many), "handle")
		for _, i := range []int{1, 5000, 5001, many} {
			got, err := w.db.FindAccount(w.ctx(), w.mail(fmt.Sprintf("person%d@example.org", i)))
			w.must(err)
			if got.ID != numbered(i) || got.Email != fmt.Sprintf("Person%d@example.org", i) || got.Password != "phc" {
				t.Errorf("account %d: %+v", i, got)
			}
		}
		tokens := map[int]secret.Token{}
		n, err = w.db.LoadSignIns(w.ctx(), w.now, w.signIns(many, tokens))
		w.must(err)
		if n != int64(many) {
			t.Errorf("loaded %d sign-ins of %d", n, many)
		}
		for i, token := range tokens {
			w.must(w.resolve(credential.Browser, token))
			if f := w.find(credential.Browser, token); f.AccountID != numbered(i) {
				t.Errorf("sign-in %d belongs to %s", i, f.AccountID)
			}
		}
	})
}

func TestLoadAccountsRefuses(t *testing.T) {
	each(t, func(w *world) {
		taken := w.person("person7")
		if n, err := w.db.LoadAccounts(w.ctx(), w.accounts(10)); err == nil || n != 0 {
			t.Errorf("a taken name was loaded: %d, %v", n, err)
		}
		w.count(1, "account") // nothing half-way
		w.count(2, "handle")
		broken := errors.New("the source broke")
		next, i := w.accounts(10), 0
		_, err := w.db.LoadAccounts(w.ctx(), func() (account.Account, error) {
			if i++; i > 3 {
				return account.Account{}, broken
			}
			return next()
		})
		w.is(err, broken)
		w.count(1, "account")
		bad := w.accounts(1)
		_, err = w.db.LoadAccounts(w.ctx(), func() (account.Account, error) {
			a, err := bad()
			a.Email = "no address"
			return a, err
		})
		w.is(err, account.ErrBadAddress)
		got, err := w.db.LoadAccount(w.ctx(), taken.ID)
		w.must(err)
		if got != taken {
			t.Error("the account that was there is another one")
		}
		n, err := w.db.LoadAccounts(w.ctx(), w.accounts(0))
		w.must(err)
		if n != 0 {
			t.Errorf("loaded %d of none", n)
		}
	})
}

func TestLoadSignIns(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		list := []credential.SignIn{w.signIn(a), w.signIn(a)}
		list[1].Known = secret.NewToken()
		source := func(list []credential.SignIn) func() (credential.SignIn, error) {
			return func() (credential.SignIn, error) {
				if len(list) == 0 {
					return credential.SignIn{}, io.EOF
				}
				s := list[0]
				list = list[1:]
				return s, nil
			}
		}
		_, err := w.db.LoadSignIns(w.ctx(), w.now, source(list))
		w.must(err)
		w.must(w.resolve(credential.Browser, list[0].Token))
		w.must(w.resolve(credential.Browser, list[1].Token))
		w.must(w.resolve(credential.Known, list[1].Known))
		devices, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		if len(devices) != 2 || devices[0].Name != list[0].Device.Name || devices[0].Seen != list[0].Device.Seen {
			t.Errorf("got %+v", devices)
		}
		stray := w.signIn(a)
		stray.Device.AccountID = "gone"
		_, err = w.db.LoadSignIns(w.ctx(), w.now, source([]credential.SignIn{w.signIn(a), stray}))
		w.is(err, account.ErrNotFound)
		w.count(2, "device")
		w.now = w.now.Add(30 * 24 * time.Hour)
		w.is(w.resolve(credential.Browser, list[0].Token), credential.ErrUnknown)
	})
}
