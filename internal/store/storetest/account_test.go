package storetest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/notice"
	"usher/internal/secret"
	"usher/internal/store"
)

func TestCreateAccount(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.recorded(audit.AccountCreated, 1)

		twin, _ := w.draft("bert")
		w.is(w.db.CreateAccount(w.ctx(), twin, []account.Handle{w.mail("ANNA@example.org")}, audit.Act{}), account.ErrAddressTaken)
		w.is(w.db.CreateAccount(w.ctx(), twin, []account.Handle{w.mail("bert@example.org"), w.name("Anna")}, audit.Act{}), account.ErrNameTaken)
		w.count(1, "account")
		w.count(2, "handle") // nothing of the refused ones stayed, not even the free address
		if a.ID == twin.ID {
			t.Error("two accounts have one id")
		}
	})
}

func TestCreateAccountRaced(t *testing.T) {
	each(t, func(w *world) {
		w.race(account.ErrAddressTaken, func(db *store.DB, i int) error {
			a, _ := w.draft(label(i))
			a.Email = "same@example.org"
			return db.CreateAccount(w.ctx(), a, []account.Handle{w.mail(a.Email)}, w.act(audit.AccountCreated, a.ID))
		})
		w.count(1, "account")
		w.recorded(audit.AccountCreated, 1)
	})
}

func TestLoadAccount(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		if got != a {
			t.Errorf("loaded\n%+v, want\n%+v", got, a)
		}
		for _, unknown := range []string{"", "nobody", "\x00", "\xff", strings.Repeat("x", 1<<16), "' OR '1' = '1"} {
			_, err = w.db.LoadAccount(w.ctx(), unknown)
			w.is(err, account.ErrNotFound)
		}
	})
}

func TestFindAccount(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.person("bert")
		for _, h := range []account.Handle{w.mail(" Anna@Example.ORG "), w.name("ANNA")} {
			got, err := w.db.FindAccount(w.ctx(), h)
			w.must(err)
			if got.ID != a.ID {
				t.Errorf("%v found another account", h)
			}
		}
		for _, h := range []account.Handle{w.mail("anna@example.net"), w.name("annas"), {Kind: account.ByEmail, Value: "anna"}, account.LoginHandle("\x00"), {}} {
			_, err := w.db.FindAccount(w.ctx(), h)
			w.is(err, account.ErrNotFound)
		}
	})
}

func TestSetUserName(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.person("bert")
		w.is(w.db.SetUserName(w.ctx(), a.ID, "Bert", w.name("Bert"), w.act(audit.ProfileChanged, a.ID)), account.ErrNameTaken)
		w.must(w.db.SetUserName(w.ctx(), a.ID, "Änne", w.name("Änne"), w.act(audit.ProfileChanged, a.ID)))
		w.must(w.db.SetUserName(w.ctx(), a.ID, "ÄNNE", w.name("ÄNNE"), w.act(audit.ProfileChanged, a.ID))) // the same name, shown otherwise
		got, err := w.db.FindAccount(w.ctx(), w.name("änne"))
		w.must(err)
		if got.ID != a.ID || got.UserName != "ÄNNE" {
			t.Errorf("found %s, shown as %q", got.ID, got.UserName)
		}
		_, err = w.db.FindAccount(w.ctx(), w.name("anna"))
		w.is(err, account.ErrNotFound)
		w.count(2, "handle WHERE account_id = $1", a.ID)
		w.recorded(audit.ProfileChanged, 2)
		w.is(w.db.SetUserName(w.ctx(), "nobody", "carl", w.name("carl"), audit.Act{}), account.ErrNotFound)
	})
}

func TestSetUserNameRaced(t *testing.T) {
	each(t, func(w *world) {
		var all [racers]account.Account
		for i := range all {
			all[i] = w.person(label(i))
		}
		winner := w.race(account.ErrNameTaken, func(db *store.DB, i int) error {
			return db.SetUserName(w.ctx(), all[i].ID, "wanted", w.name("wanted"), w.act(audit.ProfileChanged, all[i].ID))
		})
		got, err := w.db.FindAccount(w.ctx(), w.name("wanted"))
		w.must(err)
		if got.ID != all[winner].ID {
			t.Error("the name belongs to a loser")
		}
		w.count(2*racers, "handle")
	})
}

