package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/device"
	"usher/internal/household"
	"usher/internal/id"
	"usher/internal/identity"
	"usher/internal/passkey"
	"usher/internal/secret"
	"usher/internal/store"
	"usher/internal/teststore"
)

// known is somebody's identity at an issuer.
func (w *world) known(a account.Account, subject string) identity.Identity {
	return identity.Identity{
		ID: id.New(w.now), AccountID: a.ID, LinkedAt: w.now,
		Told: identity.Told{Provider: "google", Issuer: "https://accounts.google.com", Subject: subject, Email: subject + "@gmail.com", Proved: true, Name: "Anna of Google"},
	}
}

// linked links an identity to an account, by a sign-in made for it.
func (w *world) linked(a account.Account, subject string) identity.Identity {
	w.Helper()
	i := w.known(a, subject)
	_, signIn := w.signedIn(a)
	w.must(w.db.LinkIdentity(w.ctx(), i, "", signIn, w.act(audit.IdentityLinked, a.ID)))
	return i
}

// leadsTo fails the test unless what a service tells leads to an account; nobody when its id is empty.
func (w *world) leadsTo(told identity.Told, a account.Account) {
	w.Helper()
	i, got, err := w.db.FindIdentity(w.ctx(), told)
	if a.ID == "" {
		w.is(err, identity.ErrNotFound)
		return
	}
	w.must(err)
	if got.ID != a.ID || got.Email != a.Email || i.AccountID != a.ID || !i.Same(told) {
		w.Errorf("leads to %s (%+v), want %s", got.ID, i, a.ID)
	}
}

func TestLinkIdentity(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		_, signIn := w.signedIn(a)
		_, spends := w.link(credential.Arrival, account.Account{})
		subjects := make([]identity.Identity, racers)
		for n := range subjects {
			subjects[n] = w.known(a, fmt.Sprint("s", n))
		}
		won := w.race(store.ErrSpent, func(db *store.DB, n int) error {
			return db.LinkIdentity(w.ctx(), subjects[n], spends, signIn, w.act(audit.IdentityLinked, a.ID))
		})
		w.recorded(audit.IdentityLinked, 1)
		w.leadsTo(subjects[won].Told, a)

		again, foreign := w.known(a, subjects[won].Subject), w.known(other, subjects[won].Subject)
		w.is(w.db.LinkIdentity(w.ctx(), again, "", signIn, audit.Act{}), identity.ErrLinked)
		_, others := w.signedIn(other)
		w.is(w.db.LinkIdentity(w.ctx(), foreign, "", others, audit.Act{}), identity.ErrTaken)
		elsewhere := foreign
		elsewhere.Issuer = "https://issuer.example" // FE-1: the same subject of another issuer is somebody else
		w.must(w.db.LinkIdentity(w.ctx(), elsewhere, "", others, audit.Act{}))
		w.leadsTo(elsewhere.Told, other)
		w.leadsTo(subjects[won].Told, a)

		w.must(w.db.EndEverything(w.ctx(), a.ID, nil, w.act(audit.SignedOutAll, a.ID)))
		w.is(w.db.LinkIdentity(w.ctx(), w.known(a, "late"), "", signIn, audit.Act{}), store.ErrSpent) // who was signed out meanwhile links nothing
		w.leadsTo(w.known(a, "late").Told, account.Account{})
		for n := range identity.Most - 1 {
			w.linked(a, fmt.Sprint("more", n))
		}
		_, signIn = w.signedIn(a)
		w.is(w.db.LinkIdentity(w.ctx(), w.known(a, "too many"), "", signIn, audit.Act{}), identity.ErrTooMany)
	})
}

func TestFindIdentity(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		i := w.linked(a, "one")
		if got, _, err := w.db.FindIdentity(w.ctx(), i.Told); err != nil || got != i {
			w.Errorf("%+v, %v", got, err)
		}
		for _, told := range []identity.Told{{}, {Issuer: i.Issuer}, {Subject: i.Subject}, {Issuer: i.Issuer, Subject: "ONE"}, {Issuer: i.Issuer + "/", Subject: i.Subject}, {Issuer: i.Issuer, Subject: i.Subject, Email: a.Email}} {
			want := account.Account{}
			if i.Same(told) {
				want = a
			}
			w.leadsTo(told, want)
		}
		for _, text := range []string{i.Subject, i.Email, "Anna of Google", i.Issuer} { // a stolen database tells nobody who is who where
			if facts := w.text("SELECT facts FROM identity"); strings.Contains(facts, text) {
				w.Errorf("%s stands in %s", text, facts)
			}
		}
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Deleting, w.now, audit.Act{At: w.now}))
		w.must(w.db.EraseAccount(w.ctx(), a.ID, audit.Act{At: w.now}))
		w.leadsTo(i.Told, account.Account{})
		w.count(0, "identity")
		b := w.person("bert")
		w.linked(b, "one") // what an erased account had is free
		w.leadsTo(i.Told, b)
	})
}

