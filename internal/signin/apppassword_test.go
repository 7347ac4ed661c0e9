package signin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/notice"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/signin"
)

func (w *world) passwords() *signin.AppPasswords {
	return &signin.AppPasswords{Store: w.db, Now: func() time.Time { return w.now }}
}

// here is somebody signed in, with the password typed just now.
func (w *world) here(a account.Account) credential.Found {
	w.Helper()
	clock, err := w.db.ReadClock(w.Context())
	w.must(err)
	a, err = w.db.LoadAccount(w.Context(), a.ID)
	w.must(err)
	return credential.Found{Credential: credential.Credential{AccountID: a.ID, FreshAt: w.now}, Clock: clock, Account: a.Standing}
}

func (w *world) appPassword(a account.Account) secret.Token {
	w.Helper()
	token, err := w.passwords().Make(w.Context(), w.here(a), signin.NewAppPassword{Name: "Attic TV", Purpose: "Films"}, player)
	w.must(err)
	return token
}

func TestMakeAppPassword(t *testing.T) {
	each(t, func(w *world) {
		a, flow := w.person("ann", "seven copper kettles", false), w.passwords()
		stale := w.here(a)
		stale.FreshAt = w.now.Add(-credential.Fresh)
		for _, c := range []struct {
			f    credential.Found
			n    signin.NewAppPassword
			want error
		}{
			{stale, signin.NewAppPassword{Name: "TV"}, credential.ErrStale},
			{w.here(a), signin.NewAppPassword{Name: " "}, credential.ErrNoName},
			{w.here(a), signin.NewAppPassword{Name: strings.Repeat("x", 65)}, account.ErrBadName},
			{w.here(a), signin.NewAppPassword{Name: "TV", Purpose: strings.Repeat("x", 65)}, account.ErrBadName},
		} {
			if _, err := flow.Make(w.Context(), c.f, c.n, player); !errors.Is(err, c.want) {
				w.Errorf("%+v: %v", c.n, err)
			}
		}
		tokens := map[secret.Token]bool{}
		for range signin.MostAppPasswords {
			w.now = w.now.Add(time.Millisecond)
			tokens[w.appPassword(a)] = true
		}
		if _, err := flow.Make(w.Context(), w.here(a), signin.NewAppPassword{Name: "TV"}, player); !errors.Is(err, device.ErrTooMany) {
			w.Errorf("one more than there can be: %v", err)
		}
		list, err := flow.List(w.Context(), a.ID)
		w.must(err)
		if len(list) != signin.MostAppPasswords || len(tokens) != len(list) || list[0].Name != "Attic TV" || list[0].Purpose != "Films" || list[0].Product != "App password" {
			w.Errorf("%d in the list", len(list))
		}
		if w.recorded(a.ID, audit.AppPasswordMade) != len(list) || w.mails(notice.KindAppPasswordMade) != len(list) {
			w.Error("not recorded, or not told")
		}
	})
}

func TestAppPassword(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("ann", "seven copper kettles", true), w.person("bob", "seven copper kettles", false)
		token := w.appPassword(a)
		text := token.Reveal()
		admitted := func(login, password string) error {
			w.Helper()
			var err error
			var in signin.Admitted
			if n := w.evaluations(func() { in, err = w.flow.Admit(w.Context(), request(login, password)) }); n != 0 {
				w.Errorf("%d hashes for an app password", n)
			}
			if err == nil && (in.Account.ID != a.ID || in.Token != token) {
				w.Errorf("let in as %s", in.Account.ID)
			}
			return err
		}
		for _, login := range []string{"ann", "Ann@Example.org", " ANN "} {
			for _, typed := range []string{text, token.Grouped().Reveal(), strings.ToUpper(text), " " + text + " "} {
				w.must(admitted(login, typed))
			}
		}
		in, err := w.flow.Software(w.Context(), request("ann", token.Grouped().Reveal()))
		w.must(err)
		_, err = w.flow.Bearer(w.Context(), in.Token)
		w.must(err)
		if len(w.devices(a)) != 1 {
			w.Error("an app password signs further devices in")
		}
		for login, typed := range map[string]string{
			"bob": text, "bob@example.org": text, "nobody": text, "": text, "ann": secret.NewAppPassword().Reveal(),
		} {
			if err := admitted(login, typed); !errors.Is(err, signin.ErrWrong) {
				w.Errorf("%q: %v", login, err)
			}
		}
		// what has its shape is never taken for the account's own password
		other := secret.NewAppPassword()
		w.must(w.db.UpgradePassword(w.Context(), b.ID, 1, w.hash(other.Reveal())))
		if err := admitted("bob", other.Reveal()); !errors.Is(err, signin.ErrWrong) {
			w.Errorf("the password of an account: %v", err)
		}
		w.must(w.db.EndDevice(w.Context(), a.ID, in.Found.DeviceID, audit.Act{}))
		if err := admitted("ann", text); !errors.Is(err, signin.ErrWrong) {
			w.Errorf("taken away: %v", err)
		}
	})
}

func (w *world) hash(password string) string {
	w.Helper()
	phc, err := w.pool.Hash(w.Context(), []byte(password))
	w.must(err)
	return phc
}

// An old app that goes on with a dead app password shuts nobody out: not the owner, and not another app of the same house.
func TestDeadAppPasswordTouchesNoBudget(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("ann", "seven copper kettles", false)
		dead, alive := w.appPassword(a), w.appPassword(a)
		w.must(w.db.EndDevice(w.Context(), a.ID, w.devices(a)[slices.IndexFunc(w.devices(a), func(d device.Device) bool { return d.ID != "" })].ID, audit.Act{}))
		if _, err := w.flow.Bearer(w.Context(), dead); err == nil {
			dead, alive = alive, dead
		}
		limited := 0
		for range 200 {
			_, err := w.flow.Admit(w.Context(), request("ann", dead.Reveal()))
			switch {
			case errors.As(err, new(*ratelimit.LimitedError)):
				limited++
			case !errors.Is(err, signin.ErrWrong):
				w.Fatal(err)
			}
		}
		if limited != 140 {
			w.Errorf("%d of 200 tries were over the limit", limited)
		}
		_, err := w.flow.Admit(w.Context(), request("ann", alive.Reveal()))
		w.must(err)
		_, err = w.flow.Admit(w.Context(), request("ann", "seven copper kettles"))
		w.must(err)
		out, err := w.flow.Start(w.Context(), signin.Request{Login: "ann", Password: secret.TokenOf("seven copper kettles"), Client: player})
		w.must(err)
		if out.Step != signin.Open || w.recorded(a.ID, audit.SignInFailed) != 0 {
			w.Errorf("step %v, and %d failures of the owner's", out.Step, w.recorded(a.ID, audit.SignInFailed))
		}
	})
}