// One account that takes many names at once ends with one name, and no name hangs on in the index.
func TestSetUserNameManyAtOnce(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.all(func(db *store.DB, i int) error {
			return db.SetUserName(w.ctx(), a.ID, label(i), w.name(label(i)), audit.Act{})
		})
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		found, err := w.db.FindAccount(w.ctx(), w.name(got.UserName))
		w.must(err)
		if found.ID != a.ID {
			t.Error("the shown name does not lead to the account")
		}
		w.count(2, "handle WHERE account_id = $1", a.ID)
	})
}

func TestSetName(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.must(w.db.SetName(w.ctx(), a.ID, "Anna 名前", w.act(audit.ProfileChanged, a.ID)))
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		if got.Name != "Anna 名前" || got.UserName != a.UserName || got.Email != a.Email {
			t.Errorf("got %q", got.Name)
		}
		w.is(w.db.SetName(w.ctx(), "nobody", "x", audit.Act{}), account.ErrNotFound)
	})
}

func TestRemoveNoticeEmail(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		c, _, _ := w.confirm(account.ForNotices, a, "second@example.org")
		w.must(w.db.RedeemNoticeEmail(w.ctx(), c.ID, a.ID, c.Email, w.act(audit.NoticeChanged, a.ID)))
		w.must(w.db.RemoveNoticeEmail(w.ctx(), a.ID, w.act(audit.NoticeChanged, a.ID)))
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		if got.NoticeEmail != "" || got != a {
			t.Errorf("got %+v", got.Standing)
		}
	})
}

func TestSetState(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s, _ := w.signedIn(a)
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Locked, time.Time{}, w.act(audit.AccountLocked, a.ID)))
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrEnded)
		w.is(w.db.SetState(w.ctx(), a.ID, account.Active, account.Deleting, w.now, audit.Act{}), store.ErrSpent)
		w.must(w.db.SetState(w.ctx(), a.ID, account.Locked, account.Active, time.Time{}, w.act(audit.AccountUnlocked, a.ID)))
		w.is(w.resolve(credential.Browser, s.Token), credential.ErrEnded) // what was ended stays so
		until := w.now.Add(account.GraceBeforeErasure)
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Deleting, until, w.act(audit.DeletionAsked, a.ID)))
		got, err := w.db.LoadAccount(w.ctx(), a.ID)
		w.must(err)
		if got.State != account.Deleting || !got.DeleteAt.Equal(until) || got.Epoch != a.Epoch+2 {
			t.Errorf("got %+v, %v", got.Standing, got.DeleteAt)
		}
		w.is(w.db.SetState(w.ctx(), "nobody", account.Active, account.Locked, time.Time{}, audit.Act{}), account.ErrNotFound)
	})
}

func TestSetStateRaced(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.SetState(w.ctx(), a.ID, account.Active, account.Locked, time.Time{}, w.act(audit.AccountLocked, a.ID))
		})
		w.recorded(audit.AccountLocked, 1)
	})
}

// However many administrators go at once, one stays.
func TestSetStateKeepsTheLastAdmin(t *testing.T) {
	each(t, func(w *world) {
		var admins [racers]account.Account
		for i := range admins {
			admins[i] = w.person(label(i))
			w.must(w.db.GrantAdmin(w.ctx(), admins[i].ID, w.act(audit.AdminGranted, admins[i].ID)))
		}
		refused := w.all(func(db *store.DB, i int) error {
			return db.SetState(w.ctx(), admins[i].ID, account.Active, account.Deleting, w.now, w.act(audit.DeletionAsked, admins[i].ID))
		}, account.ErrLastAdmin)
		if refused != 1 {
			t.Errorf("%d of %d were refused, want the last one", refused, racers)
		}
		w.count(1, "account WHERE admin AND state = 'active'")
	})
}

func TestGrantAdmin(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.must(w.db.GrantAdmin(w.ctx(), a.ID, w.act(audit.AdminGranted, a.ID)))
		s, _ := w.signedIn(a)
		if !w.find(credential.Browser, s.Token).Account.Admin {
			t.Error("not an administrator")
		}
		w.is(w.db.GrantAdmin(w.ctx(), "nobody", audit.Act{}), account.ErrNotFound)
	})
}

func TestHasAdmin(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		for _, want := range []bool{false, true} {
			has, err := w.db.HasAdmin(w.ctx())
			w.must(err)
			if has != want {
				t.Errorf("has: %v", has)
			}
			w.must(w.db.GrantAdmin(w.ctx(), a.ID, audit.Act{}))
		}
	})
}

