package storetest

import (
	"errors"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/ratelimit"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/teststore"
)

// confirm begins a confirmation and returns it with its code and its link.
func (w *world) confirm(p account.Purpose, a account.Account, address string) (account.NewConfirmation, secret.Token, secret.Token) {
	w.Helper()
	n := w.confirmation(p, a, address)
	w.must(w.db.BeginConfirmation(w.ctx(), n, w.act(audit.EmailAsked, a.ID)))
	return n, n.Code, n.Link
}

func (w *world) confirmation(p account.Purpose, a account.Account, address string) account.NewConfirmation {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	n := account.NewConfirmation{
		Confirmation: account.Confirmation{
			ID: id.New(w.now), Purpose: p, AccountID: a.ID, Email: address, CreatedAt: w.now, ExpiresAt: w.now.Add(time.Hour),
		},
		Code: secret.NewDigits(6), Link: secret.NewToken(), Born: clock.Epoch, Epoch: a.Epoch,
	}
	if p == account.ForSignUp {
		n.Password, n.Browser = "phc of "+address, secret.NewToken()
	}
	return n
}

// signUp is a confirmed sign-up that is about to become an account.
func (w *world) signUp(address string) (account.NewConfirmation, func(db *store.DB) error) {
	w.Helper()
	return w.invited(address, "")
}

func (w *world) invited(address, invitation string) (account.NewConfirmation, func(db *store.DB) error) {
	w.Helper()
	n := w.confirmation(account.ForSignUp, account.Account{}, address)
	n.Invitation = invitation
	w.must(w.db.BeginConfirmation(w.ctx(), n, audit.Act{At: w.now}))
	return n, func(db *store.DB) error {
		a, _ := w.draft("someone")
		a.Email, a.UserName, a.Password = n.Email, "", n.Password
		s := credential.SignIn{Token: secret.NewToken(), Stamp: credential.Stamp{Born: n.Born, Account: 1}, FreshAt: w.now}
		s.Device.ID, s.Device.AccountID = id.New(w.now), a.ID
		return db.RedeemSignUp(w.ctx(), n.ID, a, w.mail(n.Email), s, w.act(audit.AccountCreated, a.ID))
	}
}

func TestBeginConfirmation(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		first, _, _ := w.confirm(account.ForEmail, a, "one@example.org")
		second, _, _ := w.confirm(account.ForEmail, a, "two@example.org")
		other, _, _ := w.confirm(account.ForNotices, a, "three@example.org")
		_, err := w.db.LoadConfirmation(w.ctx(), first.ID, w.now)
		w.is(err, credential.ErrUnknown)
		w.is(w.resolve(credential.Change, first.Link), credential.ErrUnknown)
		w.must(w.resolve(credential.Change, second.Link))
		w.must(w.resolve(credential.Change, other.Link))

		limits := ratelimit.Rule{Name: "x", Limit: 1, Period: time.Hour}.For("anna")
		third := w.confirmation(account.ForEmail, a, "four@example.org")
		third.Limits = []ratelimit.Take{limits}
		w.must(w.db.BeginConfirmation(w.ctx(), third, w.act(audit.EmailAsked, a.ID)))
		fourth := w.confirmation(account.ForEmail, a, "five@example.org")
		fourth.Limits = third.Limits
		var limited *ratelimit.LimitedError
		if err := w.db.BeginConfirmation(w.ctx(), fourth, w.act(audit.EmailAsked, a.ID)); !errors.As(err, &limited) {
			t.Errorf("over the limit: %v", err)
		}
		w.must(w.resolve(credential.Change, third.Link)) // the refused one ended nothing
		w.is(w.db.BeginConfirmation(w.ctx(), w.confirmation(account.ForEmail, account.Account{Standing: account.Standing{ID: "nobody"}}, "x@example.org"), audit.Act{}), account.ErrNotFound)
	})
}

// However many confirmations are begun at once, one stays to be redeemed.
func TestBeginConfirmationManyAtOnce(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		var all [racers]account.NewConfirmation
		for i := range all {
			all[i] = w.confirmation(account.ForEmail, a, label(i)+"@example.org")
		}
		w.all(func(db *store.DB, i int) error { return db.BeginConfirmation(w.ctx(), all[i], audit.Act{At: w.now}) })
		w.count(1, "confirmation")
		w.count(1, "credential WHERE kind = $1", string(credential.Change))
	})
}

