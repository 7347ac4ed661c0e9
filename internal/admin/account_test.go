package admin_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/admin"
	"usher/internal/audit"
	"usher/internal/credential"
	"usher/internal/id"
	"usher/internal/notice"
)

func TestLockShutsTheDoorAndTellsEverybody(t *testing.T) {
	each(t, func(w *world) {
		ann := w.twoAddresses("ann")
		token := w.signIn(ann)
		w.must(w.resolve(credential.Browser, token))

		w.must(w.flow.Lock(w.ctx(), w.by(), ann.ID))
		if got := w.load(ann).State; got != account.Locked {
			t.Errorf("the state is %s", got)
		}
		if w.resolve(credential.Browser, token) == nil {
			t.Error("the browser is still signed in")
		}
		w.same(w.told(notice.KindLocked), []string{"ann@example.org", "ann@second.example"})
		w.recordedBy(w.by(), audit.AccountLocked, ann.ID)

		w.is(w.flow.Lock(w.ctx(), w.by(), ann.ID), admin.ErrAlready)
		w.recordedBy(w.by(), audit.AccountLocked, ann.ID)

		w.must(w.flow.Unlock(w.ctx(), audit.CLI, ann.ID))
		if got := w.load(ann).State; got != account.Active {
			t.Errorf("the state is %s", got)
		}
		if w.resolve(credential.Browser, token) == nil {
			t.Error("unlocking brought the old sign-in back")
		}
		w.must(w.resolve(credential.Browser, w.signIn(ann)))
		w.same(w.told(notice.KindUnlocked), []string{"ann@example.org", "ann@second.example"})
		w.recordedBy(audit.CLI, audit.AccountUnlocked, ann.ID)
		w.is(w.flow.Unlock(w.ctx(), w.by(), ann.ID), admin.ErrAlready)
	})
}

func TestSignOutEndsEverything(t *testing.T) {
	each(t, func(w *world) {
		ann, bo := w.twoAddresses("ann"), w.account("bob", nil)
		first, second, other := w.signIn(ann), w.signIn(ann), w.signIn(bo)
		w.must(w.flow.SignOut(w.ctx(), w.by(), ann.ID))
		w.is(w.resolve(credential.Browser, first), credential.ErrEnded)
		w.is(w.resolve(credential.Browser, second), credential.ErrEnded)
		w.must(w.resolve(credential.Browser, other))
		w.must(w.resolve(credential.Browser, w.signIn(ann)))
		w.same(w.told(notice.KindSignedOutByOperator), []string{"ann@example.org", "ann@second.example"})
		w.recordedBy(w.by(), audit.SignedOutAll, ann.ID)
	})
}

func TestDeleteGivesGrace(t *testing.T) {
	each(t, func(w *world) {
		ann := w.twoAddresses("ann")
		token := w.signIn(ann)
		on, err := w.flow.Delete(w.ctx(), w.by(), ann.ID)
		w.must(err)
		if want := w.now.Add(account.GraceBeforeErasure); !on.Equal(want) {
			t.Errorf("it goes on %s, want %s", on, want)
		}
		got := w.load(ann)
		if got.State != account.Deleting || !got.DeleteAt.Equal(on) {
			t.Errorf("%s, on %s", got.State, got.DeleteAt)
		}
		w.is(w.resolve(credential.Browser, token), credential.ErrEnded)
		w.same(w.told(notice.KindDeletionByOperator), []string{"ann@example.org", "ann@second.example"})
		w.recordedBy(w.by(), audit.DeletionAsked, ann.ID)

		w.now = w.now.Add(time.Hour)
		again, err := w.flow.Delete(w.ctx(), w.by(), ann.ID)
		w.is(err, admin.ErrAlready)
		if !again.Equal(on) {
			t.Errorf("asked again it goes on %s, want %s still", again, on)
		}
	})
}

func TestLockAndDeletionLeaveEachOtherAlone(t *testing.T) {
	each(t, func(w *world) {
		ann, bo := w.account("ann", nil), w.account("bob", nil)
		on, err := w.flow.Delete(w.ctx(), w.by(), ann.ID)
		w.must(err)
		w.must(w.flow.Lock(w.ctx(), w.by(), ann.ID))
		if got := w.load(ann); got.State != account.Locked || !got.DeleteAt.Equal(on) {
			t.Errorf("locked while deleting: %s, on %s", got.State, got.DeleteAt)
		}
		w.must(w.flow.Unlock(w.ctx(), w.by(), ann.ID))
		if got := w.load(ann); got.State != account.Deleting || !got.DeleteAt.Equal(on) {
			t.Errorf("unlocked while deleting: %s, on %s", got.State, got.DeleteAt)
		}

		w.must(w.flow.Lock(w.ctx(), w.by(), bo.ID))
		if _, err := w.flow.Delete(w.ctx(), w.by(), bo.ID); err != nil {
			t.Fatal(err)
		}
		if got := w.load(bo); got.State != account.Locked || got.DeleteAt.IsZero() {
			t.Errorf("deleted while locked: %s, on %s", got.State, got.DeleteAt)
		}
		w.now = w.now.Add(account.GraceBeforeErasure)
		erased, err := w.db.Erase(w.ctx(), w.now, 10, func(account.Account) audit.Act { return audit.New(w.now, audit.AccountErased, audit.System, "") }, nil)
		w.must(err)
		if erased != 2 {
			t.Errorf("%d accounts are erased, want both", erased)
		}
	})
}