func TestListAccounts(t *testing.T) {
	each(t, func(w *world) {
		var want []string
		for i := range 7 {
			w.now = w.now.Add(time.Millisecond)
			want = append(want, w.person(label(i)).ID)
		}
		slices.Reverse(want)
		var got []string
		for before := ""; ; {
			page, err := w.db.ListAccounts(w.ctx(), account.Filter{Before: before, Limit: 3})
			w.must(err)
			for _, a := range page {
				got = append(got, a.ID)
				before = a.ID
			}
			if len(page) < 3 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("paged %v, want %v", got, want)
		}
		w.must(w.db.SetState(w.ctx(), want[2], account.Active, account.Locked, time.Time{}, audit.Act{}))
		w.must(w.db.GrantAdmin(w.ctx(), want[4], audit.Act{}))
		for f, id := range map[account.Filter]string{{State: account.Locked, Limit: 9}: want[2], {Admins: true, Limit: 9}: want[4]} {
			page, err := w.db.ListAccounts(w.ctx(), f)
			w.must(err)
			if len(page) != 1 || page[0].ID != id {
				t.Errorf("%+v gives %d accounts", f, len(page))
			}
		}
	})
}

func TestCountAccounts(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		w.person("bert")
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Locked, time.Time{}, audit.Act{}))
		got, err := w.db.CountAccounts(w.ctx())
		w.must(err)
		if len(got) != 2 || got[account.Active] != 1 || got[account.Locked] != 1 {
			t.Errorf("got %v", got)
		}
	})
}

// farewellAt is what an erased account leaves behind.
func farewellAt(at time.Time) func(account.Account) audit.Act {
	return func(a account.Account) audit.Act {
		return audit.New(at, audit.AccountErased, audit.System, "").Telling(notice.DeletionDone(a.Email, a.Name, at))
	}
}

func TestErase(t *testing.T) {
	each(t, func(w *world) {
		kept, gone, young := w.person("kept"), w.person("gone"), w.person("young")
		w.must(w.db.SetState(w.ctx(), gone.ID, account.Active, account.Deleting, w.now.Add(time.Hour), audit.Act{}))
		w.must(w.db.SetState(w.ctx(), young.ID, account.Active, account.Deleting, w.now.Add(3*time.Hour), audit.Act{}))
		erased, err := w.db.Erase(w.ctx(), w.now.Add(2*time.Hour), 10, farewellAt(w.now.Add(2*time.Hour)), nil)
		w.must(err)
		if erased != 1 {
			t.Errorf("erased %d", erased)
		}
		waiting, err := w.db.WaitingMail(w.ctx(), 10)
		w.must(err)
		if len(waiting) != 1 || waiting[0].Kind != notice.KindDeletionDone || waiting[0].To != gone.Email {
			t.Errorf("%d mails wait, want the last one to %s", len(waiting), gone.ID)
		}
		for id, want := range map[string]error{kept.ID: nil, young.ID: nil, gone.ID: account.ErrNotFound} {
			_, err := w.db.LoadAccount(w.ctx(), id)
			w.is(err, want)
		}
		erased, err = w.db.Erase(w.ctx(), w.now.Add(2*time.Hour), 10, farewellAt(w.now.Add(2*time.Hour)), nil)
		w.must(err)
		if erased != 0 {
			t.Error("erased twice")
		}
	})
}

func TestEraseAccount(t *testing.T) {
	each(t, func(w *world) {
		a, other := w.person("anna"), w.person("bert")
		w.signedIn(a)
		w.link(credential.Undo, a)
		w.confirm(account.ForEmail, a, "new@example.org")
		w.must(w.db.Record(w.ctx(), w.act(audit.SignInFailed, a.ID).With("reason", "told to nobody").Telling(notice.Test(a.Email).For(a.ID))))
		_, err := w.db.BeginAttempt(w.ctx(), credential.Attempt{Account: a.ID, At: w.now})
		w.must(err)
		w.signedIn(other)
		for _, pair := range [][2]account.Account{{a, other}, {other, a}} { // of either to the other
			s := w.claimed(pair[0], pair[0].UserName)
			w.admits(s, pair[1].UserName)
			w.must(w.db.DeclineInvitation(w.ctx(), s.ID, pair[1], w.act(audit.ServerDeclined, pair[1].ID)))
		}
		w.is(w.db.EraseAccount(w.ctx(), a.ID, farewellAt(w.now)(a)), store.ErrSpent) // nobody asked for it
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Deleting, w.now.Add(time.Hour), audit.Act{}))
		w.is(w.db.EraseAccount(w.ctx(), a.ID, farewellAt(w.now)(a)), store.ErrSpent) // the grace is not over
		w.race(store.ErrSpent, func(db *store.DB, _ int) error {
			return db.EraseAccount(w.ctx(), a.ID, farewellAt(w.now.Add(time.Hour))(a))
		})
		for _, table := range []string{"handle", "device", "credential", "confirmation", "mail"} {
			w.count(0, table+" WHERE account_id = $1", a.ID)
		}
		w.count(0, "failure")
		w.count(0, "declined")
		w.count(1, "device WHERE account_id = $1", other.ID)
		w.recorded(audit.AccountErased, 1)
		entries, err := w.db.ListAudit(w.ctx(), audit.Filter{AccountID: a.ID, Limit: 100})
		w.must(err)
		if len(entries) == 0 {
			t.Error("the record went with the account")
		}
		for _, e := range entries {
			if len(e.Detail) > 0 {
				t.Error("details of an erased account can still be read")
			}
		}
		verdict, err := w.db.VerifyAudit(w.ctx())
		w.must(err)
		if len(verdict.Broken) > 0 {
			t.Errorf("erasing broke the record: %v", verdict.Broken)
		}
	})
}