func TestRenewConfirmation(t *testing.T) {
	each(t, func(w *world) {
		n, _ := w.signUp("anna@example.org")
		for range account.MostCodeTries {
			w.is(w.db.TryCode(w.ctx(), n.ID, secret.TokenOf("x"), w.now), account.ErrWrongCode)
		}
		w.is(w.db.TryCode(w.ctx(), n.ID, n.Code, w.now), account.ErrWrongCode)
		again := n
		again.Code, again.Link = secret.NewDigits(6), secret.NewToken()
		w.must(w.db.RenewConfirmation(w.ctx(), again, audit.Act{At: w.now}))
		w.is(w.resolve(credential.SignUpLink, n.Link), credential.ErrUnknown)
		w.must(w.resolve(credential.SignUpLink, again.Link))
		w.must(w.resolve(credential.SignUp, n.Browser))
		if n.Code.Reveal() != again.Code.Reveal() {
			w.is(w.db.TryCode(w.ctx(), n.ID, n.Code, w.now), account.ErrWrongCode)
		}
		w.must(w.db.TryCode(w.ctx(), n.ID, again.Code, w.now))
		again.ID = "gone"
		w.is(w.db.RenewConfirmation(w.ctx(), again, audit.Act{At: w.now}), store.ErrSpent)
	})
}

func TestLoadConfirmation(t *testing.T) {
	each(t, func(w *world) {
		n, _ := w.signUp("Anna@example.org")
		got, err := w.db.LoadConfirmation(w.ctx(), n.ID, w.now)
		w.must(err)
		if got != n.Confirmation {
			t.Errorf("got %+v, want %+v", got.ID, n.ID)
		}
		for id, at := range map[string]time.Time{n.ID: n.ExpiresAt, "gone": w.now, "\x00": w.now} {
			_, err = w.db.LoadConfirmation(w.ctx(), id, at)
			w.is(err, credential.ErrUnknown)
		}
	})
}

func TestPendingConfirmation(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		n, _, _ := w.confirm(account.ForEmail, a, "new@example.org")
		got, err := w.db.PendingConfirmation(w.ctx(), a.ID, account.ForEmail, w.now)
		w.must(err)
		if got.ID != n.ID || got.Email != "new@example.org" {
			t.Errorf("got %s", got.ID)
		}
		_, err = w.db.PendingConfirmation(w.ctx(), a.ID, account.ForNotices, w.now)
		w.is(err, credential.ErrUnknown)
		_, err = w.db.PendingConfirmation(w.ctx(), a.ID, account.ForEmail, n.ExpiresAt)
		w.is(err, credential.ErrUnknown)
	})
}

func TestDropConfirmation(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		n, _, link := w.confirm(account.ForEmail, a, "new@example.org")
		_, _, other := w.confirm(account.ForNotices, a, "second@example.org")
		w.must(w.db.DropConfirmation(w.ctx(), a.ID, account.ForEmail))
		w.is(w.resolve(credential.Change, link), credential.ErrUnknown)
		w.must(w.resolve(credential.Change, other))
		w.is(w.db.TryCode(w.ctx(), n.ID, n.Code, w.now), account.ErrWrongCode)
	})
}

func TestTryCode(t *testing.T) {
	each(t, func(w *world) {
		n, _ := w.signUp("anna@example.org")
		blank := w.confirmation(account.ForSignUp, account.Account{}, "taken@example.org")
		blank.Code = secret.Token{}
		w.must(w.db.BeginConfirmation(w.ctx(), blank, audit.Act{At: w.now}))
		w.is(w.db.TryCode(w.ctx(), blank.ID, secret.Token{}, w.now), account.ErrWrongCode) // without a code, no code matches
		w.is(w.db.TryCode(w.ctx(), blank.ID, n.Code, w.now), account.ErrWrongCode)
		w.must(w.db.TryCode(w.ctx(), n.ID, n.Code, w.now))
		w.is(w.db.TryCode(w.ctx(), n.ID, n.Code, n.ExpiresAt), account.ErrWrongCode)
		w.is(w.db.TryCode(w.ctx(), "gone", n.Code, w.now), account.ErrWrongCode)
	})
}

// However many codes are typed at once, the right one among them counts only when it is one of the first few.
func TestTryCodeRaced(t *testing.T) {
	each(t, func(w *world) {
		n, _ := w.signUp("anna@example.org")
		right := w.all(func(db *store.DB, _ int) error {
			for range 10 {
				if err := db.TryCode(w.ctx(), n.ID, n.Code, w.now); err != nil {
					return err
				}
			}
			return nil
		}, account.ErrWrongCode)
		if right != racers {
			t.Error("more tries were evaluated than are allowed")
		}
		if tries := w.number("SELECT tries FROM confirmation WHERE id = $1", n.ID); tries != account.MostCodeTries {
			t.Errorf("%d tries were evaluated", tries)
		}
	})
}