func TestNobodyActsOnTheOwnAccount(t *testing.T) {
	each(t, func(w *world) {
		w.account("second", func(a *account.Account) { a.Admin = true })
		token := w.signIn(w.root)
		for name, act := range w.acts() {
			if name != "resend" {
				w.is(act(w.ctx(), w.by(), w.root.ID), admin.ErrSelf)
			}
		}
		w.must(w.resolve(credential.Browser, token))
		if got := w.load(w.root); got.State != account.Active {
			t.Errorf("the state is %s", got.State)
		}
	})
}

func (w *world) acts() map[string]func(context.Context, admin.Actor, string) error {
	return map[string]func(context.Context, admin.Actor, string) error{
		"lock": w.flow.Lock, "unlock": w.flow.Unlock, "sign out": w.flow.SignOut, "require": w.flow.MayRequireReset, "resend": w.flow.ResendOf,
		"delete": func(ctx context.Context, by admin.Actor, accountID string) error {
			_, err := w.flow.Delete(ctx, by, accountID)
			return err
		},
	}
}

func TestActsOnNobody(t *testing.T) {
	each(t, func(w *world) {
		for name, act := range w.acts() {
			want := account.ErrNotFound
			if name == "resend" {
				want = notice.ErrNotFound
			}
			w.is(act(w.ctx(), w.by(), id.New(w.now)), want)
			w.is(act(w.ctx(), w.by(), "\x00"), want)
		}
	})
}

func TestTheLastAdministratorStays(t *testing.T) {
	each(t, func(w *world) {
		w.is(w.flow.Lock(w.ctx(), audit.CLI, w.root.ID), account.ErrLastAdmin)
		_, err := w.flow.Delete(w.ctx(), audit.CLI, w.root.ID)
		w.is(err, account.ErrLastAdmin)
		if got := w.load(w.root); got.State != account.Active || !got.DeleteAt.IsZero() {
			t.Errorf("%s, on %s", got.State, got.DeleteAt)
		}
		if n := len(w.told(notice.KindLocked)) + len(w.told(notice.KindDeletionByOperator)); n != 0 {
			t.Errorf("%d mails about what did not happen", n)
		}
		if n := len(w.recorded(audit.AccountLocked, w.root.ID)) + len(w.recorded(audit.DeletionAsked, w.root.ID)); n != 0 {
			t.Errorf("%d records of what did not happen", n)
		}

		second := w.account("second", func(a *account.Account) { a.Admin = true })
		w.must(w.flow.Lock(w.ctx(), admin.Actor(second.ID), w.root.ID))
		w.is(w.flow.Lock(w.ctx(), audit.CLI, second.ID), account.ErrLastAdmin)
	})
}

func TestTwoAdministratorsCannotLockEachOther(t *testing.T) {
	each(t, func(w *world) {
		second := w.account("second", func(a *account.Account) { a.Admin = true })
		gate := make(chan struct{})
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, pair := range [][2]string{{w.root.ID, second.ID}, {second.ID, w.root.ID}} {
			wg.Go(func() {
				<-gate
				errs[i] = w.flow.Lock(w.ctx(), admin.Actor(pair[0]), pair[1])
			})
		}
		close(gate)
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("both ended alike: %v, %v", errs[0], errs[1])
		}
		for _, err := range errs {
			if err != nil {
				w.is(err, account.ErrLastAdmin)
			}
		}
		counts, err := w.db.CountAccounts(w.ctx())
		w.must(err)
		if counts[account.Active] != 1 || counts[account.Locked] != 1 {
			t.Errorf("the states are %v", counts)
		}
	})
}

func TestMakeAdmin(t *testing.T) {
	each(t, func(w *world) {
		ann := w.account("ann", nil)
		w.must(w.flow.MakeAdmin(w.ctx(), audit.CLI, ann.ID))
		if !w.load(ann).Admin {
			t.Error("Ann is no administrator")
		}
		w.recordedBy(audit.CLI, audit.AdminGranted, ann.ID)
		w.is(w.flow.MakeAdmin(w.ctx(), audit.CLI, ann.ID), admin.ErrAlready)
		w.is(w.flow.MakeAdmin(w.ctx(), admin.Actor(ann.ID), ann.ID), admin.ErrSelf)
	})
}