func TestListIdentities(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		first := w.linked(a, "one")
		w.now = w.now.Add(time.Second)
		second := w.linked(a, "two")
		w.linked(other, "three")
		all, err := w.db.ListIdentities(w.ctx(), a.ID)
		w.must(err)
		if len(all) != 2 || all[0] != first || all[1] != second {
			w.Errorf("got %+v", all)
		}
		none, err := w.db.ListIdentities(w.ctx(), w.person("carl").ID)
		if err != nil || len(none) != 0 {
			w.Errorf("%v, %v", none, err)
		}
	})
}

// O10: the last way in stays.
func TestUnlinkIdentity(t *testing.T) {
	each(t, func(w *world) {
		a, none := w.person("anna"), w.withoutPassword("nora")
		i := w.linked(a, "one")
		w.is(w.db.UnlinkIdentity(w.ctx(), none.ID, i.ID, audit.Act{}), identity.ErrNotFound)
		w.race(identity.ErrNotFound, func(db *store.DB, _ int) error {
			return db.UnlinkIdentity(w.ctx(), a.ID, i.ID, w.act(audit.IdentityUnlinked, a.ID))
		})
		w.recorded(audit.IdentityUnlinked, 1)
		w.leadsTo(i.Told, account.Account{})
		w.count(0, "handle WHERE kind LIKE 'identity%'")

		two := []identity.Identity{w.linked(none, "n0"), w.linked(none, "n1")}
		w.race(identity.ErrLastWay, func(db *store.DB, n int) error { // both at once: one stays
			err := db.UnlinkIdentity(w.ctx(), none.ID, two[n%2].ID, audit.Act{At: w.now})
			if err == identity.ErrNotFound {
				return identity.ErrLastWay // the one that another racer took
			}
			return err
		})
		w.count(1, "identity WHERE account_id = $1", none.ID)
	})
}

// The last way in stays too where one is a passkey and one an identity, and both are taken away at once.
func TestTheLastOfTwoKindsOfWaysStays(t *testing.T) {
	each(t, func(w *world) {
		none := w.withoutPassword("nora")
		i, p := w.linked(none, "one"), w.added(none, "telephone")
		refused := 0
		for _, err := range w.parallel(2, func(db *store.DB, n int) error {
			if n == 0 {
				return db.UnlinkIdentity(w.ctx(), none.ID, i.ID, audit.Act{At: w.now})
			}
			return db.RemovePasskey(w.ctx(), none.ID, p.ID, audit.Act{At: w.now})
		}) {
			if errors.Is(err, identity.ErrLastWay) || errors.Is(err, passkey.ErrLast) {
				refused++
			} else {
				w.must(err)
			}
		}
		if left := len(w.identities(none)) + len(w.passkeys(none)); refused != 1 || left != 1 {
			w.Errorf("%d were refused, %d ways are left", refused, left)
		}
	})
}

func (w *world) identities(a account.Account) []identity.Identity {
	w.Helper()
	all, err := w.db.ListIdentities(w.ctx(), a.ID)
	w.must(err)
	return all
}

func (w *world) passkeys(a account.Account) []passkey.Passkey {
	w.Helper()
	all, err := w.db.ListPasskeys(w.ctx(), a.ID)
	w.must(err)
	return all
}

func TestUseIdentity(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		i := w.linked(a, "one")
		i.Email, i.Proved = "moved@example.org", false // O9: what is told changes, and the account stays the same
		w.must(w.db.UseIdentity(w.ctx(), i, w.now))
		got, owner, err := w.db.FindIdentity(w.ctx(), i.Told)
		w.must(err)
		if got.Email != i.Email || got.Proved || !got.UsedAt.Equal(w.now) || owner.Email != a.Email {
			w.Errorf("%+v of %+v", got, owner)
		}
		w.must(w.db.UnlinkIdentity(w.ctx(), a.ID, i.ID, audit.Act{}))
		w.must(w.db.UseIdentity(w.ctx(), i, w.now))
		w.count(0, "identity")
	})
}