func TestRedeemSignUp(t *testing.T) {
	each(t, func(w *world) {
		n, redeem := w.signUp("Anna@example.org")
		w.must(redeem(w.db))
		w.is(redeem(w.db), store.ErrSpent)
		a, err := w.db.FindAccount(w.ctx(), w.mail("anna@example.org"))
		w.must(err)
		if a.Email != n.Email || a.Password != n.Password {
			t.Errorf("got %+v", a.Standing)
		}
		devices, err := w.db.ListDevices(w.ctx(), a.ID)
		w.must(err)
		if len(devices) != 1 {
			t.Errorf("%d devices", len(devices))
		}
		w.is(w.resolve(credential.SignUpLink, n.Link), credential.ErrUnknown)
		w.is(w.resolve(credential.SignUp, n.Browser), credential.ErrUnknown)
		w.count(0, "confirmation")
	})
}

func TestRedeemSignUpRaced(t *testing.T) {
	each(t, func(w *world) {
		_, redeem := w.signUp("anna@example.org")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error { return redeem(db) })
		w.count(1, "account")
		w.count(1, "device")
		w.recorded(audit.AccountCreated, 1)
	})
}

func TestRedeemSignUpRacedForOneAddress(t *testing.T) {
	each(t, func(w *world) {
		var all [racers]func(*store.DB) error
		for i := range all {
			_, all[i] = w.signUp("anna@example.org")
		}
		w.race(account.ErrAddressTaken, func(db *store.DB, i int) error { return all[i](db) })
		w.count(1, "account")
		w.count(racers-1, "confirmation")
	})
}

func TestRedeemSignUpRacedForOneInvitation(t *testing.T) {
	each(t, func(w *world) {
		_, invitation := w.link(credential.Invitation, account.Account{})
		var all [racers]func(*store.DB) error
		for i := range all {
			_, all[i] = w.invited(label(i)+"@example.org", invitation)
		}
		w.race(store.ErrSpent, func(db *store.DB, i int) error { return all[i](db) })
		w.count(1, "account")
	})
}

func TestRedeemSetUp(t *testing.T) {
	each(t, func(w *world) {
		var links [racers]string
		for i := range links {
			_, links[i] = w.link(credential.SetUp, account.Account{})
		}
		_, invitation := w.link(credential.Invitation, account.Account{})
		w.race(store.ErrSpent, func(db *store.DB, i int) error { // each with a link of its own: the first ends them all
			a, handles := w.draft(label(i))
			a.Admin = true
			s := credential.SignIn{Token: secret.NewToken(), Stamp: credential.Stamp{Account: 1}}
			s.Device.ID, s.Device.AccountID = id.New(w.now), a.ID
			return db.RedeemSetUp(w.ctx(), links[i], a, handles, s, w.act(audit.AccountCreated, a.ID))
		})
		w.count(1, "account WHERE admin")
		w.count(0, "credential WHERE kind = $1", string(credential.SetUp))
		w.count(1, "credential WHERE hash = $1", invitation)
	})
}

func TestRedeemEmail(t *testing.T) {
	each(t, func(w *world) {
		a, bert := w.person("anna"), w.person("bert")
		reset, _ := w.link(credential.Reset, a)
		w.rename(a, "anna@example.net")
		w.is(w.resolve(credential.Reset, reset), credential.ErrUnknown) // links sent to the former address are dead
		got, err := w.db.FindAccount(w.ctx(), w.mail("anna@example.net"))
		w.must(err)
		if got.ID != a.ID || got.Email != "anna@example.net" {
			t.Errorf("got %s", got.ID)
		}
		carla := teststore.Person(w, w.db, "carla", w.now, func(a *account.Account) { a.EmailProved = false })
		w.isProved(carla, false)
		undo := w.find(credential.Undo, w.rename(carla, "carla@example.net"))
		w.isProved(carla, true)
		w.tamper("UPDATE account SET email_proved = FALSE")
		w.must(w.db.RestoreEmail(w.ctx(), undo.Hash, account.EmailChange{AccountID: carla.ID, Email: undo.Detail, Handle: w.mail(undo.Detail)}, w.act(audit.EmailRestored, carla.ID)))
		w.isProved(carla, true)
		_, err = w.db.FindAccount(w.ctx(), w.mail(a.Email))
		w.is(err, account.ErrNotFound)
		c, _, _ := w.confirm(account.ForEmail, bert, a.Email) // which is reserved for its former owner
		w.is(w.db.RedeemEmail(w.ctx(), c.ID, account.EmailChange{AccountID: bert.ID, Email: a.Email, Handle: w.mail(a.Email)}, w.act(audit.EmailChanged, bert.ID)), account.ErrAddressTaken)
		w.now = w.now.Add(account.HeldAddress + time.Hour)
		_, err = w.db.Sweep(w.ctx(), w.now)
		w.must(err)
		w.rename(bert, a.Email)
	})
}

