package storetest

import (
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/relyingparty"
	"usher/internal/secret"
	"usher/internal/server"
	"usher/internal/store"
)

func TestFindCredential(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, hash := w.signedIn(a)
		for _, wrong := range []secret.Token{secret.NewToken(), {}, secret.TokenOf(hash), secret.TokenOf(strings.ToUpper(s.Token.Reveal())), secret.TokenOf("\x00")} {
			_, err := w.db.FindCredential(w.ctx(), credential.Browser, wrong)
			w.is(err, credential.ErrUnknown)
		}
		for _, kind := range []credential.Kind{credential.Known, credential.Reset, "", "\x00"} { // one kind's token is no other kind's
			_, err := w.db.FindCredential(w.ctx(), kind, s.Token)
			w.is(err, credential.ErrUnknown)
		}
		w.tamper("DELETE FROM device")
		_, err := w.db.FindCredential(w.ctx(), credential.Browser, s.Token) // what is made from a device ends with its row
		w.is(err, credential.ErrUnknown)
	})
}

func TestRequireReset(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		s, _ := w.signedIn(a)
		foreign, _ := w.signedIn(other)
		notMe, hash := w.link(credential.NotMe, a)
		undo, _ := w.link(credential.Undo, a)
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.RequireReset(w.ctx(), a.ID, hash, w.act(audit.ResetRequired, a.ID))
		})
		w.recorded(audit.ResetRequired, 1)
		w.is(w.resolve(credential.NotMe, notMe), credential.ErrUnknown)
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrEnded)
		w.must(w.resolve(credential.Undo, undo))
		w.must(w.resolve(credential.Browser, foreign.Token))
		again, _ := w.signedIn(a)
		w.is(w.resolve(credential.Browser, again.Token), credential.ErrResetRequired)
		w.must(w.db.ChangePasswordEverywhere(w.ctx(), w.newPassword(a, "new"), nil, audit.Act{}))
		w.must(w.db.RequireReset(w.ctx(), a.ID, "", w.act(audit.ResetRequired, a.ID))) // a second one asks again
		again, _ = w.signedIn(a)
		w.is(w.resolve(credential.Browser, again.Token), credential.ErrResetRequired)
		w.is(w.db.RequireReset(w.ctx(), "gone", "", audit.Act{}), account.ErrNotFound)
	})
}

// The link that tells of a claim takes the server away from the account again, and no other server, nor one that is another account's.
func TestRequireResetUndoesAClaim(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		mine, thiefs, theirs := w.claimed(a, "mine"), w.claimed(a, "thief's"), w.claimed(other, "theirs")
		w.admits(thiefs, "bert")
		for i, about := range []server.Server{thiefs, theirs} {
			l := credential.Link{Kind: credential.NotMe, Token: secret.NewToken(), AccountID: a.ID, Subject: about.ID, Detail: about.Name, Stamp: w.stampOf(a)}
			w.must(w.db.Record(w.ctx(), w.act(audit.ServerClaimed, a.ID).Linking(l)))
			hash := w.find(credential.NotMe, l.Token).Hash
			w.race(store.ErrSpent, func(db *store.DB, _ int) error {
				return db.RequireReset(w.ctx(), a.ID, hash, w.act(audit.NotMeReported, a.ID))
			})
			w.recorded(audit.NotMeReported, i+1)
			w.recorded(audit.ServerUnclaimed, 1)
		}
		_, err := w.db.FindServer(w.ctx(), thiefs.ID)
		w.is(err, server.ErrNotFound)
		_, err = w.db.FindClient(w.ctx(), thiefs.ID)
		w.is(err, relyingparty.ErrNotFound)
		w.count(0, "server_access")
		if got := w.standing(mine.ID); got.State != server.Suspended {
			w.Errorf("her own server stands %q", got.State)
		}
		if got := w.standing(theirs.ID); got.State != server.Good {
			w.Errorf("somebody else's stands %q", got.State)
		}
	})
}

// A link that allows only the newest leaves only one, however many are asked for at once.
func TestNewestLinkEndsTheOthers(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		foreign, _ := w.link(credential.Reset, other)
		w.all(func(db *store.DB, _ int) error {
			l := credential.Link{Kind: credential.Reset, Token: secret.NewToken(), AccountID: a.ID, Newest: true}
			return db.Record(w.ctx(), w.act(audit.ResetAsked, a.ID).Linking(l))
		})
		w.count(1, "credential WHERE account_id = $1", a.ID)
		w.must(w.resolve(credential.Reset, foreign))
	})
}

