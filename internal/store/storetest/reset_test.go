package storetest

import (
	"slices"
	"testing"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/store"
)

// What an incident voided is kept, sealed, and no more of it than costs a bounded number of hashes.
func TestVoidedPasswords(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		for _, phc := range []string{"one", "two", "three", "four", "five", "six", "seven"} {
			w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID)))
			p := w.newPassword(a, phc)
			p.Old = "old before " + phc
			_, hash := w.link(credential.Reset, w.reload(a))
			w.must(w.db.RedeemResetEverywhere(w.ctx(), hash, p, w.act(audit.PasswordReset, a.ID)))
			w.now = w.now.Add(1000000)
		}
		got, err := w.db.VoidedPasswords(w.ctx(), a.ID)
		w.must(err)
		if want := []string{"old before seven", "old before six", "old before five", "old before four", "old before three"}; !slices.Equal(got, want) {
			w.Errorf("%q", got)
		}
		got, err = w.db.VoidedPasswords(w.ctx(), w.person("bert").ID)
		w.must(err)
		if len(got) != 0 {
			w.Errorf("somebody else has %q", got)
		}
		w.count(0, "voided_password WHERE hash LIKE '%old before%'")

		cyd := w.person("cyd")
		p := w.newPassword(cyd, "new")
		p.Old = "old"
		_, hash := w.link(credential.Reset, cyd)
		w.must(w.db.RedeemReset(w.ctx(), hash, p, w.act(audit.PasswordReset, cyd.ID)))
		w.count(0, "voided_password WHERE account_id = $1", cyd.ID) // nothing is required of cyd
		p = w.newPassword(cyd, "newer")
		p.Old = "new"
		_, hash = w.link(credential.Reset, w.reload(cyd))
		w.tamper("UPDATE instance SET epoch = epoch + 1, incident = epoch + 1") // an incident after the reset began
		w.must(w.db.RedeemReset(w.ctx(), hash, p, w.act(audit.PasswordReset, cyd.ID)))
		w.count(1, "voided_password WHERE account_id = $1", cyd.ID)
	})
}

func (w *world) reload(a account.Account) account.Account {
	w.Helper()
	a, err := w.db.LoadAccount(w.ctx(), a.ID)
	w.must(err)
	return a
}

// The link and the second factor are spent together, and the ticket is the only thing that comes of it.
func TestProveReset(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.must(w.db.TurnOnFactor(w.ctx(), credential.NewFactor{AccountID: a.ID, Key: secret.TokenOf("KEY"), Recovery: map[string]string{"0": "phc"}}, w.act(audit.SecondFactorOn, a.ID)))
		a = w.reload(a)
		link, hash := w.link(credential.Reset, a)
		f := credential.Factor{AccountID: a.ID, Step: 7}
		stamp := w.find(credential.Reset, link).Stamp
		var tickets [racers]secret.Token
		winner := w.race(store.ErrSpent, func(db *store.DB, i int) error {
			tickets[i] = secret.NewToken()
			l := credential.Link{Kind: credential.Restricted, Token: tickets[i], AccountID: a.ID, Stamp: stamp, Newest: true}
			return db.ProveReset(w.ctx(), hash, f, w.act(audit.ResetProved, a.ID).Linking(l))
		})
		w.must(w.resolve(credential.Restricted, tickets[winner]))
		w.is(w.resolve(credential.Reset, link), credential.ErrUnknown)
		w.count(1, "credential WHERE kind = 'restricted ticket'")
		w.recorded(audit.ResetProved, 1)

		_, hash = w.link(credential.Reset, a) // another link, the same step: the code was used
		w.is(w.db.ProveReset(w.ctx(), hash, f, audit.Act{}), store.ErrSpent)
		w.must(w.resolve(credential.Restricted, tickets[winner]))
		p := w.newPassword(a, "new")
		w.must(w.db.RedeemResetEverywhere(w.ctx(), w.find(credential.Restricted, tickets[winner]).Hash, p, w.act(audit.PasswordReset, a.ID)))
		w.is(w.resolve(credential.Restricted, tickets[winner]), credential.ErrUnknown)
	})
}

func TestFinishReview(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		p := w.newPassword(a, "new")
		p.Review = true
		_, hash := w.link(credential.Reset, a)
		w.must(w.db.RedeemReset(w.ctx(), hash, p, w.act(audit.PasswordReset, a.ID)))
		if !w.reload(a).Review {
			w.Error("nobody looks around")
		}
		w.must(w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(a, "newer"), nil, audit.Act{})) // does not end it
		if !w.reload(a).Review {
			w.Error("a change ended it")
		}
		w.must(w.db.FinishReview(w.ctx(), a.ID))
		if w.reload(a).Review {
			w.Error("it is not finished")
		}
	})
}

// What a decoy leaves opens nothing, reaches nobody, and is swept.
func TestLeaveDecoy(t *testing.T) {
	each(t, func(w *world) {
		l := credential.Link{Kind: credential.Reset, Token: secret.NewToken(), Newest: true}
		n := notice.Reset("xxxxxxx@invalid", "/reset/"+l.Token.Reveal(), 30)
		n.Decoy = true
		w.must(w.db.LeaveDecoy(w.ctx(), w.act(audit.ResetAsked, "").Linking(l).Telling(n)))
		w.is(w.resolve(credential.Reset, l.Token), credential.ErrUnknown)
		w.recorded(audit.ResetAsked, 1)
		waiting, err := w.db.WaitingMail(w.ctx(), 10)
		w.must(err)
		leased, err := w.db.LeaseMail(w.ctx(), w.now.Add(1000000), 1000000, 10)
		w.must(err)
		if len(waiting)+len(leased) != 0 {
			w.Error("a decoy goes out")
		}
		w.count(1, "mail WHERE state = 'decoy'")
		w.now = w.now.Add(31 * 24 * 3600 * 1e9)
		_, err = w.db.Sweep(w.ctx(), w.now)
		w.must(err)
		w.count(0, "mail")
		w.count(0, "credential")
	})
}