// An identity that is linked while the index key is rotated does not hide that an older one still waits.
func TestResealIdentities(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		old := w.linked(a, "old")
		w.replace(w.keys.Ring().BeginRotation())
		before := w.unsealed()
		young := w.linked(a, "young")
		if n := w.unsealed(); n != before {
			w.Errorf("%d wait, after %d", n, before)
		}
		w.must(w.db.Reseal(w.ctx(), func(int64, int64) {}))
		w.replace(w.keys.Ring().FinishRotation())
		w.must(w.db.DropOldIndexes(w.ctx(), audit.Act{At: w.now}))
		w.leadsTo(old.Told, a)
		w.leadsTo(young.Told, a)
		w.must(w.db.UnlinkIdentity(w.ctx(), a.ID, old.ID, audit.Act{}))
		w.leadsTo(old.Told, account.Account{})
	})
}

func TestRequireCode(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("anna"), w.person("bert")
		w.must(w.db.RequireCode(w.ctx(), a.ID, w.act(audit.CodeAlwaysOn, a.ID)))
		if !w.reload(a).CodeAlways || w.reload(b).CodeAlways {
			w.Errorf("required of anna: %v, of bert: %v", w.reload(a).CodeAlways, w.reload(b).CodeAlways)
		}
	})
}

func TestWaiveCode(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.person("anna"), w.person("bert")
		for _, who := range []account.Account{a, b} {
			w.must(w.db.RequireCode(w.ctx(), who.ID, w.act(audit.CodeAlwaysOn, who.ID)))
		}
		w.must(w.db.WaiveCode(w.ctx(), a.ID, w.act(audit.CodeAlwaysOff, a.ID)))
		if w.reload(a).CodeAlways || !w.reload(b).CodeAlways {
			w.Errorf("required of anna: %v, of bert: %v", w.reload(a).CodeAlways, w.reload(b).CodeAlways)
		}
	})
}

// newcomer is somebody about to come into an account by a service.
func (w *world) newcomer(a account.Account, subject string) identity.Newcomer {
	w.Helper()
	clock := w.clock()
	_, arrival := w.link(credential.Arrival, account.Account{})
	s := credential.SignIn{Token: secret.NewToken(), Stamp: credential.StampNow(clock, a.Standing), FreshAt: w.now}
	s.Device.ID, s.Device.AccountID = id.New(w.now), a.ID
	return identity.Newcomer{Identity: w.known(a, subject), Address: w.mail(a.Email), SignIn: s, Secured: clock.Epoch, Arrival: arrival}
}

func TestWelcome(t *testing.T) {
	each(t, func(w *world) {
		a, _ := w.draft("anna")
		a.UserName, a.Password, a.PasswordVersion = "", "", 0
		n := w.newcomer(a, "one")
		_, n.Invitation = w.invite("", "")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error { return db.Welcome(w.ctx(), a, n, w.act(audit.AccountCreated, a.ID)) })
		w.recorded(audit.AccountCreated, 1)
		w.leadsTo(n.Identity.Told, a)
		w.must(w.resolve(credential.Browser, n.SignIn.Token))
		if got := w.reload(a); !got.NoPassword || !got.EmailProved {
			w.Errorf("%+v", got)
		}
		second, _ := w.draft("anna")
		again := w.newcomer(second, "two")
		w.is(w.db.Welcome(w.ctx(), second, again, audit.Act{}), account.ErrAddressTaken) // whoever proved the address first has it
		third, _ := w.draft("carl")
		w.is(w.db.Welcome(w.ctx(), third, w.newcomer(third, "one"), audit.Act{}), identity.ErrTaken)
		fourth := w.newcomer(third, "three")
		_, fourth.Invitation = w.invite("", "")
		w.tamper("DELETE FROM credential WHERE kind = 'invitation'")
		w.is(w.db.Welcome(w.ctx(), third, fourth, audit.Act{}), store.ErrSpent)
		w.count(1, "account")
	})
}

