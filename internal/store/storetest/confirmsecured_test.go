package storetest

import (
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/incident"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/teststore"
)

// withoutPassword is somebody who comes in by other ways only.
func (w *world) withoutPassword(name string) account.Account {
	w.Helper()
	return teststore.Person(w, w.db, name, w.now, func(a *account.Account) { a.Password, a.PasswordVersion = "", 0 })
}

func TestNoPassword(t *testing.T) {
	each(t, func(w *world) {
		a := w.withoutPassword("anna")
		mine, hash := w.signedIn(a)
		f, err := w.db.FindCredential(w.ctx(), credential.Browser, mine.Token)
		w.must(err)
		if got := w.reload(a); !got.NoPassword || !f.Account.NoPassword {
			w.Fatalf("account %v, credential %v", got.NoPassword, f.Account.NoPassword)
		}
		w.must(w.db.ChangePassword(w.ctx(), w.newPassword(a, "first"), hash, secret.NewToken(), w.act(audit.PasswordChanged, a.ID)))
		w.hasPassword(a, "first", 1)
		if w.reload(a).NoPassword {
			w.Error("who has set a password counts as without one")
		}
	})
}

// A browser says how it was proved last, and a password typed there takes that place.
func TestWay(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s := credential.NewSignIn(a.ID, "Google", device.Client{}, w.now)
		s.Stamp, s.Subject = credential.StampNow(w.clock(), a.Standing), string(credential.ByOutside)
		w.openSignIn(s)
		f, err := w.db.FindCredential(w.ctx(), credential.Browser, s.Token)
		w.must(err)
		if f.Way() != credential.ByOutside || f.IsFresh(w.now) {
			w.Errorf("way %q, fresh %v", f.Way(), f.IsFresh(w.now))
		}
		r := credential.Renewal{Replaces: f.Hash, Token: secret.NewToken(), FreshAt: w.now}
		w.must(w.db.RenewSignIn(w.ctx(), r, w.act(audit.ProvedAgain, a.ID)))
		f, err = w.db.FindCredential(w.ctx(), credential.Browser, r.Token)
		w.must(err)
		if f.Way() != credential.ByPassword || !f.IsFresh(w.now) {
			w.Errorf("after a password: way %q, fresh %v", f.Way(), f.IsFresh(w.now))
		}
	})
}

func TestSpendProof(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		_, hash := w.link(credential.SecondStep, a)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.SpendProof(w.ctx(), hash, w.act(audit.SignInRefused, a.ID))
		})
		w.recorded(audit.SignInRefused, 1)
		w.must(w.db.SpendProof(w.ctx(), "", w.act(audit.SignInRefused, a.ID)))
		w.recorded(audit.SignInRefused, 2)
	})
}

func TestConfirmSecured(t *testing.T) {
	each(t, func(w *world) {
		a := w.withoutPassword("anna")
		before, _ := w.signedIn(a)
		w.declared(incident.Require)
		if !w.required(a) {
			w.Fatal("nothing is required")
		}
		a = w.reload(a)
		ticket, _ := w.link(credential.Restricted, a)
		f, err := w.db.FindCredential(w.ctx(), credential.Restricted, ticket)
		w.must(err)
		p := credential.NewAfresh(f)
		w.declared(incident.Require, a) // it lists the account after the proof was given
		w.is(w.db.ConfirmSecured(w.ctx(), p, w.act(audit.PasswordReset, a.ID)), store.ErrSpent)
		if !w.required(a) {
			w.Error("an incident was gone around that came after the proof")
		}

		ticket, hash := w.link(credential.Restricted, w.reload(a))
		f, err = w.db.FindCredential(w.ctx(), credential.Restricted, ticket)
		w.must(err)
		p = credential.NewAfresh(f)
		other := p
		other.AccountID = w.person("bert").ID
		w.is(w.db.ConfirmSecured(w.ctx(), other, w.act(audit.PasswordReset, other.AccountID)), store.ErrSpent) // who has a password chooses another
		epoch := w.reload(a).Epoch
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.ConfirmSecured(w.ctx(), p, w.act(audit.PasswordReset, a.ID))
		})
		if w.required(a) || w.reload(a).Epoch != epoch+1 || !w.reload(a).NoPassword {
			w.Errorf("required %v, epoch %d after %d", w.required(a), w.reload(a).Epoch, epoch)
		}
		w.is(w.resolve(credential.Browser, before.Token), credential.ErrEnded)
		w.count(0, "credential WHERE hash = $1", hash)
	})
}