// minted makes a live credential of every kind. A kind that is missing here fails TestEveryKindEndsWithItsLife.
func (w *world) minted(a account.Account) map[credential.Kind]secret.Token {
	w.Helper()
	all := map[credential.Kind]secret.Token{}
	s := w.signIn(a)
	s.Known = secret.NewToken()
	w.openSignIn(s)
	all[credential.Browser], all[credential.Known] = s.Token, s.Known
	n, _ := w.signUp("new-" + a.Email)
	all[credential.SignUp], all[credential.SignUpLink] = n.Browser, n.Link
	_, _, all[credential.Change] = w.confirm(account.ForEmail, a, "change-"+a.Email)
	for _, kind := range []credential.Kind{
		credential.Undo, credential.NotMe, credential.Reset, credential.SecondStep, credential.Remembered, credential.Enrolment,
		credential.KeepFactor, credential.Restricted, credential.Console, credential.LinkTicket, credential.RemoveDevice, credential.Handed, credential.DeviceToken, credential.ServerStanding, credential.ServerAccess, credential.Ceremony,
	} {
		all[kind], _ = w.link(kind, a)
	}
	for kind, token := range map[credential.Kind]secret.Token{credential.App: secret.NewToken(), credential.AppPassword: secret.NewAppPassword(), credential.Server: secret.NewToken(), credential.DeviceKey: secret.NewToken()} {
		app := w.signIn(a)
		app.Kind, app.Token, app.Device.Kind = kind, token, device.App
		w.must(w.db.AddDevice(w.ctx(), app, w.act(audit.SignedIn, a.ID)))
		all[kind] = token
	}
	parked, hash := w.signedIn(a)
	to := w.switching(parked, a.ID, w.managed(a, "Mia"))
	to.Parks, to.Away = hash, secret.NewToken()
	w.must(w.db.Switch(w.ctx(), to, w.act(audit.SignedIn, a.ID)))
	all[credential.Switched], all[credential.Away] = to.SignIn.Token, to.Away
	password := w.serverPassword(w.claimed(a, "minted"+a.ID), a)
	w.must(w.db.AddServerPassword(w.ctx(), password, w.act(audit.AppPasswordMade, a.ID)))
	all[credential.ServerPassword] = password.Token
	all[credential.ServerClaim] = secret.NewClaim()
	w.must(w.db.Record(w.ctx(), w.act(audit.ClaimTokenMade, a.ID).Linking(w.claimLink(a, all[credential.ServerClaim]))))
	for _, kind := range []credential.Kind{credential.Invitation, credential.SetUp, credential.DeviceCode, credential.DeviceNonce} {
		all[kind], _ = w.link(kind, account.Account{})
	}
	for _, kind := range []credential.Kind{credential.Outside, credential.Parked, credential.Arrival} {
		all[kind], _ = w.link(kind, account.Account{})
	}
	all[credential.ClientSecret] = secret.NewToken()
	w.client("minted"+a.ID, all[credential.ClientSecret])
	all[credential.AuthorizationRequest], _ = w.requested("minted" + a.ID)
	for _, kind := range []credential.Kind{credential.Logout, credential.ClientAccess} {
		all[kind], _ = w.link(kind, account.Account{})
	}
	all[credential.AuthorizationCode], _ = w.code(s, "minted"+a.ID)
	for _, kind := range []credential.Kind{credential.Refresh, credential.Access} {
		n, _ := w.granted(kind, s, "minted"+a.ID)
		all[kind] = n.Family
	}
	return all
}

// Every kind ends with its life, and none is accepted by a clock that went back behind its making (attack S15).
func TestEveryKindEndsWithItsLife(t *testing.T) {
	each(t, func(w *world) {
		minted := w.minted(w.person("anna"))
		for kind, rule := range credential.Rules {
			end := rule.Life
			if rule.Idle > 0 {
				end = min(end, rule.Idle)
			}
			for at, want := range map[time.Duration]error{end - time.Millisecond: nil, end: credential.ErrUnknown, -2 * time.Minute: credential.ErrUnknown} {
				w.now = start.Add(at)
				if err := w.resolve(kind, minted[kind]); err != want { // the table names the very values
					t.Errorf("%s after %v: %v, want %v", kind, at, err, want)
				}
			}
		}
	})
}