func TestTakeOver(t *testing.T) {
	each(t, func(w *world) {
		a := teststore.Person(w, w.db, "victim", w.now, func(a *account.Account) { a.EmailProved, a.NoticeEmail = false, "squatter@example.com" })
		squatter, _ := w.signedIn(a)
		trojan := w.linked(a, "trojan")
		w.added(a, "squatter's")
		left := map[credential.Kind]secret.Token{}
		for kind, rule := range credential.Rules {
			if rule.OwnedByAccount && rule.Shape == nil {
				left[kind], _ = w.link(kind, a)
			}
		}
		change, _, _ := w.confirm(account.ForEmail, a, "squatter2@example.com")
		w.is(w.db.TakeOver(w.ctx(), w.person("proved"), w.newcomer(w.person("other"), "x"), audit.Act{At: w.now}), store.ErrSpent)
		a = w.reload(a)
		n := w.newcomer(a, "one")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.TakeOver(w.ctx(), a, n, w.act(audit.AccountTakenOver, a.ID))
		})
		w.recorded(audit.AccountTakenOver, 1)
		w.must(w.resolve(credential.Browser, n.SignIn.Token))
		w.leadsTo(n.Identity.Told, a)
		w.leadsTo(trojan.Told, account.Account{})
		w.count(0, "passkey")
		if w.resolve(credential.Browser, squatter.Token) == nil {
			w.Error("the squatter is still signed in")
		}
		for kind, token := range left {
			if w.resolve(kind, token) == nil {
				w.Errorf("the squatter's %s still counts", kind)
			}
		}
		_, err := w.db.LoadConfirmation(w.ctx(), change.ID, w.now)
		w.is(err, credential.ErrUnknown)
		got := w.reload(a)
		if !got.NoPassword || got.Password != "" || !got.EmailProved || got.NoticeEmail != "" || !got.Review || got.PasswordVersion != a.PasswordVersion+1 || got.Epoch != a.Epoch+1 {
			w.Errorf("%+v", got)
		}
		w.is(w.db.TakeOver(w.ctx(), w.reload(a), w.newcomer(a, "two"), audit.Act{At: w.now}), store.ErrSpent) // it is proved by now
		for name, change := range map[string]func(*account.Account){
			"admin":   func(a *account.Account) { a.Admin = true },
			"deleted": func(a *account.Account) { a.State = account.Deleting },
			"locked":  func(a *account.Account) { a.State = account.Locked },
		} {
			kept := teststore.Person(w, w.db, name, w.now, func(a *account.Account) { a.EmailProved = false; change(a) })
			w.is(w.db.TakeOver(w.ctx(), kept, w.newcomer(kept, name), audit.Act{At: w.now}), store.ErrSpent)
			w.hasPassword(kept, kept.Password, kept.PasswordVersion)
		}
		protected := w.protected("protected")
		w.tamper("UPDATE account SET email_proved = FALSE WHERE id = $1", protected.ID)
		w.is(w.db.TakeOver(w.ctx(), w.reload(protected), w.newcomer(protected, "p"), audit.Act{At: w.now}), store.ErrSpent)
	})
}

// Whoever shares a Home with an account becomes it without any proof: what a squatter has joined ends with them, and so does a Home that they opened in its name.
func TestTakeOverEndsTheHome(t *testing.T) {
	each(t, func(w *world) {
		squatted := func(name string) account.Account {
			return teststore.Person(w, w.db, name, w.now, func(a *account.Account) { a.EmailProved = false })
		}
		owner, guest := w.person("owner"), w.person("guest")
		joined, opened := squatted("joined"), squatted("opened")
		w.joins(owner, joined)
		w.joins(opened, guest)
		w.managed(opened, "Mia")
		w.invites(opened, owner.UserName)
		app := w.named(owner, device.App, "TV")
		w.openSignIn(app)
		theirs := w.member(joined.ID)
		s := w.switched(app, theirs)
		w.must(w.resolve(credential.Switched, s.Token))
		for _, a := range []account.Account{joined, opened} {
			a = w.reload(a)
			w.must(w.db.TakeOver(w.ctx(), a, w.newcomer(a, "of "+a.UserName), w.act(audit.AccountTakenOver, a.ID)))
		}
		w.count(0, "home_member WHERE account_id IN ($1, $2) AND home_id <> account_id", joined.ID, opened.ID)
		w.count(0, "home_member WHERE home_id = $1 AND account_id <> $1", opened.ID)
		w.is(w.resolve(credential.Switched, s.Token), credential.ErrUnknown)
		_, err := w.db.BeginSwitch(w.ctx(), household.Try{Source: owner.ID, Member: theirs.ID, At: w.now})
		w.is(err, household.ErrNotFound)
	})
}