// isProved looks at an account as it is loaded, and as it is found with what it signed in by.
func (w *world) isProved(a account.Account, want bool) {
	w.Helper()
	s, _ := w.signedIn(a)
	_, person, err := w.db.FindPerson(w.ctx(), credential.Browser, s.Token)
	w.must(err)
	if loaded, err := w.db.LoadAccount(w.ctx(), a.ID); err != nil || loaded.EmailProved != want || person.EmailProved != want {
		w.Errorf("the address of %s is proved: %t and %t, %v", a.UserName, loaded.EmailProved, person.EmailProved, err)
	}
}

// rename gives an account another address by a confirmation and returns the undo link.
func (w *world) rename(a account.Account, address string) (undo secret.Token) {
	w.Helper()
	now, err := w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	c, _, _ := w.confirm(account.ForEmail, now, address)
	link := credential.Link{Kind: credential.Undo, Token: secret.NewToken(), AccountID: a.ID, Detail: now.Email}
	change := account.EmailChange{AccountID: a.ID, Email: address, Handle: w.mail(address)}
	w.must(w.db.RedeemEmail(w.ctx(), c.ID, change, w.act(audit.EmailChanged, a.ID).Linking(link)))
	return link.Token
}

// renameLater is rename some time after, as by a thief who goes on.
func (w *world) renameLater(a account.Account, address string) (undo secret.Token) {
	w.Helper()
	w.now = w.now.Add(time.Minute)
	return w.rename(a, address)
}

func TestRedeemEmailRaced(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		c, _, _ := w.confirm(account.ForEmail, a, "new@example.org")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RedeemEmail(w.ctx(), c.ID, account.EmailChange{AccountID: a.ID, Email: c.Email, Handle: w.mail(c.Email)}, w.act(audit.EmailChanged, a.ID))
		})
		w.recorded(audit.EmailChanged, 1)
		w.count(1, "handle WHERE kind = 'email' AND held_until = 0")
		w.count(1, "handle WHERE kind = 'email' AND held_until > 0")
	})
}

func TestRestoreEmail(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		undo := w.rename(a, "thief@example.org")
		s, _ := w.signedIn(a)
		later := w.renameLater(a, "thief3@example.org")
		second, _, _ := w.confirm(account.ForNotices, a, "thief4@example.org")
		w.must(w.db.RedeemNoticeEmail(w.ctx(), second.ID, a.ID, second.Email, audit.Act{}))
		_, _, pending := w.confirm(account.ForEmail, a, "thief2@example.org")
		f := w.find(credential.Undo, undo)
		if f.Detail != a.Email {
			t.Errorf("the undo link speaks of %q", f.Detail)
		}
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RestoreEmail(w.ctx(), f.Hash, account.EmailChange{AccountID: a.ID, Email: f.Detail, Handle: w.mail(f.Detail)}, w.act(audit.EmailRestored, a.ID))
		})
		got, err := w.db.FindAccount(w.ctx(), w.mail(a.Email))
		w.must(err)
		clock, err := w.db.ReadClock(w.ctx())
		w.must(err)
		if got.ID != a.ID || got.Email != a.Email || !clock.ResetRequired(got.Standing) {
			t.Errorf("got %+v", got.Standing)
		}
		for _, address := range []string{"thief@example.org", "thief3@example.org"} { // and none of them stays reserved
			_, err = w.db.FindAccount(w.ctx(), w.mail(address))
			w.is(err, account.ErrNotFound)
		}
		w.count(1, "handle WHERE kind = 'email'")
		w.is(w.resolve(credential.Undo, later), credential.ErrUnknown)
		if got.NoticeEmail != "" {
			t.Errorf("notices still go to %q", got.NoticeEmail)
		}
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrEnded)
		w.is(w.resolve(credential.Change, pending), credential.ErrUnknown)
		w.recorded(audit.EmailRestored, 1)
	})
}

func TestRedeemNoticeEmail(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		c, _, link := w.confirm(account.ForNotices, a, "second@example.org")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RedeemNoticeEmail(w.ctx(), c.ID, a.ID, c.Email, w.act(audit.NoticeChanged, a.ID))
		})
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		if got.NoticeEmail != c.Email {
			t.Errorf("got %q", got.NoticeEmail)
		}
		w.is(w.resolve(credential.Change, link), credential.ErrUnknown)
		_, err = w.db.FindAccount(w.ctx(), w.mail(c.Email)) // nobody signs in with it
		w.is(err, account.ErrNotFound)
	})
}
