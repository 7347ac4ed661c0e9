package storetest

import (
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/secret"
	"usher/internal/store"
)

func (w *world) newPassword(a account.Account, phc string) credential.PasswordChange {
	w.Helper()
	clock, err := w.db.ReadClock(w.ctx())
	w.must(err)
	now, err := w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	return credential.PasswordChange{AccountID: a.ID, Replaces: now.PasswordVersion, Password: phc, Secured: credential.Secure(clock, now.Standing), Incident: now.Incident}
}

// hasPassword fails the test unless an account's password is phc, set version-1 times.
func (w *world) hasPassword(a account.Account, phc string, version int64) {
	w.Helper()
	got, err := w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	if got.Password != phc || got.PasswordVersion != version {
		w.Errorf("password %q, version %d; want %q, %d", got.Password, got.PasswordVersion, phc, version)
	}
}

func TestChangePassword(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		mine, hash := w.signedIn(a)
		other, _ := w.signedIn(a)
		reset, _ := w.link(credential.Reset, a)
		notMe, _ := w.link(credential.NotMe, a)
		enrolment, _ := w.link(credential.Enrolment, a)
		_, _, change := w.confirm(account.ForEmail, a, "new@example.org")
		p := w.newPassword(a, "new")
		known := secret.NewToken()
		p.Known, p.Stamp = known, mine.Stamp
		var tokens [racers]secret.Token
		for i := range tokens {
			tokens[i] = secret.NewToken()
		}
		winner := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			return db.ChangePassword(w.ctx(), p, hash, tokens[i], w.act(audit.PasswordChanged, a.ID))
		})
		w.hasPassword(a, "new", 2)
		w.must(w.resolve(credential.Browser, tokens[winner]))
		w.must(w.resolve(credential.Browser, other.Token))
		w.must(w.resolve(credential.NotMe, notMe))
		w.must(w.resolve(credential.Known, known))
		w.count(1, "credential WHERE kind = 'known browser'")
		w.is(w.resolve(credential.Browser, mine.Token), credential.ErrUnknown)
		w.is(w.resolve(credential.Reset, reset), credential.ErrUnknown)
		w.is(w.resolve(credential.Change, change), credential.ErrUnknown)
		w.is(w.resolve(credential.Enrolment, enrolment), credential.ErrUnknown) // whoever began it may not have been the owner
		w.recorded(audit.PasswordChanged, 1)

		p = w.newPassword(a, "newer") // the browser's old sign-in is gone: the password stays as it is
		w.is(w.db.ChangePassword(w.ctx(), p, hash, secret.NewToken(), audit.Act{}), store.ErrSpent)
		w.hasPassword(a, "new", 2)
		p.AccountID = "gone"
		w.is(w.db.ChangePassword(w.ctx(), p, hash, secret.NewToken(), audit.Act{}), account.ErrNotFound)
	})
}

func TestChangePasswordEverywhere(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		old, _ := w.signedIn(a)
		_, hash := w.signedIn(a)
		keep := w.signIn(a)
		keep.Replaces = hash
		p := w.newPassword(a, "new")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.ChangePasswordEverywhere(w.ctx(), p, &keep, w.act(audit.PasswordChanged, a.ID))
		})
		w.recorded(audit.PasswordChanged, 1)
		w.hasPassword(a, "new", 2)
		w.is(w.resolve(credential.Browser, old.Token), credential.ErrEnded)
		w.must(w.resolve(credential.Browser, keep.Token))
		w.must(w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(a, "newer"), nil, w.act(audit.PasswordChanged, a.ID)))
		w.is(w.resolve(credential.Browser, keep.Token), credential.ErrEnded)
	})
}

func TestRedeemReset(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		p := w.newPassword(a, "new")
		_, spare := w.link(credential.Reset, a)
		_, hash := w.link(credential.Reset, a)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RedeemReset(w.ctx(), hash, p, w.act(audit.PasswordReset, a.ID))
		})
		w.hasPassword(a, "new", 2)
		w.must(w.resolve(credential.Browser, s.Token))
		w.recorded(audit.PasswordReset, 1)
		w.is(w.db.RedeemReset(w.ctx(), spare, w.newPassword(a, "newer"), audit.Act{}), store.ErrSpent) // the other link died with it
		_, hash = w.link(credential.Reset, a)
		w.is(w.db.RedeemReset(w.ctx(), hash, p, audit.Act{}), store.ErrSpent) // made for an older password
		w.hasPassword(a, "new", 2)
		w.count(1, "credential WHERE hash = $1", hash)
	})
}

func TestRedeemResetEverywhere(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID)))
		_, hash := w.link(credential.Reset, a)
		p := w.newPassword(a, "new")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RedeemResetEverywhere(w.ctx(), hash, p, w.act(audit.PasswordReset, a.ID))
		})
		w.hasPassword(a, "new", 2)
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrEnded)
		again, _ := w.signedIn(a)
		w.must(w.resolve(credential.Browser, again.Token)) // the reset is done
	})
}

// A reset whose proof began before an incident does not satisfy it.
func TestResetBegunBeforeAnIncidentDoesNotSecure(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		_, hash := w.link(credential.Reset, a)
		p := w.newPassword(a, "known to the thief")
		w.tamper("UPDATE instance SET epoch = epoch + 1, incident = epoch + 1")
		w.must(w.db.RedeemReset(w.ctx(), hash, p, audit.Act{At: w.now}))
		s := w.signIn(a)
		w.openSignIn(s)
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrResetRequired)
	})
}

func TestUpgradePassword(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.must(w.db.UpgradePassword(w.ctx(), a.ID, 1, "stronger"))
		w.hasPassword(a, "stronger", 1)
		w.must(w.resolve(credential.Browser, s.Token))
		w.must(w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(a, "new"), nil, audit.Act{}))
		w.must(w.db.UpgradePassword(w.ctx(), a.ID, 1, "of the old password")) // hashed while the password was changed
		w.hasPassword(a, "new", 2)
		w.is(w.db.UpgradePassword(w.ctx(), "gone", 1, "x"), account.ErrNotFound)
	})
}