// Attack S14: who deletes an account and makes another of the same name and address gets nothing of the former, and nobody gets into the new
// one with what belonged to the former.
func TestRecycledAccountInheritsNothing(t *testing.T) {
	each(t, func(w *world) {
		a := w.person("anna")
		s := w.signIn(a)
		s.Known = secret.NewToken()
		w.openSignIn(s)
		undo, _ := w.link(credential.Undo, a)
		notMe, _ := w.link(credential.NotMe, a)
		reset, _ := w.link(credential.Reset, a)
		_, _, change := w.confirm(account.ForEmail, a, "new@example.org")
		w.must(w.db.SetState(w.ctx(), a.ID, account.Active, account.Deleting, w.now, audit.Act{}))
		w.must(w.db.EraseAccount(w.ctx(), a.ID, farewellAt(w.now)(a)))
		b := w.person("anna")
		if a.ID == b.ID {
			t.Fatal("the id is used again")
		}
		for kind, token := range map[credential.Kind]secret.Token{
			credential.Browser: s.Token, credential.Known: s.Known, credential.Undo: undo, credential.NotMe: notMe, credential.Reset: reset,
			credential.Change: change,
		} {
			if err := w.resolve(kind, token); err != credential.ErrUnknown { // exactly this, with nothing to tell
				t.Errorf("%s: %v", kind, err)
			}
		}
		devices, err := w.db.ListDevices(w.ctx(), b.ID)
		w.must(err)
		entries, err := w.db.ListAudit(w.ctx(), audit.Filter{AccountID: b.ID, Limit: 10})
		w.must(err)
		if len(devices) != 0 || len(entries) != 1 {
			t.Errorf("the new account has %d devices and %d entries of its own", len(devices), len(entries))
		}
	})
}

// Accounts of before: who signed up, or has changed the address by a link, has proved it; an operator's accounts and the first administrator have not.
func TestProvedAddressesOfBefore(t *testing.T) {
	each(t, func(w *world) {
		want := map[string]bool{}
		one := func(name string, proved, admin bool, actor string, more ...audit.Action) {
			a, handles := w.draft(name)
			a.Admin = admin
			if actor == "" {
				actor = a.ID
			}
			w.must(w.db.CreateAccount(w.ctx(), a, handles, audit.New(w.now, audit.AccountCreated, actor, a.ID)))
			for _, action := range more {
				w.must(w.db.Record(w.ctx(), w.act(action, a.ID)))
			}
			want[a.ID] = proved
		}
		one("signedup", true, false, "")
		one("promoted", true, true, "", audit.AdminGranted)
		one("first", false, true, "")
		one("firstmoved", true, true, "", audit.EmailChanged)
		one("added", false, false, audit.CLI)
		one("addedadmin", false, true, audit.CLI, audit.AdminGranted)
		one("restored", true, false, audit.CLI, audit.EmailRestored)
		text, err := os.ReadFile("../migrations/00009_codes_addresses_tokens.sql")
		w.must(err)
		updates := regexp.MustCompile(`(?m)^UPDATE account [^;]*;`).FindAllString(string(text), -1)
		if len(updates) != 2 {
			t.Fatalf("%d statements", len(updates))
		}
		w.tamper("UPDATE account SET email_proved = FALSE")
		for _, update := range updates {
			w.tamper(update)
		}
		for id, proved := range want {
			a, err := w.db.LoadAccount(w.ctx(), id)
			if w.must(err); a.EmailProved != proved {
				t.Errorf("%s: %t", a.UserName, a.EmailProved)
			}
		}
	})
}
